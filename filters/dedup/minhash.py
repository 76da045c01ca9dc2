"""MinHash signatures, bit-equal to datasketch's.

Equal positions of two signatures estimate the Jaccard similarity of the shingle sets (Broder 1997).
Of the upper 32 bits h of each shingle's hash, the smallest value of each permutation is kept:
- `affine32`, datasketch 2's default: MurmurHash3's finaliser, then a * h + b mod 2^32 with odd a;
- `legacy`, its only scheme before 2.0: the lower 32 bits of (a * h + b mod 2^64) mod 2^61 - 1.
The permutations are those of `datasketch.MinHash`, so that signatures can be handed to it and taken
from it: `to_datasketch`, `from_datasketch`.

Limit: 32-bit values serve up to about 10^8 distinct shingles a document. Cost of 128 hashes
on one core (AVX-512), after splitting: 1,300 MB of text a second by affine32 and 250 by legacy,
whose products have 64 bits; 4 bytes a hash and document.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import njit

from filters.dedup import Scheme
from filters.dedup.shingles import Int64Array, Shingles, UInt64Array

if TYPE_CHECKING:
    from datasketch import MinHash

UInt32Array = npt.NDArray[np.uint32]

EMPTY = np.uint32(0xFFFFFFFF)
_PRIME = np.uint64(2**61 - 1)
_LOWER = np.uint64(0xFFFFFFFF)


@cache
def permutations(
    num_hashes: int, seed: int, scheme: Scheme = "affine32"
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Multipliers and increments of datasketch's permutations, each (num_hashes,).

    They are uint32 for affine32 and uint64 for legacy.
    """
    from datasketch import MinHash  # brings scipy: 0.6 s, which only signing tasks need

    multipliers, increments = MinHash(num_perm=num_hashes, seed=seed, scheme=scheme).permutations
    return np.ascontiguousarray(multipliers), np.ascontiguousarray(increments)


def hash_values(hashes: UInt64Array) -> UInt32Array:
    """The 32-bit values that signatures are made of: what datasketch's `hashfunc` would give."""
    return (hashes >> np.uint64(32)).astype(np.uint32)


def signatures(
    found: Shingles, *, num_hashes: int, seed: int, scheme: Scheme = "affine32"
) -> UInt32Array:
    """Smallest value of each permutation over each document's shingles.

    Returns uint32 (num_documents, num_hashes); a document without shingles has 2^32 - 1 throughout,
    as datasketch's empty MinHash. Repeated shingles change nothing.
    """
    multipliers, increments = permutations(num_hashes, seed, scheme)
    out = np.full((len(found.offsets) - 1, num_hashes), EMPTY, np.uint32)
    sign = _sign_affine32 if scheme == "affine32" else _sign_legacy
    sign(found.hashes, found.offsets, multipliers, increments, out)
    return out


def to_datasketch(signature: UInt32Array, *, seed: int, scheme: Scheme = "affine32") -> MinHash:
    """A signature, uint32 (num_hashes,), as datasketch's object: to estimate, index and merge."""
    from datasketch import MinHash

    return MinHash(hashvalues=signature, seed=seed, scheme=scheme)


def from_datasketch(
    sketches: Sequence[MinHash], *, seed: int, scheme: Scheme = "affine32"
) -> UInt32Array:
    """Signatures of datasketch's objects: uint32 (num_sketches, num_hashes).

    Two are only comparable where they were made of the same hashes: datasketch's `hashfunc` must
    give the upper 32 bits of our shingles' (`hash_values`). Raises ValueError where the objects
    differ in their number of hashes, or have another seed or scheme than asked for.
    """
    sizes = {len(sketch.hashvalues) for sketch in sketches}
    if len(sizes) > 1:
        raise ValueError(f"sketches of {sorted(sizes)} hashes, expected one number")
    for sketch in sketches:
        if sketch.seed != seed or sketch.scheme != scheme:
            raise ValueError(
                f"a sketch of seed {sketch.seed} and scheme {sketch.scheme}, expected {seed} and "
                f"{scheme}: their values cannot be compared"
            )
    rows = [np.asarray(sketch.hashvalues, np.uint32) for sketch in sketches]
    return np.stack(rows) if rows else np.empty((0, 0), np.uint32)


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
def _sign_affine32(
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


@njit(cache=True, nogil=True, inline="always")
def _remainder(value: np.uint64) -> np.uint64:
    """Lower 32 bits of value mod 2^61 - 1, without a branch.

    2^61 is 1 there, so the upper three bits are added. Where the prime then need not be taken away,
    taking it wraps to a number above any other.
    """
    folded = (value & _PRIME) + (value >> np.uint64(61))
    return min(folded, folded - _PRIME) & _LOWER


@njit(cache=True, nogil=True)
def _sign_legacy(
    hashes: UInt64Array,
    offsets: Int64Array,
    multipliers: UInt64Array,
    increments: UInt64Array,
    out: UInt32Array,
) -> None:
    """As above; a * h + b wraps at 2^64 as it does in datasketch's arrays."""
    for i in range(len(offsets) - 1):
        smallest = out[i]
        last = offsets[i + 1] - 1
        for j in range(offsets[i], last + 1, 4):
            h0 = hashes[j] >> np.uint64(32)
            h1 = hashes[min(j + 1, last)] >> np.uint64(32)
            h2 = hashes[min(j + 2, last)] >> np.uint64(32)
            h3 = hashes[min(j + 3, last)] >> np.uint64(32)
            for k in range(len(multipliers)):
                a, b = multipliers[k], increments[k]
                first = min(_remainder(a * h0 + b), _remainder(a * h1 + b))
                second = min(_remainder(a * h2 + b), _remainder(a * h3 + b))
                smallest[k] = min(smallest[k], np.uint32(min(first, second)))
