"""Clean against dirty scores, by scipy's own tests and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from filters.contamination.scores import compare, mean


def test_groups_are_those_of_the_items():
    found = compare([1.0, 0.0, 1.0, 1.0], [False, False, True, True])
    assert (found.clean.number, found.clean.value) == (2, 0.5)
    assert (found.dirty.number, found.dirty.value) == (2, 1.0)
    assert (found.all.number, found.all.value) == (4, 0.75)
    assert found.relative == pytest.approx(0.5 / 0.75 - 1)
    assert found.difference.value == -0.5


def test_a_share_has_wilson_s_interval():
    found = mean(np.array([1.0] * 8 + [0.0] * 2))
    # Wilson 1927, by hand: centre (p + z^2 / 2n) / (1 + z^2 / n), z = 1.96
    z = stats.norm.ppf(0.975)
    centre = (0.8 + z**2 / 20) / (1 + z**2 / 10)
    half = z / (1 + z**2 / 10) * math.sqrt(0.8 * 0.2 / 10 + z**2 / 400)
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half))
    assert mean(np.ones(5)).high == 1.0
    assert mean(np.ones(5)).low < 0.7


def test_other_scores_have_student_s_and_welch_s_intervals():
    rng = np.random.Generator(np.random.PCG64(1))
    clean, dirty = rng.normal(2.0, 1.0, 30), rng.normal(2.5, 2.0, 12)
    found = compare([*clean, *dirty], [False] * 30 + [True] * 12)
    expected = stats.ttest_1samp(clean, 0.0).confidence_interval(0.95)
    assert (found.clean.low, found.clean.high) == pytest.approx((expected.low, expected.high))
    expected = stats.ttest_ind(clean, dirty, equal_var=False).confidence_interval(0.95)
    assert found.difference.value == pytest.approx(clean.mean() - dirty.mean())
    assert (found.difference.low, found.difference.high) == pytest.approx(
        (expected.low, expected.high)
    )


def test_what_cannot_be_said_is_no_number():
    found = compare([0.5], [False])
    assert found.clean.value == 0.5
    assert math.isnan(found.clean.low)
    assert found.dirty.number == 0
    assert math.isnan(found.dirty.value)
    assert math.isnan(found.difference.value)
    assert math.isnan(compare([0.0, 0.0], [True, False]).relative)
