"""A recipe is typed: what is unknown or out of place stops with its path."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.config import Settings, load_recipe
from corpus.errors import ConfigError


class Inner(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    threshold: float = 0.8
    files: tuple[str, ...] = ()


class Outer(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    data: str = ""
    inner: Inner = Inner()


def recipe(folder: Path, text: str, name: str = "mine") -> str:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return str(path)


def test_values_come_from_the_file_and_defaults_from_the_class(tmp_path):
    path = recipe(tmp_path, 'inner.files = ["{data}/a"]\ndata = "d"')
    assert load_recipe(Outer, path) == Outer(data="d", inner=Inner(files=("d/a",)))


def test_an_override_lies_over_the_file(tmp_path):
    path = recipe(tmp_path, "inner.threshold = 0.5")
    loaded = load_recipe(Outer, path, overrides=["inner.threshold=0.7", "data=../some/where"])
    assert loaded == Outer(data="../some/where", inner=Inner(threshold=0.7))


def test_a_recipe_extends_another_section_by_section(tmp_path):
    base = recipe(tmp_path, 'data = "base"\ninner.threshold = 0.5\ninner.files = ["x"]', "base")
    path = recipe(tmp_path, f'extends = "{base}"\ninner.threshold = 0.6')
    assert load_recipe(Outer, path) == Outer(data="base", inner=Inner(threshold=0.6, files=("x",)))


def test_a_recipe_that_extends_itself_stops(tmp_path):
    path = recipe(tmp_path, f'extends = "{tmp_path}/mine.toml"')
    with pytest.raises(ConfigError, match="extends itself"):
        load_recipe(Outer, path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inner.treshold = 0.5", r"unknown field `treshold` - at `\$.inner`; did you mean thr"),
        ('inner.threshold = "high"', r"Expected `float`, got `str` - at `\$.inner.threshold`"),
        ("inner = ", "not TOML"),
    ],
)
def test_a_wrong_recipe_stops_with_the_place(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_recipe(Outer, recipe(tmp_path, text))


@pytest.mark.parametrize("override", ["inner.threshold", "=1", "data.x=1"])
def test_a_wrong_override_stops(tmp_path, override):
    with pytest.raises(ConfigError, match="--set"):
        load_recipe(Outer, recipe(tmp_path, 'data = "d"'), overrides=[override])


def test_an_unknown_name_stops_with_the_known_ones():
    with pytest.raises(ConfigError, match="recipe webtxt: unknown; expected one of"):
        load_recipe(Outer, "webtxt")


def test_a_missing_file_stops(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load_recipe(Outer, str(tmp_path / "none.toml"))
