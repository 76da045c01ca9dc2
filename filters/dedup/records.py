"""The narrow rows that pass between tasks: all that Spark moves for deduplication.

A document is known on the way by its **place**, one int64: the number of its volume (a part of
the corpus, of the planted copies, or of an older corpus) and its row there. Bytes, where b is the
number of bands: 56 a document to find exact copies, 24 b to find candidates, 24 a candidate pair
and shared band, 64 to rule one out, 8 a text that another part must see, 32 a proved pair and 56
its ends. Repeated runs of words: 24 a selected one, 16 a repeated one of them, 64 for each word of
what may repeat.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64Array = npt.NDArray[np.int64]
UInt64Array = npt.NDArray[np.uint64]

ROW_BITS = 32
_ROW_MASK = (1 << ROW_BITS) - 1

TEXT = np.dtype([("digest", "<u8", 2), ("order", "<u8", 4), ("place", "<i8")])
"""A document's text by its digest, to find its exact copies."""
COPY = np.dtype([("place", "<i8"), ("first", "<i8"), ("first_id", "<u8", 2)])
"""A document and the exact copy that comes first."""
BAND = np.dtype([("key", "<i8"), ("rank", "<i8"), ("place", "<i8")])
"""A band of a document."""
PAIR = np.dtype([("a", "<i8"), ("b", "<i8"), ("num_bands", "<i4"), ("anchored", "<i4")])
"""Two documents that share a band, the smaller place first, and how many they share."""
LOAN = np.dtype([("home", "<i4"), ("row", "<i4")])
"""A document, by its row, whose shingles another volume, the `home`, has to see."""
SKETCH = np.dtype([("place", "<i8"), ("sketch", "<u8", 6)])
"""A document's sketch, for a home that has asked for it."""
NODE = np.dtype([("component", "<i8"), ("place", "<i8"), ("order", "<u8", 4), ("flags", "<i8")])
"""A document that is in a proved pair."""
EDGE = np.dtype([("component", "<i8"), ("a", "<i8"), ("b", "<i8"), ("is_copy", "<i8")])
"""A proved pair; of an exact copy `b` is the first of its copies."""
MEMBER = np.dtype([("place", "<i8"), ("component", "<i8")])
"""A document that is in a proved pair, and the component that it is of."""
FINGERPRINT = np.dtype([("key", "<u8"), ("place", "<i8"), ("position", "<i8")])
"""A selected run of words of a document, and the number of its first word."""
MARK = np.dtype([("place", "<i8"), ("position", "<i8")])
"""A place in a document."""
SPAN = np.dtype([("hash", "<u8", 2), ("order", "<u8", 4), ("place", "<i8"), ("position", "<i8")])
"""A run of words that may be repeated, in whole."""
ANSWER = np.dtype(
    [
        ("place", "<i8"), ("cluster", "<u8", 2), ("kept", "<u8", 2),
        ("size", "<i8"), ("reason", "<i4"), ("split", "<i4"),
    ]
)  # fmt: skip
"""What became of a document that is in a proved pair."""


def places(volume: int, rows: npt.NDArray[np.integer]) -> Int64Array:
    """Places of some rows of a volume, int64 (num_rows,)."""
    return (np.int64(volume) << ROW_BITS) | rows.astype(np.int64)


def volumes_of(found: Int64Array) -> Int64Array:
    """The volume of each place."""
    return found >> ROW_BITS


def rows_of(found: Int64Array) -> Int64Array:
    """The row of each place in its volume."""
    return found & _ROW_MASK


def records(
    kind: np.dtype[np.void], **columns: npt.NDArray[np.generic] | int
) -> npt.NDArray[np.void]:
    """Records of a kind, column by column."""
    size = max(len(c) for c in columns.values() if isinstance(c, np.ndarray))
    out = np.empty(size, kind)
    for name, values in columns.items():
        out[name] = values
    return out


def in_order(given: npt.NDArray[np.void], *names: str) -> npt.NDArray[np.void]:
    """Records sorted by some columns, the first named first; many times as fast as numpy's own."""
    return given[np.lexsort([np.ascontiguousarray(given[name]) for name in reversed(names)])]


def ids_of(halves: UInt64Array) -> pa.Array:
    """Ids as Arrow has them, from their big-endian halves as numbers: uint64 (num_ids, 2)."""
    data = np.ascontiguousarray(halves).byteswap()
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(data), [None, pa.py_buffer(data)]
    )
