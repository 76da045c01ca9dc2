"""Distinct keys from sketches: datasketch's registers and estimates, whatever the division."""

from __future__ import annotations

import numpy as np
import pytest
from datasketch import HyperLogLogPlusPlus
from hypothesis import given
from hypothesis import strategies as st

from filters.distinct import (
    DEVIATION,
    NUM_REGISTERS,
    PRECISION,
    add,
    at_most,
    empty,
    estimate,
    merged,
)

MASK = (1 << 64) - 1
LOW = NUM_REGISTERS - 1
EDGES = [0, 1, MASK, LOW, LOW + 1, 1 << 63, MASK >> 1, MASK ^ LOW]
KEYS = st.lists(st.integers(0, MASK) | st.sampled_from(EDGES), max_size=60)


def random_keys(num: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, MASK, num, np.uint64, endpoint=True)


def sketch_of(keys: np.ndarray) -> np.ndarray:
    registers = empty()
    add(keys, registers)
    return registers


@given(KEYS)
def test_registers_are_those_that_datasketch_fills(keys):
    own = HyperLogLogPlusPlus(p=PRECISION, hashfunc=int)
    for key in keys:
        own.update(key)
    assert np.array_equal(sketch_of(np.array(keys, np.uint64)), own.digest())


def test_many_registers_are_those_that_datasketch_fills():
    keys = random_keys(50_000)
    own = HyperLogLogPlusPlus(p=PRECISION, hashfunc=int)
    for key in keys.tolist():
        own.update(key)
    assert np.array_equal(sketch_of(keys), own.digest())
    assert estimate(sketch_of(keys)) == own.count()


@pytest.mark.parametrize("num", [0, 1, 2, 10, 1000, 52_000, 82_000, 330_000, 3_000_000])
def test_the_estimate_is_near_and_the_room_enough(num):
    # 52,000 is where counting empty registers ends, 330,000 where the table of bias does.
    for seed in range(5):
        registers = sketch_of(random_keys(num, seed))
        assert estimate(registers) == pytest.approx(num, rel=4 * DEVIATION)
        assert num <= at_most(registers) <= num * 1.045 + 1


@given(KEYS, st.integers(0, 60))
def test_neither_order_nor_repeats_nor_division_changes_a_sketch(keys, cut):
    whole = np.array(keys, np.uint64)
    first, second = sketch_of(whole[::-1][:cut]), sketch_of(np.concatenate([whole, whole]))
    assert np.array_equal(merged(first, second.tobytes()), sketch_of(whole))
    assert np.array_equal(merged(second, first.tobytes()), sketch_of(whole))


def test_a_sketch_of_another_length_is_refused():
    with pytest.raises(ValueError, match="different"):
        merged(empty(), bytes(NUM_REGISTERS // 2))
