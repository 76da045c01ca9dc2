"""The penalty: chosen on folds of the training side, by log loss under equal priors."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import log_loss

from filters.quality.settings import GRID, QualitySettings
from filters.quality.training.sweep import choose_regularisation, fit


def data(number=300, *, noise, num_features=40):
    """Two classes that differ in one feature, among many that mean nothing."""
    random = np.random.default_rng(0)
    is_positive = np.arange(number) % 3 == 0
    values = random.normal(0, 1, (number, num_features))
    values[:, 0] = is_positive * 2.0 - 1 + random.normal(0, noise, number)
    return csr_matrix(values), is_positive, np.arange(number) % 5


def test_the_least_mean_log_loss_over_the_folds_is_chosen():
    counted, is_positive, folds = data(noise=1.0)
    settings = QualitySettings()
    chosen, rows = choose_regularisation(counted, is_positive, folds, settings)
    assert [row["regularisation"] for row in rows] == list(GRID)
    assert chosen == min(rows, key=lambda row: row["log_loss"])["regularisation"]
    expected = []
    for fold in range(5):
        inside = folds == fold
        learner = fit(counted[~inside], is_positive[~inside], settings, chosen)
        scores = learner.predict_proba(counted[inside])[:, 1]
        own = is_positive[inside]
        weights = np.where(own, 0.5 / own.sum(), 0.5 / (~own).sum())
        expected.append(log_loss(own, scores, sample_weight=weights))
    row = next(row for row in rows if row["regularisation"] == chosen)
    assert row["folds"] == pytest.approx(expected, abs=2e-3)  # started from elsewhere
    assert row["log_loss"] == pytest.approx(np.mean(expected), abs=2e-3)


def test_clear_classes_take_a_weaker_penalty_than_blurred_ones():
    clear, blurred = (
        choose_regularisation(*data(noise=noise), QualitySettings())[0] for noise in (0.2, 4.0)
    )
    assert clear > blurred


def test_of_equal_ones_the_strongest_penalty_is_taken():
    number = 60
    nothing = csr_matrix(np.zeros((number, 3)))
    chosen, rows = choose_regularisation(
        nothing, np.arange(number) % 2 == 0, np.arange(number) % 5, QualitySettings()
    )
    assert chosen == min(GRID)
    assert {round(row["log_loss"], 6) for row in rows} == {round(float(np.log(2)), 6)}


def test_a_number_is_taken_as_it_is():
    counted, is_positive, folds = data(noise=1.0)
    settings = QualitySettings(regularisation=7.0)
    assert choose_regularisation(counted, is_positive, folds, settings) == (7.0, [])


def test_a_list_is_swept_from_the_strongest_penalty():
    counted, is_positive, folds = data(noise=1.0)
    settings = QualitySettings(regularisation=(50.0, 0.5))
    _, rows = choose_regularisation(counted, is_positive, folds, settings)
    assert [row["regularisation"] for row in rows] == [0.5, 50.0]


def test_folds_without_a_class_are_passed_over_and_the_strongest_penalty_serves():
    counted, is_positive, _ = data(noise=1.0)
    chosen, rows = choose_regularisation(
        counted, is_positive, is_positive.astype(np.int64), QualitySettings()
    )
    assert chosen == min(GRID)
    assert {row["log_loss"] for row in rows} == {None}


def test_the_larger_class_is_no_likelier():
    counted, is_positive, _ = data(3000, noise=100.0)
    scores = fit(counted, is_positive, QualitySettings(), 0.1).predict_proba(counted)[:, 1]
    assert abs(scores.mean() - 0.5) < 0.02
