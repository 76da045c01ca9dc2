"""`winnow contamination export`: clean items for an evaluation, and what scores say of the rest."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pyarrow.compute as pc

from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.storage import Store
from jobs.contamination_cli.items import benchmark_names, checked
from jobs.contamination_cli.text import table
from jobs.options import json_option, root_option

if TYPE_CHECKING:
    from filters.contamination.scores import Comparison, Mean

MEANS = ("all", "clean", "dirty", "difference")
FILES = ("clean.json", "dirty.json", "items.jsonl")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--as", "renamed", multiple=True, metavar="BENCHMARK=TASK",
              help="The name of a benchmark's task in lm-evaluation-harness.")
@click.option("--scores", multiple=True, metavar="BENCHMARK=FILE",
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
    """Write the clean items of each benchmark, and compare a model's scores on clean and dirty.

    clean.json and dirty.json are {task: [doc index, ...]}, as `lm_eval --samples` takes them;
    items.jsonl has a line an item. Scores are lines with `doc_id` (an item's place in the
    benchmark, as lm-evaluation-harness logs its samples) or `item_id`, and the metric.

    \b
    Example: winnow contamination export clean/ --as arc_easy_text=arc_easy
             lm_eval --model hf --tasks arc_easy --samples clean/clean.json
             winnow contamination export clean/ --scores boolq=samples_boolq.jsonl
    """
    store = Store(root)
    items = _items(store)
    _write(Path(folder), items, _pairs(store, renamed, "--as"))
    compared = {
        name: _compare(items[name], path, metric)
        for name, path in _pairs(store, scores, "--scores").items()
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
    if compared:
        _print(compared, metric)


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    """Numbers as JSON has them: null for what cannot be said."""
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _items(store: Store) -> dict[str, list[dict[str, Any]]]:
    """The items of each benchmark in its own order."""
    columns = ["benchmark", "item_id", "dirty", "how"]
    table_ = open_dataset(store, "benchmark_items").read_all(columns)
    return {
        name: table_.filter(pc.equal(table_["benchmark"], name)).to_pylist()
        for name in benchmark_names(store)
    }


def _said(items: dict[str, list[dict[str, Any]]]) -> str:
    rows = [row for own in items.values() for row in own]
    num_dirty = sum(row["dirty"] for row in rows)
    return f"{len(rows) - num_dirty:,} clean and {num_dirty:,} dirty items"


def _write(
    folder: Path, items: dict[str, list[dict[str, Any]]], renamed: dict[str, str]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file, is_dirty in zip(FILES[:2], (False, True), strict=True):
        lists = {
            renamed.get(name, name): [k for k, row in enumerate(own) if row["dirty"] == is_dirty]
            for name, own in items.items()
        }
        (folder / file).write_text(json.dumps(lists) + "\n", encoding="utf-8")
    with (folder / FILES[2]).open("w", encoding="utf-8") as out:
        for own in items.values():
            for index, row in enumerate(own):
                out.write(json.dumps({"index": index, **row}, ensure_ascii=False) + "\n")


def _pairs(store: Store, given: tuple[str, ...], option: str) -> dict[str, str]:
    """BENCHMARK=VALUE as a mapping; raises InputError."""
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not value:
            raise InputError(f"{option} {one}: expected BENCHMARK=VALUE")
        found[checked(store, name)] = value
    return found


def _compare(items: list[dict[str, Any]], path: str, metric: str) -> Comparison:
    """Compare the scores of a file; raises InputError at a line without item or score."""
    from filters.contamination.scores import compare

    by_id = {row["item_id"]: row for row in items}
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
                f"the doc_id (0 to {len(items) - 1}) or item_id of an item of this run"
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
