"""Keep rates: beside the law in every bin, and by domain."""

import numpy as np
import pyarrow as pa
import pytest

from corpus.identity import doc_id_of_place
from filters.quality.card.rates import Rates
from filters.quality.keep import Rule, keeps


def filled(rule, number=40_000, num_parts=1):
    scores = np.random.default_rng(0).random(number).astype(np.float32)
    ids = pa.array([doc_id_of_place("s", "f", i) for i in range(number)], pa.binary(16))
    kept = keeps(scores, ids, rule=rule, seed=0)
    domains = [f"site{i % 7}.com" for i in range(number)]
    rates = Rates(rule)
    for rows in np.array_split(np.arange(number), num_parts):
        rates.add(scores[rows], kept[rows], [domains[i] for i in rows])
    return rates, scores, kept


@pytest.mark.parametrize("rule", [Rule(keep="pareto", alpha=9.0), Rule(keep="proportional")])
def test_the_laws_share_lies_in_the_interval_of_every_bin_but_a_few(rule):
    rates, scores, kept = filled(rule)
    rows = rates.by_score()
    assert sum(row["num"] for row in rows) == len(scores)
    assert sum(row["num_kept"] for row in rows) == kept.sum()
    inside = [row["interval"][0] <= row["law"] <= row["interval"][1] for row in rows]
    assert len(inside) == 20
    assert sum(inside) >= 17  # of 20 intervals of 95 % each


def test_a_threshold_keeps_none_or_all_of_a_bin():
    rates, _, _ = filled(Rule(keep="threshold", threshold=0.5))
    assert [row["rate"] for row in rates.by_score()] == [0] * 10 + [1] * 10


def test_the_counts_of_parts_add_up():
    one, many = (filled(Rule(keep="pareto", alpha=2.0), 5000, k)[0] for k in (1, 6))
    assert many.by_domain(9) == one.by_domain(9)
    for a, b in zip(one.by_score(), many.by_score(), strict=True):
        assert a.pop("law") == pytest.approx(b.pop("law"))  # a sum of floats in another order
        assert a == b


def test_the_largest_domains_come_first():
    rates = Rates(Rule(keep="all"))
    scores = np.array([0.1, 0.2, 0.3, 1.0], np.float32)
    rates.add(scores, np.array([True, False, True, True]), ["b.com", "b.com", "a.com", "c.com"])
    rows = rates.by_domain(2)
    assert [(r["domain"], r["num"], r["num_kept"], r["rate"]) for r in rows] == [
        ("b.com", 2, 1, 0.5), ("a.com", 1, 1, 1.0),
    ]  # fmt: skip
    assert rates.by_score()[-1]["high"] == 1.0


def test_bins_without_documents_are_left_out():
    rates = Rates(Rule(keep="all"))
    rates.add(np.array([0.33], np.float32), np.array([True]), ["x"])
    assert [row["low"] for row in rates.by_score()] == [0.3]
