"""Benchmark files: the items whose text must not be trained on.

Reads JSON lines, CSV, TSV and plain text (items of a fixed number of lines, or paragraphs),
compressed or not, by suffix. The recipe names each benchmark's files and the paths of its fields:
`choices` is a key or column, `answers.text` goes deeper, a number indexes a list, and lists are
taken whole. What several paths or a list give is joined by a line break.
An item that cannot be read stops the stage with InputError: an unread item is not looked for.
Blank lines are no items. Cost: all items are held in memory, about four times the files' size.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import fsspec
import msgspec
import zstandard

from corpus.config import Settings
from corpus.errors import InputError

_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".txt": "lines"}
_MAX_WINDOW = 1 << 31  # bytes; archives are written with windows up to 2 GiB
_MAX_CELL_CHARACTERS = 1 << 27  # one CSV cell; the csv module's own limit is 128 KiB


class BenchmarkSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one benchmark lies and which of its fields are its text."""

    files: tuple[str, ...]
    """Paths or glob patterns, each of which must match; `{data}` is expanded."""
    format: Literal["auto", "jsonl", "csv", "tsv", "lines", "paragraphs"] = "auto"
    """auto: by suffix (.jsonl, .csv, .tsv, .txt = lines), below the suffix of a compression."""
    fields: dict[Literal["context", "question", "answer", "text"], tuple[str, ...]] = (
        msgspec.field(default_factory=dict)
    )
    """Paths of each field, e.g. {question = ["query"], answer = ["choices"]}. For lines and
    paragraphs a path is the number of a line of the item; without fields the text is all of it."""
    text: tuple[str, ...] = ()
    """Short for fields = {text = [...]}."""
    item_id: str = ""
    """Path of the item's own id; empty: the number of its line, row or paragraph, from 0, after the
    file's name where there are several files."""
    header: bool = True
    """csv and tsv: whether the first row names the columns; otherwise paths are column numbers."""
    lines_per_item: int = 1
    """lines: how many lines make an item, e.g. a question and its four answers."""

    def __post_init__(self) -> None:
        """Refuse what cannot be read."""
        if not self.files:
            raise ValueError("files: expected at least one path")
        if self.text and "text" in self.fields:
            raise ValueError("text and fields.text name the same field; expected one of them")
        if self.lines_per_item < 1:
            raise ValueError(f"lines_per_item {self.lines_per_item}: expected 1 or more")

    def paths(self) -> dict[str, tuple[str, ...]]:
        """Paths of each field, in the order of the recipe."""
        named: dict[str, tuple[str, ...]] = {name: paths for name, paths in self.fields.items()}
        return {**named, "text": self.text} if self.text else named


class ItemField(NamedTuple):
    """The text of one field of one item."""

    item_id: str
    field: str
    text: str


def benchmark_files(settings: BenchmarkSettings) -> list[str]:
    """The files with patterns expanded, sorted; raises InputError where one matches nothing."""
    found: list[str] = []
    for pattern in settings.files:
        file_system, path = fsspec.core.url_to_fs(pattern)
        matches = sorted(str(name) for name in file_system.glob(path))
        if not matches:
            raise InputError(
                f"benchmark file {pattern}: no such file; expected the files that the recipe's "
                "[contamination.benchmarks] names: an unread benchmark is not looked for"
            )
        local = "://" not in pattern
        found += matches if local else [file_system.unstrip_protocol(name) for name in matches]
    return list(dict.fromkeys(found))


def read_benchmark(name: str, settings: BenchmarkSettings) -> list[ItemField]:
    """Every field of every item, in file order; raises InputError at the first that fails."""
    files = benchmark_files(settings)
    rows: list[ItemField] = []
    seen: set[str] = set()
    for path in files:
        prefix = f"{_base_name(path)}:" if len(files) > 1 else ""
        before = len(rows)
        for number, value in _items(path, settings):
            where = f"benchmark {name}: {path}: item {number}"
            own = _one(value, settings.item_id, where) if settings.item_id else f"{prefix}{number}"
            if own in seen:
                raise InputError(f"{where}: its id {own} was seen before; expected ids that differ")
            seen.add(own)
            rows += [ItemField(own, *field) for field in _fields(value, settings.paths(), where)]
        if len(rows) == before:
            raise InputError(f"benchmark {name}: {path}: no item in it; expected at least one")
    return rows


