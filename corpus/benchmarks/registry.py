"""The registry: what is published of the usual evaluation sets, in registry.toml.

An entry names the fields of a set as its publisher has them, the split that lm-evaluation-harness
scores, and its task's name. It holds no items and no paths: a recipe's `files` say where they lie.
"""

from __future__ import annotations

import difflib
import tomllib
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from corpus.config import Settings

Format = Literal["auto", "jsonl", "json", "csv", "tsv", "lines", "paragraphs", "parquet", "arrow"]
FieldName = Literal["context", "question", "answer", "text"]


class Reading(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a benchmark's files are read: shared by the registry and recipes."""

    config: tuple[str, ...] | str = ""
    """Configuration (Hugging Face's word for a subset) of a folder, or several, each read by
    itself; empty: the folder's only one, or its default."""
    split: str = ""
    """Split of a folder, such as validation; empty: its only one."""
    format: Format = "auto"
    """auto: by suffix (.jsonl, .ndjson, .json, .csv, .tsv, .parquet, .arrow, .txt = lines), below
    the suffix of a compression."""
    fields: dict[FieldName, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Paths of each field, e.g. {question = ["query"], answer = ["choices"]}. For lines and
    paragraphs a path is the number of a line of the item; without fields the text is all of it."""
    text: tuple[str, ...] = ()
    """Short for fields = {text = [...]}."""
    item_id: str = ""
    """Path of the item's own id; empty: the number of its row, line or paragraph, from 0, after the
    file's name where there are several files."""
    group_by: str = ""
    """Path of a value that names the part of the benchmark that an item is of, as a file's name
    does: items are numbered within each. Blanks in it become underscores."""
    records: str = ""
    """json: path of the list of items; empty: the file is that list, or JSON lines."""
    header: bool = True
    """csv and tsv: whether the first row names the columns; otherwise paths are column numbers."""
    lines_per_item: int = 1
    """lines: how many lines make an item, e.g. a question and its four answers."""
    task: tuple[str, ...] | str = ""
    """The lm-evaluation-harness task, or tasks, whose documents the items are, in their order;
    `{file}` is a file's, configuration's or group's name without the split."""
    task_names: dict[str, str] = msgspec.field(default_factory=dict)
    """What stands for `{file}` in a task's name, where it is not the name itself."""


class KnownBenchmark(Reading, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry of the registry."""

    about: str
    """What the set is, in a line."""
    origin: str = ""
    """Its repository of data sets at Hugging Face; empty: it has none, or another form is meant."""


def known_benchmark(name: str) -> KnownBenchmark:
    """An entry by name; raises ValueError, with the nearest names."""
    known = known_benchmarks()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise ValueError(
            f"known benchmark {name}: not in the registry; {hint}`winnow contamination benchmarks` "
            "lists it"
        )
    return known[name]


@cache
def known_benchmarks() -> dict[str, KnownBenchmark]:
    """Every entry by name, in the file's order."""
    file = resources.files("corpus.benchmarks") / "registry.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return msgspec.convert(tables, dict[str, KnownBenchmark])
