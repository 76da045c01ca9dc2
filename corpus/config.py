"""Recipes: one frozen typed object from TOML.

Each stage's settings are a `Settings` class beside the algorithm they steer; jobs/recipe.py
composes them into one `Recipe`. A recipe is a TOML file, by name (corpus/recipes/NAME.toml, package
data) or by path; `extends = "NAME"` lays it over another; `--set a.b=c` lays one value over that.
An unknown key or a value of the wrong type stops with its path and what was expected there.
`{data}` in any string stands for the top-level `data` key, so that one recipe serves any folder.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from corpus.errors import ConfigError


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every settings class: frozen, keyword-only, unknown keys refused."""


ConfigType = TypeVar("ConfigType", bound=Settings)


def load_recipe(
    schema: type[ConfigType], recipe: str, *, overrides: Iterable[str] = ()
) -> ConfigType:
    """Read a recipe by name or path, lay `--set a.b=c` over it, and return it checked."""
    table = _read_extended(recipe)
    for override in overrides:
        _apply_override(table, override)
    data = str(table.get("data", ""))
    table = _expand(table, data)
    try:
        return msgspec.convert(table, schema)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(schema, table, recipe, str(error))) from error


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package, sorted."""
    folder = resources.files("corpus") / "recipes"
    names = (file.name for file in folder.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def _read_extended(recipe: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    if recipe in seen:
        raise ConfigError(f"recipe {recipe}: extends itself through {' -> '.join(seen)}")
    table = _read_toml(recipe)
    base = table.pop("extends", None)
    if base is None:
        return table
    return _merge(_read_extended(str(base), (*seen, recipe)), table)


def _read_toml(recipe: str) -> dict[str, Any]:
    if recipe.endswith(".toml"):
        path = Path(recipe)
        if not path.is_file():
            raise ConfigError(f"recipe {recipe}: no such file; names: {', '.join(recipe_names())}")
        text = path.read_text(encoding="utf-8")
    else:
        resource = resources.files("corpus") / "recipes" / f"{recipe}.toml"
        if not resource.is_file():
            raise ConfigError(
                f"recipe {recipe}: unknown; expected one of {', '.join(recipe_names())}, "
                f"or a path that ends in .toml{_nearest(recipe, recipe_names())}"
            )
        text = resource.read_text(encoding="utf-8")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe {recipe}: not TOML: {error}") from error


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both_tables = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merge(old, value) if both_tables and old is not None else value
    return merged


def _apply_override(table: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {override}: expected a.b=value")
    *parents, last = key.strip().split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override}: {parent} is a value, not a section")
    table[last] = _toml_value(text)


def _toml_value(text: str) -> Any:
    """A value as TOML writes it; anything else is a plain string, so that paths need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _expand(value: Any, data: str) -> Any:
    if isinstance(value, str):
        return value.replace("{data}", data)
    if isinstance(value, dict):
        return {key: _expand(item, data) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, data) for item in value]
    return value


def _explain(
    schema: type[Settings], table: Mapping[str, Any], recipe: str, message: str
) -> str:
    """The decoder's message, with the nearest known key where one is unknown."""
    hint = ""
    if "unknown field" in message:
        unknown = message.split("`")[1]
        hint = _nearest(unknown, list(_field_names(schema)))
    return f"recipe {recipe}: {message}{hint}; see `winnow recipe --help` for every key"


def _field_names(schema: type[Settings]) -> set[str]:
    names: set[str] = set()
    for field in msgspec.structs.fields(schema):
        names.add(field.name)
        if isinstance(field.type, type) and issubclass(field.type, Settings):
            names |= _field_names(field.type)
    return names


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
