"""Counts of a self-test, on a terminal and in JSON."""

from __future__ import annotations

import pytest

from filters.tallies import aligned, interval, plain


def test_an_interval_is_wilsons_and_of_no_trial_all():
    # (8 + 1.92073) / 13.84146 -+ 1.95996 / 13.84146 * sqrt(8 * 0.2 + 0.96036)
    assert interval(8, 10) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert interval(0, 0) == (0.0, 1.0)


def test_names_stand_to_the_left_and_numbers_to_the_right():
    assert aligned([("kind", "n"), ("a", "1,000")]) == ["kind      n", "a     1,000"]


def test_tuples_are_lists():
    assert plain({"a": (1, {"b": (2,)}), "c": "d"}) == {"a": [1, {"b": [2]}], "c": "d"}
