"""The process that extracts pages for another one: `python -m corpus.extraction.worker PARENT`.

It reads frames from its standard input and answers on what was its standard output (isolation.py
starts it and is the other end): first the settings, answered once the engine is loaded and warm;
then batches of pages, answered page by page, so that the parent knows which page is in hand when
this process ends. A frame is four bytes of length, little-endian, and MessagePack; the pages' bytes
follow their frame as they are, which saves half of the copies.

Limits set here, by the kernel, so that they hold within one call into C as well:
- processor time: a timer of the process' own seconds whose signal ends it;
- memory: the address space may grow by twice `max_memory` beyond what the warm engine has, and an
  allocation past that fails;
- the parent's life: this process ends with it, even where it hangs.
A page that took more than `max_memory` is `out_of_memory` whatever came of it: parsers and engines
swallow failed allocations, and would say that the page has no text.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import re
import resource
import signal
import struct
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from corpus.extraction import ExtractSettings
from corpus.extraction.engines import load_engine
from corpus.extraction.page import EXTRACTOR_FAILED, OUT_OF_MEMORY, Extraction, extract_page
from corpus.warc.captures import Capture

LENGTH = struct.Struct("<I")
STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # in which getrusage counts
SET_PARENT_DEATH_SIGNAL = 1  # prctl's PR_SET_PDEATHSIG
EXTRA_SECONDS = 2.0  # beyond max_seconds, for one call into C to end by itself, and for decoding
MAX_PAGES = 50_000  # of one process' life, about an archive of Common Crawl: what leaks, ends
MAX_GROWTH = 0.25  # of max_memory that may stay taken between two batches
WARM_UP = Capture(
    record_id=None, url=None, fetched_at=None, status=200, mime="text/html", charset=None,
    payload=b"<!DOCTYPE html><html><head><title>A page</title></head><body><article><h1>A page</h1>"
    + b"<p>It is read before the limits are set, so that all is loaded that a page may need, "
    b"whatever engine the recipe asks for.</p>" * 8
    + b"<ul><li>An item</li></ul><pre>code</pre><table><tr><td>a cell</td></tr></table></article>",
    offset=0, length=0, damage=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page to extract."""

    capture: Capture
    crawl_charset: str | None = None  # as the crawl's index has it
    num_bytes: int = 0  # of the payload, where that follows the frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The first frame."""

    settings: ExtractSettings
    measures: bool  # whether each answer says how much memory its page took, which costs time


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The answer to it."""

    error: str | None = None  # why the engine cannot be used
    peak_bytes: int = 0  # of memory at most taken by now, by this process or the one that forked it


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one page."""

    found: Extraction
    seconds: float  # of the processor
    num_bytes: int | None = None  # of memory at most added for it; null where not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The end of a batch."""

    retires: bool  # whether this process is old or swollen, and wants to be replaced


