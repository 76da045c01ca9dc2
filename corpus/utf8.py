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

from corpus.simd import BLOCK, KERNEL

UInt8Array = npt.NDArray[np.uint8]
UInt32Array = npt.NDArray[np.uint32]
UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]

NUM_CODE_POINTS = sys.maxunicode + 1
_PAGE = 256
_SURROGATES = 0xD800 >> 11  # those of UTF-16, which UTF-8 must not hold


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


def padded(text: TextBytes) -> Iterator[TextBytes]:
    """Yield the documents in order, in one or two parts, for kernels that read blocks (simd.py).

    A block that begins in a document lies wholly within its part's bytes: the documents that end
    too near the end of the bytes are copied.
    """
    near = int(np.searchsorted(text.ends, len(text.data) - BLOCK, side="right"))
    if near:
        yield TextBytes(text.data, text.starts[:near], text.ends[:near])
    if near < len(text.starts):
        first, end = text.starts[near], text.ends[-1]
        data = np.concatenate([text.data[first:end], np.zeros(BLOCK, np.uint8)])
        yield TextBytes(data, text.starts[near:] - first, text.ends[near:] - first)


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
        second = _following(data[i + np.uint64(1)])
        if second < 64:
            code_point, length = ((first & 0x1F) << 6) | second, np.uint64(2)
    elif 0xE0 <= first < 0xF0 and left >= 3:
        second, third = _following(data[i + np.uint64(1)]), _following(data[i + np.uint64(2)])
        found = ((first & 0x0F) << 12) | (second << 6) | third
        if (second | third) < 64 and found >= 0x800 and found >> 11 != _SURROGATES:
            code_point, length = found, np.uint64(3)
    elif 0xF0 <= first < 0xF5 and left >= 4:
        second, third = _following(data[i + np.uint64(1)]), _following(data[i + np.uint64(2)])
        fourth = _following(data[i + np.uint64(3)])
        found = ((first & 0x07) << 18) | (second << 12) | (third << 6) | fourth
        if (second | third | fourth) < 64 and 0x10000 <= found < NUM_CODE_POINTS:
            code_point, length = found, np.uint64(4)
    return values[np.uint64(pages[np.uint64(code_point >> 8)] + (code_point & 255))], length


@njit(**KERNEL, inline="always")
def _following(byte: np.uint8) -> np.int64:
    """The six bits of a byte that follows the first of a code point; 64 and more of any other."""
    return np.int64(byte ^ np.uint8(0x80))


@njit(**KERNEL, inline="always")
def encoded(code_point: np.uint64) -> tuple[np.uint64, np.uint64]:
    """A code point's UTF-8, its first byte lowest, and how many bytes it has."""
    last = np.uint64(0x80) | (code_point & np.uint64(0x3F))
    if code_point < np.uint64(0x80):
        return code_point, np.uint64(1)
    rest = code_point >> np.uint64(6)
    if code_point < np.uint64(0x800):
        return np.uint64(0xC0) | rest | (last << np.uint64(8)), np.uint64(2)
    third = np.uint64(0x80) | (rest & np.uint64(0x3F))
    rest >>= np.uint64(6)
    if code_point < np.uint64(0x10000):
        bytes_ = np.uint64(0xE0) | rest | (third << np.uint64(8)) | (last << np.uint64(16))
        return bytes_, np.uint64(3)
    second = np.uint64(0x80) | (rest & np.uint64(0x3F))
    bytes_ = np.uint64(0xF0) | (rest >> np.uint64(6)) | (second << np.uint64(8))
    return bytes_ | (third << np.uint64(16)) | (last << np.uint64(24)), np.uint64(4)


@njit(cache=True, nogil=True)
def characters_before(
    data: UInt8Array, starts: Int64Array, documents: Int64Array, byte_offsets: Int64Array
) -> Int64Array:
    """Code points before each byte offset of its document; sorted by document, then offset."""
    found = np.empty(len(documents), np.int64)
    document, at, characters = np.int64(-1), np.int64(0), np.int64(0)
    for i in range(len(documents)):
        if documents[i] != document:
            document, at, characters = documents[i], starts[documents[i]], np.int64(0)
        end = starts[document] + byte_offsets[i]
        while at < end:
            if data[at] & 0xC0 != 0x80:  # not the second or later byte of a code point
                characters += 1
            at += 1
        found[i] = characters
    return found
