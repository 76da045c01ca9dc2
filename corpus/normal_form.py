"""The normal form of a text in bytes: `normalise` of corpus/words.py, compiled.

A document's words, lower-cased and joined by one space, are written as UTF-8 into a buffer, with
the place where each ends. What hashes words by the byte reads them there (scikit-learn's and
fastText's hashes), and an n-gram is nothing but a longer slice.

Method: the masks of 64 bytes (simd.py) give runs of letters, digits and bytes above ASCII; a run of
ASCII is a word and is copied 16 bytes at a time; any other is walked by code points.
Cost: 1.4 GB of English text a second on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit

from corpus.simd import BLOCK, KERNEL, intrinsic, lowest_bit, types, word_masks
from corpus.utf8 import (
    Int64Array,
    UInt8Array,
    UInt32Array,
    encoded,
    padded,
    text_bytes,
    value_at,
)
from corpus.word_kernels import CODE_POINT, KIND_SHIFT, LETTER, MARK, SEPARATOR
from corpus.words import word_table

_COPIED = 16  # bytes at a time; 98 words in 100 have no more
_ONE = np.uint64(1)
_SPACE = np.uint8(0x20)


def room(num_bytes: int) -> int:
    """Bytes that `write_words` needs for a text of so many: it may write a little beyond a word.

    A code point of one or two bytes becomes one more at most, and a word takes a space after it.
    """
    return 2 * num_bytes + BLOCK


def most_words(num_bytes: int) -> int:
    """The most words that a text of so many bytes can have."""
    return (num_bytes + 1) // 2


def normal_form(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The normalised words of each document, joined by one space: large_string; of null, none."""
    lines = [pa.array([], pa.large_string())]
    for text in text_bytes(texts):
        longest = int((text.ends - text.starts).max(initial=0))
        ends = np.empty(most_words(longest), np.int64)
        for part in padded(text):
            out = np.empty(int(room((part.ends - part.starts).sum() + len(part.starts))), np.uint8)
            offsets = np.zeros(len(part.starts) + 1, np.int64)
            _write_all(*part, *word_table(), out, ends, offsets)
            buffers = [None, pa.py_buffer(offsets), pa.py_buffer(out[: offsets[-1]].copy())]
            lines.append(pa.Array.from_buffers(pa.large_string(), len(part.starts), buffers))
    return pa.concat_arrays(lines)


@njit(**KERNEL)
def _write_all(
    data: UInt8Array, starts: Int64Array, stops: Int64Array, pages: Int64Array, values: UInt32Array,
    out: UInt8Array, ends: Int64Array, offsets: Int64Array,
) -> None:  # fmt: skip
    """Write each document's words behind those of the one before."""
    for d in range(len(starts)):
        begin, end = np.uint64(starts[d]), np.uint64(stops[d])
        first = offsets[d]
        n = write_words(data, begin, end, pages, values, out[first:], ends)
        offsets[d + 1] = first + (ends[n - 1] if n else 0)


