"""Compiled loops of the N-gram search: screen, look up, and count characters.

The screen is a blocked Bloom filter (Putze et al. 2007): a hash picks one block of 512 bits, a
cache line, and four bits in it. With 16 bits a key it passes about 0.4 % of other hashes at one
cache miss each, where a filter of the same size with free bits passes 0.05 % at eleven.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

UInt8Array = npt.NDArray[np.uint8]
UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]

_BITS_PER_KEY = 16
_BLOCK_BITS = 512
_WORDS_PER_BLOCK = np.uint64(_BLOCK_BITS // 64)
_BITS_PER_HASH = 4

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def fill_screen(hashes: UInt64Array) -> UInt64Array:
    """Return the screen of uint64 (num_keys,): uint64 (num_blocks * 8,), a power of two."""
    num_blocks = 1
    while num_blocks * _BLOCK_BITS < _BITS_PER_KEY * len(hashes):
        num_blocks *= 2
    screen = np.zeros(num_blocks * int(_WORDS_PER_BLOCK), np.uint64)
    _fill(hashes, screen)
    return screen


@njit(cache=True, nogil=True)
def fold(words: UInt64Array, places: Int64Array, size: int) -> UInt64Array:
    """Hash the `size` words at each place: uint64 (num_places,)."""
    found = np.empty(len(places), np.uint64)
    for i in range(len(places)):
        found[i] = _fold_one(words, places[i], size)
    return found


@njit(cache=True, nogil=True)
def look_up(
    beginnings: UInt64Array,
    offsets: Int64Array,
    words: UInt64Array,
    word_offsets: Int64Array,
    screen: UInt64Array,
    sizes: Int64Array,
    size_offsets: Int64Array,
    keys: UInt64Array,
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Places whose next words have the hash of a key.

    beginnings, offsets: hash of the first words at each place, by document; words, word_offsets:
    the documents' word hashes; keys of sizes[t] are sorted in [size_offsets[t], size_offsets[t+1]).
    Returns the document, the place among all words, and the first key of that hash.
    """
    documents = np.empty(256, np.int64)
    places = np.empty(256, np.int64)
    entries = np.empty(256, np.int64)
    n = 0
    for document in range(len(offsets) - 1):
        end_of_words = word_offsets[document + 1]
        shift = word_offsets[document] - offsets[document]
        for i in range(offsets[document], offsets[document + 1]):
            if not _passes(beginnings[i], screen):
                continue
            place = i + shift
            for t in range(len(sizes)):
                if place + sizes[t] > end_of_words:
                    continue
                key = _fold_one(words, place, sizes[t])
                entry = _position(keys, key, size_offsets[t], size_offsets[t + 1])
                if entry < 0:
                    continue
                if n == len(places):
                    documents = np.concatenate((documents, np.empty(n, np.int64)))
                    places = np.concatenate((places, np.empty(n, np.int64)))
                    entries = np.concatenate((entries, np.empty(n, np.int64)))
                documents[n] = document
                places[n] = place
                entries[n] = entry
                n += 1
    return documents[:n], places[:n], entries[:n]


@njit(cache=True, nogil=True, inline="always")
def _fold_one(words: UInt64Array, place: int, size: int) -> np.uint64:
    h = _GOLDEN
    for k in range(place, place + size):
        h = (h ^ words[k]) * _GOLDEN
        h ^= h >> np.uint64(32)
    return h


@njit(cache=True, nogil=True, inline="always")
def _position(keys: UInt64Array, key: np.uint64, low: int, end: int) -> int:
    """Where a key stands first in the sorted keys[low:end], or -1."""
    high = end
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < end and keys[low] == key else -1


@njit(cache=True, nogil=True, inline="always")
def _block(h: np.uint64, screen: UInt64Array) -> np.uint64:
    """First word of the hash's block; its low 36 bits are left for the bits in the block."""
    return (h >> np.uint64(36)) * _WORDS_PER_BLOCK & np.uint64(len(screen) - 1)


@njit(cache=True, nogil=True, inline="always")
def _passes(h: np.uint64, screen: UInt64Array) -> bool:
    block = _block(h, screen)
    for _ in range(_BITS_PER_HASH):
        word = screen[block + (h >> np.uint64(6) & np.uint64(7))]
        if (word >> (h & np.uint64(63))) & np.uint64(1) == np.uint64(0):
            return False
        h >>= np.uint64(9)
    return True


@njit(cache=True, nogil=True)
def _fill(hashes: UInt64Array, screen: UInt64Array) -> None:
    for i in range(len(hashes)):
        h = hashes[i]
        block = _block(h, screen)
        for _ in range(_BITS_PER_HASH):
            bit = np.uint64(1) << (h & np.uint64(63))
            screen[block + (h >> np.uint64(6) & np.uint64(7))] |= bit
            h >>= np.uint64(9)
