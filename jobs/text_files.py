"""Texts of files that are in no run: JSON lines (packed or not), Parquet, or .txt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.errors import InputError

MAX_BYTES = 64 << 20  # of a line, as sources of text have it


class Text(NamedTuple):
    """One text of a file."""

    file: str
    number: int
    """Of its line, or its row, from 1."""
    text: str


def texts_of_file(path: str, left_out: Counter[str]) -> Iterator[Text]:
    """The texts of one file; what is none is counted by its reason. Raises InputError."""
    if is_parquet(path):
        for number, text in enumerate(parquet_texts(path), 1):
            if text is None:
                left_out["no_text"] += 1
            else:
                yield Text(path, number, text)
        return
    from corpus.texts import read_texts  # brings compiled kernels

    for line in read_texts(path, max_bytes=MAX_BYTES):
        if line.text is None:
            left_out[str(line.reason)] += 1
        else:
            yield Text(path, line.number, line.text)


def is_parquet(path: str) -> bool:
    """Whether a file is a table by its name."""
    return path.endswith(".parquet")


def parquet_texts(path: str) -> Iterator[str | None]:
    """The column `text` of a table, row by row; raises InputError where there is none."""
    try:
        for batch in pq.ParquetFile(Path(path)).iter_batches(1_000, columns=["text"]):
            yield from batch.column("text").to_pylist()
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        raise InputError(f"{path}: {error}; expected a Parquet file with a column text") from error
