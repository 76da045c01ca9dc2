"""Which document of which lm-evaluation-harness task is an item?

The harness numbers a task's documents by their rows in the split that it scores, after the task's
`process_docs`; of the tasks in the registry only MMLU-Pro's drops rows, by subject (`group_by`).
Checked against lm_eval 0.4.13.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from corpus.benchmarks.settings import FILE, BenchmarkSettings


class TaskDocument(NamedTuple):
    """The document that an item is, of each of some tasks."""

    tasks: tuple[str, ...]
    number: int


def task_documents(
    item_ids: Iterable[str], settings: BenchmarkSettings, tasks: Sequence[str]
) -> list[TaskDocument]:
    """The document of each item, by its id: its number, or its place where it has an id of its own.

    item_ids: those of the whole benchmark, in its order.
    """
    places: Counter[str] = Counter()
    named: dict[str, tuple[str, ...]] = {}
    found = []
    for item_id in item_ids:
        group, number = "", ""
        if not settings.item_id:
            group, _, number = item_id.rpartition(":")
        if group not in named:
            named[group] = tuple(task.replace(FILE, _file(group, settings)) for task in tasks)
        found.append(TaskDocument(named[group], int(number) if number else places[group]))
        places[group] += 1
    return found


def _file(group: str, settings: BenchmarkSettings) -> str:
    """What stands for {file}: a file's name without its split, or another name for it."""
    for end in (f"_{settings.split}", f"-{settings.split}") if settings.split else ():
        group = group.removesuffix(end)
    return settings.task_names.get(group, group)
