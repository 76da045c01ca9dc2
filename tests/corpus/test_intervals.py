"""Intervals against the textbooks, another library, and what they claim to cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from corpus.intervals import student_half, wilson, wilson_interval


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (0, 0, 0.0, 1.0),
        # (8 + 1.92073) / 13.84146 -+ 1.95996 / 13.84146 * sqrt(8 * 0.2 + 0.96036)
        (8, 10, 0.4902, 0.9433),
    ],
)  # fmt: skip
def test_wilsons_interval_is_the_textbooks(hits, trials, low, high):
    found = wilson_interval(hits, trials)
    assert found == pytest.approx((low, high), abs=5e-5)
    assert (found[0] == 0, found[1] == 1) == (hits == 0, hits == trials)


def test_wilsons_interval_covers_what_it_says():
    random = np.random.default_rng(0)
    for chance in (0.002, 0.05, 0.5):
        hits = random.binomial(2000, chance, 4000)
        low, high = wilson(hits, np.full(4000, 2000))
        assert 0.925 < ((low <= chance) & (chance <= high)).mean() < 0.975


@pytest.mark.parametrize(("hits", "trials"), [(8, 10), (0, 7), (7, 7), (123, 4567)])
def test_of_one_share_it_is_scipys(hits, trials):
    expected = stats.binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    assert wilson_interval(hits, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("freedom", [1, 4, 7.3, 1e6])
def test_students_is_scipys(freedom):
    expected = stats.t.interval(0.95, freedom, loc=0.0, scale=0.3)
    assert student_half(0.09, freedom) == pytest.approx(expected[1], rel=1e-12)
