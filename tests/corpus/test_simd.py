"""Masks of a block have a bit for each byte that is asked for, and only for those."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from corpus import simd
from corpus.simd import BLOCK

BYTES = bytes(range(256)) + bytes(BLOCK)


def mask_of(truths: list[bool]) -> int:
    return sum(1 << i for i, truth in enumerate(truths) if truth)


@njit
def _masks(data, at):
    return simd.string_masks(data, at) + simd.control_masks(data, at) + simd.outside_masks(data, at)


@njit
def _word_masks(data, at, byte):
    letters, others = simd.word_masks(data, at)
    return letters, others, simd.equal_mask(data, at, byte)


@njit
def _loads(data, at):
    return simd.eight_bytes(data, at), simd.byte_at(data, at)


@njit
def _asked(data, at, byte, last):
    return (
        simd.equal_mask(data, at, byte), simd.range_mask(data, at, byte, last),
        simd.equal_mask(data, at, 120), simd.range_mask(data, at, 97, 122),
    )  # fmt: skip


@njit
def _bits(mask):
    return simd.lowest_bit(mask), simd.parity(mask)


@njit
def _count(mask):
    return simd.highest_bit(mask), simd.num_bits(mask)


@pytest.mark.parametrize("at", [0, 1, 40, 64, 100, 192])
def test_each_mask_has_the_bytes_that_it_names(at):
    block = BYTES[at : at + BLOCK]
    expected = [
        [b == ord('"') for b in block], [b == ord("\\") for b in block],
        [b < 32 for b in block], [b > 127 for b in block],
        [b == ord("\n") for b in block], [b in b"\t\r" for b in block],
        [b in b"{}[]:," for b in block], [b == ord(" ") for b in block],
    ]  # fmt: skip
    assert list(_masks(np.frombuffer(BYTES, np.uint8), at)) == [mask_of(t) for t in expected]


@pytest.mark.parametrize("at", [0, 1, 40, 64, 100, 192])
@pytest.mark.parametrize(("byte", "last"), [(9, 13), (0, 255), (128, 191), (255, 255), (65, 65)])
def test_a_mask_for_any_byte_or_range(at, byte, last):
    block = BYTES[at : at + BLOCK]
    expected = [
        [b == byte for b in block], [byte <= b <= last for b in block],
        [b == ord("x") for b in block], [chr(b) in "abcdefghijklmnopqrstuvwxyz" for b in block],
    ]  # fmt: skip
    found = _asked(np.frombuffer(BYTES, np.uint8), at, byte, last)
    assert list(found) == [mask_of(t) for t in expected]


@pytest.mark.parametrize("at", [0, 1, 40, 64, 100, 192])
@pytest.mark.parametrize("byte", [0, 97, 255])
def test_masks_of_words_and_of_any_byte(at, byte):
    block = BYTES[at : at + BLOCK]
    letters = [b < 128 and chr(b).isalnum() for b in block]
    expected = [letters, [b > 127 for b in block], [b == byte for b in block]]
    found = _word_masks(np.frombuffer(BYTES, np.uint8), at, np.uint8(byte))
    assert list(found) == [mask_of(t) for t in expected]


def test_bytes_are_loaded_from_anywhere():
    data = np.frombuffer(BYTES, np.uint8)
    for at in (0, 3, 130):
        word, byte = _loads(data, at)
        assert (word.to_bytes(8, "little"), byte) == (BYTES[at : at + 8], at)


@pytest.mark.parametrize(
    ("mask", "lowest", "parity"),
    [(0, 64, 0), (0b1001000, 3, 0b0111000), (1 << 63, 63, 1 << 63), (0b101, 0, 0b011)],
)
def test_parity_fills_from_each_odd_bit_to_the_next(mask, lowest, parity):
    assert _bits(np.uint64(mask)) == (lowest, parity)


@pytest.mark.parametrize(
    ("mask", "highest", "bits"), [(0, -1, 0), (0b1001, 3, 2), (1 << 63, 63, 1)]
)
def test_the_highest_bit_and_how_many(mask, highest, bits):
    assert _count(np.uint64(mask)) == (highest, bits)
