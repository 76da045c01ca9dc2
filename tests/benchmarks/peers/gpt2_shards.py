"""What the encoders do beside encoding: read GPT-2's files, and Parquet text, and write a shard."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from passes import serve

WORK, NAMES, MERGES = sys.argv[1:4]
PATHS = sys.argv[4:]  # Parquet, another each pass
END = "<|endoftext|>"


def vocabulary() -> tuple[dict[str, int], int]:
    """GPT-2's tokens as its file writes them, and the id of end-of-text."""
    names: dict[str, int] = json.loads(Path(NAMES).read_text(encoding="utf-8"))
    return names, names.pop(END)


def run(encode: Callable[[list[str]], list[np.ndarray[Any, Any]]]) -> None:
    """Serve passes of work: `encode` texts that are there, or Parquet to a `shard` of llm.c's kind.

    encode: texts to uint16 ids with end-of-text, an array a text.
    """
    paths = cycle(PATHS)
    loaded = {path: read(path) for path in PATHS} if WORK == "encode" else {}

    def one_pass() -> list[Any]:
        path = next(paths)
        ids = np.concatenate(encode(loaded[path] if loaded else read(path)))
        if loaded:
            return [len(ids), zlib.crc32(ids.tobytes())]
        return [write(f"{path}.{Path(sys.argv[0]).stem}.bin", ids)]

    serve(one_pass)


def read(path: str) -> list[str]:
    """The texts of a Parquet file."""
    texts: list[str] = pq.read_table(path, columns=["text"])["text"].to_pylist()
    return texts


def write(path: str, ids: np.ndarray[Any, Any]) -> str:
    """Write the ids after a header of 1,024 bytes and one end-of-text; returns the path."""
    with Path(path).open("wb") as file:
        file.write(bytes(1024))
        file.write(ids[-1:].tobytes())
        file.write(ids.tobytes())
    return path
