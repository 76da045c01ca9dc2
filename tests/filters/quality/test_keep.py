"""The keep rules: the laws, the draws, and what they are keyed by."""

import math

import numpy as np
import pyarrow as pa
import pytest

from corpus.identity import doc_id_of_place
from corpus.intervals import wilson
from filters.quality.keep import Rule, keep_probability, keeps, rule_of
from filters.quality.settings import QualitySettings


def ids(number, first=0):
    return pa.array([doc_id_of_place("s", "f", first + i) for i in range(number)], pa.binary(16))


def kept(scores, *, seed=0, first=0, **settings):
    rule = rule_of(QualitySettings(**settings))
    scores = np.asarray(scores, np.float32)
    return keeps(scores, ids(len(scores), first), rule=rule, seed=seed)


def test_the_pareto_rule_keeps_by_the_lomax_law():
    # Arithmetic of (2 - s)^-9, whose support begins at 0.
    scores = np.array([1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.1, 0])
    expected = [1.000, 0.6446, 0.4241, 0.1938, 0.0943, 0.0484, 0.0260, 0.0084, 0.0031, 0.00195]
    assert keep_probability(scores, alpha=9.0) == pytest.approx(expected, abs=5e-5)
    assert keep_probability(np.zeros(1), alpha=9.0)[0] == 1 / 512


def test_the_law_is_that_of_numpys_pareto():
    drawn = np.random.default_rng(0).pareto(9.0, 200_000)
    for score in (0.0, 0.5, 0.9):
        share = (drawn > 1 - score).mean()
        expected = keep_probability(np.array([score]), alpha=9.0)[0]
        assert abs(share - expected) < 4 * math.sqrt(expected / 200_000)


def test_the_classical_pareto_law_would_keep_everything():
    drawn = np.random.default_rng(0).pareto(9.0, 10_000) + 1
    assert (drawn > 1 - 0.0).all()
    assert keep_probability(np.zeros(1), alpha=9.0)[0] < 0.002


LAWS = [
    ({"keep": "pareto", "alpha": 9.0}, lambda s: (2 - s) ** -9.0),
    ({"keep": "pareto", "alpha": 3.0}, lambda s: (2 - s) ** -3.0),
    ({"keep": "proportional"}, lambda s: s),
]


@pytest.mark.parametrize(("settings", "law"), LAWS, ids=["gpt3", "pile_cc", "palm"])
def test_the_rate_of_every_score_bin_lies_in_its_interval(settings, law):
    # 200,000 documents over 20 bins; the intervals hold with 99.99 % each.
    scores = np.random.default_rng(1).random(200_000).astype(np.float32)
    drawn = kept(scores, **settings)
    bins = np.minimum((scores * 20).astype(int), 19)
    number, hits = np.bincount(bins), np.bincount(bins, drawn)
    expected = np.bincount(bins, law(scores.astype(float))) / number
    low, high = wilson(hits, number, z=3.89)
    assert number.min() > 9000
    assert ((low <= expected) & (expected <= high)).all()


def test_a_wrong_exponent_does_not_lie_in_the_intervals():
    scores = np.random.default_rng(1).random(200_000).astype(np.float32)
    hits = kept(scores, keep="pareto", alpha=9.0)[scores > 0.9]
    low, high = wilson(hits.sum(), len(hits), z=3.89)
    for alpha in (8.0, 10.0):
        wrong = keep_probability(scores[scores > 0.9], alpha=alpha).mean()
        assert not low <= wrong <= high


@pytest.mark.parametrize("keep", ["pareto", "proportional"])
def test_the_draw_belongs_to_the_document_and_the_seed(keep):
    scores = np.full(1000, 0.8)
    whole = kept(scores, keep=keep, seed=1)
    half = kept(scores[:500], keep=keep, seed=1, first=500)
    assert whole[500:].tolist() == half.tolist()
    assert whole.tolist() != kept(scores, keep=keep, seed=2).tolist()


@pytest.mark.parametrize("keep", ["pareto", "proportional"])
def test_a_higher_score_never_loses_a_document(keep):
    low, high = (kept(np.full(2000, score), keep=keep) for score in (0.6, 0.9))
    assert (low <= high).all()
    assert low.sum() < high.sum()


def test_proportional_bars_no_score_but_zero():
    assert kept(np.ones(500), keep="proportional").all()
    assert not kept(np.zeros(500), keep="proportional").any()
    assert 0 < kept(np.full(5000, 0.01), keep="proportional").sum() < 100


def test_the_threshold_keeps_what_reaches_it():
    assert kept([0.0, 0.49, 0.5, 1.0], keep="threshold").tolist() == [False, False, True, True]


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7, 0.018112])
def test_a_threshold_that_float32_cannot_hold_still_divides_at_itself(threshold):
    near = np.float32(threshold)
    scores = [np.nextafter(near, np.float32(0)), near, np.nextafter(near, np.float32(1))]
    expected = [float(score) >= threshold for score in scores]
    assert kept(scores, keep="threshold", threshold=threshold).tolist() == expected


def test_all_are_kept_by_all():
    assert kept([0.0, 1.0], keep="all").all()


def test_of_equal_scores_the_smallest_hashes_stay():
    rule = Rule(keep="top_fraction", threshold=0.5, last_tie=2**63)
    scores = np.array([0.4, 0.6] + [0.5] * 1000, np.float32)
    found = keeps(scores, ids(1002), rule=rule, seed=0)
    assert found[:2].tolist() == [False, True]
    assert 400 < found[2:].sum() < 600


def test_a_fitted_exponent_takes_the_place_of_the_setting():
    assert rule_of(QualitySettings(alpha="fit"), fitted_alpha=4.5).alpha == 4.5
    assert rule_of(QualitySettings(), fitted_alpha=4.5).alpha == 9.0


def test_a_rule_tells_its_law_and_its_numbers():
    rule = Rule(keep="pareto", alpha=1.0)
    assert rule.probability(np.array([0.0, 1.0])).tolist() == [0.5, 1.0]
    assert Rule(**rule.to_json()) == rule
    step = Rule(keep="threshold", threshold=0.5)
    assert step.probability(np.array([0.4, 0.5])).tolist() == [0, 1]
