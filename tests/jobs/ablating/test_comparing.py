"""Differences seed by seed, with Student's interval."""

from __future__ import annotations

import math

import pytest
import scipy.stats

from jobs.ablating.comparing import (
    BETTER,
    EQUAL,
    NOT_TOLD_APART,
    ONE_SEED,
    WORSE,
    paired,
)


def test_the_interval_is_the_one_computed_by_hand():
    # Differences 0.1, 0.2, 0.3: mean 0.2, deviation 0.1; t(0.975, 2 degrees) is 4.302653.
    found = paired([1.0, 1.1, 1.2], [1.1, 1.3, 1.5])
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert found.number == 3
    assert found.difference == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.2 - half, 0.2 + half), abs=1e-6)
    assert found.verdict == NOT_TOLD_APART


def test_the_interval_is_scipys_of_a_paired_test():
    first, other = [2.31, 2.35, 2.28, 2.40], [2.36, 2.37, 2.35, 2.44]
    found = paired(first, other)
    theirs = scipy.stats.ttest_rel(other, first).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert found.verdict == WORSE


def test_what_all_seeds_share_does_not_widen_it():
    seeds = [1.0, 5.0, 9.0]
    found = paired(seeds, [s - 0.5 for s in seeds])
    assert (found.low, found.high) == (-0.5, -0.5)
    assert found.verdict == BETTER


def test_equal_figures_are_equal():
    assert paired([1.5, 1.6], [1.5, 1.6]).verdict == EQUAL


def test_one_seed_has_no_interval():
    found = paired([1.0], [1.2])
    assert (found.low, found.high, found.verdict) == (None, None, ONE_SEED)


@pytest.mark.parametrize(("first", "other"), [([], []), ([1.0], [1.0, 2.0])])
def test_figures_that_are_no_pairs_are_refused(first, other):
    with pytest.raises(ValueError, match="expected as many"):
        paired(first, other)
