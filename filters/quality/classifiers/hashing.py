"""murmur3 of a document's words, as scikit-learn's HashingVectorizer takes it.

MurmurHash3_x86_32 with seed 0 over a word's UTF-8 (Austin Appleby, public domain). The place of a
word is the magnitude of the signed hash modulo the number of places; where signs are on, a hash
below 0 counts down. An n-gram is its words joined by one space.

Method: the words are in normal form (corpus/normal_form.py). The first eight bytes of each are put
in a row, then all are mixed at once, without a branch, which LLVM makes vectors of; the one word in
eight that is longer is hashed again by itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from corpus.normal_form import most_words, room, write_words
from corpus.simd import KERNEL, eight_bytes
from corpus.utf8 import Int64Array, UInt8Array, UInt32Array, UInt64Array

_C1, _C2 = np.uint32(0xCC9E2D51), np.uint32(0x1B873593)
_FOUR, _EIGHT, _ONE = np.uint32(4), np.uint32(8), np.uint32(1)
_ALL, _ALL_32 = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint32(0xFFFFFFFF)


class Scratch(NamedTuple):
    """What the kernels write to for one document at a time."""

    words: UInt8Array
    """uint8: the document in normal form."""
    ends: Int64Array
    """int64 (most_words,): where each word of it ends."""
    groups: UInt64Array
    """uint64 (most_words,): the first eight bytes of each."""
    longer: UInt32Array
    """uint32 (most_words,): numbers of the words with more."""
    hashes: UInt32Array
    """uint32 (most_words * ngrams,)."""


def scratch(longest: int, ngrams: int) -> Scratch:
    """Room for a document of so many bytes; what is not written costs no memory."""
    most = most_words(longest)
    return Scratch(
        words=np.empty(room(longest), np.uint8),
        ends=np.empty(most, np.int64),
        groups=np.empty(most, np.uint64),
        longer=np.empty(most + 1, np.uint32),
        hashes=np.empty(most * ngrams, np.uint32),
    )


@njit(**KERNEL)
def hash_document(
    data: UInt8Array, begin: int, end: int, pages: Int64Array, values: UInt32Array, ngrams: int,
    words: UInt8Array, ends: Int64Array, groups: UInt64Array, longer: UInt32Array,
    hashes: UInt32Array,
) -> int:  # fmt: skip
    """Hash the words of data[begin:end], then the runs of 2, 3, .. `ngrams`; returns how many."""
    n = write_words(data, np.uint64(begin), np.uint64(end), pages, values, words, ends)
    _hash_words(words, ends, n, groups, longer, hashes)
    found = n
    for size in range(2, ngrams + 1):
        start = np.int64(0)
        for k in range(n - size + 1):
            hashes[found] = _murmur3(words, start, ends[k + size - 1] - start)
            start = ends[k] + 1
            found += 1
    return found


@njit(**KERNEL, inline="always")
def place_of(h: np.uint32, num_places: np.uint32) -> np.uint32:
    """The magnitude of the signed hash, modulo the number of places."""
    negative = np.uint32(np.int32(h) >> 31)  # all bits or none: a branch would be a guess
    magnitude = np.uint32((h ^ negative) - negative)
    if num_places & (num_places - _ONE) == 0:  # a division takes as long as the hash
        return magnitude & (num_places - _ONE)
    return magnitude % num_places


@njit(**KERNEL)
def _hash_words(
    words: UInt8Array, ends: Int64Array, n: int, groups: UInt64Array, longer: UInt32Array,
    hashes: UInt32Array,
) -> None:  # fmt: skip
    num_longer = np.uint64(0)
    start = np.int64(0)
    for k in range(np.uint64(n)):
        length = ends[k] - start
        missing = np.uint64(max(8 - length, 0) * 8)
        groups[k] = eight_bytes(words, start) & (_ALL >> missing)
        hashes[k] = np.uint32(length)
        longer[num_longer] = np.uint32(k)
        num_longer += np.uint64(length > 8)
        start = ends[k] + 1
    for k in range(np.uint64(n)):  # becomes vectors; a block of zeros is mixed in without effect
        group, length = groups[k], hashes[k]
        h = _mixed(np.uint32(group))
        h = _stirred(h) if length >= _FOUR else h
        h ^= _mixed(np.uint32(group >> np.uint64(32)))
        h = _stirred(h) if length >= _EIGHT else h
        hashes[k] = _finished(h ^ length)
    for i in range(num_longer):
        word = np.uint64(longer[i])
        start = ends[word - np.uint64(1)] + 1 if word else np.int64(0)
        hashes[word] = _murmur3(words, start, ends[word] - start)


@njit(**KERNEL)
def _murmur3(data: UInt8Array, start: int, length: int) -> np.uint32:
    """Hash of data[start:start + length]; reads up to eight bytes more and makes no use of them."""
    h = np.uint32(0)
    last = start + (length & ~3)
    for at in range(start, last, 4):
        h = _stirred(h ^ _mixed(np.uint32(eight_bytes(data, at))))
    if length & 3:
        block = np.uint32(eight_bytes(data, last)) & (_ALL_32 >> np.uint32(32 - 8 * (length & 3)))
        h ^= _mixed(block)
    return _finished(h ^ np.uint32(length))


# Numba's arithmetic on uint32 gives 64 bits: each product, sum and left shift is cut back to 32.


@njit(**KERNEL, inline="always")
def _mixed(block: np.uint32) -> np.uint32:
    block = np.uint32(block * _C1)
    return np.uint32((np.uint32(block << np.uint32(15)) | (block >> np.uint32(17))) * _C2)


@njit(**KERNEL, inline="always")
def _stirred(h: np.uint32) -> np.uint32:
    h = np.uint32(h << np.uint32(13)) | (h >> np.uint32(19))
    return np.uint32(h * np.uint32(5) + np.uint32(0xE6546B64))


@njit(**KERNEL, inline="always")
def _finished(h: np.uint32) -> np.uint32:
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))
