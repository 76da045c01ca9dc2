"""`winnow contamination benchmarks`: the registry, and what is read of a recipe's benchmarks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec
import numpy as np
import pyarrow as pa

from corpus.benchmarks import (
    BenchmarkSettings,
    ItemField,
    KnownBenchmark,
    benchmark_files,
    known_benchmark,
    known_benchmarks,
    num_items,
    read_benchmark,
    task_documents,
)
from corpus.errors import InputError
from corpus.words import split_words
from jobs.contamination_cli.text import lines_of, table, terminal
from jobs.options import json_option, read_settings, set_option

PERCENTILES = {"p5": 5, "median": 50, "p95": 95, "most": 100}
SHOWN_CHARACTERS = 400
"""Of each field of the item that is shown."""


@click.command()
@click.argument("name", required=False)
@click.option("--recipe", help="Read the benchmarks of this recipe, NAME or FILE.toml.")
@set_option
@json_option
def benchmarks(
    name: str | None, recipe: str | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """List the known benchmarks, or read a recipe's and show what their items are.

    Without a recipe: the registry, or one entry of it, whose keys a recipe may lay over. With one:
    files, items and words of each field, of one benchmark with its first item. Every item is read;
    the first that cannot be stops the command, as it does the stage.

    \b
    Example: winnow contamination benchmarks
             winnow contamination benchmarks arc_easy
             winnow contamination benchmarks --recipe real_pages --set data=DATA
             winnow contamination benchmarks boolq --recipe gpt3 --set \\
                 'contamination.benchmarks.boolq={known="boolq", files=["super_glue"]}'
    """
    if recipe is not None:
        _show_read(read_settings(recipe, overrides).contamination.benchmarks, name, as_json)
    elif overrides:
        raise InputError("--set: no --recipe was given that it could be laid over")
    elif name is None:
        _list_known(as_json)
    else:
        _show_known(name, as_json)


def _list_known(as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(known_benchmarks()), indent=1))
        return
    lines = [("known", "split", "fields", "tasks", "about")]
    for name, entry in known_benchmarks().items():
        fields = ", ".join(entry.fields) or "text"
        tasks = _tasks(entry)
        more = f" and {len(tasks) - 1} more" if len(tasks) > 1 else ""
        lines.append((name, entry.split, fields, (*tasks, "-")[0] + more, entry.about))
    for line in table(lines, numbers=()):
        click.echo(line)


def _show_known(name: str, as_json: bool) -> None:
    """An entry, without the keys that it leaves at their defaults."""
    try:
        entry = known_benchmark(name)
    except ValueError as error:
        raise InputError(str(error)) from error
    default = KnownBenchmark(about="")
    own = {
        field.name: getattr(entry, field.name)
        for field in msgspec.structs.fields(KnownBenchmark)
        if getattr(entry, field.name) != getattr(default, field.name)
    }
    if as_json:
        click.echo(json.dumps({name: msgspec.to_builtins(own)}, indent=1))
        return
    for key in ("about", "origin", *own):
        if key in own:
            click.echo(f"{key} = {json.dumps(own.pop(key), ensure_ascii=False)}")


def _tasks(entry: KnownBenchmark) -> tuple[str, ...]:
    return entry.task if isinstance(entry.task, tuple) else (entry.task,) if entry.task else ()


def _show_read(found: dict[str, BenchmarkSettings], name: str | None, as_json: bool) -> None:
    if not found or (name is not None and name not in found):
        raise InputError(
            f"benchmark {name or '(any)'}: the recipe does not name it; it has "
            f"{', '.join(found) or 'none'}"
        )
    chosen = {name: found[name]} if name is not None else found
    told = []
    for one, settings in chosen.items():
        rows = read_benchmark(one, settings)
        told.append(_told(one, settings, rows))
        if name is not None and not as_json:
            _print_first(told[0], rows)
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    head = ("benchmark", "files", "items", "field", "empty", "words: 5 %", "median", "95 %", "most")
    lines = [head, *(line for one in told for line in _lines(one))]
    for line in table(lines, numbers=(1, 2, *range(4, len(head)))):
        click.echo(line)


def _told(name: str, settings: BenchmarkSettings, rows: Sequence[ItemField]) -> dict[str, Any]:
    """What is read of a benchmark."""
    ids = list(dict.fromkeys(row.item_id for row in rows))
    documents = task_documents(ids, settings, settings.tasks())
    return {
        "benchmark": name,
        "files": benchmark_files(settings),
        "num_items": num_items(rows),
        "first_id": ids[0],
        "last_id": ids[-1],
        "tasks": sorted({task for document in documents for task in document.tasks}),
        "fields": {
            field: _measured([row.text for row in rows if row.field == field])
            for field in dict.fromkeys(row.field for row in rows)
        },
    }


def _measured(texts: Sequence[str]) -> dict[str, int]:
    """Words of a field's texts."""
    words = np.diff(split_words(pa.array(texts, pa.large_string())).offsets)
    sizes = {
        name: int(np.percentile(words, share, method="lower"))
        for name, share in PERCENTILES.items()
    }
    return {"num_empty": int((words == 0).sum()), **sizes}


def _lines(one: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    first: tuple[str, ...] = (
        one["benchmark"], f"{len(one['files']):,}", f"{one['num_items']:,}",
    )  # fmt: skip
    for field, sizes in one["fields"].items():
        yield (*first, field, *(f"{number:,}" for number in sizes.values()))
        first = ("", "", "")


def _print_first(one: dict[str, Any], rows: Sequence[ItemField]) -> None:
    """The files, the ids and the first item of a benchmark."""
    width, _ = terminal()
    for path in one["files"]:
        click.echo(path)
    tasks = ", ".join(one["tasks"]) or "none: named like the benchmark"
    click.echo(f"items {one['first_id']} to {one['last_id']}; tasks: {tasks}\n")
    for row in rows:
        if row.item_id != one["first_id"]:
            break
        click.echo(f"{row.field}:")
        more = " …" if len(row.text) > SHOWN_CHARACTERS else ""
        for line in lines_of(row.text[:SHOWN_CHARACTERS] + more, (), width - 2, colour=False):
            click.echo(f"  {line.text}")
    click.echo()
