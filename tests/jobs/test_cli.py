"""The command prints what it is asked for, and one line where it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from corpus.stages import STAGE_NAMES, STAGES
from jobs.cli import cli, stage_table

ROOT = Path(__file__).parent.parent.parent

RECIPE = """
name = "mine"
[sources.webtext]
kind = "reddit"
files = ["{data}/RS_*.jsonl"]
"""


def call(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == status, result.output
    return result.output


LIBRARIES = """
import contextlib, io, json, sys
from jobs.cli import cli
with contextlib.redirect_stdout(io.StringIO()) as said:
    {}
of_others = {{
    name.partition(".")[0] for name, module in sys.modules.items()
    if "site-packages" in (getattr(module, "__file__", None) or "")
}}
print(json.dumps(sorted(name for name in of_others if not name.startswith("_"))))
"""


def libraries(statement: str) -> set[str]:
    """The libraries of others that the command line has imported after a statement on `cli`."""
    done = subprocess.run(
        [sys.executable, "-c", LIBRARIES.format(statement)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("statement", ["pass", "cli(['--version'], standalone_mode=False)"])
def test_the_command_line_starts_without_the_libraries_of_its_commands(statement):
    # numpy, pyarrow, rich, fsspec and msgspec took three quarters of its 0.43 s.
    assert libraries(statement) == {"click"}


def test_stages_lists_every_stage_in_order():
    output = call("stages", "--markdown")
    assert output.strip() == stage_table()
    places = [output.index(f"| `{name}` |") for name in STAGE_NAMES]
    assert places == sorted(places)


def test_columns_shows_one_table_or_all():
    assert call("columns", "quality").startswith("quality: ")
    assert "score" in call("columns", "quality")
    assert call("columns").count("doc_id") > 10


def test_recipe_prints_every_setting_as_toml():
    printed = tomllib.loads(call("recipe", "gpt3", "--set", "quality.alpha=3.0"))
    assert printed["quality"]["alpha"] == 3.0
    assert printed["contamination"]["max_ngram_size"] == 13


def test_status_of_a_fresh_root_says_that_everything_is_missing(tmp_path: Path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(RECIPE)
    (tmp_path / "RS_1.jsonl").touch()
    root = str(tmp_path / "root")
    options = ("--recipe", str(recipe), "--root", root, "--set", f"data={tmp_path}")
    rows = json.loads(call("status", *options, "--json"))
    assert [(row["stage"], row["state"]) for row in rows] == [
        (stage.name, "missing") for stage in STAGES
    ]
    assert "missing" in call("status", *options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("recipe", "gpt33"), "ConfigError: recipe gpt33: unknown"),
        (("status", "--root", "/nonexistent"), "InputError: /nonexistent: nothing was run here"),
        (("run", "links", "--recipe", "gpt3", "--set", "x"), "ConfigError: --set x: expected a.b"),
    ],
)
def test_an_error_of_ours_is_one_line(arguments, message):
    output = call(*arguments, status=1)
    assert output.startswith(f"Error: {message}")
    assert output.count("\n") == 1
