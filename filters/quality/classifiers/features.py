"""Hashed word counts: what the classifier sees of a text, and its weighted sum.

The counts are those of scikit-learn's HashingVectorizer over the words of corpus/words.py, to the
bit. Training takes them as a sparse matrix; scoring takes no more than their product with the
weights, and counts a document in a table that stays in the cache (1 MB for 2^18 places).
Cost, one core: 0.5 GB of text a second to score, 0.2 GB for the matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpus.simd import KERNEL
from corpus.utf8 import (
    Int64Array,
    TextBytes,
    UInt8Array,
    UInt32Array,
    UInt64Array,
    padded,
    text_bytes,
)
from corpus.words import normalise, word_table
from filters.quality.classifiers.hashing import Scratch, hash_document, place_of, scratch

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]

_BATCH = 2000  # documents whose features are gathered at a time: 10 MB of web pages


def features(
    texts: pa.Array | pa.ChunkedArray,
    *,
    num_features: int,
    scale: str,
    signs: bool = False,
    ngrams: int = 1,
) -> csr_matrix:
    """Hashed word counts: a scipy CSR matrix, float64 (num_documents, num_features).

    scale: as in QualitySettings. signs: half of the words count down, so that words that share a
    place cancel rather than add up. ngrams: runs of up to so many words are counted too.
    """
    from scipy.sparse import csr_matrix  # 0.1 s to import, which command lines need not wait for

    table = np.zeros(num_features, np.int32)
    found: list[tuple[Int32Array, FloatArray]] = []
    lengths = [np.zeros(1, np.int64)]
    for text, room in _batches(texts, ngrams):
        own = np.zeros(len(text.starts) + 1, np.int64)
        most = int(((text.ends - text.starts + 1) // 2).sum()) * ngrams
        places, counts = np.empty(most, np.int32), np.empty(most, np.float64)
        _count(*text, *word_table(), ngrams, *room, table, signs, scale == "length",
               places, counts, own)  # fmt: skip
        found.append((places[: own[-1]].copy(), counts[: own[-1]].copy()))
        lengths.append(np.diff(own))
    ends = np.cumsum(np.concatenate(lengths))
    places = np.concatenate([p for p, _ in found] or [np.zeros(0, np.int32)])
    counts = np.concatenate([c for _, c in found] or [np.zeros(0, np.float64)])
    matrix = csr_matrix((counts, places, ends), shape=(len(ends) - 1, num_features))
    matrix.sort_indices()
    return matrix


def weighted_sums(
    texts: pa.Array | pa.ChunkedArray,
    weights: FloatArray,
    *,
    scale: str,
    signs: bool = False,
    ngrams: int = 1,
) -> FloatArray:
    """features(...) @ weights, without the matrix: float64 (num_documents,)."""
    counts = np.zeros(len(weights), np.int32)
    found = [np.zeros(0, np.float64)]
    for text, room in _batches(texts, ngrams):
        sums = np.empty(len(text.starts), np.float64)
        _sum(*text, *word_table(), ngrams, *room, weights, counts, signs, scale == "length", sums)
        found.append(sums)
    return np.concatenate(found)


def grams(text: str, ngrams: int) -> Iterator[str]:
    """The words of a text and its runs of up to `ngrams` words, as they are hashed."""
    return runs(normalise(text).split(), ngrams)


def runs(words: Sequence[str], ngrams: int) -> Iterator[str]:
    """The words, then the runs of 2, 3, .. `ngrams` of them, joined by one space."""
    for size in range(1, ngrams + 1):
        yield from map(" ".join, zip(*(words[k:] for k in range(size)), strict=False))


def hashed(gram: str, num_features: int, *, signs: bool = False) -> tuple[int, int]:
    """The place of a word or a run of words, and what it counts: 1, or -1 with signs."""
    from sklearn.utils import murmurhash3_32

    h = int(murmurhash3_32(gram, seed=0))
    return abs(h) % num_features, -1 if signs and h < 0 else 1


def _batches(texts: pa.Array | pa.ChunkedArray, ngrams: int) -> Iterator[tuple[TextBytes, Scratch]]:
    for start in range(0, len(texts), _BATCH):
        for text in text_bytes(texts.slice(start, _BATCH)):
            room = scratch(int((text.ends - text.starts).max(initial=0)), ngrams)
            for part in padded(text):
                yield part, room


@njit(**KERNEL)
def _sum(
    data: UInt8Array, starts: Int64Array, stops: Int64Array, pages: Int64Array, values: UInt32Array,
    ngrams: int, words: UInt8Array, ends: Int64Array, groups: UInt64Array, longer: UInt32Array,
    hashes: UInt32Array, weights: FloatArray, counts: Int32Array, signs: bool, is_scaled: bool,
    sums: FloatArray,
) -> None:  # fmt: skip
    """The weighted sum of each document; `counts` is all zeros before and after."""
    num_places = np.uint32(len(weights))
    for d in range(len(starts)):
        n = hash_document(data, starts[d], stops[d], pages, values, ngrams, words, ends, groups,
                          longer, hashes)  # fmt: skip
        total, squares = 0.0, np.int64(0)
        for k in range(np.uint64(n)):
            h = hashes[k]
            place = np.uint64(place_of(h, num_places))
            hashes[k] = np.uint32(place)
            one = _one(h, signs)
            count = counts[place]
            squares += 2 * count * one + 1  # (count + one)^2 - count^2
            counts[place] = count + one
            total += weights[place] * one
        for k in range(np.uint64(n)):
            counts[np.uint64(hashes[k])] = 0
        sums[d] = total / np.sqrt(np.float64(squares)) if is_scaled and squares else total


@njit(**KERNEL)
def _count(
    data: UInt8Array, starts: Int64Array, stops: Int64Array, pages: Int64Array, values: UInt32Array,
    ngrams: int, words: UInt8Array, ends: Int64Array, groups: UInt64Array, longer: UInt32Array,
    hashes: UInt32Array, table: Int32Array, signs: bool, is_scaled: bool, places: Int32Array,
    counts: FloatArray, offsets: Int64Array,
) -> None:  # fmt: skip
    """The places of each document with their counts, each place once, even if they add up to 0.

    table: int32 (num_places,), all zeros before and after: one past where a place's count stands.
    """
    num_places = np.uint32(len(table))
    m = np.int64(0)
    for d in range(len(starts)):
        first = m
        n = hash_document(data, starts[d], stops[d], pages, values, ngrams, words, ends, groups,
                          longer, hashes)  # fmt: skip
        for k in range(np.uint64(n)):
            place = np.uint64(place_of(hashes[k], num_places))
            if table[place] == 0:
                places[m], counts[m] = np.int32(place), 0.0
                m += 1
                table[place] = np.int32(m - first)
            counts[first + table[place] - 1] += _one(hashes[k], signs)
        squares = 0.0
        for i in range(first, m):
            table[np.uint64(places[i])] = 0
            squares += counts[i] * counts[i]
        if is_scaled and squares > 0.0:
            for i in range(first, m):
                counts[i] /= np.sqrt(squares)
        offsets[d + 1] = m


@njit(**KERNEL, inline="always")
def _one(h: np.uint32, signs: bool) -> np.int32:
    """What a word of this hash counts: 1, or -1 where signs are on and the hash is below 0."""
    is_below = np.int32(h >> np.uint32(31)) & np.int32(signs)
    return np.int32(1) - is_below - is_below
