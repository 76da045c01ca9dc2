"""The fields of every item of a benchmark.

The recipe names the paths of each field: `choices` is a key or column, `answers.text` goes deeper,
a number indexes a list, any other key is taken from each of a list's values, and lists are taken
whole. What several paths or a list give is joined by a line break.
An item's id is the number of its row in its split, through all of the split's shards, which is its
document's id in lm-evaluation-harness; where a benchmark has several files, configurations or
groups, the name of its own comes before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from corpus.benchmarks.files import benchmark_groups
from corpus.benchmarks.formats import names_of, read_rows
from corpus.benchmarks.settings import BenchmarkSettings
from corpus.benchmarks.shards import FileGroup
from corpus.errors import InputError


class ItemField(NamedTuple):
    """The text of one field of one item."""

    item_id: str
    field: str
    text: str


def read_benchmark(name: str, settings: BenchmarkSettings) -> list[ItemField]:
    """Every field of every item, in file order; raises InputError at the first that fails."""
    rows: list[ItemField] = []
    seen: set[str] = set()
    paths = settings.paths()
    for own, value, where in identified_items(name, settings):
        if own in seen:
            raise InputError(f"{where}: its id {own} was seen before; expected ids that differ")
        seen.add(own)
        rows += [ItemField(own, *field) for field in _fields(value, paths, where)]
    return rows


def num_items(rows: Sequence[ItemField]) -> int:
    """Distinct items of one benchmark."""
    return len({row.item_id for row in rows})


def identified_items(
    name: str, settings: BenchmarkSettings
) -> Iterator[tuple[str, Any, str]]:
    """Id, value as its file has it, and place of each item; raises InputError as above."""
    groups = benchmark_groups(settings)
    sizes: Counter[str] = Counter()
    for group in groups:
        prefix = f"{group.name}:" if len(groups) > 1 or settings.is_task_by_file() else ""
        for number, value, where in _numbered(group, settings, f"benchmark {name}"):
            if settings.item_id:
                own = _one(value, settings.item_id, where)
            elif settings.group_by:
                part = "_".join(_one(value, settings.group_by, where).split())
                own = f"{part}:{sizes[part]}"
                sizes[part] += 1
            else:
                own = f"{prefix}{number}"
            yield own, value, where


def _numbered(
    group: FileGroup, settings: BenchmarkSettings, told: str
) -> Iterator[tuple[int, Any, str]]:
    """Number through all files of a group, value and place of each item."""
    first, is_empty = 0, True
    for path in group.files:
        found = read_rows(path, settings)
        for number, value in found.items:
            yield first + number, value, f"{told}: {path}: item {number}"
        first += found.num_rows
        is_empty = is_empty and not found.items
    if is_empty:
        files = ", ".join(group.files)
        raise InputError(f"{told}: {files}: no item in it; expected at least one")


def _fields(
    value: Any, paths: Mapping[str, Sequence[str]], where: str
) -> Iterator[tuple[str, str]]:
    if not paths:
        if not isinstance(value, list):
            raise InputError(
                f"{where}: which fields are text? It has {names_of(value)}; expected "
                "`text` or `fields` in the benchmark's settings"
            )
        yield "text", "\n".join(value)
    for field, wanted in paths.items():
        yield field, "\n".join(part for path in wanted for part in _strings(value, path, where))


def _one(value: Any, path: str, where: str) -> str:
    found = list(_strings(value, path, where))
    if len(found) != 1:
        raise InputError(f"{where}: {path} gives {len(found)} ids, expected one")
    return found[0]


def _strings(value: Any, path: str, where: str) -> Iterator[str]:
    """Every string and number below a path; null gives none."""
    yield from _leaves(_below(value, path.split("."), f"of {path}", where))


def _below(value: Any, keys: Sequence[str], told: str, where: str) -> Any:
    for place, key in enumerate(keys):
        if isinstance(value, list) and not key.isdigit():
            return [_below(one, keys[place:], told, where) for one in value]
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError) as error:
            raise InputError(
                f"{where}: no {key} {told}; it has {names_of(value)}: name a path of those, or "
                "repair the file"
            ) from error
    return value


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, (list, tuple)):  # Arrow's maps come as pairs
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)
