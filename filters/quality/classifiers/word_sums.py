"""The mean of one number a word over a line, as fastText looks words and runs of words up.

A word is looked up by its bytes, hashed with fastText's FNV-1a (32 bits; bytes from 128 count as
negative ones, as in its source); a run of words by a product of the hashes of its words, modulo the
number of buckets. The end of the line is a word of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from corpus.fasttext_trainer import END_OF_LINE
from corpus.normal_form import most_words, room, write_words
from corpus.simd import BLOCK, KERNEL, eight_bytes
from corpus.utf8 import (
    Int64Array,
    UInt8Array,
    UInt32Array,
    UInt64Array,
    padded,
    text_bytes,
)
from corpus.words import word_table
from filters.fasttext_hash import BASIS, hash_on
from filters.quality.classifiers.features import FloatArray

_BATCH = 2000  # documents
_RUN = np.uint64(116049371)  # dictionary.cc, addWordNgrams
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE = np.uint64(1)


class Lookup(NamedTuple):
    """The words of a model by their bytes."""

    data: UInt8Array
    """uint8: the words one after another, and 64 bytes more."""
    starts: Int64Array
    """int64 (num_words + 1,): where each begins."""
    slots: UInt64Array
    """uint64 (a power of two): hash << 32 | number of the word + 1; 0 where there is none. A word
    stands in the first free slot from its hash on."""


def lookup_of(words: Sequence[str]) -> Lookup:
    """The lookup of distinct words, numbered in order."""
    encoded = [word.encode() for word in words]
    data = np.frombuffer(b"".join(encoded) + bytes(BLOCK), np.uint8)
    starts = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    slots = np.zeros(1 << (2 * len(words) + 1).bit_length(), np.uint64)  # half of them stay free
    _fill(data, starts, slots)
    return Lookup(data, starts, slots)


def word_hash(word: str) -> int:
    """fastText's hash of a word, as a signed number of 32 bits."""
    data = np.frombuffer(word.encode() + bytes(BLOCK), np.uint8)
    return int(np.uint32(_hash(data, 0, len(data) - BLOCK)).astype(np.int32))


def run_bucket(words: Sequence[str], num_buckets: int) -> int:
    """The bucket of a run of two words or more."""
    h = word_hash(words[0]) % 2**64
    for word in words[1:]:
        h = (h * int(_RUN) + word_hash(word)) % 2**64
    return h % num_buckets


def mean_weights(
    texts: pa.Array | pa.ChunkedArray,
    lookup: Lookup,
    weights: FloatArray,
    run_weights: FloatArray,
    *,
    ngrams: int,
    end_weight: float,
) -> FloatArray:
    """The mean over each document's known words, its runs and the line's end: (num_documents,).

    weights: float64 (num_words,); run_weights: float64 (num_buckets,), not read where ngrams is 1.
    """
    found = [np.zeros(0, np.float64)]
    end_hash = word_hash(END_OF_LINE)
    for start in range(0, len(texts), _BATCH):
        for text in text_bytes(texts.slice(start, _BATCH)):
            longest = int((text.ends - text.starts).max(initial=0))
            words, most = np.empty(room(longest), np.uint8), most_words(longest) + 1
            ends, hashes = np.empty(most, np.int64), np.empty(most, np.int32)
            for part in padded(text):
                means = np.empty(len(part.starts), np.float64)
                _mean(*part, *word_table(), words, ends, hashes, *lookup, weights, run_weights,
                      ngrams, end_weight, end_hash, means)  # fmt: skip
                found.append(means)
    return np.concatenate(found)


@njit(**KERNEL)
def _mean(
    data: UInt8Array, starts: Int64Array, stops: Int64Array, pages: Int64Array, values: UInt32Array,
    words: UInt8Array, ends: Int64Array, hashes: Int64Array, known: UInt8Array,
    known_starts: Int64Array, slots: UInt64Array, weights: FloatArray, run_weights: FloatArray,
    ngrams: int, end_weight: float, end_hash: int, means: FloatArray,
) -> None:  # fmt: skip
    for d in range(len(starts)):
        n = write_words(data, np.uint64(starts[d]), np.uint64(stops[d]), pages, values, words, ends)
        total, number = end_weight, 1
        start = np.int64(0)
        for k in range(np.uint64(n)):
            h = _hash(words, start, ends[k])
            hashes[k] = np.int32(h)
            word = _find(words, start, ends[k], h, known, known_starts, slots)
            if word >= 0:
                total += weights[np.uint64(word)]
                number += 1
            start = ends[k] + 1
        hashes[np.uint64(n)] = np.int32(end_hash)
        for k in range(n if ngrams > 1 else 0):
            h = np.uint64(np.int64(hashes[k]))  # the sign goes through all 64 bits
            for j in range(k + 1, min(k + ngrams, n + 1)):
                h = h * _RUN + np.uint64(np.int64(hashes[j]))
                total += run_weights[h % np.uint64(len(run_weights))]
                number += 1
        means[d] = total / number


@njit(**KERNEL, inline="always")
def _hash(data: UInt8Array, start: int, end: int) -> np.uint32:
    h = BASIS
    for i in range(np.uint64(start), np.uint64(end)):
        h = hash_on(h, data[i])
    return h


@njit(**KERNEL, inline="always")
def _find(
    words: UInt8Array, start: int, end: int, h: np.uint32, known: UInt8Array,
    known_starts: Int64Array, slots: UInt64Array,
) -> int:  # fmt: skip
    """Number of the word words[start:end], -1 where it is none of the known."""
    last = np.uint64(len(slots) - 1)
    place = np.uint64(h) & last
    while slots[place] != 0:
        if np.uint32(slots[place] >> np.uint64(32)) == h:
            word = (slots[place] & np.uint64(0xFFFFFFFF)) - _ONE
            other = known_starts[word]
            is_same = known_starts[word + _ONE] - other == end - start
            for done in range(0, end - start, 8):
                missing = np.uint64(max(8 - (end - start - done), 0) * 8)
                apart = eight_bytes(words, start + done) ^ eight_bytes(known, other + done)
                is_same = is_same and apart & (_ALL >> missing) == 0
            if is_same:
                return int(word)
        place = (place + _ONE) & last
    return -1


@njit(**KERNEL)
def _fill(data: UInt8Array, starts: Int64Array, slots: UInt64Array) -> None:
    last = np.uint64(len(slots) - 1)
    for word in range(len(starts) - 1):
        h = np.uint64(_hash(data, starts[word], starts[word + 1]))
        place = h & last
        while slots[place] != 0:
            place = (place + _ONE) & last
        slots[place] = h << np.uint64(32) | np.uint64(word + 1)
