"""Which lines hold which of a few phrases: in any ASCII case, as parts of words or alone.

Method: of each phrase the two neighbouring bytes that are rarest in English are looked for in 64
places at once (corpus/simd.py); where both are, the phrase is compared. Phrases that share the two
bytes share the search. Cost: 3 GB/s for one phrase and about 800 MB/s for eight on one core.
Limit: 32 phrases of one line each, since a line's answer is the bits of one number; for long lists
of whole words, word_lists.py looks among the words instead.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit

from corpus.simd import KERNEL, equal_mask, lowest_bit
from corpus.utf8 import Int64Array, UInt8Array, UInt32Array
from filters.heuristics.lines import Lines
from filters.verdict import BoolArray

MAX_PHRASES = 32

# The letters of English, most frequent first (and the blank before them all); what is not among
# them is rarer. Only speed hangs on it.
_BY_FREQUENCY = " etaoinshrdlcumwfgypbvkjxqz"
_CASE = 0x20  # the bit that lower-case letters have; other bytes are compared as they are


class _Search(NamedTuple):
    """Phrases for the kernel; rows of `text` are lower-case UTF-8, filled up with zeros."""

    pairs: UInt8Array
    """uint8 (num_pairs, 2): the pairs of bytes to look for, with _CASE set."""
    pair_of: Int64Array
    """int64 (num_phrases,): each phrase's pair."""
    at: Int64Array
    """Where it stands in the phrase."""
    sizes: Int64Array
    """The phrase's bytes."""
    text: UInt8Array
    """uint8 (num_phrases, longest)."""


def phrases_in(lines: Lines, phrases: tuple[str, ...]) -> UInt32Array:
    """Bits of the phrases that each line holds, uint32 (num_lines,): bit k for phrases[k].

    Raises ValueError where there are more than MAX_PHRASES, or one is shorter than two bytes or
    has a line feed.
    """
    found = np.zeros(len(lines.starts), np.uint32)
    if phrases and len(found):
        _mark(lines.data, lines.starts, lines.ends, *_search(phrases), found)
    return found


def any_of(found: UInt32Array, phrases: tuple[str, ...], chosen: tuple[str, ...]) -> BoolArray:
    """Whether each line holds one of the chosen phrases, bool (num_lines,)."""
    return found & np.uint32(sum(1 << phrases.index(phrase) for phrase in chosen)) != 0


@cache
def _search(phrases: tuple[str, ...]) -> _Search:
    texts = [phrase.lower().encode() for phrase in phrases]
    if len(texts) > MAX_PHRASES:
        raise ValueError(f"{len(texts)} phrases: expected {MAX_PHRASES} at most")
    for text in texts:
        if len(text) < 2 or b"\n" in text:
            raise ValueError(f"phrase {text.decode()!r}: expected two bytes or more of one line")
    places = [_rarest_pair(text) for text in texts]
    pairs = [
        bytes(byte | _CASE for byte in text[at : at + 2])
        for text, at in zip(texts, places, strict=True)
    ]
    distinct = sorted(set(pairs))
    table = np.zeros((len(texts), max(map(len, texts))), np.uint8)
    for row, text in zip(table, texts, strict=True):
        row[: len(text)] = np.frombuffer(text, np.uint8)
    return _Search(
        np.array([list(pair) for pair in distinct], np.uint8),
        np.array([distinct.index(pair) for pair in pairs]),
        np.array(places),
        np.array([len(text) for text in texts]),
        table,
    )


def _rarest_pair(text: bytes) -> int:
    """Where the two neighbouring bytes stand that are the least frequent together."""
    rank = [_BY_FREQUENCY.find(chr(byte)) % 256 for byte in text]  # -1, not found, is the rarest
    return max(range(len(text) - 1), key=lambda i: rank[i] + rank[i + 1])


@njit(**KERNEL)
def _mark(
    data: UInt8Array, starts: Int64Array, ends: Int64Array, pairs: UInt8Array, pair_of: Int64Array,
    at: Int64Array, sizes: Int64Array, text: UInt8Array, found: UInt32Array,
) -> None:  # fmt: skip
    """Set the bits of the phrases in each line."""
    line = 0
    for block in range(starts[0], ends[-1], 64):
        for pair in range(len(pairs)):
            both = _either_case(data, block, pairs[pair, 0])
            both &= _either_case(data, block + 1, pairs[pair, 1])
            while both:
                place = block + lowest_bit(both)
                both &= both - np.uint64(1)
                while line > 0 and starts[line] > place:  # an earlier pair has been further on
                    line -= 1
                while line + 1 < len(starts) and starts[line + 1] <= place:
                    line += 1
                for k in range(len(pair_of)):
                    begin = place - at[k]
                    fits = begin >= starts[line] and begin + sizes[k] <= ends[line]
                    if pair_of[k] == pair and fits and _is_there(data, begin, text, k, sizes[k]):
                        found[line] |= np.uint32(1) << np.uint32(k)


@njit(**KERNEL, inline="always")
def _either_case(data: UInt8Array, block: int, byte: np.uint8) -> np.uint64:
    """Where the byte stands, with its bit for the case or without."""
    return equal_mask(data, block, byte) | equal_mask(data, block, byte & np.uint8(~_CASE & 0xFF))


@njit(**KERNEL)
def _is_there(data: UInt8Array, begin: int, text: UInt8Array, k: int, size: int) -> bool:
    for i in range(size):
        byte = data[begin + i]
        if ord("A") <= byte <= ord("Z"):
            byte |= _CASE
        if byte != text[k, i]:
            return False
    return True
