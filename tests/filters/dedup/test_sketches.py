"""What a sketch rules out, and what it must not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.dedup import DEFAULT
from filters.dedup.minhash import signatures
from filters.dedup.shingles import Shingles
from filters.dedup.sketches import (
    BITS,
    MISSED,
    NUM_BYTES,
    NUM_HASHES,
    WORDS,
    agreements,
    least_agreements,
    sketches,
)

HASHES = st.lists(st.integers(0, 2**32 - 1), min_size=NUM_HASHES, max_size=NUM_HASHES)


@given(HASHES, st.lists(st.integers(0, NUM_HASHES - 1), max_size=40), st.integers(0, 2**32 - 1))
def test_agreements_are_those_of_plain_python(
    hashes: list[int], changed: list[int], other: int
) -> None:
    two = [*hashes]
    for place in changed:
        two[place] = other
    rows = sketches(np.array([hashes, two], np.uint32))
    assert rows.shape == (2, WORDS)
    assert rows.nbytes == 2 * NUM_BYTES
    expected = sum(slow_bits(a) == slow_bits(b) for a, b in zip(hashes, two, strict=True))
    assert agreements(rows[:1], rows[1:]).tolist() == [expected]
    assert agreements(rows, rows).tolist() == [NUM_HASHES] * 2


def slow_bits(value: int) -> int:
    return (value * 0x9E3779B1) % 2**32 // 2**28


def test_shingles_that_are_no_draw_agree_by_chance_alone() -> None:
    """Texts of one shingle each, the two alike in all of their low bits or in none."""
    least, most = NUM_HASHES, 0
    for low in range(64):
        sets = Shingles(np.array([7 << 32, (1 << 45) + (low << 32)], np.uint64), np.arange(3))
        rows = sketches(signatures(sets, num_hashes=NUM_HASHES, seed=1))
        found = int(agreements(rows[:1], rows[1:])[0])
        least, most = min(least, found), max(most, found)
    assert least > 0
    assert most < 20  # 6 of 96 by chance


def test_hashes_beyond_the_sketch_do_not_matter() -> None:
    hashes = np.random.default_rng(1).integers(0, 2**32, (3, 130), np.uint32)
    assert (sketches(hashes) == sketches(np.ascontiguousarray(hashes[:, :NUM_HASHES]))).all()


@pytest.mark.parametrize("similarity", [0.2, 0.43, 0.6, 0.8, 0.95])
def test_documents_agree_as_often_as_their_similarity_says(similarity: float) -> None:
    """2,000 planted pairs of 200 shingles, by real signatures."""
    num_pairs, size = 2000, 200
    shared = round(2 * size * similarity / (1 + similarity))
    draws = np.random.default_rng(7).integers(0, 2**64, (num_pairs, 2 * size - shared), np.uint64)
    both = np.concatenate([draws[:, :size], draws[:, -size:]], axis=1)
    sets = Shingles(both.reshape(-1), np.arange(2 * num_pairs + 1) * size)
    rows = sketches(signatures(sets, num_hashes=NUM_HASHES, seed=1))
    found = agreements(rows[::2], rows[1::2])
    exact = shared / (2 * size - shared)
    chance = exact + (1 - exact) / 2**BITS
    spread = np.sqrt(chance * (1 - chance) / (NUM_HASHES * num_pairs))
    assert abs(found.mean() / NUM_HASHES - chance) < 5 * spread + 1e-9
    is_left = found >= least_agreements(DEFAULT)
    if similarity >= 0.8:
        assert is_left.all()
    elif similarity <= 0.43:
        assert is_left.mean() < 0.01


def binomial(k: int, p: float) -> float:
    """P(X < k)."""
    from scipy.stats import binom

    return float(binom.cdf(k - 1, NUM_HASHES, p))


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.75, 0.8, 0.95, 1.0])
def test_no_more_of_the_pairs_at_the_threshold_are_ruled_out_than_said(threshold: float) -> None:
    least = least_agreements(DEFAULT._replace(threshold=threshold))
    p = threshold + (1 - threshold) / 2**BITS
    assert binomial(least, p) <= MISSED
    assert least == NUM_HASHES or binomial(least + 1, p) > MISSED


def test_containment_rules_nothing_out() -> None:
    assert least_agreements(DEFAULT._replace(measure="containment")) == 0
