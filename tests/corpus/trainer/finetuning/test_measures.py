"""Figures against ones worked out by hand or by the libraries that others use."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corpus.trainer.finetuning.encoding import Encoded, Targets
from corpus.trainer.finetuning.measures import commonest, mean, measure, share

TWO = Targets(classes=("no", "yes"))


def rows(*targets: float) -> list[Encoded]:
    return [Encoded(line=1, sequences=(), target=target, is_cut=False) for target in targets]


def one_hot(*answers: int) -> list[list[float]]:
    return [[float(answer == place) for place in range(2)] for answer in answers]


def test_accuracy_and_f1_of_two_classes():
    found = measure(rows(1, 1, 0, 0, 1), one_hot(1, 0, 0, 1, 1), TWO)
    assert found.name == "accuracy"
    assert found.main.value == 0.6
    # Two of three "yes" are found, and two of three answers "yes" are right.
    assert found.others["f1"] == pytest.approx(2 / 3)
    assert found.others["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found.others["matthews"] == pytest.approx((2 * 1 - 1 * 1) / math.sqrt(3 * 3 * 2 * 2))
    assert found.words().startswith("accuracy 0.6000 (0.2307 to 0.8824) of 5, macro_f1 0.5833")


def test_a_class_that_is_never_answered_counts_as_missed():
    found = measure(rows(0, 0, 0), one_hot(0, 0, 0), TWO)
    assert found.main.value == 1.0
    assert (found.others["f1"], found.others["macro_f1"], found.others["matthews"]) == (0, 0.5, 0)


def test_choices_have_accuracy_alone():
    found = measure(rows(1, 2), [[0.1, 0.3], [0.4, 0.1, 0.2]], Targets())
    assert (found.main.value, found.others, found.num_examples) == (0.5, {}, 2)


def test_correlations_of_scores():
    targets = Targets(mean=3.0, deviation=2.0)
    found = measure(rows(-1.0, 0.0, 0.5, 0.9, 1.0), [[-1.0], [0.1], [0.2], [0.7], [0.6]], targets)
    assert found.name == "pearson"
    expected = np.corrcoef([-1.0, 0.0, 0.5, 0.9, 1.0], [-1.0, 0.1, 0.2, 0.7, 0.6])[0, 1]
    assert found.main.value == pytest.approx(expected)
    assert found.main.low < found.main.value < found.main.high < 1
    assert found.others["spearman"] == pytest.approx(0.9)
    squares = 0 + 0.01 + 0.09 + 0.04 + 0.16
    assert found.others["rmse"] == pytest.approx(2.0 * math.sqrt(squares / 5))


def test_a_constant_score_tells_nothing():
    found = measure(rows(-1.0, 0.0, 1.0), [[0.5]] * 3, Targets(mean=0.0, deviation=1.0))
    assert (found.main.value, found.others["spearman"]) == (0.0, 0.0)


def test_wilsons_interval():
    found = share(8, 10)  # by hand: centre (0.8 + z^2 / 20) / (1 + z^2 / 10)
    assert (found.value, found.low, found.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)


def test_students_interval_of_a_mean():
    found = mean([0.1, 0.2, 0.3])
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert found == pytest.approx((0.2, 0.2 - half, 0.2 + half))
    assert math.isnan(mean([0.1]).low)


def test_the_commonest_answer_is_that_of_the_training_rows():
    assert commonest(rows(1, 1, 0), rows(0, 0, 1, 0)) == 0.25
