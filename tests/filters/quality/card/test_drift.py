"""Drift: nothing between equal runs, and scipy's distance between others."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from filters.quality.card.drift import by_source, cosine, fine_histogram
from filters.quality.classifiers.model import QualityModel


def model(weights, **changes):
    return QualityModel(weights=np.array(weights, float), intercept=0.0,
                        **{"scale": "length", "signs": False, "ngrams": 1} | changes)  # fmt: skip


def scores(a, b, number=4000, seed=0):
    return np.random.default_rng(seed).beta(a, b, number).astype(np.float32)


def test_a_run_has_not_drifted_from_itself():
    own = {"crawl": fine_histogram(scores(2, 3)), "webtext": fine_histogram(scores(3, 2))}
    rows = by_source(own, own)
    assert [row["source"] for row in rows] == ["all", "crawl", "webtext"]
    assert [(row["psi"], row["kolmogorov_smirnov"]) for row in rows] == [(0, 0)] * 3


def test_the_distance_is_scipys():
    one, other = scores(2, 3), scores(3, 3, 900, 1)
    (_, row) = by_source({"crawl": fine_histogram(one)}, {"crawl": fine_histogram(other)})
    expected = ks_2samp(one, other).statistic
    assert row["kolmogorov_smirnov"] == pytest.approx(expected, abs=2e-3)
    assert row["mean_before"] == pytest.approx(one.mean(), abs=1e-4)
    assert (row["num_before"], row["num_after"]) == (4000, 900)


def test_the_index_grows_with_the_shift():
    base = {"crawl": fine_histogram(scores(2, 3))}
    same, near, far = (
        by_source(base, {"crawl": fine_histogram(scores(a, 3, seed=7))})[1]["psi"]
        for a in (2, 2.6, 6)
    )
    assert same < 0.02 < near < 0.25 < far


def test_an_empty_bin_is_no_infinity():
    low, high = (fine_histogram(np.full(50, s, np.float32)) for s in (0.0, 1.0))
    assert 3 < by_source({"a": low}, {"a": high})[1]["psi"] < 20


def test_only_sources_of_both_runs_are_compared():
    counts = fine_histogram(scores(2, 2))
    assert [row["source"] for row in by_source({"a": counts, "b": counts}, {"b": counts})] == [
        "all", "b",
    ]  # fmt: skip


def test_histograms_of_parts_add_up():
    whole = scores(2, 2)
    assert (fine_histogram(whole[:99]) + fine_histogram(whole[99:]) == fine_histogram(whole)).all()


def test_weights_are_compared_where_their_places_mean_the_same():
    one = model([1, 0])
    assert cosine(one, model([0, 2])) == 0
    assert cosine(one, model([3, 3])) == pytest.approx(np.sqrt(0.5))
    assert cosine(one, model([1, 0, 0])) is None
    assert cosine(one, model([1, 0], scale="counts")) is None
    assert cosine(one, model([1, 0], signs=True)) is None
    assert cosine(one, object()) is None
    assert cosine(one, model([0, 0])) is None