def write_frame(stream: BinaryIO, value: Any) -> None:
    """Write one value; raises BrokenPipeError where nobody reads."""
    data = msgspec.msgpack.encode(value)
    stream.write(LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def write_pages(stream: BinaryIO, pages: Sequence[Page]) -> None:
    """Write a batch; raises BrokenPipeError where nobody reads."""
    payloads = [page.capture.payload for page in pages]
    write_frame(
        stream,
        [
            replace(page, capture=replace(page.capture, payload=b""), num_bytes=len(payload))
            for page, payload in zip(pages, payloads, strict=True)
        ],
    )
    for payload in payloads:
        stream.write(payload)
    stream.flush()


def main() -> None:
    """Serve until the input ends."""
    faulthandler.enable()  # says where a crash was, for the record in quarantine
    answers = _take_standard_output()
    _end_with_parent(int(sys.argv[1]))
    requests = sys.stdin.buffer
    start = msgspec.msgpack.decode(_read_frame(requests), type=Start)
    try:
        _warm_up(start.settings)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent says it
        write_frame(answers, Ready(error=f"{type(error).__name__}: {error}"))
        return
    limits = _Limits.beyond_now(start.settings.max_memory)
    _limit_memory(limits.address_space)
    write_frame(answers, Ready(peak_bytes=_peak_bytes()))
    _serve(requests, answers, start, limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """Bytes of memory that this process may have."""

    address_space: int  # what the kernel gives
    resident: int  # at most, for one page
    kept: int  # of address space between two batches

    @classmethod
    def beyond_now(cls, max_memory: int) -> _Limits:
        """With so much for a page beyond what is taken now."""
        address_space = _status("VmSize")
        return cls(
            address_space=address_space + 2 * max_memory,
            resident=_status("VmRSS") + max_memory,
            kept=address_space + int(MAX_GROWTH * max_memory),
        )


def _warm_up(settings: ExtractSettings) -> None:
    """Load all that a page may need; raises what the engines raise."""
    for name in (settings.engine, settings.compare):
        if name is not None:
            load_engine(name)(WARM_UP.payload.decode())
    extract_page(WARM_UP, settings)


def _serve(requests: BinaryIO, answers: BinaryIO, start: Start, limits: _Limits) -> None:
    decoder = msgspec.msgpack.Decoder(list[Page])
    num_pages = 0
    while frame := _read_frame(requests):
        pages = [
            replace(page, capture=replace(page.capture, payload=requests.read(page.num_bytes)))
            for page in decoder.decode(frame)
        ]
        for page in pages:
            write_frame(answers, _answer(page, start, limits))
        num_pages += len(pages)
        is_old, is_swollen = num_pages >= MAX_PAGES, _status("VmSize") > limits.kept
        write_frame(answers, Done(retires=is_old or is_swollen))


def _answer(page: Page, start: Start, limits: _Limits) -> Answer:
    before = _forget_peak() if start.measures else None
    started = time.thread_time()  # the process' own is out by ticks while a timer of it runs
    num_engines = 1 if start.settings.compare is None else 2
    signal.setitimer(
        signal.ITIMER_VIRTUAL, num_engines * start.settings.max_seconds + EXTRA_SECONDS
    )
    try:
        found = extract_page(page.capture, start.settings, crawl_charset=page.crawl_charset)
    except MemoryError:
        found = Extraction(reason=OUT_OF_MEMORY)
    except Exception:  # noqa: BLE001 - as an engine's fault: it costs the page, not the part
        found = Extraction(reason=EXTRACTOR_FAILED, error=traceback.format_exc())
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    seconds = time.thread_time() - started
    if _peak_bytes() > limits.resident and _status("VmHWM") > limits.resident > 0:
        found = Extraction(reason=OUT_OF_MEMORY)
    num_bytes = None if before is None else max(0, _status("VmHWM") - before)
    return Answer(found=found, seconds=seconds, num_bytes=num_bytes)


def _read_frame(stream: BinaryIO) -> bytes:
    """The next frame's content; empty at the end of the input."""
    head = stream.read(LENGTH.size)
    return stream.read(*LENGTH.unpack(head)) if len(head) == LENGTH.size else b""


def _take_standard_output() -> BinaryIO:
    """The standard output for answers alone; what a library prints goes to the errors."""
    answers = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)
    return answers


def _end_with_parent(parent: int) -> None:
    """End when the parent's thread does (Linux), and leave it to the parent to be interrupted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)


def _limit_memory(num_bytes: int) -> None:
    """Let no allocation go past it, and leave no core file."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (num_bytes, num_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _peak_bytes() -> int:
    """Most bytes ever in memory; what forked this process counts too. A thirtieth of _status."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES


def _forget_peak() -> int | None:
    """Begin to measure the peak of memory anew; its bytes, or null where that cannot be done.

    What earlier pages left free goes back to the system first, or this one would seem to need none.
    """
    with suppress(AttributeError):  # in C libraries other than GNU's
        ctypes.CDLL(None).malloc_trim(0)
    try:
        CLEAR_REFS.write_bytes(b"5")
    except OSError:
        return None
    return _status("VmRSS")


def _status(name: str) -> int:
    """Bytes that the kernel's status of this process gives under a name; 0 beyond Linux."""
    try:
        found = re.search(rf"^{name}:\s*(\d+) kB", STATUS.read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) << 10 if found else 0


if __name__ == "__main__":
    main()
