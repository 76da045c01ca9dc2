"""How far a stage is: a live line on a terminal, plain lines where there is none."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

from rich.console import Console

from corpus.publishing import PartRecords

# A glance every half second on a terminal; a log file wants a line every ten.
TERMINAL_SECONDS = 0.5
PLAIN_SECONDS = 10.0

_console = Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """Write one line to standard error."""
    if _console.is_terminal:
        _console.print(message, markup=False)
    else:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()


class Progress:
    """Watches a step's published parts and shows parts done, rows a second and time left."""

    def __init__(
        self, stage: str, step: str, records: PartRecords, *, num_parts: int, unit: str = "rows"
    ) -> None:
        self._unit = unit
        self._title = f"{stage} ({step})"
        self._records = records
        self._num_parts = num_parts
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._rows = 0
        self._seen: set[int] = set()
        self._at_start = 0
        self._rows_at_start = 0
        self._started = time.monotonic()

    def __enter__(self) -> Progress:
        self._look()
        self._at_start, self._rows_at_start = len(self._seen), self._rows
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        live = _console.is_terminal
        if live:
            with _console.status(self._title) as status:
                while not self._stop.wait(TERMINAL_SECONDS):
                    self._look()
                    status.update(self._line())
            return
        while not self._stop.wait(PLAIN_SECONDS):
            self._look()
            say(self._line())

    def _look(self) -> None:
        for number in self._records.done():
            if number not in self._seen:
                self._seen.add(number)
                self._rows += self._records.read(number)[0].account().taken

    def _line(self) -> str:
        seconds = time.monotonic() - self._started
        fresh = len(self._seen) - self._at_start
        rate = (self._rows - self._rows_at_start) / seconds
        left = "?"
        if fresh:
            left = _clock(seconds / fresh * (self._num_parts - len(self._seen)))
        return (
            f"{self._title}: {len(self._seen)}/{self._num_parts} parts, "
            f"{rate:,.0f} {self._unit}/s, {left} left"
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
