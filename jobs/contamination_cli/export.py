"""`winnow contamination export`: clean items for an evaluation, and what scores say of the rest."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
import pyarrow.compute as pc

from corpus.benchmarks import BenchmarkSettings, task_documents
from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.storage import Store
from jobs.contamination_cli.items import checked
from jobs.contamination_cli.text import table
from jobs.options import json_option, root_option

if TYPE_CHECKING:
    from filters.contamination.scores import Comparison, Mean

Item = dict[str, Any]
"""A row of `benchmark_items`, with the `tasks` of which it is the document `index`."""

MEANS = ("all", "clean", "dirty", "difference")
FILES = ("clean.json", "dirty.json", "items.jsonl")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--as", "renamed", multiple=True, metavar="BENCHMARK=TASK",
              help="Another name for a benchmark's task; {file} in it is a file's own.")
@click.option("--scores", multiple=True, metavar="BENCHMARK|TASK=FILE",
              help="A score an item, as JSON lines: compare clean and dirty.")
@click.option("--metric", default="acc", show_default=True, help="The key of the score.")
@root_option
@json_option
def export(
    folder: str,
    renamed: tuple[str, ...],
    scores: tuple[str, ...],
    metric: str,
    root: str,
    as_json: bool,
) -> None:
    """Write the clean items of each task, and compare a model's scores on clean and dirty.

    clean.json and dirty.json are {task: [doc index, ...]}, as `lm_eval --samples` takes them: tasks
    are those of the recipe and the registry, else the benchmark's name. An index that is dirty in
    one of two benchmarks of a task is dirty. items.jsonl has a line an item. Scores are lines with
    `doc_id` (as lm-evaluation-harness logs its samples) or `item_id`, and the metric, of a
    benchmark or of a task.

    \b
    Example: winnow contamination export clean/ --as arc_easy_text=arc_easy
             winnow contamination export clean/ --as exams='mmlu_{file}'
             lm_eval --model hf --tasks arc_easy --samples clean/clean.json
             winnow contamination export clean/ --scores boolq=samples_boolq.jsonl
    """
    store = Store(root)
    items = _items(store, _pairs(store, renamed, "--as"))
    tasks = _by_task(items)
    _write(Path(folder), items, tasks)
    compared = {
        name: _compare(_scored(items, tasks, name), path, metric)
        for name, path in _split(scores, "--scores").items()
    }
    if as_json:
        found = {
            name: {
                **{key: _plain(getattr(one, key)._asdict()) for key in MEANS},
                **_plain({"relative": one.relative}),
            }
            for name, one in compared.items()
        }  # fmt: skip
        click.echo(json.dumps(found, indent=1))
        return
    click.echo(f"{folder}: {', '.join(FILES)}: {_said(items)}")
    for task, rows in tasks.items():
        if all(row["dirty"] for row in rows.values()):
            click.echo(f"{task}: no clean item; do not score it: to lm_eval no list means all")
    if compared:
        _print(compared, metric)


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    """Numbers as JSON has them: null for what cannot be said."""
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _items(store: Store, renamed: dict[str, str]) -> dict[str, list[Item]]:
    """The items of each benchmark in its own order, with the documents of tasks that they are."""
    columns = ["benchmark", "item_id", "dirty", "how"]
    table_ = open_dataset(store, "benchmark_items").read_all(columns)
    read_as = open_dataset(store, "benchmarks").read_all(["benchmark", "settings"])
    found = {}
    for one in read_as.to_pylist():
        name = one["benchmark"]
        settings = msgspec.json.decode(one["settings"], type=BenchmarkSettings)
        rows = table_.filter(pc.equal(table_["benchmark"], name)).to_pylist()
        tasks = (renamed[name],) if name in renamed else settings.tasks()
        found[name] = _placed(name, rows, settings, tasks)
    return found


def _placed(
    name: str, rows: list[Item], settings: BenchmarkSettings, tasks: Sequence[str]
) -> list[Item]:
    """Items with their `tasks` and `index`; raises InputError where two are one document."""
    ids = [row["item_id"] for row in rows]
    has_groups = not settings.item_id and any(":" in one for one in ids)
    tasks = tasks or (f"{name}_{{file}}" if has_groups else name,)
    documents = task_documents(ids, settings, tasks)
    if len({*documents}) < len(documents):
        raise InputError(
            f"benchmark {name}: task {', '.join(tasks)} is one for several files, whose items are "
            f"numbered by file; expected {{file}} in its name, as --as {name}='mmlu_{{file}}'"
        )
    return [
        {"index": document.number, "tasks": document.tasks, **row}
        for document, row in zip(documents, rows, strict=True)
    ]


def _by_task(items: dict[str, list[Item]]) -> dict[str, dict[int, Item]]:
    """The items of each task by their document's index, dirty where one of its benchmarks says."""
    found: dict[str, dict[int, Item]] = {}
    for row in (row for own in items.values() for row in own):
        for task in row["tasks"]:
            other = found.setdefault(task, {}).get(row["index"])
            if other is None or not other["dirty"]:
                found[task][row["index"]] = row
    return found


