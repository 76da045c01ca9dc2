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
    if path.endswith(".parquet"):
        yield from _parquet_texts(path, left_out)
        return
    from corpus.texts import read_texts  # brings compiled kernels

    for line in read_texts(path, max_bytes=MAX_BYTES):
        if line.text is None:
            left_out[str(line.reason)] += 1
        else:
            yield Text(path, line.number, line.text)


def _parquet_texts(path: str, left_out: Counter[str]) -> Iterator[Text]:
    number = 0
    try:
        for batch in pq.ParquetFile(Path(path)).iter_batches(1_000, columns=["text"]):
            for text in batch.column("text").to_pylist():
                number += 1
                if text is None:
                    left_out["no_text"] += 1
                else:
                    yield Text(path, number, text)
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        raise InputError(f"{path}: {error}; expected a Parquet file with a column text") from error
