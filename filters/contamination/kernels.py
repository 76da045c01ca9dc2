"""Compiled loops of the N-gram search: screen every place, then look up and compare the few.

The screen is a blocked Bloom filter (Putze et al. 2007): a hash picks one block of 512 bits, a
cache line, and four bits in it, which are asked without a branch. With 16 bits a key it passes
about 0.4 % of other hashes at one cache miss each, where a filter of the same size with free bits
passes 0.05 % at eleven.

The N-grams stand sorted by hash. The hash's first bits name a bucket of about six, its next 16 bits
are the N-gram's mark, and where a mark agrees the words themselves are compared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.simd import KERNEL
from corpus.utf8 import CodePoints, TextBytes, encoded, mix, value_at
from corpus.word_kernels import CODE_POINT
from corpus.words import Words

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]
UInt32Array = npt.NDArray[np.uint32]
UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]

BITS_PER_KEY = 16  # of the screen
_WORDS_PER_BLOCK = np.uint64(8)
MARK_BITS = 16

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_28, _36, _63, _MASK = np.uint64(28), np.uint64(36), np.uint64(63), np.uint64(511)
_3, _6, _9, _18, _27, _1 = (np.uint64(n) for n in (3, 6, 9, 18, 27, 1))


class Vocabulary(NamedTuple):
    """Normalised words as UTF-8; word i is data[ends[i - 1]:ends[i]], of the first from 0."""

    data: UInt8Array
    ends: Int64Array
    """int64 (num_words,)."""


class Table(NamedTuple):
    """The N-grams by hash, and the words that each of them is."""

    buckets: UInt32Array
    """uint32 (num_buckets + 1,): N-grams [buckets[b], buckets[b + 1]) have b as their first bits;
    num_buckets is a power of two."""
    marks: UInt16Array
    """uint16 (num_ngrams,): the bits after those."""
    firsts: UInt32Array
    """uint32 (num_ngrams,): where in `words` each N-gram stands first."""
    words: UInt32Array
    """uint32 (num_words,): the texts' words, as numbers of the vocabulary."""
    offsets: Int64Array
    """int64 (num_texts + 1,): words of text i are [offsets[i], offsets[i + 1])."""
    sizes: UInt8Array
    """uint8 (num_texts,): N of each text."""


