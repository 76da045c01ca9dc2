"""`winnow ablate` refuses what it cannot compare, before anything is built."""

from __future__ import annotations

from pathlib import Path

import click.testing
import pytest

from jobs.ablating.sides import OFF
from jobs.cli import cli


def refused(*arguments: str, status: int = 1) -> str:
    done = click.testing.CliRunner().invoke(cli, ["ablate", *arguments])
    assert done.exit_code == status, done.output
    return done.output


def test_a_recipe_alone_is_refused_with_what_could_be_given(tmp_path: Path):
    said = refused("gpt3", "--set", "data=x", "--root", str(tmp_path / "root"))
    assert "nothing to compare it with" in said
    assert ", ".join(OFF) in said
    assert not (tmp_path / "root").exists()


def test_a_stage_that_cannot_be_switched_off_is_refused():
    said = refused("gpt3", "--without", "extract", status=2)
    assert all(stage in said for stage in OFF)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--set-b", "train.num_steps=7"], "train.num_steps is 7"),
        (["--set-b", "seed=7"], "seed is 7"),
        (["--set-b", "vocabulary.size=300"], "--own-tokenizers"),
        (["--set", "train.max_seconds=7", "--without", "dedup"], "train.max_seconds is 7"),
    ],
)
def test_sides_that_are_not_trained_alike_are_refused(tmp_path: Path, given: list[str], said: str):
    root = tmp_path / "root"
    assert said in refused("gpt3", "--set", "data=x", *given, "--root", str(root))
    assert not root.exists()


def test_a_root_in_an_object_store_is_refused(s3_root: str):
    said = refused("gpt3", "--set", "data=x", "--without", "dedup", "--root", s3_root)
    assert "needs a local or mounted root" in said


def test_a_base_that_was_never_run_is_refused(tmp_path: Path):
    base, root = str(tmp_path / "base"), tmp_path / "root"
    said = refused("gpt3", "--set", "data=x", "--without", "dedup", "--base", base,
                   "--root", str(root))  # fmt: skip
    assert "has finished here" in said
    assert not (root / "a").exists()
