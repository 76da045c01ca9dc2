"""`winnow contamination benchmarks`, and exports of benchmarks with tasks of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click.testing
import msgspec
import pytest

from corpus.benchmarks import BenchmarkSettings, known_benchmarks
from corpus.storage import Store
from jobs.cli import cli
from tests.tables import write_table

RECIPE = """
name = "quiz"
[sources.web]
kind = "text"
files = ["none.jsonl"]
[contamination.benchmarks.law]
known = "mmlu_csv"
files = ["{data}/*_test.csv"]
[contamination.benchmarks.lines]
files = ["{data}/lines.txt"]
"""
CSV = '"Who owns it, and why?",one,two words,three,four,A\nq,a,b,c,d,B\n'


def invoke(*arguments: str) -> tuple[int, str]:
    done = click.testing.CliRunner().invoke(cli, ["contamination", *arguments])
    return done.exit_code, done.output


def printed(*arguments: str) -> str:
    code, output = invoke(*arguments)
    assert code == 0, output
    return output


def refused(*arguments: str) -> str:
    code, output = invoke(*arguments)
    assert code == 1, output
    return output


@pytest.fixture
def recipe(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    for name in ("anatomy_test.csv", "virology_test.csv"):
        (tmp_path / name).write_text(CSV)
    (tmp_path / "lines.txt").write_text("\na b c\n\x1b[31md e f\n")
    return ("--recipe", str(tmp_path / "recipe.toml"), "--set", f"data={tmp_path}")


def test_the_registry_is_listed_and_an_entry_shown():
    lines = printed("benchmarks").splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(known_benchmarks())
    assert lines[1].split()[:4] == ["arc_easy", "test", "question,", "answer"]
    listed = json.loads(printed("benchmarks", "--json"))
    assert listed["arc_easy"]["fields"] == {"question": ["question"], "answer": ["choices.text"]}
    entry = dict(line.split(" = ", 1) for line in printed("benchmarks", "boolq").splitlines())
    assert entry["origin"] == '"aps/super_glue"'
    assert entry["task"] == '"boolq"'
    assert "header" not in entry  # what it leaves at its default
    assert json.loads(printed("benchmarks", "boolq", "--json"))["boolq"]["split"] == "validation"
    assert "did you mean boolq" in refused("benchmarks", "bolq")
    assert "no --recipe was given" in refused("benchmarks", "--set", "a=1")


def test_what_a_recipe_names_is_read_and_measured(recipe):
    lines = printed("benchmarks", *recipe).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["law", "2", "4", "question", "0", "1", "1", "5", "5"],
        ["answer", "0", "4", "4", "5", "5"],
        ["lines", "1", "2", "text", "0", "3", "3", "3", "3"],
    ]
    law, own = json.loads(printed("benchmarks", *recipe, "--json"))
    assert law["tasks"] == ["mmlu_anatomy", "mmlu_virology"]
    assert (law["num_items"], law["first_id"], law["last_id"]) == (
        4, "anatomy_test:0", "virology_test:1",
    )  # fmt: skip
    assert law["fields"]["question"] == {
        "num_empty": 0, "p5": 1, "median": 1, "p95": 5, "most": 5,
    }  # fmt: skip
    assert [Path(path).name for path in own["files"]] == ["lines.txt"]


def test_one_benchmark_is_shown_with_its_first_item(recipe):
    said = printed("benchmarks", "law", *recipe)
    assert "items anatomy_test:0 to virology_test:1; tasks: mmlu_anatomy, mmlu_virology" in said
    assert "question:\n  Who owns it, and why?\nanswer:\n  one two words three four\n" in said
    said = printed("benchmarks", "lines", *recipe)
    assert "items 1 to 2; tasks: none: named like the benchmark" in said
    assert "\x1b" not in said
    assert "it has law, lines" in refused("benchmarks", "none", *recipe)


def test_an_item_that_cannot_be_read_stops_the_command(recipe, tmp_path):
    (tmp_path / "virology_test.csv").write_text('q,"broken\n')
    assert "virology_test.csv: line" in refused("benchmarks", *recipe)
    (tmp_path / "virology_test.csv").write_text("q,a\n")
    assert "item 0: no 2 of 2; it has 2 parts" in refused("benchmarks", *recipe)


def root_of(
    folder: Path, benchmarks: dict[str, tuple[dict[str, Any], dict[str, str | None]]]
) -> tuple[str, str]:
    """A root in which items were found as `how` says."""
    store = Store(str(folder))
    rows, items = [], []
    for name, (settings, how) in benchmarks.items():
        read_as = msgspec.convert({"files": ["x"], "text": ["q"], **settings}, BenchmarkSettings)
        told = msgspec.json.encode(read_as).decode()
        rows.append({"benchmark": name, "num_items": len(how), "settings": told})
        items += [
            {"benchmark": name, "item_id": one, "dirty": found is not None, "how": found}
            for one, found in how.items()
        ]
    write_table(store, "benchmarks", [rows])
    write_table(store, "benchmark_items", [items])
    return ("--root", str(folder))


def exported(folder: Path, *arguments: str) -> tuple[dict, dict]:
    printed("export", str(folder / "out"), *arguments)
    clean, dirty = ((folder / "out" / f"{name}.json").read_text() for name in ("clean", "dirty"))
    return json.loads(clean), json.loads(dirty)


def test_each_file_is_a_task_and_its_items_are_its_documents(tmp_path):
    how = {"anatomy_test:0": "quote", "anatomy_test:1": None, "virology_test:0": None,
           "virology_test:1": None}  # fmt: skip
    root = root_of(tmp_path, {"law": ({"known": "mmlu", "files": ["x"]}, how)})
    clean, dirty = exported(tmp_path, *root)
    assert clean == {"mmlu_anatomy": [1], "mmlu_virology": [0, 1]}
    assert dirty == {"mmlu_anatomy": [0], "mmlu_virology": []}
    rows = [json.loads(line) for line in (tmp_path / "out" / "items.jsonl").open()]
    assert rows[2] == {"index": 0, "tasks": ["mmlu_virology"], "benchmark": "law",
                       "item_id": "virology_test:0", "dirty": False, "how": None}  # fmt: skip
    clean, _ = exported(tmp_path, "--as", "law=tmmlu_{file}", *root)
    assert clean == {"tmmlu_anatomy": [1], "tmmlu_virology": [0, 1]}
    assert "task law is one for several files" in refused(
        "export", str(tmp_path / "out"), "--as", "law=law", *root
    )


def test_files_without_a_task_are_named_like_the_benchmark_and_themselves(tmp_path):
    root = root_of(tmp_path, {"quiz": ({}, {"a:0": None, "b:0": "quote"})})
    assert exported(tmp_path, *root)[0] == {"quiz_a": [0], "quiz_b": []}


def test_documents_are_numbered_by_their_rows_or_counted_by_ids_of_their_own(tmp_path):
    root = root_of(tmp_path, {
        "lines": ({}, {"1": None, "3": "quote", "4": None}),  # lines 0 and 2 are blank
        "own": ({"item_id": "id"}, {"x:9": None, "7": "quote", "1": None}),
    })  # fmt: skip
    assert exported(tmp_path, *root) == ({"lines": [1, 4], "own": [0, 2]},
                                         {"lines": [3], "own": [1]})  # fmt: skip


def test_a_benchmark_may_be_the_documents_of_several_tasks(tmp_path):
    root = root_of(tmp_path, {"one": ({"task": ["a", "b"]}, {"0": None, "1": "quote"})})
    assert exported(tmp_path, *root)[0] == {"a": [0], "b": [0]}


def test_a_document_that_is_dirty_in_one_form_of_a_task_is_dirty(tmp_path):
    forms = {
        "one": ({"task": "t"}, {"0": None, "1": "quote", "2": None}),
        "two": ({"task": "t"}, {"0": "template", "1": None, "2": None}),
    }
    assert exported(tmp_path, *root_of(tmp_path, forms)) == ({"t": [2]}, {"t": [0, 1]})


def test_a_task_without_a_clean_item_is_told(tmp_path):
    # An empty list means every document to lm-evaluation-harness.
    root = root_of(tmp_path, {"one": ({}, {"0": "quote"}), "two": ({}, {"0": None})})
    said = printed("export", str(tmp_path / "out"), *root)
    assert "one: no clean item; do not score it" in said
    assert "two: no clean item" not in said


def test_scores_are_those_of_a_task_where_a_benchmark_has_several(tmp_path):
    how = {"a:0": None, "a:1": "quote", "b:0": None}
    root = root_of(tmp_path, {"quiz": ({"task": "quiz_{file}"}, how)})
    scores = tmp_path / "samples.jsonl"
    scores.write_text('{"doc_id": 0, "acc": 1.0}\n{"doc_id": 1, "acc": 0.0}\n')
    out = str(tmp_path / "out")
    found = json.loads(printed("export", out, "--scores", f"quiz_a={scores}", "--json", *root))
    assert (found["quiz_a"]["clean"]["value"], found["quiz_a"]["dirty"]["value"]) == (1.0, 0.0)
    assert "doc_id (0 to 0)" in refused("export", out, "--scores", f"quiz_b={scores}", *root)
    assert "documents of 2 tasks; expected one of those, as --scores quiz_a=FILE" in refused(
        "export", out, "--scores", f"quiz={scores}", *root
    )
    assert "it has quiz, quiz_a, quiz_b" in refused(
        "export", out, "--scores", f"none={scores}", *root
    )
