"""fastText's hash of words and n-grams: FNV-1a of 32 bits, each byte taken as a signed number.

`Dictionary::hash` casts a byte to int8_t first, so that bytes from 128 set the upper 24 bits too;
models are made with it, and can only be read with it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from corpus.simd import KERNEL

BASIS, _PRIME = np.uint32(2166136261), np.uint32(16777619)


def fnv1a(token: bytes) -> int:
    """The hash of all bytes: the readable twin of `hash_on`, byte after byte from BASIS."""
    h = int(BASIS)
    for byte in token:
        h = ((h ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * int(_PRIME)) & 0xFFFFFFFF
    return h


@njit(**KERNEL, inline="always")
def hash_on(h: np.uint32, byte: np.uint8) -> np.uint32:
    """The hash with one byte more."""
    return np.uint32(np.uint32(h ^ np.uint32(np.int8(byte))) * _PRIME)
