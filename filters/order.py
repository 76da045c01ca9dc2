"""How often a document is drawn, and where its copies stand in the global order.

One keyed number u in [0, 1) per document and copy decides both. In a source of E epochs copy c of a
document stands at (c + u) / E of the order, and is drawn if that is below 1. So every document has
floor(E) copies, and one more with probability E - floor(E); each epoch has a stretch of the order
to itself, in an order of its own, without a document twice; and sources are mixed evenly all along.
The order depends on seed, document and epochs alone: not on parts, shards or arrival.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.identity import keyed_uniform

STAGE = "mix"
POSITION_BITS = 63  # positions are int64 and not negative, so that they sort alike everywhere
SHARD_BITS = 31  # of a position, that choose its shard: the product with num_shards stays in int64

Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
Float64Array = npt.NDArray[np.float64]


def num_copies(
    doc_ids: pa.Array | pa.ChunkedArray, epochs: Float64Array, *, seed: int
) -> Int32Array:
    """Copies of each document, int32 (num_documents,); epochs: float64 (num_documents,)."""
    whole = np.floor(epochs).astype(np.int32)
    copies = whole.copy()
    for copy in np.unique(whole):
        rows = np.flatnonzero(whole == copy)
        u = keyed_uniform(doc_ids.take(pa.array(rows)), seed=seed, stage=STAGE, copy=int(copy))
        copies[rows] += u < epochs[rows] - copy
    return copies


def positions(
    doc_ids: pa.Array | pa.ChunkedArray,
    epochs: Float64Array,
    copies: Int32Array,
    *,
    seed: int,
) -> pa.ListArray:
    """Where each document's copies stand in the global order of their split, 0 to 2**63 - 1.

    Returns a list of int64 for each document, copy 0 first: they ascend.
    """
    offsets = np.concatenate([[0], np.cumsum(copies, dtype=np.int64)])
    values = np.zeros(offsets[-1], np.int64)
    for copy in range(int(copies.max(initial=0))):
        rows = np.flatnonzero(copies > copy)
        u = keyed_uniform(doc_ids.take(pa.array(rows)), seed=seed, stage=STAGE, copy=copy)
        share = np.minimum((copy + u) / epochs[rows], 1 - 2.0**-53)  # rounding may reach 1
        values[offsets[rows] + copy] = (share * 2.0**POSITION_BITS).astype(np.int64)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values))


def shard_of(position: Int64Array, num_shards: int) -> Int64Array:
    """The shard that holds each position: all shards have stretches of one length."""
    shift = POSITION_BITS - SHARD_BITS
    return ((position >> shift) * num_shards) >> SHARD_BITS