def new_screen(num_keys: int) -> UInt64Array:
    """An empty screen for so many keys: uint64 (num_blocks * 8,)."""
    num_blocks = max(1, -(-num_keys * BITS_PER_KEY // 512))
    return np.zeros(num_blocks * int(_WORDS_PER_BLOCK), np.uint64)


@njit(cache=True, nogil=True)
def fold(words: UInt64Array, places: Int64Array, sizes: UInt8Array) -> UInt64Array:
    """Hash the sizes[i] words at each place: uint64 (num_places,)."""
    found = np.empty(len(places), np.uint64)
    for i in range(len(places)):
        found[i] = fold_one(words, places[i], np.int64(sizes[i]))
    return found


@njit(cache=True, nogil=True)
def fill_screen(hashes: UInt64Array, screen: UInt64Array) -> None:
    """Add hashes to a screen."""
    for i in range(len(hashes)):
        h = hashes[i]
        block = _block(h, screen)
        for _ in range(4):
            screen[block + (h >> _6 & np.uint64(7))] |= _1 << (h & _63)
            h >>= _9


@njit(**KERNEL)
def passing(hashes: UInt64Array, screen: UInt64Array, found: Int64Array) -> int:
    """Write down the positions of the hashes that pass; returns how many.

    found: int64, with room for all.
    """
    n = 0
    for i in range(len(hashes)):
        if _passes(hashes[i], screen):
            found[n] = i
            n += 1
    return n


@njit(**KERNEL)
def look_up(
    places: Int64Array, documents: Int64Array, text: TextBytes, words: Words, points: CodePoints,
    sizes: UInt8Array, table: Table, vocabulary: Vocabulary, at: Int64Array, ngrams: Int64Array,
) -> int:  # fmt: skip
    """Write down each place whose next words are an N-gram, and its number; returns how many.

    places, documents: words to look at, and their documents. sizes: every N in use. at, ngrams:
    int64 with room for as many as places times sizes; `at` are positions in `places`.
    """
    n = 0
    for i in range(len(places)):
        place, document = places[i], documents[i]
        for t in range(len(sizes)):
            size = np.int64(sizes[t])
            if place + size > words.offsets[document + 1]:
                continue
            ngram = _number(place, text.starts[document], size, text, words, points, table,
                            vocabulary)  # fmt: skip
            if ngram >= 0:
                at[n], ngrams[n] = i, ngram
                n += 1
    return n


@njit(**KERNEL)
def _number(
    place: np.int64, start: np.int64, size: np.int64, text: TextBytes, words: Words,
    points: CodePoints, table: Table, vocabulary: Vocabulary,
) -> int:  # fmt: skip
    """The N-gram that the words at a place of a document are, or -1. start: of its bytes."""
    h = fold_one(words.hashes, place, size)
    shift = bucket_shift(len(table.buckets) - 1)
    bucket, mark = first_bits(h, shift), mark_of(h, shift)
    for ngram in range(table.buckets[bucket], table.buckets[bucket + 1]):
        if table.marks[ngram] != mark:
            continue
        first = np.int64(table.firsts[ngram])
        if first + size > len(table.words):
            continue
        same = 0
        while same < size and is_word(
            text.data, start + words.starts[place + same], start + words.ends[place + same],
            points.pages, points.values, table.words[first + same], vocabulary.data,
            vocabulary.ends,
        ):  # fmt: skip
            same += 1
        # Only now: that the N-gram found is as long as the words compared is seldom not so.
        if same == size and table.sizes[_text_of(first, table.offsets)] == size:
            return ngram
    return -1


@njit(**KERNEL)
def is_word(
    data: UInt8Array, begin: np.int64, end: np.int64, pages: Int64Array, values: UInt32Array,
    word: np.uint32, vocabulary: UInt8Array, ends: Int64Array,
) -> bool:  # fmt: skip
    """Whether the bytes [begin, end) of a document, lower-cased, are this word."""
    at = ends[word - 1] if word else 0
    stop = ends[word]
    while begin < end:
        value, length = value_at(data, np.uint64(begin), np.uint64(end), pages, values)
        letter, size = encoded(np.uint64(value) & CODE_POINT)
        if at + np.int64(size) > stop:
            return False
        for _ in range(size):
            if np.uint64(vocabulary[at]) != letter & np.uint64(0xFF):
                return False
            letter >>= np.uint64(8)
            at += 1
        begin += np.int64(length)
    return bool(at == stop)


@njit(**KERNEL)
def odd_words(
    text: TextBytes, words: Words, points: CodePoints, numbers: UInt32Array,
    vocabulary: Vocabulary, found: Int64Array,
) -> int:  # fmt: skip
    """Write down the places whose word is not the one of its number; returns how many."""
    n = 0
    for d in range(len(text.starts)):
        start = text.starts[d]
        for i in range(words.offsets[d], words.offsets[d + 1]):
            if not is_word(
                text.data, start + words.starts[i], start + words.ends[i], points.pages,
                points.values, numbers[i], vocabulary.data, vocabulary.ends,
            ):  # fmt: skip
                found[n] = i
                n += 1
    return n


@njit(**KERNEL)
def odd_ngrams(
    places: Int64Array, sizes: UInt8Array, ids: Int64Array, firsts: Int64Array, words: UInt32Array
) -> int:
    """How many N-grams are not, word by word, the first one of their number.

    places, sizes, ids: of every N-gram; firsts: positions among those, by number.
    """
    n = 0
    for i in range(len(places)):
        twin = firsts[ids[i]]
        is_same = sizes[i] == sizes[twin]
        for k in range(np.int64(sizes[i]) if is_same else 0):
            is_same &= words[places[i] + k] == words[places[twin] + k]
        n += not is_same
    return n


@njit(cache=True, nogil=True, inline="always")
def fold_one(words: UInt64Array, place: np.int64, size: np.int64) -> np.uint64:
    """Hash of the words at a place, and of how many they are."""
    h = _GOLDEN + np.uint64(size)
    for k in range(place, place + size):
        h = (h ^ words[k]) * _GOLDEN
        h ^= h >> np.uint64(32)
    return mix(h)


@njit(cache=True, nogil=True, inline="always")
def bucket_shift(num_buckets: int) -> np.uint64:
    """How far to shift a hash for its first bits, of 2^k buckets."""
    shift = np.uint64(64)
    while num_buckets > 1:
        num_buckets >>= 1
        shift -= _1
    return shift


@njit(cache=True, nogil=True, inline="always")
def first_bits(h: np.uint64, shift: np.uint64) -> np.uint64:
    """Number of the bucket; 64 is no shift that a machine has."""
    return h >> shift if shift < np.uint64(64) else np.uint64(0)


@njit(cache=True, nogil=True, inline="always")
def mark_of(h: np.uint64, shift: np.uint64) -> np.uint16:
    """The 16 bits after the bucket's."""
    return np.uint16(h >> (shift - np.uint64(MARK_BITS)) & np.uint64(0xFFFF))


@njit(cache=True, nogil=True, inline="always")
def _text_of(place: np.int64, offsets: Int64Array) -> np.int64:
    """The text that a word is of: the last that begins at it or before."""
    low, high = np.int64(0), np.int64(len(offsets) - 1)
    while high - low > 1:
        middle = (low + high) >> 1
        if offsets[middle] <= place:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True, nogil=True, inline="always")
def _block(h: np.uint64, screen: UInt64Array) -> np.uint64:
    """First word of the hash's block, by its first 28 bits; the last 36 pick bits in the block."""
    num_blocks = np.uint64(len(screen)) // _WORDS_PER_BLOCK
    return ((h >> _36) * num_blocks >> _28) << _3


@njit(cache=True, nogil=True, inline="always")
def _passes(h: np.uint64, screen: UInt64Array) -> bool:
    block = _block(h, screen)
    a, b, c = h >> _9, h >> _18, h >> _27
    bits = screen[block + ((h & _MASK) >> _6)] >> (h & _63)
    bits &= screen[block + ((a & _MASK) >> _6)] >> (a & _63)
    bits &= screen[block + ((b & _MASK) >> _6)] >> (b & _63)
    bits &= screen[block + ((c & _MASK) >> _6)] >> (c & _63)
    return bool(bits & _1)
