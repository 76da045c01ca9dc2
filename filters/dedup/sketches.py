"""Which candidates cannot be duplicates: told from 48 bytes of each, before any text is read.

Of each of the first 96 hashes of a signature four bits are kept (b-bit minwise hashing, Li and
Koenig 2010): of its product with an odd constant the highest, which all bits of the hash decide.
The lowest bits of affine32 would be no draw: where two shingles agree in them, they agree under all
its permutations. Two documents of Jaccard similarity s agree in each with a chance of
s + (1 - s) / 16. A pair that agrees in fewer than a pair at the threshold would, but for one time
in 100,000, is ruled out. So what bands propose wrongly, pages of one template above all, costs 48
bytes and not the shingles of a text: at a threshold of 0.8, of pairs at 0.43 one in 800 is left, of
those at 0.5 one in 25, at 0.6 half, and of those at 0.8 all but one in 200,000.

Containment is no matter of Jaccard similarity alone, and rules nothing out.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numba import njit

from corpus.simd import num_bits
from filters.dedup import Banding
from filters.dedup.minhash import UInt32Array
from filters.dedup.records import Int64Array, UInt64Array

NUM_HASHES = 96  # no more than 20 bands of 5 have, so that they cost no hashing of their own
BITS = 4
MISSED = 1e-5  # chance that a pair at the threshold is ruled out; bands miss 4e-4 of those
WORDS = NUM_HASHES * BITS // 64
NUM_BYTES = 8 * WORDS

_PER_WORD = 64 // BITS
_LOWEST = np.uint64(0x1111111111111111)
_ONE, _TWO, _FOUR = np.uint64(1), np.uint64(2), np.uint64(4)
_SPREAD = np.uint32(0x9E3779B1)  # Knuth's multiplicative hashing: 2^32 over the golden ratio
_SHIFT = np.uint32(32 - BITS)


def num_hashes(banding: Banding) -> int:
    """Hashes of a signature: as many as the bands and the sketch need.

    All that signs must ask here: datasketch's permutations of 96 are not the first 96 of 100.
    """
    return max(banding.num_bands * banding.num_rows, NUM_HASHES)


def sketches(hashes: UInt32Array) -> UInt64Array:
    """The sketch of each signature: uint64 (num_documents, WORDS).

    hashes: uint32 (num_documents, num_hashes), num_hashes >= NUM_HASHES.
    """
    out = np.zeros((len(hashes), WORDS), np.uint64)
    _pack(hashes, out)
    return out


def agreements(left: UInt64Array, right: UInt64Array) -> Int64Array:
    """Hashes of NUM_HASHES in which the sketches of each pair agree: int64 (num_pairs,).

    left, right: uint64 (num_pairs, WORDS).
    """
    out = np.empty(len(left), np.int64)
    _compare(left, right, out)
    return out


def least_agreements(banding: Banding) -> int:
    """In how many hashes a pair must agree to be worth a look: 0 where nothing is ruled out."""
    return _least(banding.threshold) if banding.measure == "jaccard" else 0


@cache
def _least(threshold: float) -> int:
    """The largest k that a pair at the threshold falls short of with a chance of MISSED at most."""
    p = threshold + (1 - threshold) / (1 << BITS)
    below = 0.0
    for k in range(NUM_HASHES + 1):
        below += math.comb(NUM_HASHES, k) * p**k * (1 - p) ** (NUM_HASHES - k)
        if below > MISSED:
            return k
    return NUM_HASHES


@njit(cache=True, nogil=True)
def _pack(hashes: UInt32Array, out: UInt64Array) -> None:
    for i in range(out.shape[0]):
        for word in range(out.shape[1]):
            packed = np.uint64(0)
            for k in range(_PER_WORD):
                value = np.uint32(hashes[i, word * _PER_WORD + k] * _SPREAD) >> _SHIFT
                packed |= np.uint64(value) << np.uint64(BITS * k)
            out[i, word] = packed


@njit(cache=True, nogil=True)
def _compare(left: UInt64Array, right: UInt64Array, out: Int64Array) -> None:
    """Nibbles that are equal: those of the difference without a bit."""
    for pair in range(len(out)):
        differing = 0
        for word in range(left.shape[1]):
            x = left[pair, word] ^ right[pair, word]
            x |= x >> _TWO
            x |= x >> _ONE
            differing += num_bits(x & _LOWEST)
        out[pair] = NUM_HASHES - differing
