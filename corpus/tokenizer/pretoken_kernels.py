"""Compiled loops of counting pre-tokens (pretokens.py): where each ends, and how often it came.

The pattern is walked as the automaton that it is: the kind of a pre-token's first code point, or of
the one after its space, says how far it goes, and only white space looks one code point ahead. The
distinct pre-tokens lie one after the other in `Table.known`, and are found by open addressing.

Nothing is allocated here. `count` returns where it lacks room, or knows no kind, and the caller
sees to it and calls again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from corpus.simd import BLOCK, KERNEL, byte_at, eight_bytes, lowest_bit
from corpus.utf8 import Int64Array, UInt8Array, UInt32Array, UInt64Array, mix, value_at

# Kinds of code points; 0 is not known yet. A byte above ASCII begins a code point of some kind.
UNKNOWN, LETTER, NUMBER, SPACE, OTHER, LONGER = range(6)
DONE, NO_ROOM, NO_KIND = range(3)
# Places in a row: the hash, how often it came, where its bytes begin, and how many they are.
HASH, COUNT, START, LENGTH = range(4)
WIDTH = 4
NUM, NUM_BYTES = range(2)  # places in Table.used

_WIDTH, _ONE = np.uint64(WIDTH), np.uint64(1)
_HASH, _COUNT, _START, _LENGTH = np.arange(WIDTH, dtype=np.uint64)
_HALF, _LOW_HALF = np.uint64(32), np.uint64(0xFFFFFFFF)
_SEED = np.uint64(0x9E3779B97F4A7C15)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_HIGH_BITS, _LOW_BITS = np.uint64(0x8080808080808080), np.uint64(0x7F7F7F7F7F7F7F7F)
_SMALL = np.uint64(0x2020202020202020)
# What takes a byte of seven bits to the eighth from "a" on, and from "{" on.
_FROM_A = np.uint64((0x80 - ord("a")) * 0x0101010101010101)
_AFTER_Z = np.uint64((0x80 - ord("z") - 1) * 0x0101010101010101)
_SPACE_BYTE, _QUOTE = ord(" "), ord("'")
_D, _E, _L, _M, _R, _S, _T, _V = (ord(letter) for letter in "delmrstv")


class Kinds(NamedTuple):
    """What code points are."""

    of_bytes: UInt8Array
    """The kind of each byte: LONGER where it is above ASCII."""
    pages: Int64Array
    values: UInt32Array
    """The kind of each code point, by `value_at`; UNKNOWN where nobody has asked."""


class Rules(NamedTuple):
    """The fields of a Splitting."""

    split_digits: bool
    words_per_token: int


class Table(NamedTuple):
    """The distinct pre-tokens; the arrays grow."""

    used: Int64Array
    """How many there are, and bytes of them."""
    slots: UInt64Array
    """At its hash, a pre-token's number + 1 below the high half of the hash; a power of two, at
    most half full."""
    rows: Int64Array
    """Of each pre-token, WIDTH places in a line of the cache: see HASH and the next."""
    known: UInt8Array
    """The bytes of all."""


@njit(**KERNEL)
def count(
    data: UInt8Array, starts: Int64Array, ends: Int64Array, kinds: Kinds, rules: Rules,
    table: Table, place: Int64Array,
) -> int:  # fmt: skip
    """Count the pre-tokens of texts from a place on, and return DONE or what is missing.

    place: number of the text and the byte to begin at, and then the byte whose kind is missing;
    written. Every block that begins in a text lies within the data: see `padded` of utf8.py.
    """
    text, at = place[0], place[1]
    while text < len(starts):
        end = ends[text]
        while at < end:
            to = _end_of(data, at, end, kinds, rules)
            if to < 0:
                place[0], place[1], place[2] = text, at, ~to
                return NO_KIND
            if not _add(table, data, at, to - at):
                place[0], place[1] = text, at
                return NO_ROOM
            at = to
        text += 1
        if text < len(starts):
            at = starts[text]
    return DONE


@njit(**KERNEL, inline="always")
def _kind_at(
    data: UInt8Array, at: np.int64, end: np.int64, kinds: Kinds
) -> tuple[np.int64, np.int64]:
    """Kind of the code point at this byte, and how many bytes it has."""
    kind = np.int64(kinds.of_bytes[byte_at(data, at)])
    if kind != LONGER:
        return kind, np.int64(1)
    value, size = value_at(data, np.uint64(at), np.uint64(end), kinds.pages, kinds.values)
    return np.int64(value), np.int64(size)


@njit(**KERNEL)
def _end_of(data: UInt8Array, at: np.int64, end: np.int64, kinds: Kinds, rules: Rules) -> np.int64:
    """Where the pre-token that begins here ends; ~byte where the kind of that byte is missing."""
    first = byte_at(data, at)
    if first == _QUOTE:
        size = _contraction(data, at + 1, end)
        if size:
            return at + 1 + size
    kind, size = _kind_at(data, at, end, kinds)
    if first == _SPACE_BYTE and at + 1 < end:
        next_kind, next_size = _kind_at(data, at + 1, end, kinds)
        if next_kind != SPACE and not (next_kind == NUMBER and rules.split_digits):
            kind, size = next_kind, next_size
            at += 1
    if kind == UNKNOWN:
        return ~at
    if kind == SPACE:
        return _end_of_space(data, at, end, kinds, rules)
    if kind == NUMBER and rules.split_digits:
        return at + size
    at = _end_of_run(data, at + size, end, kind, kinds)
    more_words = rules.words_per_token - 1 if kind == LETTER else 0
    return _end_of_words(data, at, end, kinds, more_words) if more_words else at


@njit(**KERNEL)
def _end_of_words(
    data: UInt8Array, at: np.int64, end: np.int64, kinds: Kinds, most: int
) -> np.int64:
    """Where no more than so many words end, a space before each; `at` where that is negative."""
    for _ in range(most):
        if at < 0 or at + 1 >= end or byte_at(data, at) != _SPACE_BYTE:
            break
        kind, size = _kind_at(data, at + 1, end, kinds)
        if kind == UNKNOWN:
            return ~(at + 1)
        if kind != LETTER:
            break
        at = _end_of_run(data, at + 1 + size, end, kind, kinds)
    return at


@njit(**KERNEL, inline="always")
def _contraction(data: UInt8Array, at: np.int64, end: np.int64) -> np.int64:
    """Bytes of s, t, re, ve, m, ll or d here, after an apostrophe; 0 where there is none."""
    if at >= end:
        return np.int64(0)
    first = byte_at(data, at)
    if first in (_S, _T, _M, _D):
        return np.int64(1)
    if at + 1 >= end:
        return np.int64(0)
    second = byte_at(data, at + 1)
    is_one = (second == _E and first in (_R, _V)) or (first == _L and second == _L)
    return np.int64(2) if is_one else np.int64(0)


@njit(**KERNEL, inline="always")
def _end_of_run(
    data: UInt8Array, at: np.int64, end: np.int64, kind: np.int64, kinds: Kinds
) -> np.int64:
    """Where code points of a kind end; ~byte where the kind of that byte is missing."""
    if kind == LETTER:
        at = _end_of_ascii_letters(data, at, end)
    while at < end:
        next_kind, size = _kind_at(data, at, end, kinds)
        if next_kind == UNKNOWN:
            return ~at
        if next_kind != kind:
            break
        at += size
    return at


@njit(**KERNEL, inline="always")
def _end_of_ascii_letters(data: UInt8Array, at: np.int64, end: np.int64) -> np.int64:
    """Where ASCII letters end, by eight bytes at once: their high bits say which are none."""
    while at < end:
        group = np.uint64(eight_bytes(data, at))
        small = (group | _SMALL) & _LOW_BITS
        none = (group | ~(small + _FROM_A) | (small + _AFTER_Z)) & _HIGH_BITS
        if none:
            return min(at + (lowest_bit(none) >> 3), end)
        at += 8
    return end


@njit(**KERNEL)
def _end_of_space(
    data: UInt8Array, at: np.int64, end: np.int64, kinds: Kinds, rules: Rules
) -> np.int64:
    """White space to the end of the text, or all but the last of it, or one that stands alone."""
    begin, last = at, at
    while at < end:
        kind, size = _kind_at(data, at, end, kinds)
        if kind == UNKNOWN:
            return ~at
        if kind != SPACE:
            is_whole = last == begin or (kind == NUMBER and rules.split_digits)
            return at if is_whole else last
        last = at
        at += size
    return at


@njit(**KERNEL)
def _add(table: Table, data: UInt8Array, at: np.int64, length: np.int64) -> bool:
    """Count a pre-token; False where it is new and there is no room."""
    h = _hash(data, at, length)
    mask = np.uint64(len(table.slots) - 1)
    slot = h & mask
    while table.slots[slot]:
        if not (table.slots[slot] ^ h) >> _HALF:
            row = ((table.slots[slot] & _LOW_HALF) - _ONE) * _WIDTH
            if _is_in(table, row, h, data, at, length):
                table.rows[row + _COUNT] += 1
                return True
        slot = (slot + _ONE) & mask
    new, start = table.used[NUM], table.used[NUM_BYTES]
    if WIDTH * (new + 1) > len(table.rows) or start + length + BLOCK > len(table.known):
        return False
    for i in range(length):
        table.known[start + i] = data[at + i]
    row = np.uint64(new) * _WIDTH
    table.rows[row + _HASH], table.rows[row + _COUNT] = np.int64(h), 1
    table.rows[row + _START], table.rows[row + _LENGTH] = start, length
    table.slots[slot] = (h & ~_LOW_HALF) | np.uint64(new + 1)
    table.used[NUM], table.used[NUM_BYTES] = new + 1, start + length
    return True


@njit(**KERNEL, inline="always")
def _group(data: UInt8Array, at: np.int64, length: np.int64) -> np.uint64:
    """The first 1 to 8 of `length` bytes, then zeros."""
    missing = np.uint64(8 - length) if length < 8 else np.uint64(0)
    return np.uint64(eight_bytes(data, at)) & (_ALL >> (missing << np.uint64(3)))


@njit(**KERNEL, inline="always")
def _hash(data: UInt8Array, at: np.int64, length: np.int64) -> np.uint64:
    """Hash of a pre-token; of two with equal lengths up to 8, equal only where they are."""
    h = mix(_SEED ^ _group(data, at, length))
    for done in range(8, length, 8):
        h = mix(h ^ _group(data, at + done, length - done))
    return h


@njit(**KERNEL, inline="always")
def _is_in(
    table: Table, row: np.uint64, h: np.uint64, data: UInt8Array, at: np.int64, length: np.int64
) -> bool:
    """Whether the row is that of this pre-token."""
    if np.uint64(table.rows[row + _HASH]) != h or table.rows[row + _LENGTH] != length:
        return False
    if length > 8:
        start = table.rows[row + _START]
        for done in range(0, length, 8):
            left = length - done
            if _group(data, at + done, left) != _group(table.known, start + done, left):
                return False
    return True


@njit(**KERNEL)
def index(table: Table) -> None:
    """Fill empty slots with the pre-tokens there are."""
    mask = np.uint64(len(table.slots) - 1)
    for number in range(np.uint64(table.used[NUM])):
        h = np.uint64(table.rows[np.uint64(number) * _WIDTH + _HASH])
        slot = h & mask
        while table.slots[slot]:
            slot = (slot + _ONE) & mask
        table.slots[slot] = (h & ~_LOW_HALF) | np.uint64(number + _ONE)
