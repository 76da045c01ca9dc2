"""The rows, lines and examples of a recipe's benchmarks, from their files. Needs no torch.

Ids are those of the contamination tables, as both read the files through corpus/benchmarks. A file
that cannot be read stops the evaluation; a row that is no question of its set costs itself.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from corpus.benchmarks import BenchmarkSettings, benchmark_groups, identified_items
from corpus.benchmarks.formats import format_of, read_bytes
from corpus.errors import InputError
from corpus.trainer.evaluation.items import Question, Reader, read_rows

_SPLIT = re.compile(r"(?<![a-z])(?:test|tests|validation|valid|val|dev)(?![a-z])")


def read_questions(
    name: str, settings: BenchmarkSettings, reader: Reader
) -> tuple[list[Question], dict[str, int]]:
    """The questions of a benchmark, and its bad rows by reason; raises InputError for a file."""
    return read_rows(reader, [(own, row) for own, row, _ in identified_items(name, settings)])


def read_lines(name: str, settings: BenchmarkSettings) -> list[tuple[str, str]]:
    """The lines of a text, blank ones too, each with the id of its row."""
    groups = benchmark_groups(settings)
    if len(groups) == 1 and _is_plain(groups[0].files[0], settings):
        text = b"".join(map(read_bytes, groups[0].files)).decode("utf-8-sig")
        lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
        return [(str(number), line) for number, line in enumerate(lines)]
    return [
        (own, line)
        for own, row, where in identified_items(name, settings)
        for line in _text_of(row, where).removesuffix("\n").split("\n")
    ]


def _is_plain(path: str, settings: BenchmarkSettings) -> bool:
    form = format_of(path) if settings.format == "auto" else settings.format
    return form == "lines" and settings.lines_per_item == 1


def _text_of(row: Any, where: str) -> str:
    """The one text of a row."""
    texts = row if isinstance(row, list) else [one for one in row.values() if isinstance(one, str)]
    if isinstance(row, list):
        return "\n".join(row)
    if len(texts) != 1:
        raise InputError(f"{where}: {len(texts)} texts in a row, expected one, or a file of lines")
    return str(texts[0])


def train_settings(settings: BenchmarkSettings) -> BenchmarkSettings | None:
    """The train set beside a benchmark; None where there is none.

    It is the train split of the same folder, or the file of the same name with `train` in place of
    test, validation, valid, val or dev.
    """
    own = benchmark_groups(settings)
    files = tuple(_train_name(path) for path in settings.files)
    places = [(settings.files, "train")] if settings.split else []
    for paths, split in (*places, (files, settings.split)):
        beside = msgspec.structs.replace(settings, files=paths, split=split)
        try:
            if benchmark_groups(beside) != own:
                return beside
        except InputError:  # no such file or split
            continue
    return None


def _train_name(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{_SPLIT.sub('train', name)}"
