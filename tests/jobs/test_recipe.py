"""Every recipe that comes along is valid, describes itself, and weighs sources that it has."""

from __future__ import annotations

import pytest

from corpus.config import recipe_names
from jobs.recipe import read_recipe


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_valid_and_says_what_it_is(name: str):
    recipe = read_recipe(name, ["data=DATA"])
    assert recipe.name == name
    assert len(recipe.description) > 20
    assert recipe.sources
    assert set(recipe.mix.weights) <= set(recipe.sources)
    assert set(recipe.dedup.source_order) <= set(recipe.sources)
    files = [path for source in recipe.sources.values() for path in source.files]
    assert all(path.startswith(("DATA", "https://")) for path in files)


def test_gpt3_has_the_printed_weights_and_rules():
    recipe = read_recipe("gpt3")
    assert recipe.mix.weights == {
        "crawl": 60, "webtext": 22, "books1": 8, "books2": 8, "wikipedia": 3,
    }
    assert (recipe.quality.keep, recipe.quality.alpha) == ("pareto", 9.0)
    contamination = recipe.contamination
    assert (
        contamination.min_ngram_size, contamination.max_ngram_size,
        contamination.window_characters, contamination.min_piece_characters,
        contamination.max_pieces, contamination.max_documents,
    ) == (8, 13, 200, 200, 10, 10)
    assert recipe.links.min_karma == 3
