"""Answers are found in what was written, and compared as their sets compare them."""

from __future__ import annotations

import pytest

from corpus.trainer.evaluation.answers import is_right, number, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("She has 3 + 4 = <<3+4=7>>7 left.\n#### 7", "7"),
        ("#### $1,234.50 in 2 years", "1234.5"),
        ("#### none, so 12", "12"),
        ("He pays $18.", "18"),
        ("first 5, then 6.0.", "6"),
        ("it fell by -3", "-3"),
        ("#### .5", "0.5"),
        ("100", "100"),
        ("no number", None),
        ("", None),
    ],
)
def test_the_number_after_the_mark_counts_or_the_last(text, found):
    assert number(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [(" The Eiffel Tower!\nIn Paris", "eiffel tower"), ("a  cat's", "cats"), ("the", None)],
)
def test_words_are_compared_bare(text, found):
    assert words(text) == found


def test_any_of_the_right_answers_will_do():
    assert is_right(" Ann Lee.", ("Bob", "ann lee"), "words")
    assert not is_right(" Ann", ("Bob", "ann lee"), "words")
    assert is_right("so 7.0 in all", ("3 + 4\n#### 7",), "number")
    assert not is_right("so 70 in all", ("3 + 4\n#### 7",), "number")


def test_nothing_is_not_an_answer_even_where_nothing_is_found_in_the_right_one():
    assert not is_right("", ("the",), "words")
