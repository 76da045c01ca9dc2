"""The crawler over 500 hosts on loopback, against what it has to reach.

Real pages of 30 to 60 kB, 4 a host, from a server that is a process of its own on another core
(many_hosts.py); the crawler has one core, reads every host's robots.txt, checks each link against
it, and writes request, response and metadata records. No other program is compared.
Without a pause between requests the mark is 300 pages a second, in processor seconds as everywhere
here (by the clock of a quiet machine it was 793). With a pause, by the clock, the peer's column is
what the pauses allow: robots.txt and four pages are four pauses.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus.crawler.crawl import crawl_links
from corpus.crawler.settings import FetchSettings
from corpus.extraction.decode import decode_page
from corpus.warc.captures import read_captures
from tests.benchmarks.frame import PASSES, Row, peer_input, require

NUM_HOSTS = 500
PAGES_A_HOST = 4
MIN_BYTES, MAX_BYTES = 30_000, 60_000
FLOOR = 300.0
PAUSE = 1.0  # seconds


def rows(data: Path) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, _serving(_pages(data)) as port:
        path = Path(folder) / "crawl.warc.gz"
        free = [_rate(port, path, 0.0, time.process_time) for _ in range(PASSES)]
        held = [_rate(port, path, PAUSE, time.monotonic) for _ in range(PASSES)]
    allowed = NUM_HOSTS / PAUSE
    return [
        _row("pages, no pause / the mark", statistics.median(free), FLOOR, target=1.0),
        _row("pages, 1 s pause / what it allows", statistics.median(held), allowed, target=0.8),
    ]


def _row(name: str, ours: float, peer: float, *, target: float) -> Row:
    return Row(group="crawler", name=name, ours=ours, peer=peer, unit="pages/s", target=target)


def _pages(data: Path) -> Path:
    """A file of the real pages of that size."""
    texts = []
    for path in sorted((data / "warc").glob("*.warc.gz")):
        for capture in read_captures(str(path)):
            if MIN_BYTES <= len(capture.payload) <= MAX_BYTES:
                texts.append(decode_page(capture.payload, charset=capture.charset))
    return peer_input("crawled-pages", texts)


@contextmanager
def _serving(pages: Path) -> Iterator[int]:
    """The port of a server on the cores that are not ours."""
    script = Path(__file__).with_name("many_hosts.py")
    command = [sys.executable, str(script), str(pages)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        others = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
        if others:
            os.sched_setaffinity(server.pid, others)
        yield int(server.stdout.readline())
        server.stdin.close()


def _rate(port: int, path: Path, delay_seconds: float, clock: Callable[[], float]) -> float:
    """Pages a second of one crawl."""
    hosts = [f"host-{number}.test" for number in range(NUM_HOSTS)]
    pages = range(PAGES_A_HOST)
    urls = [f"http://{host}/{7 * n + page}" for n, host in enumerate(hosts) for page in pages]
    settings = FetchSettings(
        delay_seconds=delay_seconds,
        max_hosts=NUM_HOSTS,
        connect_to={host: f"127.0.0.1:{port}" for host in hosts},
    )
    started = clock()
    fetched = crawl_links(urls, settings, path)
    seconds = clock() - started
    failed = [answer for answer in fetched if answer.reason is not None]
    require(not failed, f"{len(failed)} links failed, the first: {failed[:1]}")
    return len(urls) / seconds
