"""Which of two copies is the better one: the keep policy as numbers that sort best first.

An order key has 256 bits in four numbers: the place of the source, the policy's three keys, and the
doc_id, which settles what is equal in all of them. Before all sources come documents of an older
corpus, which has been finished, and then the sources that are held out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.identity import doc_id_words
from filters.dedup import DedupSettings
from filters.dedup.records import Int64Array, UInt64Array

UInt32Array = npt.NDArray[np.uint32]

OLDER, HELD_OUT, LISTED = 0, 1, 2
"""First keys: of an older corpus, of a held-out source, and of the first source that is listed."""

_WORST = np.uint32(0xFFFFFFFF)
_POLICIES = {
    "best": ("score", "length", "age"),
    "longest": ("length", "score", "age"),
    "oldest": ("age", "score", "length"),
    "none": ("score", "length", "age"),  # no copy stays; the best one names the others
    "all": ("score", "length", "age"),  # every copy stays; of a repeated run, the best one's
}
_SOURCE_BITS, _KEY_BITS, _ID_BITS = 7, 26, 30


def preference(documents: pa.Table, settings: DedupSettings) -> UInt32Array:
    """The keep policy's keys, most important first; smaller is better.

    documents: source, score (null or NaN: worst), num_characters, fetched_at (null: youngest).
    Returns uint32 (num_documents, 4): place of the source, then the policy's three keys.
    """
    columns: dict[str, npt.NDArray[Any]] = {
        "score": _score_key(documents["score"]),
        "length": _WORST - np.minimum(_numbers(documents["num_characters"], 0), _WORST),
        "age": np.clip(_seconds(documents["fetched_at"]), 0, int(_WORST)),
    }
    sources = _source_key(documents["source"], settings)
    keys = [sources, *(columns[name] for name in _POLICIES[settings.keep])]
    return np.stack([key.astype(np.uint32) for key in keys], axis=1)


def to_column(keys: UInt32Array) -> pa.Array:
    """The keys as the column `preference`: 16 bytes each that sort as the keys do."""
    data = np.ascontiguousarray(keys.astype(">u4"))
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(data), [None, pa.py_buffer(data)]
    )


def from_column(column: pa.Array | pa.ChunkedArray) -> UInt32Array:
    """The keys that `to_column` wrote: uint32 (num_documents, 4)."""
    return doc_id_words(column).view(">u4").astype(np.uint32)


def order_keys(keys: UInt32Array, doc_ids: pa.Array | pa.ChunkedArray) -> UInt64Array:
    """The whole order: uint64 (num_documents, 4), compared left to right, smaller is better."""
    wide = keys.astype(np.uint64)
    out = np.empty((len(keys), 4), np.uint64)
    out[:, 0] = wide[:, 0] << np.uint64(32) | wide[:, 1]
    out[:, 1] = wide[:, 2] << np.uint64(32) | wide[:, 3]
    out[:, 2:] = doc_id_words(doc_ids).byteswap()  # big-endian numbers order as their bytes do
    return out


def best_first(order: UInt64Array) -> Int64Array:
    """Rows from the best to the worst: int64 (num_documents,)."""
    return np.lexsort(order.T[::-1])


def rank(order: UInt64Array) -> Int64Array:
    """The order as one number of 63 bits: int64 (num_documents,), not negative, smaller is better.

    The source, 26 bits of the policy's first key and 30 of the doc_id. It chooses the best document
    of a large bucket, where those that are equal in it are all taken.
    """
    source = np.minimum(order[:, 0] >> np.uint64(32), np.uint64(127))
    first = (order[:, 0] & np.uint64(_WORST)) >> np.uint64(32 - _KEY_BITS)
    identity = order[:, 2] >> np.uint64(64 - _ID_BITS)
    joined = (source << np.uint64(_KEY_BITS + _ID_BITS)) | (first << np.uint64(_ID_BITS)) | identity
    return joined.view(np.int64)


def _numbers(column: pa.ChunkedArray, missing: int) -> Int64Array:
    return np.asarray(pc.fill_null(column, missing).combine_chunks(), np.int64)


def _seconds(times: pa.ChunkedArray) -> Int64Array:
    """Seconds since 1970, up to the year 2106."""
    seconds = times.cast(pa.timestamp("s", times.type.tz), safe=False)
    return _numbers(seconds.cast(pa.int64()), int(_WORST))


def _score_key(scores: pa.ChunkedArray) -> UInt32Array:
    """Bits of a float32 that is not negative order as the number does: exact, best first."""
    values = np.nan_to_num(
        np.asarray(pc.fill_null(scores, float("nan")).combine_chunks(), np.float32), nan=-1.0
    )
    bits = (np.maximum(values, 0) + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
    return np.where(values < 0, _WORST, _WORST - np.uint32(1) - bits)


def _source_key(sources: pa.ChunkedArray, settings: DedupSettings) -> Int64Array:
    """Held-out sources first, then those listed in their order, then all others."""
    listed = pa.array([*settings.source_order], pa.string())
    places = pc.fill_null(pc.index_in(sources.combine_chunks(), listed), len(listed))
    named = pa.array([*settings.held_out_sources], pa.string())
    held_out = pc.is_in(sources.combine_chunks(), value_set=named)
    return np.where(
        held_out.to_numpy(zero_copy_only=False), HELD_OUT, LISTED + places.to_numpy()
    ).astype(np.int64)