def _said(items: dict[str, list[Item]]) -> str:
    rows = [row for own in items.values() for row in own]
    num_dirty = sum(row["dirty"] for row in rows)
    return f"{len(rows) - num_dirty:,} clean and {num_dirty:,} dirty items"


def _write(
    folder: Path, items: dict[str, list[Item]], tasks: dict[str, dict[int, Item]]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file, is_dirty in zip(FILES[:2], (False, True), strict=True):
        lists = {
            task: sorted(index for index, row in rows.items() if row["dirty"] == is_dirty)
            for task, rows in tasks.items()
        }
        (folder / file).write_text(json.dumps(lists) + "\n", encoding="utf-8")
    with (folder / FILES[2]).open("w", encoding="utf-8") as out:
        for row in (row for own in items.values() for row in own):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def _pairs(store: Store, given: tuple[str, ...], option: str) -> dict[str, str]:
    """BENCHMARK=VALUE as a mapping; raises InputError."""
    return {checked(store, name): value for name, value in _split(given, option).items()}


def _split(given: tuple[str, ...], option: str) -> dict[str, str]:
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not value:
            raise InputError(f"{option} {one}: expected BENCHMARK=VALUE")
        found[name] = value
    return found


def _scored(
    items: dict[str, list[Item]], tasks: dict[str, dict[int, Item]], name: str
) -> dict[int, Item]:
    """The items of a benchmark or a task by their document's index; raises InputError."""
    if name in items:
        own = {row["index"]: row for row in items[name]}
        if len(own) == len(items[name]):
            return own
        named = sorted({task for row in items[name] for task in row["tasks"]})
        raise InputError(
            f"--scores {name}: its items are documents of {len(named)} tasks; expected one of "
            f"those, as --scores {named[0]}=FILE"
        )
    if name not in tasks:
        names = ", ".join(dict.fromkeys([*items, *tasks]))
        raise InputError(f"--scores {name}: no benchmark or task of this run; it has {names}")
    return tasks[name]


def _compare(items: dict[int, Item], path: str, metric: str) -> Comparison:
    """Compare the scores of a file; raises InputError at a line without item or score."""
    from filters.contamination.scores import compare

    by_id = {row["item_id"]: row for row in items.values()}
    scores: dict[str, float] = {}
    for number, line in _lines(path):
        where = f"{path}: line {number}"
        try:
            value = json.loads(line)
            row = by_id[value["item_id"]] if "item_id" in value else items[int(value["doc_id"])]
            score = float(value[metric])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise InputError(
                f"{where}: {type(error).__name__} {error}; expected an object with {metric}, and "
                f"the doc_id (0 to {max(items, default=0)}) or item_id of an item of this run"
            ) from error
        if row["item_id"] in scores:
            raise InputError(f"{where}: item {row['item_id']} has a score already; expected one")
        scores[row["item_id"]] = score
    return compare(list(scores.values()), [by_id[name]["dirty"] for name in scores])


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not blank; raises InputError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}; expected a file of JSON lines") from error
    return ((n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip())


def _print(compared: dict[str, Comparison], metric: str) -> None:
    head = (metric, "all", "clean", "dirty", "clean - dirty", "clean / all")
    lines: list[tuple[str, ...]] = [head]
    for name, one in compared.items():
        lines.append((
            name, *(_mean(m) for m in (one.all, one.clean, one.dirty)),
            _interval(one.difference, "+.3f"), f"{one.relative:+.1%}",
        ))  # fmt: skip
    for line in table(lines, numbers=range(1, len(head))):
        click.echo(line)
    click.echo("In brackets: 95 % intervals, Wilson's of shares, Student's and Welch's else.")


def _mean(one: Mean) -> str:
    return f"{_interval(one, '.3f')} of {one.number:,}" if one.number else "-"


def _interval(one: Mean, form: str) -> str:
    return f"{one.value:{form}} [{one.low:{form}}, {one.high:{form}}]"
