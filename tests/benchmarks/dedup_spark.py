"""Signing 1 GB of real text through Spark on two cores, against two plain processes.

Both do what the stage's first step does for each part: read its texts, sign them, and write the
signatures to scratch. Spark schedules a task a part; the plain side is a pool of two processes that
takes parts as they come. Rates are of the clock, in a warm session and a warm pool, in turn. The
texts are the shared ones, over and over, until there is 1 GB.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count, cycle
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa

from corpus.datasets import MANIFEST, open_dataset
from corpus.identity import doc_id_of_place
from corpus.publishing import PartOutput
from corpus.storage import Store
from filters.dedup import DedupSettings
from filters.dedup.bands import banding
from jobs.deduping.signatures import _write
from jobs.session import Session
from tests.benchmarks.frame import BUILD, PASSES, Row, require, sample_texts
from tests.tables import rows_of, write_arrow

NUM_BYTES = 1_000_000_000
PART_BYTES = 100_000_000  # what the pages of one of Common Crawl's archives give
WARM_UP = 2  # passes: Java compiles for half a minute, on the cores that are measured
TARGET = 0.75


def rows(data: Path) -> list[Row]:
    store = Store(str(BUILD / "bench" / "spark-1g-100m"))
    if not store.exists("quality", MANIFEST):
        _write_corpus(store, data)
    documents, quality = open_dataset(store, "documents"), open_dataset(store, "quality")
    settings = DedupSettings()
    sign = partial(_sign, documents, quality, settings, store)
    parts = range(quality.num_parts)
    megabytes = NUM_BYTES / 1e6
    session = Session(master="local[2]")
    with all_cores(), ProcessPoolExecutor(2) as pool:
        ours, plain = [], []
        for turn in range(WARM_UP + PASSES):
            started = time.perf_counter()
            session.for_each(sign, list(parts))
            between = time.perf_counter()
            found = list(pool.map(sign, parts))
            if turn >= WARM_UP:
                ours.append(megabytes / (between - started))
                plain.append(megabytes / (time.perf_counter() - between))
        session.stop()
    require(sum(found) == quality.num_kept, "not every document was signed")
    return [
        Row(group="dedup", name="signing 1 GB through Spark / two plain processes",
            ours=median(ours), peer=median(plain), unit="MB/s", target=TARGET)
    ]  # fmt: skip


def _sign(documents: Any, quality: Any, settings: DedupSettings, store: Store, part: int) -> int:
    """Sign one part as the stage does, into scratch; returns its documents."""
    with store.scratch() as scratch:
        out = PartOutput(store, scratch, part, outputs=("signatures",), counted="signatures")
        _write(documents, quality, settings, banding(settings), 1, out, part)
        return int(out.ledger.account().taken)


@contextmanager
def all_cores() -> Iterator[None]:
    """Give this process, and what it starts, every core of the machine for a while."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _write_corpus(store: Store, data: Path) -> None:
    texts = sample_texts(data, num_bytes=NUM_BYTES).texts

    def parts() -> Iterator[list[dict[str, Any]]]:
        number, part, size, total = count(), [], 0, 0
        for text in cycle(texts):
            doc_id = doc_id_of_place("bench", "text", next(number))
            part.append({"doc_id": doc_id, "source": "web", "keep": True, "text": text,
                         "num_characters": len(text)})  # fmt: skip
            size += len(text.encode())
            if size >= PART_BYTES:
                total += size
                yield part
                part, size = [], 0
                if total >= NUM_BYTES:
                    return

    def judged() -> Iterator[pa.Table]:
        documents = open_dataset(store, "documents")
        for part in range(documents.num_parts):
            ids = documents.read(part, ("doc_id",))["doc_id"].to_pylist()
            yield rows_of("quality", ({"doc_id": i, "keep": True, "score": 0.5} for i in ids))

    write_arrow(store, "documents", (rows_of("documents", part) for part in parts()))
    write_arrow(store, "quality", judged())