def num_items(rows: Sequence[ItemField]) -> int:
    """Distinct items of one benchmark."""
    return len({row.item_id for row in rows})


def _fields(
    value: Any, paths: Mapping[str, Sequence[str]], where: str
) -> Iterator[tuple[str, str]]:
    if not paths:
        if not isinstance(value, list):
            raise InputError(
                f"{where}: which fields are text? It has {_names(value)}; expected "
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
    for key in path.split("."):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(
                f"{where}: no {key} of {path}; it has {_names(value)}: name a path of those, or "
                "repair the file"
            ) from error
    yield from _leaves(value)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)


def _names(value: Any) -> str:
    if isinstance(value, dict):
        return f"the keys {', '.join(map(str, value))}"
    return f"{len(value)} parts" if isinstance(value, list) else type(value).__name__


def _items(path: str, settings: BenchmarkSettings) -> Iterator[tuple[int, Any]]:
    """Number and value of each item: a dict, or a list of lines or cells."""
    name, form = path, settings.format
    for suffix in _CODECS:
        name = name.removesuffix(suffix)
    if form == "auto":
        suffix = "." + name.rsplit(".", 1)[-1].lower()
        if suffix not in _FORMATS:
            raise InputError(f"{path}: format unknown; expected a name in {', '.join(_FORMATS)}, "
                             "or `format` in the benchmark's settings")  # fmt: skip
        form = _FORMATS[suffix]  # type: ignore[assignment]
    text = _read_text(path)
    if form == "jsonl":
        yield from _json_lines(text, path)
    elif form in ("csv", "tsv"):
        yield from _table_rows(text, path, "," if form == "csv" else "\t", header=settings.header)
    elif form == "lines":
        yield from _line_groups(text, path, settings.lines_per_item)
    else:
        paragraphs = (p for p in text.split("\n\n") if p.strip())
        yield from enumerate(p.strip("\n").split("\n") for p in paragraphs)


def _read_text(path: str) -> str:
    """The whole file, decompressed; raises InputError where it is missing, damaged or not UTF-8."""
    decompress = next((codec for suffix, codec in _CODECS.items() if path.endswith(suffix)), bytes)
    try:
        with fsspec.open(path, "rb") as handle:
            data = decompress(handle.read())
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError as error:
        raise InputError(f"benchmark file {path}: no such file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}; convert it first") from error
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected what its suffix says, whole"
        ) from error


def _unzstd(data: bytes) -> bytes:
    """All frames; raises ValueError where the last is cut short (the library itself is silent)."""
    parts = []
    while data:
        frame = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
        try:
            parts.append(frame.decompress(data))
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
        if not frame.eof:
            raise ValueError("the last zstd frame ends too early")
        data = frame.unused_data
    return b"".join(parts)


_CODECS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": _unzstd,
}


def _json_lines(text: str, path: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n")):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise InputError(
                f"{path}: line {number + 1} is not JSON ({error}): repair it, or the item it held "
                "is not looked for"
            ) from error
        if not isinstance(value, dict):
            raise InputError(f"{path}: line {number + 1} is {type(value).__name__}, not an object")
        yield number, value


def _table_rows(
    text: str, path: str, delimiter: str, *, header: bool
) -> Iterator[tuple[int, Any]]:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    number = 0
    try:
        for row in rows:
            if header and names is None:
                names = row
                continue
            if not row:
                continue
            if names is not None and len(row) != len(names):
                raise InputError(
                    f"{path}: line {rows.line_num} has {len(row)} cells, expected "
                    f"{len(names)} as its header names"
                )
            yield number, dict(zip(names, row, strict=True)) if names is not None else row
            number += 1
    except csv.Error as error:
        raise InputError(f"{path}: line {rows.line_num} is not CSV: {error}") from error


def _line_groups(text: str, path: str, size: int) -> Iterator[tuple[int, list[str]]]:
    lines = text.split("\n")
    if size == 1:
        yield from ((number, [line]) for number, line in enumerate(lines) if line.strip())
        return
    if lines and not lines[-1]:
        lines.pop()
    if len(lines) % size:
        raise InputError(f"{path}: {len(lines)} lines, expected a multiple of {size} "
                         "(lines_per_item)")  # fmt: skip
    for first in range(0, len(lines), size):
        yield first // size, lines[first : first + size]


def _base_name(path: str) -> str:
    return path.rsplit("/", 1)[-1].split(".", 1)[0]
