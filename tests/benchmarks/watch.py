"""What a run takes: when its steps end, what its shuffles write, how large its processes get."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from corpus.ledger import Ledger
from jobs.parts import Job

EVENT_LOG = {
    "spark.eventLog.enabled": "true",
    "spark.eventLog.compress": "false",
    "spark.eventLog.rolling.enabled": "false",
}

STEPS: dict[str, float] = {}


class Steps(Job):
    """A job that notes when each step was published."""

    def _publish(self, *given: Any) -> Ledger:  # type: ignore[override]
        ledger = super()._publish(*given)
        STEPS[given[3]] = time.monotonic()
        return ledger


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
