"""Arrow string columns as bytes, and tables over all code points, for the kernels.

A kernel walks the UTF-8 bytes of a column where they lie. What Python says of a code point
(`isalnum`, `isspace`, `lower`) reaches it as a two-level table, built once a process from Python's
own answers: 256 code points a page, equal pages stored once (0.2 MB where a flat table takes 4.4).
Inside a kernel take the ASCII case first, by `values[byte]`: passing arrays costs an atomic count.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

UInt8Array = npt.NDArray[np.uint8]
UInt32Array = npt.NDArray[np.uint32]
UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]

NUM_CODE_POINTS = sys.maxunicode + 1
_PAGE = 256


class TextBytes(NamedTuple):
    """The UTF-8 bytes of an Arrow string array; document i is data[starts[i]:ends[i]]."""

    data: UInt8Array
    starts: Int64Array
    ends: Int64Array


class CodePoints(NamedTuple):
    """A number for each code point c: values[pages[c >> 8] + (c & 255)]; values[c] for ASCII."""

    pages: Int64Array
    values: UInt32Array


def text_bytes(texts: pa.Array | pa.ChunkedArray) -> Iterator[TextBytes]:
    """Yield the bytes of each chunk without a copy; a null is an empty document."""
    for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        width = np.int32 if pa.types.is_string(chunk.type) else np.int64
        if not (pa.types.is_string(chunk.type) or pa.types.is_large_string(chunk.type)):
            raise TypeError(f"texts are {chunk.type}, expected string or large_string")
        _, offsets_buffer, data_buffer = chunk.buffers()
        size = np.dtype(width).itemsize
        if len(chunk) == 0:
            offsets = np.zeros(1, np.int64)
        else:
            raw = np.frombuffer(offsets_buffer, width, len(chunk) + 1, chunk.offset * size)
            offsets = raw.astype(np.int64)
        starts, ends = offsets[:-1], offsets[1:].copy()
        if chunk.null_count:
            is_null = np.asarray(chunk.is_null())
            ends[is_null] = starts[is_null]
        yield TextBytes(np.frombuffer(data_buffer or b"", np.uint8), starts, ends)


def answers(question: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
    """What Python says of each code point, bool (1114112,): `answers(str.isalpha)`; 0.1 s."""
    return np.fromiter(map(question, map(chr, range(NUM_CODE_POINTS))), np.bool_, NUM_CODE_POINTS)


def code_points(numbers: UInt32Array) -> CodePoints:
    """Put the number of each code point, uint32 (1114112,), into a table."""
    distinct: dict[bytes, int] = {}  # in order of first sight: ASCII lies in the first page
    page_of = [
        distinct.setdefault(page.tobytes(), len(distinct)) for page in numbers.reshape(-1, _PAGE)
    ]
    pages = np.array(page_of, np.int64) * _PAGE
    return CodePoints(pages, np.frombuffer(b"".join(distinct), np.uint32).copy())


@njit(cache=True, nogil=True, inline="always")
def mix(x: np.uint64) -> np.uint64:
    """Finaliser of splitmix64 (Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def value_at(
    data: UInt8Array,
    i: np.uint64,
    end: np.uint64,
    pages: Int64Array,
    values: UInt32Array,
) -> tuple[np.uint32, np.uint64]:
    """Number of the code point at byte i of a document that ends at `end`, and its length in bytes.

    A byte that is not UTF-8 counts as U+0000; nothing is read past the end.
    """
    first = np.int64(data[i])
    length = np.uint64(1)
    code_point = np.int64(0)
    left = np.int64(end - i)
    if first < 128:
        code_point = first
    elif 0xC2 <= first < 0xE0 and left >= 2:
        code_point = ((first & 0x1F) << 6) | (np.int64(data[i + np.uint64(1)]) & 0x3F)
        length = np.uint64(2)
    elif 0xE0 <= first < 0xF0 and left >= 3:
        middle = (np.int64(data[i + np.uint64(1)]) & 0x3F) << 6
        code_point = ((first & 0x0F) << 12) | middle | (np.int64(data[i + np.uint64(2)]) & 0x3F)
        length = np.uint64(3)
    elif 0xF0 <= first < 0xF5 and left >= 4:
        middle = (np.int64(data[i + np.uint64(1)]) & 0x3F) << 12
        middle |= (np.int64(data[i + np.uint64(2)]) & 0x3F) << 6
        code_point = ((first & 0x07) << 18) | middle | (np.int64(data[i + np.uint64(3)]) & 0x3F)
        length = np.uint64(4)
    if code_point >= NUM_CODE_POINTS:
        code_point = np.int64(0)
    return values[np.uint64(pages[np.uint64(code_point >> 8)] + (code_point & 255))], length
