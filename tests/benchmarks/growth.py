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
import os
import shutil
import threading
import time
from collections import defaultdict
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
from jobs.parts import Job
from jobs.session import Session
from tests.benchmarks.frame import BUILD
from tests.benchmarks.synthetic import write_root

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
    session = Session(master="local[2]", conf={
        "spark.eventLog.enabled": "true", "spark.eventLog.dir": log.resolve().as_uri(),
        "spark.eventLog.compress": "false", "spark.eventLog.rolling.enabled": "false",
    })  # fmt: skip
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


STEPS: dict[str, float] = {}


class Steps(Job):
    """A job that notes when each step was published."""

    def _publish(self, *given: Any) -> Ledger:  # type: ignore[override]
        ledger = super()._publish(*given)
        STEPS[given[3]] = time.monotonic()
        return ledger


def part_text_bytes(documents: Any, part: int) -> int:
    import pyarrow.parquet as pq

    metadata = pq.ParquetFile(documents.path(part)).metadata
    column = metadata.schema.names.index("text")
    return sum(
        metadata.row_group(group).column(column).total_uncompressed_size
        for group in range(metadata.num_row_groups)
    )


def shuffled(log: Path) -> int:
    """Bytes that all shuffles so far have written."""
    time.sleep(1)  # the log is a moment behind
    total = 0
    for path in log.iterdir():
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if '"SparkListenerTaskEnd"' in line and line.endswith("}\n"):
                    metrics = json.loads(line).get("Task Metrics") or {}
                    written = metrics.get("Shuffle Write Metrics", {})
                    total += written.get("Shuffle Bytes Written", 0)
    return total


class Memory:
    """The largest resident set of this process' tree, by what the process is."""

    def __init__(self) -> None:
        self.most: dict[str, int] = defaultdict(int)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            for process in _tree(os.getpid()):
                try:
                    status = Path(f"/proc/{process}/status").read_text()
                    command = Path(f"/proc/{process}/cmdline").read_text()
                except OSError:
                    continue
                size = next((int(line.split()[1]) * 1024 for line in status.splitlines()
                             if line.startswith("VmRSS")), 0)  # fmt: skip
                own = "driver" if process == os.getpid() else "worker"
                kind = "jvm" if "java" in command.split("\0")[0] else own
                self.most[kind] = max(self.most[kind], size)


def _tree(process: int) -> list[int]:
    """A process and all that descend from it."""
    found, waiting = [], [process]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


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
