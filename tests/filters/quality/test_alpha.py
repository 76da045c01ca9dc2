"""The fitted exponent: found where it is known, and honest at the ends."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from filters.quality.alpha import RANGE, fit_alpha
from filters.quality.keep import keep_probability


def drawn(alpha, number=40_000):
    """Negatives of even scores, and positives that are just what the rule keeps of others."""
    random = np.random.default_rng(3)
    others = random.random(number * 4)
    positives = others[random.random(number * 4) < keep_probability(others, alpha=alpha)]
    negatives = random.random(number)
    scores = np.concatenate([positives, negatives])
    return scores, np.arange(len(scores)) < len(positives)


@pytest.mark.parametrize("alpha", [1.0, 3.0, 9.0, 20.0])
def test_the_exponent_that_made_the_positives_is_found(alpha):
    fitted = fit_alpha(*drawn(alpha))
    assert fitted["alpha"] == pytest.approx(alpha, rel=0.06)
    assert fitted["at_bound"] is None
    assert fitted["distance"] < 0.01
    assert fitted["kolmogorov_smirnov"] < 0.03


def test_the_distance_is_scipys():
    scores, is_positive = drawn(4.0, 500)
    fitted = fit_alpha(scores, is_positive)
    weights = keep_probability(scores[~is_positive], alpha=fitted["alpha"])
    expected = wasserstein_distance(
        scores[is_positive], scores[~is_positive], v_weights=weights
    )
    assert fitted["distance"] == pytest.approx(expected, abs=1e-12)
    at_zero = dict(fitted["curve"])[0.0]
    plain = wasserstein_distance(scores[is_positive], scores[~is_positive])
    assert at_zero == pytest.approx(plain, abs=1e-12)


def test_the_least_of_the_curve_is_at_the_fit():
    fitted = fit_alpha(*drawn(5.0, 5000))
    assert fitted["distance"] <= min(distance for _, distance in fitted["curve"])


def test_classes_that_score_alike_keep_everything():
    scores = np.concatenate([np.linspace(0, 1, 500)] * 2)
    fitted = fit_alpha(scores, np.arange(1000) < 500)
    assert (fitted["alpha"], fitted["at_bound"]) == (RANGE[0], "low")


def test_positives_that_no_weighting_reaches_are_marked():
    scores = np.concatenate([np.full(50, 0.99), np.linspace(0, 0.5, 500)])
    fitted = fit_alpha(scores, np.arange(550) < 50)
    assert (fitted["alpha"], fitted["at_bound"]) == (RANGE[1], "high")


def test_the_interval_holds_the_fit_and_narrows_with_the_documents():
    widths = []
    for number in (500, 8000):
        scores, is_positive = drawn(6.0, number)
        counts = np.random.default_rng(0).poisson(1, (60, len(scores))).astype(float)
        fitted = fit_alpha(scores, is_positive, counts)
        low, high = fitted["interval"]
        assert low <= fitted["alpha"] <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_weights_are_repeated_documents():
    scores, is_positive = drawn(3.0, 300)
    counts = np.random.default_rng(0).integers(0, 3, len(scores))
    repeated = np.repeat(np.arange(len(scores)), counts)
    by_weight = fit_alpha(scores, is_positive, np.tile(counts.astype(float), (40, 1)))
    by_copies = fit_alpha(scores[repeated], is_positive[repeated])
    assert by_weight["interval"] == pytest.approx([by_copies["alpha"]] * 2)


def test_the_fit_does_not_depend_on_the_order():
    scores, is_positive = drawn(3.0, 2000)
    turned = fit_alpha(scores[::-1], is_positive[::-1])
    assert turned["alpha"] == fit_alpha(scores, is_positive)["alpha"]
