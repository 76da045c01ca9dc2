"""Options and look-ups that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corpus.errors import InputError
from corpus.storage import Store

if TYPE_CHECKING:
    from jobs.recipe import Recipe

RUN_RECORD = ("_stages", "run.json")
"""Where a root says which recipe, and what laid over it, it was last run with."""

Command = Callable[..., Any]

set_option = click.option(
    "--set", "overrides", multiple=True, metavar="a.b=c", help="Lay a value over the recipe."
)
root_option = click.option("--root", default="build/run", show_default=True, help="The run's root.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class LazyGroup(click.Group):
    """A group of commands of other modules, each loaded when it is asked for.

    A list of items should not wait for the crawler: a command's own libraries are its start.
    """

    def __init__(self, *, modules: Mapping[str, str], **settings: Any) -> None:
        """modules: where each command is, by its name there."""
        super().__init__(**settings)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted([*super().list_commands(ctx), *self._modules])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, where there is one."""
        if cmd_name in self._modules:
            found: click.Command = getattr(import_module(self._modules[cmd_name]), cmd_name)
            return found
        return super().get_command(ctx, cmd_name)


def recipe_options(command: Command) -> Command:
    """The options that every command with a recipe shares."""
    for option in (
        set_option,
        root_option,
        click.option("--recipe", help="NAME or FILE.toml; the root's last one where not given."),
    ):
        command = option(command)
    return command


def read_settings(name: str, overrides: Sequence[str]) -> Recipe:
    """A recipe by name or path with what is laid over it; raises ConfigError."""
    from jobs.recipe import read_recipe

    return read_recipe(name, overrides)


def remembered(
    root: str, recipe: str | None, overrides: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    """The recipe asked for, or the one that the root was last run with, and its overrides."""
    if recipe is not None:
        name = str(Path(recipe).resolve()) if recipe.endswith(".toml") else recipe
        return name, tuple(overrides)
    store = Store(root)
    if not store.exists(*RUN_RECORD):
        from corpus.config import recipe_names

        raise InputError(
            f"{root}: nothing was run here yet, and no --recipe was given; expected one of "
            f"{', '.join(recipe_names())}, or FILE.toml"
        )
    record = json.loads(store.read(*RUN_RECORD))
    return record["recipe"], (*record["overrides"], *overrides)
