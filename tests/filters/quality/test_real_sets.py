"""The classifiers on real texts whose classes are known: what they must tell apart, and cannot."""

from __future__ import annotations

import pytest

from filters.quality.settings import QualitySettings
from tests.benchmarks.quality_sets import LabelledSet, evaluate, shuffled_set, texts_of

pytestmark = pytest.mark.slow

WORDS = QualitySettings(regularisation=10.0, max_characters=4000)
PAIRS = QualitySettings(regularisation=10.0, max_characters=4000, ngrams=2)


@pytest.fixture(scope="module")
def shuffled(real_data) -> LabelledSet:
    return shuffled_set(texts_of(real_data, "bbc"))


def test_who_counts_single_words_cannot_see_their_order(shuffled):
    held_out = evaluate(shuffled, WORDS)["held_out"]
    assert held_out["auc"] == pytest.approx(0.5, abs=0.02)
    assert held_out["log_loss"] == pytest.approx(0.693, abs=0.02)


def test_who_counts_pairs_sees_it(shuffled):
    assert evaluate(shuffled, PAIRS)["held_out"]["auc"] > 0.97


def test_news_is_told_from_forum_posts(real_data):
    found = LabelledSet("", texts_of(real_data, "bbc"), texts_of(real_data, "reddit_selftext"))
    card = evaluate(found, WORDS)
    low, _ = card["held_out"]["intervals"]["auc"]
    assert low > 0.99
    assert card["held_out"]["calibration_error"] < 0.1
