"""What is asked for arrives whole, however the server behaves, or ends with a reason."""

from __future__ import annotations

import asyncio
import gzip
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from corpus.commoncrawl import transfer as transfers
from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.commoncrawl.transfer import Transfer, TransferFailed
from tests.mirror import Fault, Mirror, mirroring

DATA = random.Random(7).randbytes(300_000)
QUICK = CommonCrawlSettings(max_attempts=3, backoff_seconds=0.01, max_retry_after_seconds=3.0)


@pytest.fixture
def mirror():
    with mirroring(files={"f": DATA, "f.gz": gzip.compress(DATA)}) as server:
        yield server


def read(
    address: str, start: int = 0, length: int | None = None, *, settings=QUICK
) -> tuple[bytes | str, transfers.Counts]:
    """The bytes, or the reason."""

    async def run() -> tuple[bytes | str, transfers.Counts]:
        async with Transfer(settings) as transfer:
            try:
                return await transfer.read(address, start, length), transfer.counts
            except TransferFailed as failure:
                return failure.reason, transfer.counts

    return asyncio.run(run())


def test_a_range_is_the_bytes_asked_for(mirror: Mirror):
    data, counts = read(mirror.base + "f", 1_000, 50_000)
    assert data == DATA[1_000:51_000]
    assert mirror.asked("f") == ["bytes=1000-50999"]
    assert (counts.num_requests, counts.num_retries, counts.num_bytes) == (1, 0, 50_000)


@pytest.mark.parametrize("status", [403, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(mirror: Mirror, status):
    mirror.faults["f"] = [Fault(status=status), Fault(status=status)]
    data, counts = read(mirror.base + "f", 5, 10)
    assert data == DATA[5:15]
    assert (counts.num_requests, counts.num_retries) == (3, 2)


@pytest.mark.parametrize(
    ("status", "reason", "num_asked"),
    [(403, "forbidden", 3), (429, "throttled", 3), (503, "throttled", 3), (500, "server_error", 3),
     (404, "not_found", 1), (410, "not_found", 1), (401, "http_status", 1)],
)
def test_what_stays_wrong_ends_with_a_reason(mirror: Mirror, status, reason, num_asked):
    mirror.always["f"] = Fault(status=status)
    assert read(mirror.base + "f", 0, 10)[0] == reason
    assert len(mirror.asked("f")) == num_asked


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_nothing_is_asked_before_retry_after(mirror: Mirror, form):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    mirror.faults["f"] = [Fault(status=503, retry_after="1" if form == "seconds" else date)]
    data, counts = read(mirror.base + "f", 0, 10)
    first, second = (at for _, _, at in mirror.requests)
    assert data == DATA[:10]
    assert second - first >= 0.95
    assert counts.seconds_waited >= 0.95


def test_a_longer_wait_than_ours_is_throttled_at_once(mirror: Mirror):
    mirror.always["f"] = Fault(status=429, retry_after="3600")
    assert read(mirror.base + "f", 0, 10)[0] == "throttled"
    assert len(mirror.requests) == 1


def test_a_throttled_answer_holds_back_the_others(mirror: Mirror):
    mirror.faults["f"] = [Fault(status=503, retry_after="1")]

    async def run() -> None:
        async with Transfer(QUICK, connections=1) as transfer:
            first = asyncio.create_task(transfer.read(mirror.base + "f", 0, 10))
            await asyncio.sleep(0.3)
            await transfer.read(mirror.base + "f.gz", 0, 10)
            await first

    asyncio.run(run())
    (_, _, began), *later = mirror.requests
    assert min(at for _, _, at in later) - began >= 0.95


def test_a_cut_range_goes_on_where_it_ended(mirror: Mirror):
    mirror.faults["f"] = [Fault(cut=70_000), Fault(cut=50_000)]
    data, counts = read(mirror.base + "f", 100, 200_000)
    assert data == DATA[100:200_100]
    starts = [int(span.removeprefix("bytes=").split("-")[0]) for span in mirror.asked("f")]
    assert starts == [100, 70_100, 120_100]
    assert counts.num_bytes == 200_000


def test_attempts_that_bring_something_do_not_count(mirror: Mirror):
    mirror.faults["f"] = [Fault(cut=66_000)] * 4
    assert read(mirror.base + "f", 0, 300_000)[0] == DATA


def test_drips_end_as_cut_short(mirror: Mirror):
    mirror.always["f"] = Fault(cut=10)
    assert read(mirror.base + "f", 0, 300_000)[0] == "cut_short"


def test_a_file_that_changes_is_not_spliced(mirror: Mirror):
    other = DATA[::-1]
    mirror.faults["f"] = [Fault(cut=1_000), Fault(change=other)]
    assert read(mirror.base + "f", 0, 100_000)[0] == other[:100_000]
    mirror.faults["f"] = [Fault(change=bytes([n]) * 200_000, cut=70_000) for n in range(6)]
    assert read(mirror.base + "f", 0, 100_000)[0] == "changed_file"


def test_a_server_without_ranges_is_read_past(mirror: Mirror, monkeypatch):
    mirror.always["f"] = Fault(ignore_range=True)
    assert read(mirror.base + "f", 70_000, 1_000)[0] == DATA[70_000:71_000]
    monkeypatch.setattr(transfers, "MAX_SKIPPED_BYTES", 60_000)
    assert read(mirror.base + "f", 70_000, 1_000)[0] == "range_ignored"


def test_another_range_than_asked_for_is_not_believed(mirror: Mirror):
    mirror.faults["f"] = [Fault(wrong_start=True)]
    assert read(mirror.base + "f", 10, 10)[0] == DATA[10:20]
    mirror.always["f"] = Fault(wrong_start=True)
    assert read(mirror.base + "f", 10, 10)[0] == "bad_response"


def test_a_range_behind_the_end_says_so(mirror: Mirror):
    assert read(mirror.base + "f", 299_990, 20)[0] == "outside_file"
    assert read(mirror.base + "f", 400_000, 20)[0] == "outside_file"


def test_a_wrong_content_length_is_found_out(mirror: Mirror):
    mirror.faults["f"] = [Fault(length=500)]
    assert read(mirror.base + "f")[0] == DATA
    mirror.faults["f"] = [Fault(length=500)]
    assert read(mirror.base + "f", 0, 100)[0] == DATA[:100]


def test_nobody_there_is_a_reason():
    with mirroring() as gone:
        base = gone.base
    assert read(base + "f", 0, 10)[0] == "connection_failed"


def test_no_more_connections_are_open_than_allowed(mirror: Mirror):
    mirror.seconds = 0.02

    async def run() -> list[bytes]:
        async with Transfer(QUICK, connections=4) as transfer:
            reads = (transfer.read(mirror.base + "f", n * 10, 10) for n in range(40))
            return list(await asyncio.gather(*reads))

    assert asyncio.run(run()) == [DATA[n * 10 : n * 10 + 10] for n in range(40)]
    assert mirror.most_open == 4
