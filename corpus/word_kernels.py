"""Compiled loops of the normal form (words.py): split, lower-case and hash.

64 bytes at a time become the mask of what a word may hold, ASCII letters and digits and every byte
above ASCII, whose edges are where words begin and end (simd.py). A run of ASCII is one word: its
bytes are lower-cased eight at once by a bit that digits have already. Any other run is walked by
code points, each of which the table says what it does to a word.

Every block that begins in a document must lie within the data: see `padded` of utf8.py.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from corpus.simd import BLOCK, KERNEL, eight_bytes, lowest_bit, num_bits, word_masks
from corpus.utf8 import Int64Array, UInt8Array, UInt32Array, UInt64Array, encoded, mix, value_at

# What a code point does to a word; the table has kind << KIND_SHIFT | lower-case code point.
SEPARATOR = 0  # parts words
LETTER = 1  # is of a word with what is beside it
LONE = 2  # begins a word that only marks prolong
MARK = 3  # prolongs a word, and begins none
KIND_SHIFT = 24
CODE_POINT = np.uint64((1 << KIND_SHIFT) - 1)

# A word's lower-cased UTF-8 in groups of eight bytes, the last filled up with zeros, each folded in
# by splitmix64's finaliser. It is one to one, so that words of up to eight bytes never collide;
# among 3.6 million longer ones any two do with a chance of 4e-7.
SEED = np.uint64(0xCBF29CE484222325)
_GROUP = np.uint64(8)
_SMALL = np.uint64(0x2020202020202020)
_ZERO, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
_LAST = np.uint64(63)
# Base of the polynomial that joins the word hashes of an n-gram; any odd number with mixed bits.
_NGRAM_BASE = np.uint64(0xD6E8FEB86659FD93)


@njit(**KERNEL)
def most_words(data: UInt8Array, starts: Int64Array, ends: Int64Array) -> int:
    """No fewer than the documents' words, and seldom many more; reads at 20 GB/s."""
    num_documents = len(starts)
    num_ascii, num_others = num_documents, 0
    before = _ZERO
    for at in range(starts[0], ends[num_documents - 1], BLOCK):
        letters, others = word_masks(data, at)
        num_ascii += num_bits(letters & ~((letters << _ONE) | before))
        num_others += num_bits(others)
        before = letters >> _LAST
    return int(num_ascii + num_others // 2)  # a code point above ASCII has two bytes or more


@njit(**KERNEL)
def split(
    data: UInt8Array, starts: Int64Array, ends: Int64Array, pages: Int64Array, values: UInt32Array,
    hashes: UInt64Array, word_starts: Int64Array, word_ends: Int64Array, offsets: Int64Array,
    num_words: int,
) -> int:  # fmt: skip
    """Write down the words of each document after those there are, and return their new number."""
    n = np.uint64(num_words)
    for d in range(len(starts)):
        begin, end = starts[d], ends[d]
        at = begin
        while at < end:
            letters, others = word_masks(data, at)
            inside = letters | others
            if end - at < BLOCK:
                inside &= (_ONE << np.uint64(end - at)) - _ONE
            heads, tails = inside & ~(inside << _ONE), ~inside & (inside << _ONE)
            while tails:
                head, tail = heads & (~heads + _ONE), tails & (~tails + _ONE)
                first, last = at + lowest_bit(heads), at + lowest_bit(tails)
                heads ^= head
                tails ^= tail
                if others & (tail - head):  # the run's bytes, head to tail
                    n, _ = _walk(
                        data, first, begin, end, pages, values, hashes, word_starts, word_ends, n
                    )
                else:
                    hashes[n] = _hash(data, first, last - first)
                    word_starts[n], word_ends[n] = first - begin, last - begin
                    n += _ONE
            if not heads:
                at += BLOCK
            elif heads != _ONE:  # a run that goes on: begin the next block with it
                at += lowest_bit(heads)
            else:
                n, at = _walk(
                    data, at, begin, end, pages, values, hashes, word_starts, word_ends, n
                )
        offsets[d + 1] = np.int64(n)
    return int(n)


@njit(**KERNEL, inline="always")
def lower_group(data: UInt8Array, at: np.int64, length: np.int64) -> np.uint64:
    """The first 1 to 8 of `length` bytes of ASCII letters and digits, lower-cased, then zeros."""
    missing = np.uint64(8 - length) if length < 8 else _ZERO
    return (eight_bytes(data, at) | _SMALL) & (_ALL >> (missing * _GROUP & _LAST))


@njit(**KERNEL, inline="always")
def _hash(data: UInt8Array, at: np.int64, length: np.int64) -> np.uint64:
    """Hash of a word of ASCII letters and digits."""
    h = mix(SEED ^ lower_group(data, at, length))
    longer = mix(h ^ lower_group(data, at + 8, length - 8))  # without a branch: none could be told
    h = longer if length > 8 else h
    for done in range(16, length, 8):
        h = mix(h ^ lower_group(data, at + done, length - done))
    return h


@njit(**KERNEL)
def _walk(
    data: UInt8Array, at: np.int64, begin: np.int64, end: np.int64,
    pages: Int64Array, values: UInt32Array,
    hashes: UInt64Array, word_starts: Int64Array, word_ends: Int64Array, n: np.uint64,
) -> tuple[np.uint64, np.int64]:  # fmt: skip
    """Write down the words from `at` to the next ASCII separator; their new number, and its place.

    begin, end: of the document.
    """
    word, first = np.int64(SEPARATOR), at  # kind and place of the word that is open
    h, group, filled = SEED, _ZERO, _ZERO
    while at < end:
        value, length = value_at(data, np.uint64(at), np.uint64(end), pages, values)
        kind = np.int64(value >> KIND_SHIFT)
        prolongs = kind == MARK or (kind == LETTER and word == LETTER)
        if word != SEPARATOR and not prolongs:
            hashes[n] = mix(h ^ group) if filled else h
            word_starts[n], word_ends[n] = first - begin, at - begin
            n += _ONE
        if kind == SEPARATOR and data[at] < 128:
            return n, at
        if not prolongs:
            word, first = kind, at
            h, group, filled = SEED, _ZERO, _ZERO
        if word != SEPARATOR:
            letter, size = encoded(np.uint64(value) & CODE_POINT)
            group |= letter << (filled * _GROUP)
            filled += size
            if filled >= _GROUP:
                h = mix(h ^ group)
                filled -= _GROUP
                group = letter >> ((size - filled) * _GROUP)
        at += np.int64(length)
    if word != SEPARATOR:
        hashes[n] = mix(h ^ group) if filled else h
        word_starts[n], word_ends[n] = first - begin, at - begin
        n += _ONE
    return n, at


@njit(**KERNEL)
def fold_ngrams(
    hashes: UInt64Array, word_offsets: Int64Array, offsets: Int64Array, n: int, found: UInt64Array
) -> None:
    """Rolling polynomial of the word hashes modulo 2^64, then mixed."""
    drop = _ONE
    for _ in range(n - 1):
        drop *= _NGRAM_BASE
    for d in range(len(offsets) - 1):
        first, ahead = np.uint64(word_offsets[d]), np.uint64(word_offsets[d] + n - 1)
        place, end = np.uint64(offsets[d]), np.uint64(offsets[d + 1])
        rolling = _ZERO
        if place < end:
            for i in range(first, ahead):
                rolling = rolling * _NGRAM_BASE + hashes[i]
        while place < end:
            rolling = rolling * _NGRAM_BASE + hashes[ahead]
            found[place] = mix(rolling)
            rolling -= hashes[first] * drop
            first, ahead, place = first + _ONE, ahead + _ONE, place + _ONE
