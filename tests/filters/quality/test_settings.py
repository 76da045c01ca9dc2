"""Settings of the quality stage: what is refused, and what they mean."""

import pytest

from filters.quality.settings import GRID, QualitySettings
from jobs.recipe import read_recipe


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": 0.0}, {"held_out": 0.0}, {"held_out": 1.0}, {"threshold": 1.5},
        {"min_documents": 0}, {"max_documents": 5}, {"num_features": 1}, {"regularisation": 0.0},
        {"regularisation": ()}, {"regularisation": (1.0, -1.0)}, {"top_fraction": 0.0},
        {"top_fraction": 1.1}, {"ngrams": 0}, {"ngrams": 6}, {"num_folds": 1},
        {"max_characters": 0}, {"max_iterations": 0},
    ],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(changes):
    with pytest.raises(ValueError, match=r"expected|positive"):
        QualitySettings(**changes)


def test_candidates_come_from_the_strongest_penalty_down():
    assert QualitySettings().candidates() == GRID
    assert QualitySettings(regularisation=(3.0, 1.0, 3.0)).candidates() == (1.0, 3.0)
    assert QualitySettings(regularisation=2.0).candidates() == (2.0,)


def test_a_recipe_may_give_a_number_a_list_or_a_word():
    def quality(*overrides):
        return read_recipe("gpt3", [f"quality.{text}" for text in overrides]).quality

    assert quality("regularisation=2", "alpha=fit").candidates() == (2.0,)
    assert quality("alpha=fit").alpha == "fit"
    assert quality("regularisation=[1, 10]").candidates() == (1.0, 10.0)
    assert quality().alpha == 9.0
