"""Figures and their errors are those worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corpus.trainer.evaluation.results import Figure, chance_of


def test_a_share_of_right_answers_has_the_error_of_a_mean():
    figure = Figure(name="accuracy", amounts=(1.0, 0.0, 1.0, 1.0))
    assert figure.value() == 0.75
    assert figure.error("abcd") == pytest.approx(np.std([1, 0, 1, 1], ddof=1) / 2)
    assert figure.is_mean


def test_a_perplexity_is_the_exponential_of_nats_by_words():
    figure = Figure(name="p", amounts=(2.0, 4.0), units=(1.0, 2.0), is_exponential=True)
    assert figure.value() == pytest.approx(math.exp(2))
    assert figure.error("ab") == 0  # both lines have 2 nats a word
    assert not figure.is_mean


def test_the_error_of_a_ratio_is_that_of_its_residuals():
    figure = Figure(name="bits", amounts=(3.0, 1.0), units=(1.0, 3.0))
    assert figure.value() == 1
    # Residuals 3 - 1 and 1 - 3: sqrt((4 + 4) * 2 / 1) / 4.
    assert figure.error("ab") == pytest.approx(1.0)
    exponential = Figure(name="p", amounts=(3.0, 1.0), units=(1.0, 3.0), is_exponential=True)
    assert exponential.error("ab") == pytest.approx(math.e)


def test_a_figure_of_some_items_is_of_these_alone():
    figure = Figure(name="bits", amounts=(3.0, 1.0, 8.0), units=(1.0, 3.0, 2.0))
    assert figure.value(np.array([False, True, True])) == pytest.approx(9 / 5)
    assert math.isnan(figure.value(np.zeros(3, bool)))
    assert figure.error("abc", np.array([False, True, True])) == pytest.approx(
        Figure(name="bits", amounts=(1.0, 8.0), units=(3.0, 2.0)).error("bc")
    )
    assert math.isnan(figure.error("abc", np.array([True, False, False])))
    assert math.isnan(figure.error("abc", np.zeros(3, bool)))


def test_questions_of_one_row_are_one_draw():
    figure = Figure(name="accuracy", amounts=(1.0, 1.0, 0.0, 0.0))
    # Rows of 2 right and of 0: residuals 1 and -1 about a mean of 1/2, by 4 questions.
    assert figure.error("aabb") == pytest.approx(math.sqrt((1 + 1) * 2) / 4)
    assert figure.error("abcd") < figure.error("aabb")
    assert math.isnan(figure.error("aaaa"))


def test_a_perplexity_beyond_floating_point_is_infinite():
    assert Figure(name="p", amounts=(1000.0,), is_exponential=True).value() == math.inf


def test_guessing_is_right_as_often_as_there_are_options():
    assert chance_of([4, 2]) == pytest.approx(0.375)
    assert chance_of([]) is None
