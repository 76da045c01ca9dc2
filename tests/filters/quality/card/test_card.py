"""The card's numbers: what is measured, with intervals, and always the same."""

import json

import numpy as np
import pytest

from filters.quality.card import measure
from filters.quality.settings import QualitySettings

SETTINGS = QualitySettings()


def sample(number=2000, *, gap=1.0, num_sites=200, share=0.5):
    """Scores that are true probabilities under equal priors, for classes `gap` apart."""
    random = np.random.default_rng(0)
    is_positive = random.random(number) < share
    evidence = random.normal(0, 1, number) + gap * is_positive
    scores = 1 / (1 + np.exp(-(gap * evidence - gap * gap / 2)))
    return scores, is_positive, [f"site{i % num_sites}.com" for i in range(number)]


def test_every_figure_lies_in_its_interval():
    found = measure(*sample(), SETTINGS, seed=0)
    for name, (low, high) in found["intervals"].items():
        assert low < found[name] < high
        assert high - low < 0.1
    assert found["num_positives"] + found["num_negatives"] == 2000
    assert found["num_units"] == 200


def test_few_domains_have_wider_intervals_than_many():
    def width(num_sites):
        scores, is_positive, _ = sample()
        sites = [f"{i * num_sites // 2000}" for i in np.argsort(np.argsort(scores))]
        low, high = measure(scores, is_positive, sites, SETTINGS, seed=0)["intervals"]["auc"]
        return high - low

    assert width(10) > 2 * width(1000)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_true_probabilities_are_calibrated_whatever_the_classes_sizes(share):
    found = measure(*sample(8000, share=share), SETTINGS, seed=0)
    assert found["calibration_error"] < 0.03
    inside = [row["interval"][0] <= row["mean_score"] <= row["interval"][1]
              for row in found["calibration"]]  # fmt: skip
    assert sum(inside) >= len(inside) - 3  # ten intervals of 95 %: four miss once in a thousand


def test_boastful_scores_are_not_calibrated():
    scores, is_positive, sites = sample()
    boastful = (scores > 0.5) * 0.98 + 0.01
    found = measure(boastful, is_positive, sites, SETTINGS, seed=0)
    assert found["calibration_error"] > 0.2


def test_histograms_and_curve_count_every_document():
    scores, is_positive, sites = sample()
    found = measure(scores, is_positive, sites, SETTINGS, seed=0)
    assert sum(found["histogram_positives"]) == found["num_positives"] == is_positive.sum()
    assert sum(found["histogram_negatives"]) == found["num_negatives"]
    assert sum(row["num"] for row in found["calibration"]) == 2000


def test_the_card_is_plain_values_and_does_not_depend_on_the_order():
    scores, is_positive, sites = sample(500)
    there = measure(scores, is_positive, sites, SETTINGS, seed=0)
    assert json.loads(json.dumps(there, allow_nan=False)) == there
    back = measure(scores[::-1], is_positive[::-1], sites[::-1], SETTINGS, seed=0)
    assert back["intervals"]["auc"] == pytest.approx(there["intervals"]["auc"])
    assert back["alpha"]["alpha"] == there["alpha"]["alpha"]


def test_a_fitted_rule_says_what_it_would_keep():
    found = measure(*sample(), QualitySettings(alpha="fit"), seed=0)
    assert 0 < found["pareto_keeps_negatives"] < found["pareto_keeps_positives"] < 1
    fixed = measure(*sample(), SETTINGS, seed=0)
    assert fixed["pareto_keeps_positives"] != found["pareto_keeps_positives"]


def test_one_domain_gives_figures_but_no_narrow_interval():
    scores, is_positive, _ = sample(100)
    found = measure(scores, is_positive, ["one.com"] * 100, SETTINGS, seed=0)
    low, high = found["intervals"]["auc"]
    assert low == high == pytest.approx(found["auc"])
