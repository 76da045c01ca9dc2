"""Counts of a self-test, on a terminal and in JSON."""

from __future__ import annotations

from filters.tallies import aligned, plain


def test_names_stand_to_the_left_and_numbers_to_the_right():
    assert aligned([("kind", "n"), ("a", "1,000")]) == ["kind      n", "a     1,000"]


def test_tuples_are_lists():
    assert plain({"a": (1, {"b": (2,)}), "c": "d"}) == {"a": [1, {"b": [2]}], "c": "d"}
