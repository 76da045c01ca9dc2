"""Sides as recipes: what is switched off, and what must be the same."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from corpus.errors import ConfigError
from corpus.sources import Source
from filters.contamination import PUBLISHED
from filters.screen import screen
from jobs.ablating.sides import OFF, check_alike, make_sides
from jobs.recipe import read_recipe

GIVEN = ("data=x",)


def test_a_stage_is_switched_off_in_a_recipe_that_is_the_same_else():
    first, other = make_sides("gpt3", of_all=GIVEN, without=["quality"])
    assert (first.name, other.name, other.title) == ("a", "without_quality", "without quality")
    assert first.recipe == read_recipe("gpt3", GIVEN)
    assert other.recipe == read_recipe("gpt3", (*GIVEN, "quality.enabled=false"))


def test_each_stage_is_compared_with_the_whole():
    sides = make_sides("gpt3", of_all=GIVEN, without=[*OFF, "dedup"])
    assert [side.name for side in sides] == ["a", *(f"without_{stage}" for stage in OFF)]
    check_alike(sides, own_tokenizers=False)


def test_a_second_recipe_may_be_the_same_one_with_settings_of_its_own():
    sides = make_sides("gpt3", of_all=GIVEN, of_a=["quality.alpha=9.0"], of_b=["quality.alpha=3.0"])
    assert [side.recipe.quality.alpha for side in sides] == [9.0, 3.0]
    assert [side.title for side in sides] == ["gpt3 with quality.alpha=9.0",
                                              "gpt3 with quality.alpha=3.0"]  # fmt: skip


def test_two_recipes_are_compared():
    sides = make_sides("c4", "fineweb", of_all=GIVEN)
    assert [side.title for side in sides] == ["c4", "fineweb"]


def test_nothing_to_compare_with_is_refused():
    with pytest.raises(ConfigError, match="nothing to compare it with"):
        make_sides("gpt3", of_all=GIVEN)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("train.num_steps=7", "train.num_steps is 7"),
        ("train.model=micro", "train.model is micro"),
        ("seed=99", "seed is 99"),
        ("vocabulary.size=300", "vocabulary.size is 300"),
    ],
)
def test_sides_that_differ_in_more_than_their_corpus_are_refused(setting, said):
    sides = make_sides("gpt3", of_all=GIVEN, of_b=[setting])
    with pytest.raises(ConfigError, match=said):
        check_alike(sides, own_tokenizers=False)


def test_other_vocabularies_need_tokenizers_of_their_own():
    sides = make_sides("gpt3", of_all=GIVEN, of_b=["vocabulary.size=300"])
    check_alike(sides, own_tokenizers=True)


@pytest.mark.parametrize("budget", ["max_seconds", "num_epochs"])
def test_a_budget_that_is_not_the_same_for_all_is_refused(budget):
    sides = make_sides("gpt3", of_all=(*GIVEN, f"train.{budget}=9"), without=["dedup"])
    with pytest.raises(ConfigError, match=rf"train\.{budget} is 9"):
        check_alike(sides, own_tokenizers=False)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_rule_is_spelt_out_and_cuts_nothing(name):
    published = f"contamination.published={name}"
    first, other = make_sides("gpt3", of_all=(*GIVEN, published), without=["contamination"])
    assert first.recipe.contamination.rule == PUBLISHED[name]
    rule = other.recipe.contamination.rule
    assert rule == PUBLISHED[name]._replace(max_documents=0)


def test_without_the_screen_every_document_stays_whole():
    texts = ["Ceci est une phrase en français, et non pas en anglais.", "{ lorem ipsum }", "x",
             "sign in\nsign in\nsign in\n" * 20]  # fmt: skip
    urls = ["https://fr.wikipedia.org/wiki/A", "https://a.example", None, None]
    documents = pa.table(
        {
            "doc_id": pa.array([bytes([n]) * 16 for n in range(4)], pa.binary(16)),
            "source": ["web"] * 4, "url": urls, "text": pa.array(texts, pa.large_string()),
        }
    )  # fmt: skip
    sources = {"web": Source(kind="warc", files=("x",))}
    strict = ("screen.refinedweb.enabled=true", "screen.refinedweb.remove_lines=true",
              "screen.fineweb.enabled=true", "screen.c4.remove_citations=true",
              'screen.url.blocked_domains=["a.example"]')  # fmt: skip
    first, other = make_sides("c4", of_all=(*GIVEN, *strict), without=["screen"])
    dropped = screen(documents, first.recipe.screen, sources)["keep"]
    assert not np.any(dropped.to_numpy())
    kept = screen(documents, other.recipe.screen, sources)
    assert kept["keep"].to_pylist() == [True] * 4
    assert not any(kept["edits"].to_pylist())