@njit(**KERNEL)
def write_words(
    data: UInt8Array, begin: np.uint64, end: np.uint64, pages: Int64Array, values: UInt32Array,
    out: UInt8Array, ends: Int64Array,
) -> int:  # fmt: skip
    """Write the words of data[begin:end] to `out`; returns their number.

    Word k is out[ends[k - 1] + 1:ends[k]], the first begins at 0, and out[:ends[-1]] is the normal
    form. data is padded (utf8.py); out holds room(end - begin) bytes, ends most_words(end - begin).
    """
    n, to = 0, np.uint64(0)
    start, at = begin, begin
    is_open, is_wide = np.uint64(0), False  # of the run that goes on from the block before
    while at < end:
        letters, wide = word_masks(data, at)
        inside = letters | wide
        if end - at < np.uint64(BLOCK):
            own = (_ONE << (end - at)) - _ONE
            inside &= own
            wide &= own
        before = (inside << _ONE) | is_open
        begins, finishes = inside & ~before, ~inside & before
        if is_open == 0:
            start = at + np.uint64(lowest_bit(begins))
            begins &= begins - _ONE
        while finishes != 0:
            finish = at + np.uint64(lowest_bit(finishes))
            below = wide & ((finishes & (~finishes + _ONE)) - _ONE)
            if below != 0 or is_wide:
                n, to = _write_wide(data, start, finish, pages, values, out, to, ends, n)
                wide ^= below
                is_wide = False
            else:
                n, to = _write_run(data, start, finish, out, to, ends, n)
            start = at + np.uint64(lowest_bit(begins))
            begins &= begins - _ONE
            finishes &= finishes - _ONE
        is_open = inside >> np.uint64(BLOCK - 1)
        is_wide = is_wide or wide != 0
        at += np.uint64(BLOCK)
    if is_open != 0:
        if is_wide:
            n, to = _write_wide(data, start, end, pages, values, out, to, ends, n)
        else:
            n, to = _write_run(data, start, end, out, to, ends, n)
    return n


@njit(**KERNEL, inline="always")
def _write_run(
    data: UInt8Array, start: np.uint64, finish: np.uint64, out: UInt8Array, to: np.uint64,
    ends: Int64Array, n: int,
) -> tuple[int, np.uint64]:  # fmt: skip
    """Write a word of ASCII; returns how many there are then, and the place of the next."""
    length = finish - start
    _copy_lowered(out, to, data, start)
    done = np.uint64(_COPIED)
    while done < length:
        _copy_lowered(out, to + done, data, start + done)
        done += np.uint64(_COPIED)
    return _end_word(out, to + length, ends, n)


@njit(**KERNEL)
def _write_wide(
    data: UInt8Array, start: np.uint64, finish: np.uint64, pages: Int64Array, values: UInt32Array,
    out: UInt8Array, to: np.uint64, ends: Int64Array, n: int,
) -> tuple[int, np.uint64]:  # fmt: skip
    """Write the words of a run with bytes above ASCII; returns as `_write_run` does."""
    i, before = start, np.int64(SEPARATOR)
    while i < finish:
        value, length = value_at(data, i, finish, pages, values)
        i += length
        kind = np.int64(value >> KIND_SHIFT)
        prolongs = before != SEPARATOR and (kind == MARK or (kind == LETTER and before == LETTER))
        if not prolongs:
            if before != SEPARATOR:
                n, to = _end_word(out, to, ends, n)
            before = kind if kind != MARK else np.int64(SEPARATOR)
        if before != SEPARATOR:
            letter, size = encoded(np.uint64(value) & CODE_POINT)
            for k in range(size):
                out[to + np.uint64(k)] = np.uint8(letter >> np.uint64(8 * k))
            to += size
    if before != SEPARATOR:
        n, to = _end_word(out, to, ends, n)
    return n, to


@njit(**KERNEL, inline="always")
def _end_word(out: UInt8Array, to: np.uint64, ends: Int64Array, n: int) -> tuple[int, np.uint64]:
    """Put a space after a word; returns how many there are then, and the place of the next."""
    out[to] = _SPACE
    ends[np.uint64(n)] = np.int64(to)
    return n + 1, to + _ONE


@intrinsic
def _copy_lowered(typingctx: Any, target: Any, to: Any, data: Any, at: Any) -> Any:
    """Write data[at:at + 16] to target[to:], ASCII letters in lower case; digits stay digits."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), _COPIED)

        def pointer(array: int) -> Any:
            found = context.make_array(signature.args[array])(context, builder, arguments[array])
            place = builder.gep(found.data, [arguments[array + 1]])
            return builder.bitcast(place, vector.as_pointer())

        block = builder.load(pointer(2), align=1)
        builder.store(
            builder.or_(block, ir.Constant(vector, [0x20] * _COPIED)), pointer(0), align=1
        )
        return context.get_dummy_value()

    return types.void(target, to, data, at), build
