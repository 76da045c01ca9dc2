"""The telling words: named by the texts, ranked by what they do."""

import numpy as np
import pytest

from filters.quality.classifiers.features import features
from filters.quality.classifiers.vocabulary import telling_words
from filters.quality.settings import QualitySettings
from filters.quality.training.sweep import fit
from tests.filters.quality.pages import BAD, GOOD, made, text_of


def words(settings, number=200, extra=""):
    texts = [text_of(i, GOOD if i % 2 else BAD) + extra for i in range(number)]
    examples = made(texts, [i % 2 == 1 for i in range(number)])
    counted = features(
        examples.texts, num_features=settings.num_features, scale=settings.scale,
        signs=settings.signs, ngrams=settings.ngrams,
    )  # fmt: skip
    learner = fit(counted, examples.is_positive, settings, 10.0)
    weights = learner.coef_[0]
    return telling_words(weights, counted, examples.is_positive, examples.texts, settings), counted


@pytest.mark.parametrize("signs", [False, True])
def test_each_side_is_named_by_its_own_words(signs):
    found, _ = words(QualitySettings(signs=signs), extra=" the and of")
    for side, own in (("positive", GOOD), ("negative", BAD)):
        assert {row["words"][0] for row in found[side][: len(own)]} == set(own)
    for side, sign in (("positive", 1), ("negative", -1)):
        parts = [row["part"] for row in found[side]]
        assert parts == sorted(parts, reverse=True)
        if not signs:
            assert all(row["weight"] * sign > 0 for row in found[side])


def test_the_parts_add_up_to_the_difference_of_the_classes():
    settings = QualitySettings()
    found, counted = words(settings)
    total = sum(row["part"] for rows in found.values() for row in rows)
    learner = fit(counted, np.arange(200) % 2 == 1, settings, 10.0)
    odds = learner.decision_function(counted)
    assert total == pytest.approx(odds[1::2].mean() - odds[::2].mean(), rel=1e-6)


def test_runs_of_words_are_named_where_they_are_features():
    found, _ = words(QualitySettings(ngrams=2))
    assert any(" " in row["words"][0] for row in found["positive"])
