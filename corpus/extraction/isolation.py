"""Pages extracted in a process of their own, so that a page that hangs or crashes costs itself.

    with extractor(settings) as pages:
        for answer in pages.extract(batch): ...

The worker (worker.py) is started once, kept from task to task, and replaced when it has grown, has
done its share, or has died. A page in hand when it dies is tried once more in a fresh one, unless
it was the first there, so that no page's fate depends on the pages before it; what ended by time is
not tried again.
Its reason is `too_slow`, `out_of_memory` or `crashed`, and the pages after it go on.
Parent and worker take turns, batch by batch: a Spark task has one core, and uses one.
Cost: 0.15 ms a page, 0.25 on a busy machine: 8 % of the pages/s of an engine that does 350 there;
0.6 s to start trafilatura's. Limit: beyond Linux there is no memory limit, and a page that
hangs in C outlives a parent that is killed, until its own time is up. Windows has neither.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, TypeVar, cast

import msgspec

from corpus.errors import SetupError
from corpus.extraction import ExtractSettings
from corpus.extraction.page import CRASHED, OUT_OF_MEMORY, TOO_SLOW, Extraction
from corpus.extraction.worker import (
    LENGTH,
    MAXRSS_BYTES,
    Answer,
    Done,
    Page,
    Ready,
    Start,
    write_frame,
    write_pages,
)

START_SECONDS = 120.0  # to load an engine: numba compiles for some seconds the first time
PIPE_BYTES = 1 << 20  # the most that an unprivileged pipe may hold; 64 KiB as a rule
MEMORY_SHARE = 0.25  # of max_memory, added by a worker that dies because an allocation failed
MAX_ERROR_BYTES = 4_000  # kept of what a dead worker wrote: faulthandler's trace, Rust's message

Value = TypeVar("Value")


class _Died(Exception):
    """The worker ended within a page; `reason` is that page's."""

    def __init__(self, reason: str, how: str) -> None:
        super().__init__(how)
        self.reason = reason


class Extractor:
    """A worker process, and a new one when that is needed."""

    def __init__(self, settings: ExtractSettings, *, measures: bool = False) -> None:
        self._start = Start(settings=settings, measures=measures)
        self._worker: _Worker | None = None

    def extract(self, pages: Sequence[Page]) -> list[Answer]:
        """What became of each page, in order; raises SetupError where the engine cannot be used."""
        answers: list[Answer] = []
        try:
            while len(answers) < len(pages):
                num_before, is_fresh = len(answers), self._worker is None
                failed = self._extract(pages[num_before:], answers)
                is_first = is_fresh and len(answers) == num_before
                if failed is not None and (is_first or failed.found.reason == TOO_SLOW):
                    answers.append(failed)
        except BaseException:
            self.close()  # it may be within a batch
            raise
        return answers

    def close(self) -> None:
        """End the worker, whatever it does."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def _extract(self, pages: Sequence[Page], answers: list[Answer]) -> Answer | None:
        """Append the pages' answers; returns one that ended the worker, and is not appended."""
        if self._worker is None:
            self._worker = _Worker(self._start)
        try:
            for answer in self._worker.answers(pages):
                if answer.found.reason == OUT_OF_MEMORY:
                    self.close()  # what such a page left half done is not trusted
                    return answer
                answers.append(answer)
        except _Died as death:
            self.close()
            return Answer(found=Extraction(reason=death.reason, error=str(death)), seconds=0.0)
        if self._worker.retires:
            self.close()
        return None


