"""MinHash signatures, bit-equal to datasketch's.

Equal positions of two signatures estimate the Jaccard similarity of the shingle sets (Broder 1997).
The scheme is datasketch 2's default, `affine32`: the upper 32 bits of a shingle's hash go through
MurmurHash3's finaliser, then through a * h + b mod 2^32 with odd a; the smallest value of each
permutation is kept. The permutations are those of `datasketch.MinHash`, so a signature can be
handed to it: `MinHash(hashvalues=row, seed=seed, scheme="affine32")`.

Limit: 32-bit values serve up to about 10^8 distinct shingles a document. Cost: 700-1,200 MB of text
a second on one core for 112 hashes, after splitting (AVX-512); 4 bytes a hash and document.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from datasketch import MinHash
from numba import njit

from filters.dedup.shingles import Int64Array, Shingles, UInt64Array

UInt32Array = npt.NDArray[np.uint32]

SCHEME = "affine32"


@cache
def permutations(num_hashes: int, seed: int) -> tuple[UInt32Array, UInt32Array]:
    """Multipliers and increments of datasketch's permutations: two uint32 (num_hashes,)."""
    multipliers, increments = MinHash(num_perm=num_hashes, seed=seed, scheme=SCHEME).permutations
    return np.ascontiguousarray(multipliers), np.ascontiguousarray(increments)


def hash_values(hashes: UInt64Array) -> UInt32Array:
    """The 32-bit values that signatures are made of: what datasketch's `hashfunc` would give."""
    return (hashes >> np.uint64(32)).astype(np.uint32)


def signatures(found: Shingles, *, num_hashes: int, seed: int) -> UInt32Array:
    """Smallest value of each permutation over each document's shingles.

    Returns uint32 (num_documents, num_hashes); a document without shingles has 2^32 - 1 throughout,
    as datasketch's empty MinHash. Repeated shingles change nothing.
    """
    multipliers, increments = permutations(num_hashes, seed)
    out = np.full((len(found.offsets) - 1, num_hashes), 0xFFFFFFFF, np.uint32)
    _signatures(found.hashes, found.offsets, multipliers, increments, out)
    return out


@njit(cache=True, nogil=True, inline="always")
def _finalise(h: np.uint32) -> np.uint32:
    """MurmurHash3's 32-bit finaliser (Appleby), as datasketch has it before its permutations."""
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h = np.uint32(h ^ (h >> np.uint32(13)))
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@njit(cache=True, nogil=True, inline="always")
def _value(hashes: UInt64Array, j: int, last: int) -> np.uint32:
    return _finalise(np.uint32(hashes[min(j, last)] >> np.uint64(32)))


@njit(cache=True, nogil=True)
def _signatures(
    hashes: UInt64Array,
    offsets: Int64Array,
    multipliers: UInt32Array,
    increments: UInt32Array,
    out: UInt32Array,
) -> None:
    """Four shingles a round, so that a signature is read and written once for all four (2 x).

    The last round repeats the last shingle, which changes no smallest value.
    """
    for i in range(len(offsets) - 1):
        smallest = out[i]
        last = offsets[i + 1] - 1
        for j in range(offsets[i], last + 1, 4):
            h0 = _value(hashes, j, last)
            h1 = _value(hashes, j + 1, last)
            h2 = _value(hashes, j + 2, last)
            h3 = _value(hashes, j + 3, last)
            for k in range(len(multipliers)):
                a, b = multipliers[k], increments[k]
                first = min(np.uint32(a * h0 + b), np.uint32(a * h1 + b))
                second = min(np.uint32(a * h2 + b), np.uint32(a * h3 + b))
                smallest[k] = min(smallest[k], min(first, second))
