"""One benchmark file as items: dicts of its columns or keys, or lists of its lines or cells.

The format is the settings' or the suffix's. Text files may be packed (.gz, .bz2, .xz, .zst) and are
UTF-8; Arrow files are streams, as `save_to_disk` writes them, or random-access files. What is cut
short, broken or ambiguous raises InputError with the place.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from corpus.benchmarks.registry import Format, Reading
from corpus.errors import InputError

SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "tsv",
    ".txt": "lines", ".parquet": "parquet", ".arrow": "arrow",
}  # fmt: skip
_MAX_WINDOW = 1 << 31  # bytes; archives are written with windows up to 2 GiB
_MAX_CELL_CHARACTERS = 1 << 27  # one CSV cell; the csv module's own limit is 128 KiB
_ARROW_FILE = b"ARROW1"
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class Rows(NamedTuple):
    """The items of one file."""

    items: list[tuple[int, Any]]
    """Number, from 0, and value of each."""
    num_rows: int
    """Numbers that the file takes, those of blank lines among them."""


def read_rows(path: str, settings: Reading) -> Rows:
    """All items of a file; raises InputError where one cannot be read."""
    form = format_of(path) if settings.format == "auto" else settings.format
    if form is None:
        raise InputError(
            f"{path}: format unknown; expected a name in {', '.join(SUFFIXES)}, or `format` in the "
            "benchmark's settings"
        )
    if form == "lines":
        return _line_groups(_read_text(path), path, settings.lines_per_item)
    items = list(enumerate(_READERS[form](path, settings)))
    return Rows(items, len(items))


def format_of(path: str) -> Format | None:
    """The format that a file's suffix tells."""
    name = unpacked_name(path)
    return SUFFIXES.get("." + name.rsplit(".", 1)[-1].lower())


def unpacked_name(path: str) -> str:
    """The path without the suffix of a compression."""
    for suffix in _CODECS:
        path = path.removesuffix(suffix)
    return path


def read_bytes(path: str) -> bytes:
    """The whole file, decompressed; raises InputError where it is missing or damaged."""
    decompress = next((codec for suffix, codec in _CODECS.items() if path.endswith(suffix)), bytes)
    try:
        with fsspec.open(path, "rb") as handle:
            return decompress(handle.read())
    except FileNotFoundError as error:
        raise InputError(f"benchmark file {path}: no such file") from error
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected what its suffix says, whole"
        ) from error


def _read_text(path: str) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}; convert it first") from error


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


def _json_lines(path: str, _: Reading) -> Iterator[dict[str, Any]]:
    yield from _parsed_lines(_read_text(path), path)


def _parsed_lines(text: str, path: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise InputError(
                f"{path}: line {number} is not JSON ({error}): repair it, or the item it held is "
                "not looked for"
            ) from error
        yield _checked_object(value, f"{path}: line {number}")


def _json_records(path: str, settings: Reading) -> Iterator[dict[str, Any]]:
    """The objects of a list, of a list inside an object, or of JSON lines by the name of .json."""
    text = _read_text(path)
    try:
        value = json.loads(text)
    except ValueError as error:
        if settings.records or not text.lstrip().startswith("{"):
            raise InputError(f"{path}: is not JSON ({error}); repair it") from error
        yield from _parsed_lines(text, path)
        return
    for key in settings.records.split(".") if settings.records else ():
        if not isinstance(value, dict) or key not in value:
            raise InputError(
                f"{path}: no {key} of records = {settings.records}; it has {names_of(value)}"
            )
        value = value[key]
    if isinstance(value, dict) and not settings.records:
        value = [value]  # a file of one JSON line
    if not isinstance(value, list):
        raise InputError(
            f"{path}: {settings.records or 'it'} is {type(value).__name__}, expected a list of "
            "items; name the path of one as `records`"
        )
    for number, item in enumerate(value):
        yield _checked_object(item, f"{path}: item {number}")


def _checked_object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} is {type(value).__name__}, not an object")
    return value


def names_of(value: Any) -> str:
    """What a value has, for a message."""
    if isinstance(value, dict):
        return f"the keys {', '.join(map(str, value))}"
    return f"{len(value)} parts" if isinstance(value, list) else type(value).__name__


def _table_rows(path: str, settings: Reading, delimiter: str) -> Iterator[Any]:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    text = io.StringIO(_read_text(path), newline="")
    rows = csv.reader(text, delimiter=delimiter, strict=True)
    names: list[str] | None = None
    try:
        for row in rows:
            if not row:
                continue
            if settings.header and names is None:
                names = _column_names(row, path)
                continue
            if names is not None and len(row) != len(names):
                raise InputError(
                    f"{path}: line {rows.line_num} has {len(row)} cells, expected "
                    f"{len(names)} as its header names"
                )
            yield dict(zip(names, row, strict=True)) if names is not None else row
    except csv.Error as error:
        raise InputError(f"{path}: line {rows.line_num} is not CSV: {error}") from error


def _column_names(row: list[str], path: str) -> list[str]:
    twice = sorted({name for name in row if row.count(name) > 1})
    if twice:
        raise InputError(
            f"{path}: its header names {', '.join(twice)} twice; expected names that differ, or "
            "header = false where the first row is an item"
        )
    return row


def _line_groups(text: str, path: str, size: int) -> Rows:
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    if size == 1:
        return Rows([(k, [line]) for k, line in enumerate(lines) if line.strip()], len(lines))
    if len(lines) % size:
        raise InputError(f"{path}: {len(lines)} lines, expected a multiple of {size} "
                         "(lines_per_item)")  # fmt: skip
    groups = [lines[first : first + size] for first in range(0, len(lines), size)]
    return Rows(list(enumerate(groups)), len(groups))


def _paragraphs(path: str, _: Reading) -> Iterator[list[str]]:
    for paragraph in _read_text(path).split("\n\n"):
        if paragraph.strip():
            yield paragraph.strip("\n").split("\n")


def _parquet_rows(path: str, _: Reading) -> Iterator[dict[str, Any]]:
    data = read_bytes(path)
    try:
        for batch in pq.ParquetFile(io.BytesIO(data)).iter_batches():
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not Parquet, or not whole ({error})") from error


def _arrow_rows(path: str, _: Reading) -> Iterator[dict[str, Any]]:
    data = read_bytes(path)
    is_file = data.startswith(_ARROW_FILE)
    if not is_file and not data.endswith(_END_OF_STREAM):  # the reader takes a cut one in silence
        raise InputError(f"{path}: is no Arrow stream, or one that was cut short")
    try:
        reader = pa.ipc.open_file(data) if is_file else pa.ipc.open_stream(data)
        yield from reader.read_all().to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not Arrow, or not whole ({error})") from error


_READERS: dict[Format, Callable[[str, Reading], Iterator[Any]]] = {
    "jsonl": _json_lines,
    "json": _json_records,
    "csv": lambda path, settings: _table_rows(path, settings, ","),
    "tsv": lambda path, settings: _table_rows(path, settings, "\t"),
    "paragraphs": _paragraphs,
    "parquet": _parquet_rows,
    "arrow": _arrow_rows,
}