class _Worker:
    """One process, from its start to its end."""

    def __init__(self, start: Start) -> None:
        self._settings = start.settings
        self._buffer = bytearray()
        self._base = 0
        self.retires = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker, in `end`
        path = os.pathsep.join(path or os.curdir for path in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "corpus.extraction.worker", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": path, "RUST_BACKTRACE": "0"},
        )
        self._input = cast(BinaryIO, self._process.stdin)
        self._output = cast(BinaryIO, self._process.stdout)
        for pipe in (self._input, self._output):
            _widen(pipe)
        try:
            write_frame(self._input, start)
            ready = self._read(Ready, START_SECONDS)
        except (_Died, BrokenPipeError) as error:
            self.end()
            raise SetupError(
                f"engine {start.settings.engine}: its process ended at the start: {error}; "
                "expected it to load: see that python can import corpus.extraction.worker"
            ) from error
        if ready.error is not None:
            self.end()
            raise SetupError(
                f"engine {start.settings.engine}: cannot be used here ({ready.error}); expected "
                "its library: run `pip install winnow` again, or choose another extract.engine"
            )
        self._base = ready.peak_bytes

    def answers(self, pages: Sequence[Page]) -> Iterator[Answer]:
        """What became of each page; raises _Died within the first that has no answer."""
        try:
            write_pages(self._input, pages)
        except BrokenPipeError:
            raise self._death() from None
        for _ in pages:
            yield self._read(Answer, self._settings.max_wall_seconds)
        self.retires = self._read(Done, self._settings.max_wall_seconds).retires

    def end(self) -> int:
        """Kill and reap it where that is to be done; returns the bytes of memory it had at most."""
        with suppress(OSError):
            self._input.close()
        self._output.close()
        self._errors.close()
        if self._process.returncode is not None:
            return 0
        self._process.kill()
        return self._reap()

    def _reap(self) -> int:
        """Wait for its end; returns the bytes of memory it had at most."""
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss * MAXRSS_BYTES

    def _read(self, kind: type[Value], seconds: float) -> Value:
        """The next frame; raises _Died where none comes in time."""
        deadline = time.monotonic() + seconds
        self._fill(LENGTH.size, deadline)
        (size,) = LENGTH.unpack_from(self._buffer)
        self._fill(LENGTH.size + size, deadline)
        frame = bytes(self._buffer[LENGTH.size : LENGTH.size + size])
        del self._buffer[: LENGTH.size + size]
        return msgspec.msgpack.decode(frame, type=kind)

    def _fill(self, num_bytes: int, deadline: float) -> None:
        """Read until the buffer holds so many bytes."""
        poll = select.poll()
        poll.register(self._output.fileno(), select.POLLIN)
        while len(self._buffer) < num_bytes:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                self.end()
                raise _Died(TOO_SLOW, "no answer within max_wall_seconds")
            data = os.read(self._output.fileno(), PIPE_BYTES)
            if not data:
                raise self._death()
            self._buffer += data

    def _death(self) -> _Died:
        """Why the worker has ended by itself, or by a signal that is not ours."""
        added = self._reap() - self._base
        code = self._process.returncode
        how = signal.Signals(-code).name if code < 0 else f"status {code}"
        if code in (-signal.SIGVTALRM, -signal.SIGXCPU):
            return _Died(TOO_SLOW, f"ended by its timer ({how})")
        said = self._said()
        is_memory = (
            added >= MEMORY_SHARE * self._settings.max_memory
            or code == -signal.SIGKILL  # by the kernel, out of memory
            or "memory allocation" in said
        )
        how = f"{said}\nended by {how}, with {max(0, added) >> 20} MiB more than at its start"
        return _Died(OUT_OF_MEMORY if is_memory else CRASHED, how.strip())

    def _said(self) -> str:
        """The end of what the worker wrote to its errors."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - MAX_ERROR_BYTES))
        return self._errors.read().decode("utf-8", "replace")


def _widen(pipe: BinaryIO) -> None:
    """Let a pipe hold more, where the system can: fewer turns for a page."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


_idle: dict[bytes, Extractor] = {}


@contextmanager
def extractor(settings: ExtractSettings) -> Iterator[Extractor]:
    """An extractor with these settings, whose worker may be one that an earlier task left."""
    key = msgspec.json.encode(settings)
    pages = _idle.pop(key, None) or Extractor(settings)
    try:
        yield pages
    finally:
        while _idle:  # one is kept: the next task has the same settings as a rule
            _idle.popitem()[1].close()
        _idle[key] = pages
