"""The registry, and what a recipe takes of it; items as documents of evaluation tasks."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from corpus.benchmarks import (
    BenchmarkSettings,
    known_benchmark,
    known_benchmarks,
    read_benchmark,
    task_documents,
)
from corpus.benchmarks.registry import Reading
from corpus.config import Settings, load_recipe
from corpus.errors import ConfigError

PLAIN = BenchmarkSettings(files=("x",))


class OneBenchmark(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    benchmark: BenchmarkSettings


def recipe(tmp_path: Path, text: str) -> BenchmarkSettings:
    path = tmp_path / "recipe.toml"
    path.write_text(f"[benchmark]\n{text}\n")
    return load_recipe(OneBenchmark, str(path)).benchmark


def test_an_entry_gives_what_a_recipe_leaves_out(tmp_path):
    settings = recipe(tmp_path, 'known = "boolq"\nfiles = ["x"]')
    assert settings.paths() == {"context": ("passage",), "question": ("question",)}
    assert (settings.config, settings.split) == ("boolq", "validation")
    assert settings.tasks() == ("boolq",)


def test_a_recipe_may_lay_anything_over_an_entry(tmp_path):
    settings = recipe(
        tmp_path,
        'known = "boolq"\nfiles = ["x"]\ntext = ["query"]\nsplit = "train"\ntask = "my_boolq"',
    )
    assert settings.paths() == {"text": ("query",)}
    assert (settings.config, settings.split, settings.tasks()) == ("boolq", "train", ("my_boolq",))
    named = recipe(tmp_path, 'known = "boolq"\nfiles = ["x"]\nfields = {question = ["query"]}')
    assert named.paths() == {"question": ("query",)}


def test_settings_that_were_filled_stay_as_they_are_when_they_are_read_again():
    for name in known_benchmarks():
        settings = BenchmarkSettings(known=name, files=("x",))
        again = msgspec.json.decode(msgspec.json.encode(settings), type=BenchmarkSettings)
        assert again == settings
        assert msgspec.structs.replace(settings, files=("y",)).paths() == settings.paths()


def test_an_unknown_name_is_refused_with_those_near(tmp_path):
    with pytest.raises(ConfigError, match="arc_esy: not in the registry; did you mean arc_easy"):
        recipe(tmp_path, 'known = "arc_esy"\nfiles = ["x"]')
    with pytest.raises(ValueError, match="not in the registry; `winnow contamination benchmarks`"):
        known_benchmark("qqqqqqqq")


@pytest.mark.parametrize(
    "given",
    [
        {"item_id": "id", "group_by": "subject"},
        {"item_id": "id", "task": "mmlu_{file}"},
        {"known": "mmlu", "item_id": "id"},
        {"known": "mmlu", "spilt": "test"},
        {"known": "boolq", "files": []},
    ],
)
def test_settings_that_contradict_each_other_are_refused(given):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"files": ["x"], "text": ["q"], **given}, BenchmarkSettings)


def test_the_registry_is_package_data():
    assert (resources.files("corpus.benchmarks") / "registry.toml").is_file()
    pyproject = Path(__file__).parents[2] / "pyproject.toml"
    assert '"benchmarks/*.toml"' in pyproject.read_text()


@pytest.mark.parametrize("name", known_benchmarks())
def test_every_entry_tells_its_fields_and_where_its_facts_are_from(name):
    entry = known_benchmark(name)
    settings = BenchmarkSettings(known=name, files=("x",))
    assert settings.paths()
    assert entry.about
    assert not entry.item_id  # ids are rows, as the harness numbers documents
    assert entry.origin.count("/") == (1 if entry.origin else 0)
    if entry.origin:
        assert entry.split  # a repository has several
    if len(settings.configs()) > 1 or entry.group_by:
        assert settings.is_task_by_file()
    assert {*entry.task_names} <= {*settings.configs()}
    assert len({*settings.configs()}) == len(settings.configs())


def test_no_two_entries_are_the_same_or_share_a_task_but_in_another_form():
    owners: dict[str, list[str]] = {}
    for name in known_benchmarks():
        for task in BenchmarkSettings(known=name, files=("x",)).tasks():
            owners.setdefault(task, []).append(name)
    shared = {tuple(names) for names in owners.values() if len(names) > 1}
    assert shared == {("hellaswag", "hellaswag_llama_cpp"), ("mmlu", "mmlu_csv")}


def rows_of(entry: Reading, number: int) -> dict:
    """A row with a word of its own at every path of an entry."""
    row: dict = {}
    for paths in (*entry.fields.values(), entry.text):
        for path in paths:
            here, keys = row, path.split(".")
            for key in keys[:-1]:
                here = here.setdefault(key, {})
            here[keys[-1]] = [f"{path} {number}"]
    return row


@pytest.mark.parametrize("name", [n for n, e in known_benchmarks().items() if e.origin])
def test_an_entry_reads_a_folder_of_its_own_layout(tmp_path, name):
    entry = known_benchmark(name)
    configs = entry.config if isinstance(entry.config, tuple) else (entry.config,)
    for config in configs:
        path = tmp_path / config / f"{entry.split}-00000-of-00001.jsonl"
        path.parent.mkdir(exist_ok=True)
        rows = [rows_of(entry, number) for number in range(2)]
        if entry.group_by:
            rows = [{**row, entry.group_by: "computer science"} for row in rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = BenchmarkSettings(known=name, files=(str(tmp_path),))
    found = read_benchmark(name, settings)
    ids = list(dict.fromkeys(row.item_id for row in found))
    assert len(ids) == 2 * len(configs)
    documents = task_documents(ids, settings, settings.tasks())
    assert [document.number for document in documents] == [0, 1] * len(configs)
    assert not any("{" in task for document in documents for task in document.tasks)
    told = "\n".join(row.text for row in found if row.item_id == ids[-1])
    wanted = [path for paths in settings.paths().values() for path in paths]
    assert told == "\n".join(f"{path} 1" for path in wanted)


def test_the_names_of_math_are_those_of_the_harness():
    settings = BenchmarkSettings(known="math", files=("x",))
    ids = [f"{config}:0" for config in settings.configs()]
    tasks = [document.tasks[0] for document in task_documents(ids, settings, settings.tasks())]
    assert tasks == [f"hendrycks_math_{name}" for name in (
        "algebra", "counting_and_prob", "geometry", "intermediate_algebra", "num_theory",
        "prealgebra", "precalc",
    )]  # fmt: skip


def test_files_are_tasks_by_their_names_without_the_split(tmp_path):
    for name in ("anatomy_test.csv", "virology_test.csv"):
        (tmp_path / name).write_text("q1,a,b,c,d,A\nq2,a,b,c,d,B\n")
    settings = BenchmarkSettings(known="mmlu_csv", files=(f"{tmp_path}/*.csv",))
    rows = read_benchmark("mmlu", settings)
    ids = list(dict.fromkeys(row.item_id for row in rows))
    assert ids == ["anatomy_test:0", "anatomy_test:1", "virology_test:0", "virology_test:1"]
    assert task_documents(ids, settings, settings.tasks()) == [
        (("mmlu_anatomy",), 0), (("mmlu_anatomy",), 1), (("mmlu_virology",), 0),
        (("mmlu_virology",), 1),
    ]  # fmt: skip
    alone = BenchmarkSettings(known="mmlu_csv", files=(f"{tmp_path}/anatomy_test.csv",))
    assert read_benchmark("mmlu", alone)[0].item_id == "anatomy_test:0"  # it names the task


def test_groups_are_numbered_each_by_itself(tmp_path):
    lines = [("law", 1), ("computer science", 2), ("law", 3)]
    path = tmp_path / "test.jsonl"
    rows = [{"question": f"q{n}", "options": [], "category": name} for name, n in lines]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = BenchmarkSettings(known="mmlu_pro", files=(str(path),))
    ids = list(dict.fromkeys(row.item_id for row in read_benchmark("x", settings)))
    assert ids == ["law:0", "computer_science:0", "law:1"]
    tasks = [one.tasks[0] for one in task_documents(ids, settings, settings.tasks())]
    assert tasks == ["mmlu_pro_law", "mmlu_pro_computer_science", "mmlu_pro_law"]


def test_items_with_ids_of_their_own_are_counted():
    settings = BenchmarkSettings(files=("x",), item_id="id")
    assert task_documents(["a:7", "b"], settings, ("t",)) == [(("t",), 0), (("t",), 1)]
    numbered = task_documents(["1", "3"], PLAIN, ("t",))  # lines 0 and 2 are blank
    assert numbered == [(("t",), 1), (("t",), 3)]
