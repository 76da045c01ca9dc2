"""What two documents are compared by: their runs of n words.

A shingle is a run of n normalised words (corpus/words.py), held as its 64-bit hash. A document with
fewer than n words has one shingle, all its words: two such texts are equal or unrelated. A document
without a word has none, and is never a duplicate.

GPT-3 and MT-NLG compare the sets of their classifiers' hashed words instead: with `num_features` a
shingle is a place of scikit-learn's HashingVectorizer, and words that share a place are one.

Limit: shingles whose 64-bit hashes collide count as one; among the 10^4 of two long documents the
chance is 3 in 10^12. Cost: 24 bytes a word while splitting, 8 a shingle after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpus.words import Words, ngram_hashes, split_words
from filters.dedup import Banding
from filters.quality.classifiers.features import features

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]


class Shingles(NamedTuple):
    """Shingles of many documents; those of document i are hashes[offsets[i]:offsets[i + 1]]."""

    hashes: UInt64Array
    """uint64 (num_shingles,)."""
    offsets: Int64Array
    """int64 (num_documents + 1,)."""


def shingles(texts: pa.Array | pa.ChunkedArray, *, ngram_size: int) -> Shingles:
    """Shingles of each document, in the order of its text and as often as they occur there."""
    return word_shingles(split_words(texts), ngram_size=ngram_size)


def shingles_of(texts: pa.Array | pa.ChunkedArray, words: Words, banding: Banding) -> Shingles:
    """Shingles as the settings want them, of texts whose words have been split already."""
    if banding.num_features:
        return feature_shingles(texts, num_features=banding.num_features)
    return word_shingles(words, ngram_size=banding.ngram_size)


def sets_of(texts: pa.Array | pa.ChunkedArray, banding: Banding) -> Shingles:
    """The distinct shingles of each text, ascending, as the settings want them."""
    if banding.num_features:
        return shingle_sets(feature_shingles(texts, num_features=banding.num_features))
    return shingle_sets(shingles(texts, ngram_size=banding.ngram_size))


def feature_shingles(texts: pa.Array | pa.ChunkedArray, *, num_features: int) -> Shingles:
    """The places of each document's words among the classifier's features, each once."""
    found = features(texts, num_features=num_features, scale="counts")
    return Shingles(_mixed(found.indices.astype(np.uint64)), found.indptr.astype(np.int64))


def word_shingles(words: Words, *, ngram_size: int) -> Shingles:
    """Shingles of documents that are split into words already."""
    hashes, offsets = ngram_hashes(words, ngram_size)
    num_words = np.diff(words.offsets)
    if not ((num_words > 0) & (num_words < ngram_size)).any():
        return Shingles(hashes, offsets)
    counts = np.diff(offsets)
    whole = np.zeros(len(counts), np.uint64)
    for length in range(1, ngram_size):
        rows = np.flatnonzero(num_words == length)
        if len(rows):
            whole[rows] = ngram_hashes(_only(words, rows, length), length)[0]
            counts[rows] = 1
    filled = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Shingles(_with_whole(hashes, offsets, filled, whole), filled)


def shingle_sets(found: Shingles) -> Shingles:
    """The distinct shingles of each document, ascending."""
    hashes = found.hashes.copy()
    counts = _sort_each(hashes, found.offsets)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Shingles(_distinct(hashes, found.offsets, offsets), offsets)


def joined(parts: Sequence[Shingles]) -> Shingles:
    """The documents of all parts, one part after the other."""
    counts = [np.zeros(1, np.int64), *(np.diff(part.offsets) for part in parts)]
    hashes = [np.zeros(0, np.uint64), *(part.hashes for part in parts)]
    return Shingles(np.concatenate(hashes), np.cumsum(np.concatenate(counts)))


def _mixed(places: UInt64Array) -> UInt64Array:
    """64 bits for each place, none equal: MinHash takes the upper half of them."""
    x = places + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _only(words: Words, rows: Int64Array, length: int) -> Words:
    """The words of some documents, each of the same length."""
    places = (words.offsets[rows][:, None] + np.arange(length)).reshape(-1)
    return Words(
        words.hashes[places],
        words.starts[places],
        words.ends[places],
        np.arange(len(rows) + 1, dtype=np.int64) * length,
    )


@njit(cache=True, nogil=True)
def _with_whole(
    hashes: UInt64Array, offsets: Int64Array, filled: Int64Array, whole: UInt64Array
) -> UInt64Array:
    """Put the one shingle of each short document between the others'."""
    out = np.empty(filled[-1], np.uint64)
    for i in range(len(whole)):
        count = offsets[i + 1] - offsets[i]
        if count > 0:
            out[filled[i] : filled[i + 1]] = hashes[offsets[i] : offsets[i + 1]]
        elif filled[i + 1] > filled[i]:
            out[filled[i]] = whole[i]
    return out


@njit(cache=True, nogil=True)
def _sort_each(hashes: UInt64Array, offsets: Int64Array) -> Int64Array:
    """Sort each document's shingles in place; number of distinct ones (num_documents,)."""
    counts = np.zeros(len(offsets) - 1, np.int64)
    for i in range(len(counts)):
        first, end = offsets[i], offsets[i + 1]
        hashes[first:end].sort()
        for j in range(first, end):
            if j == first or hashes[j] != hashes[j - 1]:
                counts[i] += 1
    return counts


@njit(cache=True, nogil=True)
def _distinct(hashes: UInt64Array, offsets: Int64Array, filled: Int64Array) -> UInt64Array:
    """Each document's sorted shingles without their repetitions."""
    out = np.empty(filled[-1], np.uint64)
    for i in range(len(offsets) - 1):
        at = filled[i]
        for j in range(offsets[i], offsets[i + 1]):
            if j == offsets[i] or hashes[j] != hashes[j - 1]:
                out[at] = hashes[j]
                at += 1
    return out
