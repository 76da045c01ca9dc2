"""The whole decision in memory: what jobs/dedup.py does by Spark, for what fits one machine.

It has the same steps, by the same functions, and gives the same answer. Memory: 8 bytes a band and
document, 8 a word of the documents that share a band.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.dedup import DedupSettings
from filters.dedup.bands import banding
from filters.dedup.buckets import bucket_pairs
from filters.dedup.clusters import Clusters, Graph, cluster
from filters.dedup.copies import first_copies
from filters.dedup.preference import order_keys, preference, rank
from filters.dedup.records import BAND, Int64Array, UInt64Array, records
from filters.dedup.signing import sets_of_rows, sign
from filters.dedup.sketches import agreements, least_agreements
from filters.dedup.verify import are_duplicates, similarities

Columns = dict[str, npt.NDArray[Any]]


class Decision(NamedTuple):
    """What was found of documents 0..n-1."""

    kept: Int64Array
    """int64 (n,): the document kept in each one's place, its own where it is kept."""
    copy_of: Int64Array
    """int64 (n,): the first of each one's exact copies."""
    pairs: Columns
    """What sketches left of the candidates: left, right, num_bands, anchored, jaccard, containment,
    verified."""
    clusters: Clusters


def decide(texts: pa.Array | pa.ChunkedArray, settings: DedupSettings, *, seed: int) -> Int64Array:
    """For each text the one that is kept in its place, its own row where it is kept.

    Of equal texts the longer comes first, then the smaller row. Returns int64 (num_texts,).
    """
    n = len(texts)
    documents = pa.table(
        {
            "doc_id": pa.array([row.to_bytes(16, "big") for row in range(n)], pa.binary(16)),
            "source": pa.nulls(n, pa.string()),
            "score": pa.nulls(n, pa.float32()),
            "num_characters": pc.fill_null(pc.utf8_length(texts), 0).cast(pa.int64()),
            "fetched_at": pa.nulls(n, pa.timestamp("us", "UTC")),
            "text": texts,
        }
    )
    return decide_documents(documents, settings, seed=seed).kept


def decide_documents(documents: pa.Table, settings: DedupSettings, *, seed: int) -> Decision:
    """Decide on documents with doc_id, text and the columns of `preference`."""
    chosen = banding(settings)
    signed = sign(documents["text"], chosen, seed=seed)
    order = order_keys(preference(documents, settings), documents["doc_id"])
    copy_of = np.arange(len(order))
    worded = np.flatnonzero(signed.num_words)
    copy_of[worded] = worded[first_copies(signed.digests[worded], order[worded])]
    firsts = worded[copy_of[worded] == worded]
    pairs = _candidates(signed.keys[firsts], firsts, order, settings)
    agreed = agreements(signed.sketches[pairs["left"]], signed.sketches[pairs["right"]])
    pairs = {name: column[agreed >= least_agreements(chosen)] for name, column in pairs.items()}
    pairs |= _proved(documents["text"], pairs, settings)
    left, right = (pairs[side][pairs["verified"]] for side in ("left", "right"))
    copies = np.flatnonzero(copy_of != np.arange(len(order)))
    found = _clustered(order, left, right, copies, copy_of, settings)
    return Decision(found.kept, copy_of, pairs, found)


def _candidates(
    keys: Int64Array, rows: Int64Array, order: UInt64Array, settings: DedupSettings
) -> Columns:
    num_bands = keys.shape[1]
    bands = records(
        BAND,
        key=keys.reshape(-1),
        rank=np.repeat(rank(order[rows]), num_bands),
        place=np.repeat(rows, num_bands),
    )
    found = bucket_pairs(bands, max_bucket=settings.max_bucket)
    return {
        "left": found["a"].copy(), "right": found["b"].copy(),
        "num_bands": found["num_bands"].copy(), "anchored": found["anchored"] > 0,
    }  # fmt: skip


def _proved(texts: pa.ChunkedArray, pairs: Columns, settings: DedupSettings) -> Columns:
    chosen = banding(settings)
    ends = np.concatenate([pairs["left"], pairs["right"]])
    rows, at = np.unique(ends, return_inverse=True)
    sets = sets_of_rows(texts, rows, chosen)
    left, right = at.reshape(2, -1)
    found = similarities(sets, left, sets, right)
    columns: Columns = {str(measure): values for measure, values in found.items()}
    return columns | {"verified": are_duplicates(found, chosen)}


def _clustered(
    order: UInt64Array,
    left: npt.NDArray[Any],
    right: npt.NDArray[Any],
    copies: Int64Array,
    copy_of: Int64Array,
    settings: DedupSettings,
) -> Clusters:
    graph = Graph(
        order=order,
        flags=np.zeros(len(order), np.int64),
        left=np.concatenate([left, copies]),
        right=np.concatenate([right, copy_of[copies]]),
        is_copy=np.repeat([False, True], [len(left), len(copies)]),
    )
    return cluster(
        graph, keeps_none=settings.keep == "none", keeps_all=settings.keep == "all"
    )
