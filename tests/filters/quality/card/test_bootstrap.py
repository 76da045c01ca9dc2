"""Intervals: domains are resampled, by keyed hash; Wilson's is the textbook's."""

import numpy as np
import pytest

from filters.quality.card.bootstrap import interval, replicates


def test_the_documents_of_a_domain_are_drawn_together():
    samples = replicates(["a", "b", "a", "c", "a"], seed=0)
    assert samples.shape == (1000, 5)
    assert (samples[:, 0] == samples[:, 2]).all()
    assert (samples[:, 0] == samples[:, 4]).all()
    assert (samples[:, 0] != samples[:, 1]).any()


def test_a_domain_counts_by_poissons_law():
    samples = replicates([str(i) for i in range(200)], seed=1)
    assert samples.mean() == pytest.approx(1, abs=0.02)
    assert samples.var() == pytest.approx(1, abs=0.03)
    assert (samples == 0).mean() == pytest.approx(np.exp(-1), abs=0.01)


def test_the_draw_does_not_depend_on_the_order_but_on_the_seed():
    there, back = replicates(["x", "y", "z"], seed=5), replicates(["z", "y", "x"], seed=5)
    assert (there == back[:, ::-1]).all()
    assert (there != replicates(["x", "y", "z"], seed=6)).any()


def test_the_mean_of_a_normal_sample_lies_in_its_interval():
    values = np.random.default_rng(0).normal(5, 2, 400)
    samples = replicates([str(i) for i in range(400)], seed=0)
    low, high = interval((samples @ values) / samples.sum(axis=1))
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert low < values.mean() < high


def test_figures_that_could_not_be_reckoned_are_passed_over():
    assert interval(np.array([np.nan, 1.0] * 50)) == [1.0, 1.0]
    assert interval(np.array([np.nan] * 100 + [1.0] * 39)) is None
