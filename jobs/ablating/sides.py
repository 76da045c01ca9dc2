"""The sides of an ablation: recipes as data, and which settings switch a stage off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from corpus.errors import ConfigError
from jobs.options import read_settings

if TYPE_CHECKING:
    from jobs.recipe import Recipe

# What a recipe says without the stage. The screen still masks personal data, which is no question
# of quality; without dedup copies still share a split, so that none is validated on.
OFF: dict[str, tuple[str, ...]] = {
    "screen": (
        "screen.gopher_quality.enabled=false", "screen.gopher_repetition.enabled=false",
        "screen.c4.enabled=false", "screen.c4.remove_lines=false",
        "screen.c4.remove_citations=false", "screen.fineweb.enabled=false",
        "screen.refinedweb.enabled=false", "screen.refinedweb.remove_lines=false",
        "screen.language.kept=[]", "screen.url.remove_wikipedia=false",
        "screen.url.blocked_domains=[]", "screen.url.blocked_top_level_domains=[]",
        "screen.url.block_lists=[]", "screen.url.word_lists=[]", "screen.url.subword_lists=[]",
        "screen.url.soft_word_lists=[]",
    ),
    "quality": ("quality.enabled=false",),
    "dedup": ("dedup.keep=all", "dedup.repeated_words=0"),
    "contamination": ("contamination.max_documents=0",),  # every N-gram is too frequent to be cut
}  # fmt: skip

FIRST, SECOND = "a", "b"
"""The side that the others are compared with, and that of a recipe of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One corpus of an ablation."""

    name: str
    """Its folder."""
    title: str
    """What tables call it."""
    recipe_name: str
    overrides: tuple[str, ...]
    recipe: Recipe

    def with_overrides(self, *more: str) -> Side:
        """The side with more laid over its recipe; raises ConfigError."""
        overrides = (*self.overrides, *more)
        recipe = read_settings(self.recipe_name, overrides)
        return replace(self, overrides=overrides, recipe=recipe)


def make_sides(
    recipe_a: str,
    recipe_b: str | None = None,
    *,
    of_all: Sequence[str] = (),
    of_a: Sequence[str] = (),
    of_b: Sequence[str] = (),
    without: Sequence[str] = (),
) -> list[Side]:
    """Side a and those that are compared with it.

    of_all, of_a, of_b: what --set, --set-a and --set-b lay over the recipes; side b is recipe_b, or
    recipe_a where only of_b is given. Raises ConfigError where there is nothing to compare.
    """
    first = _side(FIRST, recipe_a, of_all, of_a)
    sides = [first]
    if recipe_b is not None or of_b:
        sides.append(_side(SECOND, recipe_b or recipe_a, of_all, of_b))
    for stage in dict.fromkeys(without):
        other = first.with_overrides(*off(stage, first.recipe))
        sides.append(replace(other, name=f"without_{stage}", title=f"without {stage}"))
    if len(sides) == 1:
        raise ConfigError(
            f"ablate {recipe_a}: nothing to compare it with; expected RECIPE_B, --set-b a.b=c, or "
            f"--without with one of {', '.join(OFF)}"
        )
    return sides


def off(stage: str, recipe: Recipe) -> tuple[str, ...]:
    """What switches a stage of the recipe off; raises ConfigError where it cannot be."""
    if stage not in OFF:
        raise ConfigError(f"--without {stage}: expected one of {', '.join(OFF)}")
    found = OFF[stage]
    if stage == "contamination" and recipe.contamination.published:
        # A published rule stands over the settings: it is spelt out, so that N and fields stay.
        rule = recipe.contamination.rule._asdict()
        spelt = [f"contamination.{name}={_toml(value)}" for name, value in rule.items()]
        found = ('contamination.published=""', *spelt, *found)
    return found


def check_alike(sides: Sequence[Side], *, own_tokenizers: bool) -> None:
    """Raise ConfigError where sides differ in what must be the same: seed, training, vocabulary."""
    first, *others = sides
    for name, cause in (("max_seconds", "machine"), ("num_epochs", "size of the corpus")):
        if value := getattr(first.recipe.train, name):
            raise ConfigError(
                f"train.{name} is {value:g}, expected 0: how much is trained on may not depend on "
                f"the {cause}; give train.num_tokens"
            )
    sections = ("seed", "train") if own_tokenizers else ("seed", "train", "vocabulary")
    for other in others:
        for section in sections:
            if said := _differences(first, other, section):
                raise ConfigError(
                    f"{other.title}: {said}; expected the same on both sides, so that only the "
                    f"corpus differs{_way_out(section)}"
                )


def _way_out(section: str) -> str:
    if section == "vocabulary":
        return ": all sides use the tokenizer of side a, or each its own with --own-tokenizers"
    return f": lay the same {section} over both with --set"


def _differences(first: Side, other: Side, section: str) -> str:
    mine, its = (msgspec.to_builtins(getattr(side.recipe, section)) for side in (first, other))
    if not isinstance(mine, dict):
        return "" if mine == its else f"{section} is {its}, that of side a {mine}"
    return ", ".join(
        f"{section}.{key} is {its[key]}, that of side a {mine[key]}"
        for key in mine
        if mine[key] != its[key]
    )


def _side(name: str, recipe: str, of_all: Sequence[str], of_it: Sequence[str]) -> Side:
    place = str(Path(recipe).resolve()) if recipe.endswith(".toml") else recipe
    overrides = (*of_all, *of_it)
    settings = read_settings(place, overrides)
    title = " with ".join([settings.name, ", ".join(of_it)]) if of_it else settings.name
    return Side(name=name, title=title, recipe_name=place, overrides=overrides, recipe=settings)


def _toml(value: object) -> str:
    return msgspec.toml.encode({"value": value}).decode().partition("=")[2].strip()
