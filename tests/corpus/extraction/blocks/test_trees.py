"""Trees as arrays against the library that grew them."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from corpus.extraction.blocks.training.fit import PARAMETERS, trees_of
from corpus.extraction.blocks.trees import Trees

NUM_FEATURES = 7


def grown(*, rounds: int = 20, seed: int = 0) -> tuple[lightgbm.Booster, np.ndarray]:
    """A small ensemble, and float32 rows of few values, which it splits between."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(2_000, NUM_FEATURES)).astype(np.float32)
    rows[:, 0] = np.round(rows[:, 0])
    rows[:, 1] = random.integers(0, 3, len(rows))
    target = 1 / (1 + np.exp(-2 * rows[:, 0] - rows[:, 1] * rows[:, 2]))
    return lightgbm.train(PARAMETERS, lightgbm.Dataset(rows, target), rounds), rows


def slow_probability(trees: Trees, row: np.ndarray) -> float:
    """The logit of the sum of the leaves that a row arrives at."""
    total = 0.0
    for root in trees.root:
        node = int(root)
        while trees.left[node] != node:
            goes_left = row[trees.feature[node]] <= trees.threshold[node]
            node = int(trees.left[node]) + (0 if goes_left else 1)
        total += float(trees.value[node])
    return 1 / (1 + float(np.exp(-total)))


def test_an_ensemble_written_by_hand():
    #  x0 <= 1 ? -1 : (x1 <= 2.5 ? 0 : 3)
    trees = Trees(
        feature=np.array([0, 0, 1, 0, 0], np.int32),
        threshold=np.array([1, np.inf, 2.5, np.inf, np.inf], np.float32),
        left=np.array([1, 1, 3, 3, 4], np.int32),
        value=np.array([0, -1, 0, 0, 3], np.float32),
        root=np.array([0], np.int32),
        depth=np.array([2], np.int32),
    )
    rows = np.array([[1, 9], [1.5, 2.5], [1.5, 2.6]], np.float32)
    expected = [1 / (1 + np.exp(1)), 0.5, 1 / (1 + np.exp(-3))]
    assert trees.probabilities(rows) == pytest.approx(expected, abs=1e-7)


def test_probabilities_are_the_librarys():
    booster, rows = grown()
    found = trees_of(booster).probabilities(rows)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, booster.predict(rows), atol=1e-6)


def test_probabilities_are_the_readable_ones():
    booster, rows = grown()
    trees = trees_of(booster)
    expected = [slow_probability(trees, row) for row in rows[:200]]
    np.testing.assert_allclose(trees.probabilities(rows[:200]), expected, atol=1e-6)


def test_values_on_a_threshold_and_next_to_it_go_where_the_library_sends_them():
    booster, _ = grown()
    trees = trees_of(booster)
    inner = np.flatnonzero(trees.left != np.arange(len(trees.left)))
    rows = np.random.default_rng(1).normal(size=(3 * len(inner), NUM_FEATURES)).astype(np.float32)
    for at, node in enumerate(inner):
        threshold = trees.threshold[node]
        beside = [threshold, np.nextafter(threshold, np.float32(9)), np.nextafter(threshold, -9)]
        if abs(threshold) < 1e-30:  # the library splits beside 0 and takes what is as near for 0
            beside = [0, 1e-20, -1e-20]
        rows[3 * at : 3 * at + 3, trees.feature[node]] = beside
    np.testing.assert_allclose(trees.probabilities(rows), booster.predict(rows), atol=1e-6)


def test_an_ensemble_that_found_nothing_to_split_is_a_leaf():
    rows = np.zeros((200, 2), np.float32)
    target = np.full(200, 0.25)
    booster = lightgbm.train(PARAMETERS, lightgbm.Dataset(rows, target), 3)
    trees = trees_of(booster)
    assert not trees.depth.any()
    np.testing.assert_allclose(trees.probabilities(rows), booster.predict(rows), atol=1e-6)


@pytest.mark.parametrize("num_rows", [1, 7, 8, 9, 15, 16, 17])
def test_rows_have_their_probabilities_however_many_there_are(num_rows):
    booster, rows = grown()
    trees = trees_of(booster)
    found = trees.probabilities(rows[:num_rows])
    assert np.array_equal(found, trees.probabilities(rows)[:num_rows])


def test_no_rows_have_no_probabilities():
    booster, rows = grown(rounds=1)
    assert trees_of(booster).probabilities(rows[:0]).shape == (0,)


def test_the_first_trees_are_an_ensemble_of_their_own():
    booster, rows = grown()
    trees = trees_of(booster)
    head = trees.head(7)
    assert len(head.root) == len(head.depth) == 7
    assert len(head.feature) == len(head.value) == trees.root[7]
    np.testing.assert_allclose(
        head.probabilities(rows), booster.predict(rows, num_iteration=7), atol=1e-6
    )
    assert trees.head(20) is trees
