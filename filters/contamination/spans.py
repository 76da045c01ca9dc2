"""Ranges of characters that are merged, and the documents that they are of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64Array = npt.NDArray[np.int64]


def merged(starts: Int64Array, ends: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The union of ranges, as ranges that neither overlap nor touch."""
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    first, last = overlapping(starts, reach, ())
    return starts[first], reach[last]


def overlapping(
    start: Int64Array, end: Int64Array, same: tuple[npt.NDArray[Any], ...]
) -> tuple[Int64Array, Int64Array]:
    """First and last position of each run of ranges that overlap or touch, equal in `same`."""
    begins = np.ones(len(start), np.bool_)
    begins[1:] = start[1:] > end[:-1]
    for key in same:
        begins[1:] |= key[1:] != key[:-1]
    first = np.flatnonzero(begins)
    return first, np.append(first, len(start))[1:] - 1


def rows(doc_ids: pa.ChunkedArray, among: pa.ChunkedArray) -> Int64Array:
    """Row of each document among others; raises ValueError where one is not there."""
    found = pc.index_in(doc_ids, value_set=among.combine_chunks())
    if found.null_count:
        raise ValueError(f"{found.null_count} hits are of no document given; expected this part's")
    return found.cast(pa.int64()).to_numpy()


def numbers(column: pa.ChunkedArray) -> Int64Array:
    """A column of whole numbers as int64."""
    return column.cast(pa.int64()).to_numpy()
