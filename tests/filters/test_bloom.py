"""The Bloom filter: what it promises, and the defects that others shipped."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import Damaged, DataError
from filters.bloom import BloomFilter, _scale, bits_per_key, from_bytes, num_hashes

MASK = (1 << 64) - 1
KEYS = st.lists(st.integers(0, MASK), max_size=60)


def random_keys(num: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, MASK, num, np.uint64, endpoint=True)


def mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def slow_positions(key: int, num_bits: int, hashes: int) -> set[int]:
    """The readable twin: the bits of one key."""
    base = mix(key ^ 0xA24BAED4963EE407)
    steps = ((base + (i + 1) * 0x9E3779B97F4A7C15) & MASK for i in range(hashes))
    return {mix(step) * num_bits >> 64 for step in steps}


def bits_of(built: BloomFilter) -> set[int]:
    raw = np.unpackbits(built.bits.view(np.uint8), bitorder="little")
    return set(np.flatnonzero(raw).tolist())


def with_bits(num_bits: int, rate: float) -> BloomFilter:
    """A filter of an exact size."""
    built = BloomFilter(capacity=1, rate=rate)
    built.num_bits, built.bits = num_bits, np.zeros((num_bits + 63) // 64, np.uint64)
    built.capacity = int(num_bits / bits_per_key(rate))
    return built


def test_gpt2s_rate_takes_38_bits_a_key_and_27_hashes():
    assert num_hashes(1e-8) == 27
    assert bits_per_key(1e-8) == pytest.approx(38.34, abs=0.01)
    built = BloomFilter(capacity=1_000_000, rate=1e-8)
    assert built.num_bits == pytest.approx(38.34e6, rel=0.002)


@given(KEYS)
def test_every_key_that_was_added_is_found(keys):
    built = BloomFilter(capacity=60, rate=1e-3)
    built.add(np.array(keys, np.uint64))
    assert built.contains(np.array(keys, np.uint64)).all()


@given(KEYS)
def test_its_bits_are_those_of_the_readable_twin(keys):
    built = BloomFilter(capacity=60, rate=1e-4)
    built.add(np.array(keys, np.uint64))
    expected = set().union(
        *(slow_positions(key, built.num_bits, built.num_hashes) for key in keys)
    )
    assert bits_of(built) == expected
    assert built.num_set == len(expected)


@given(st.integers(0, MASK), st.integers(1, MASK))
def test_scaling_is_the_high_half_of_the_product(x, num_bits):
    assert int(_scale(np.uint64(x), np.uint64(num_bits))) == x * num_bits >> 64


@pytest.mark.parametrize("num_bits", [2**20, 2**20 + 1, 2**20 - 1, 10**6, 999_983])
def test_every_size_uses_every_bit(num_bits):
    # A mask in place of a remainder reaches 2 positions of 2^20, 4 of 2^20 + 1, 128 of 10^6.
    built = with_bits(num_bits, 0.01)
    built.add(random_keys(built.capacity))
    expected = num_bits * -math.expm1(-built.num_hashes * built.capacity / num_bits)
    assert built.num_set == pytest.approx(expected, rel=0.01)
    halves = np.bincount(np.array(sorted(bits_of(built))) * 16 // num_bits, minlength=16)
    assert halves == pytest.approx(np.full(16, expected / 16), rel=0.03)


@pytest.mark.parametrize("num_bits", [2**20, 10**6, 999_983])
def test_the_measured_rate_is_the_certified_one(num_bits):
    built = with_bits(num_bits, 0.01)
    built.add(random_keys(built.capacity))
    wrong = np.count_nonzero(built.contains(random_keys(1_000_000, seed=1)))
    assert wrong / 1e6 == pytest.approx(built.certified_rate, rel=0.05)
    assert built.certified_rate == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("capacity", [1, 2, 10, 100, 1000, 100_000])
def test_a_filter_filled_to_its_capacity_keeps_its_rate(capacity):
    for seed in range(5):
        built = BloomFilter(capacity=capacity, rate=1e-8)
        built.add(random_keys(capacity, seed))
        assert built.certified_rate <= 1e-8


@pytest.mark.parametrize("rate", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("capacity", [10_000, 65_536, 99_991])
def test_a_full_filter_has_the_rate_that_it_was_made_for(capacity, rate):
    built = BloomFilter(capacity=capacity, rate=rate)
    built.add(random_keys(capacity))
    assert 0.9 * rate <= built.certified_rate <= rate
    probes = round(4000 / rate) if rate > 1e-4 else 10_000_000
    wrong = np.count_nonzero(built.contains(random_keys(probes, seed=1)))
    assert wrong / probes == pytest.approx(rate, rel=0.15)  # 0.02 to 0.03 of it by chance alone


def test_no_generated_key_is_found_at_gpt2s_rate():
    built = BloomFilter(capacity=100_000, rate=1e-8)
    built.add(random_keys(100_000))
    assert not built.contains(random_keys(1_000_000, seed=1)).any()


def test_one_key_too_many_is_refused_with_the_numbers():
    built = BloomFilter(capacity=1000, rate=1e-8)
    with pytest.raises(DataError, match=r"about 2\d\d\d distinct keys, sized for 1000"):
        built.add(random_keys(2100))


def test_repeated_keys_take_no_room():
    built = BloomFilter(capacity=100, rate=1e-8)
    for _ in range(50):
        built.add(random_keys(100))
    assert built.estimated_keys == pytest.approx(100, rel=0.05)


def test_a_filter_for_no_key_holds_none():
    # Another filter computes endless hashes where it is not told how many keys come.
    built = BloomFilter(capacity=0, rate=1e-8)
    assert built.num_hashes == 27
    assert not built.contains(random_keys(1000)).any()


@pytest.mark.parametrize(
    ("capacity", "rate"), [(-1, 1e-8), (10, 0.0), (10, 0.6), (10, -1.0), (10, float("nan"))]
)
def test_a_filter_without_a_meaning_is_refused(capacity, rate):
    with pytest.raises(ValueError, match="expected"):
        BloomFilter(capacity=capacity, rate=rate)


def test_order_repeats_and_merging_do_not_change_the_bytes():
    keys = random_keys(1000)
    whole = BloomFilter(capacity=1000, rate=1e-8)
    whole.add(keys)
    merged = BloomFilter(capacity=1000, rate=1e-8)
    for part in (keys[::-1][:600], keys[:500], keys[300:700]):
        piece = BloomFilter(capacity=1000, rate=1e-8)
        piece.add(part)
        merged.merge(piece)
    assert merged.to_bytes() == whole.to_bytes()


def test_merging_over_capacity_is_refused():
    parts = [BloomFilter(capacity=1000, rate=1e-8) for _ in range(3)]
    for seed, part in enumerate(parts):
        part.add(random_keys(900, seed))
    with pytest.raises(DataError, match="over capacity"):
        parts[0].merge(parts[1])


def test_merging_another_form_is_refused():
    with pytest.raises(DataError, match="expected equal ones"):
        BloomFilter(capacity=10, rate=1e-8).merge(BloomFilter(capacity=11, rate=1e-8))


def test_a_saved_filter_answers_as_before():
    built = BloomFilter(capacity=500, rate=1e-6)
    built.add(random_keys(500))
    loaded = from_bytes(built.to_bytes(), where="x")
    probes = np.concatenate([random_keys(500), random_keys(500, seed=1)])
    assert np.array_equal(loaded.contains(probes), built.contains(probes))
    assert loaded.describe() == built.describe()


def test_a_filter_of_another_size_is_read_as_it_was_made():
    built = with_bits(100_003, 0.01)
    built.num_hashes = 5
    built.add(random_keys(1000))
    loaded = from_bytes(built.to_bytes(), where="x")
    assert loaded.describe() == built.describe()
    assert np.array_equal(loaded.contains(random_keys(3000)), built.contains(random_keys(3000)))


@pytest.mark.parametrize("at", [0, 40, -1])
def test_a_damaged_file_is_refused(at):
    built = BloomFilter(capacity=500, rate=1e-6)
    built.add(random_keys(500))
    data = bytearray(built.to_bytes())
    data[at] ^= 1
    with pytest.raises(Damaged, match="x: "):
        from_bytes(bytes(data), where="x")


def test_no_byte_of_the_header_can_change():
    built = BloomFilter(capacity=50, rate=1e-6)
    built.add(random_keys(50))
    data = built.to_bytes()
    for at in range(len(built.header())):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            with pytest.raises(Damaged, match="x: "):
                from_bytes(bytes(damaged), where="x")


@pytest.mark.parametrize("cut", [0, 10, 60, -8, -1])
def test_a_file_cut_short_is_refused(cut):
    built = BloomFilter(capacity=500, rate=1e-6)
    with pytest.raises(Damaged, match="x: "):
        from_bytes(built.to_bytes()[:cut], where="x")
