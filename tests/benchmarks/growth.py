"""What dedup costs a document as the corpus grows: time, bytes shuffled, memory, rows.

    python -m tests.benchmarks.growth --millions 1 2 4 8 --root build/growth

Synthetic documents (synthetic.py), 100,000 a part, go through the stage on two cores, every size in
one Spark session after a small run that warms it up. Bytes are those that Spark's shuffles wrote,
by its event log; memory is the largest resident set of any process of a step (the JVM, a Python
worker, the driver), sampled twice a second. Results go to build/growth.json, a row a size.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.table import Table

from corpus.datasets import MANIFEST, open_dataset
from corpus.ledger import Ledger
from corpus.stages import stage_named
from corpus.storage import Store
from filters.dedup import DedupSettings
from jobs import dedup
from jobs.session import Session
from tests.benchmarks.frame import BUILD
from tests.benchmarks.synthetic import write_root
from tests.benchmarks.watch import EVENT_LOG, STEPS, Memory, Steps, shuffled

PART = 100_000  # documents
WARM_UP = 4_000
TABLES = ("signatures", "copies", "candidates", "pairs", "clusters", "dedup")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--root", type=Path, default=BUILD / "growth")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="a=b")
    parser.add_argument("--keep", action="store_true", help="leave the documents on disk")
    arguments = parser.parse_args()
    given = dict(one.split("=", 1) for one in arguments.settings)
    settings = DedupSettings(**{name: json.loads(value) for name, value in given.items()})
    log = arguments.root / "events"
    shutil.rmtree(log, ignore_errors=True)
    log.mkdir(parents=True)
    BUILD.mkdir(exist_ok=True)
    conf = EVENT_LOG | {"spark.eventLog.dir": log.resolve().as_uri()}
    session = Session(master="local[2]", conf=conf)
    rows = []
    measure(session, arguments.root / "warm-up", WARM_UP, settings, log)
    for millions in arguments.millions:
        root = arguments.root / f"{millions:g}m"
        rows.append(measure(session, root, round(millions * 1e6), settings, log))
        if not arguments.keep:
            shutil.rmtree(root)
        (BUILD / "growth.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    session.stop()
    show(rows)


def measure(
    session: Session, root: Path, num_documents: int, settings: DedupSettings, log: Path
) -> dict[str, Any]:
    """Make the documents where they are not there, run the stage on them, and count."""
    store = Store(str(root))
    if not store.exists("quality", MANIFEST):
        write_root(store, num_documents, num_parts=-(-num_documents // PART))
    for name in (*stage_named("dedup").outputs, "_stages"):
        store.remove(name)
    recipe: Any = SimpleNamespace(dedup=settings, seed=1, sources={})
    job = Steps(
        stage=stage_named("dedup"), recipe=recipe, store=store, session=session, ledger=Ledger()
    )
    before = shuffled(log)
    with Memory() as memory:
        STEPS.clear()
        started = time.monotonic()
        dedup.run(job)
        seconds = time.monotonic() - started
    text = open_dataset(store, "documents")
    sizes = {name: open_dataset(store, name) for name in TABLES}
    return {
        "documents": num_documents,
        "text_bytes": sum(part_text_bytes(text, part) for part in range(text.num_parts)),
        "seconds": seconds,
        "step_seconds": {
            name: end - begin
            for (name, end), begin in zip(STEPS.items(), [started, *STEPS.values()], strict=False)
        },
        "shuffled_bytes": shuffled(log) - before,
        "memory_bytes": memory.most,
        "rows": {name: data.num_rows for name, data in sizes.items()},
        "bytes": {
            name: sum(file.num_bytes for part in data.parts for file in part.files)
            for name, data in {**sizes, "loans": open_dataset(store, "loans")}.items()
        },
        "ledger": job.ledger.to_json()["rows"],
    }


def part_text_bytes(documents: Any, part: int) -> int:
    import pyarrow.parquet as pq

    metadata = pq.ParquetFile(documents.path(part)).metadata
    column = metadata.schema.names.index("text")
    return sum(
        metadata.row_group(group).column(column).total_uncompressed_size
        for group in range(metadata.num_row_groups)
    )


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("documents", "seconds", "us a document", "shuffled bytes a document",
                  "candidates a document", "compared", "loaned bytes a document", "removed",
                  "jvm GiB", "worker GiB", "driver GiB")  # fmt: skip
    for row in rows:
        n = row["documents"]
        memory = [f"{row['memory_bytes'].get(kind, 0) / 2**30:.2f}" for kind in
                  ("jvm", "worker", "driver")]  # fmt: skip
        removed = sum(row["ledger"]["dropped"].values()) / n
        table.add_row(
            f"{n:,}", f"{row['seconds']:.1f}", f"{row['seconds'] / n * 1e6:.1f}",
            f"{row['shuffled_bytes'] / n:.0f}", f"{row['rows']['candidates'] / n:.2f}",
            f"{row['rows']['pairs'] / n:.2f}",
            f"{row['bytes']['loans'] / n:.0f}", f"{removed:.4f}", *memory,
        )  # fmt: skip
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
