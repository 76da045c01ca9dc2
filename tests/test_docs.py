"""The README says what the code does: its tables are generated, its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from corpus.config import recipe_names
from corpus.stages import STAGE_NAMES
from jobs.cli import cli, stage_table
from tests.readme import with_tables

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTEXT = click.Context(cli)
COMMANDS = cli.list_commands(CONTEXT)


def test_the_tables_of_the_readme_are_those_of_the_code():
    assert with_tables(README) == README
    assert stage_table() in README


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_stands_in_the_readme(name: str):
    command = cli.get_command(CONTEXT, name)
    assert command is not None
    assert command.help
    assert command.name == name
    assert f"winnow {name}" in README


def test_each_command_in_the_readme_exists():
    named = set(re.findall(r"^(?:\.venv/bin/)?winnow ([a-z]+)", README, re.MULTILINE))
    assert named - set(COMMANDS) == set()


def test_each_stage_has_a_make_target_and_a_job():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^STAGES\s*:=\s*(.*)$", makefile, re.MULTILINE)
    assert targets is not None
    assert tuple(targets.group(1).split()) == STAGE_NAMES


def test_each_recipe_stands_in_the_readme():
    assert [name for name in recipe_names() if f"`{name}`" not in README] == []
