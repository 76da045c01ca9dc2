"""Exact copies: texts whose normal form is the same, word by word.

The digest has 128 bits, two folds of the word hashes that share no constant, so that among 10^10
texts two different ones meet with a chance of 10^-19; punctuation, case and line breaks are not
part of it. Of the documents of one digest the best speaks for all: only it is signed, proposed and
compared, and what becomes of it becomes of its copies.
Cost: 10 ns a word for the digest, and 56 bytes a distinct text of a part through the shuffle.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.utf8 import mix
from corpus.words import Words
from filters.dedup.records import Int64Array, UInt64Array

_SEED = np.uint64(0x8E5F1B3D9A7C2E41)
_BASE = np.uint64(0xA24BAED4963EE407)  # odd, from splitmix64's family of multipliers


def text_digests(words: Words) -> UInt64Array:
    """Digest of each document's words in order: uint64 (num_documents, 2)."""
    out = np.empty((len(words.offsets) - 1, 2), np.uint64)
    _fold(words.hashes, words.offsets, out)
    return out


def first_copies(digests: UInt64Array, order: UInt64Array) -> Int64Array:
    """Row of the best document with the same digest, int64 (num_documents,); often its own.

    digests: uint64 (num_documents, 2). order: uint64 (num_documents, 4), from `order_keys`.
    """
    high = np.ascontiguousarray(digests[:, 0])
    by_digest = np.argsort(high)
    out = np.arange(len(high))
    _choose(by_digest, high, np.ascontiguousarray(digests[:, 1]), order, out)
    return out


@njit(cache=True, nogil=True)
def _fold(hashes: UInt64Array, offsets: Int64Array, out: UInt64Array) -> None:
    for i in range(len(offsets) - 1):
        chained = mix(_SEED + np.uint64(offsets[i + 1] - offsets[i]))
        polynomial = np.uint64(0)
        for k in range(offsets[i], offsets[i + 1]):
            chained = mix(chained ^ hashes[k])
            polynomial = polynomial * _BASE + hashes[k]
        out[i, 0], out[i, 1] = chained, mix(polynomial)


@njit(cache=True, nogil=True)
def _choose(
    by_digest: Int64Array,
    high: UInt64Array,
    low: UInt64Array,
    order: UInt64Array,
    out: Int64Array,
) -> None:
    """Documents of one half of a digest lie together; among them those of the other half count.

    out: each document's own row; one whose row has been changed has been dealt with.
    """
    start = 0
    while start < len(by_digest):
        end = start + 1
        while end < len(by_digest) and high[by_digest[end]] == high[by_digest[start]]:
            end += 1
        for i in by_digest[start:end]:
            if out[i] != i:
                continue
            best = i
            for j in by_digest[start:end]:
                if low[j] == low[i] and _is_before(order[j], order[best]):
                    best = j
            for j in by_digest[start:end]:
                if low[j] == low[i]:
                    out[j] = best
        start = end


@njit(cache=True, nogil=True, inline="always")
def _is_before(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> bool:
    for k in range(4):
        if a[k] != b[k]:
            return a[k] < b[k]
    return False
