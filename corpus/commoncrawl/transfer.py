"""Bytes from Common Crawl, or from any server: asked for politely, and again where that may help.

403, 429 and 5xx, and whatever breaks on the way, are asked again after a growing pause with full
jitter, and never before Retry-After; a server that throttles one request holds back the others to
it. A range that was cut goes on where it ended, under If-Match, so that no two versions of a file
are spliced; a server that ignores Range is read from the start.
Cost: one range in memory for each connection. Limit: an origin that gives no strong ETag and no
Last-Modified is trusted not to change while a range is resumed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from corpus.commoncrawl.backoff import jittered_pause, retry_after
from corpus.commoncrawl.origins import BAD_RESPONSE, CUT_SHORT, Answer, Broken, Origins
from corpus.commoncrawl.settings import CommonCrawlSettings

THROTTLED = "throttled"  # 429 or 503 to the last attempt, or told to wait longer than we would
FORBIDDEN = "forbidden"  # 403 to the last attempt: throttled by Common Crawl, or not allowed
SERVER_ERROR = "server_error"  # 500, 502 or 504 to the last attempt
NOT_FOUND = "not_found"
HTTP_STATUS = "http_status"  # any other status
OUTSIDE_FILE = "outside_file"  # the range lies behind the file's end
RANGE_IGNORED = "range_ignored"  # the whole file came, and what is sought lies far inside
CHANGED_FILE = "changed_file"  # it became another while it was read, more than once

_TRANSIENT = {403: FORBIDDEN, 429: THROTTLED, 503: THROTTLED}
_TRANSIENT |= dict.fromkeys((500, 502, 504), SERVER_ERROR)
_GONE = frozenset({404, 410})

PROGRESS_BYTES = 1 << 16  # an attempt that brought so much begins the count of attempts anew
MAX_SKIPPED_BYTES = 64 << 20  # read past where Range is ignored; beyond, better no answer
MAX_CHANGES = 2  # of a file while it is read
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


class TransferFailed(Exception):
    """A transfer came to nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Counts:
    """What transfers cost."""

    num_bytes: int = 0  # of bodies, those asked for twice counted twice
    num_requests: int = 0
    num_retries: int = 0
    seconds_waited: float = 0.0


@dataclass(slots=True)
class Read:
    """A read that goes on: which bytes are wanted, and which version of the file they are of."""

    address: str
    at: int  # next byte wanted
    end: int | None  # one past the last byte wanted; None for the end of the file
    conditions: dict[str, str] = field(default_factory=dict)
    total: int | None = None
    num_changes: int = 0
    is_ended: bool = False

    @property
    def is_done(self) -> bool:
        """Whether every byte wanted has come."""
        end = self.total if self.end is None else self.end
        return self.is_ended or (end is not None and self.at >= end)


class Transfer:
    """Reads ranges and copies files, so many at a time."""

    def __init__(self, settings: CommonCrawlSettings, *, connections: int | None = None) -> None:
        """connections: open at a time, those of the settings where not given."""
        self.counts = Counts()
        self._settings = settings
        self.connections = connections or settings.connections
        self._origins = Origins(settings, connections=self.connections)
        self._free = asyncio.Semaphore(self.connections)
        self._held_until: dict[str, float] = {}  # by origin, on the event loop's clock

    async def __aenter__(self) -> Transfer:
        await self._origins.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._origins.__aexit__(*error)

    async def read(self, address: str, start: int = 0, length: int | None = None) -> bytes:
        """A range of the file, or all from `start`; raises TransferFailed."""
        data = bytearray()
        read = Read(address, start, None if length is None else start + length)
        await self.finish(read, data.extend, data.clear)
        return bytes(data)

    async def finish(
        self, read: Read, write: Callable[[bytes], object], begin_anew: Callable[[], object]
    ) -> None:
        """Ask until the read is done, writing what comes; raises TransferFailed.

        begin_anew: called where the file changed, and all written so far is of another one.
        """
        start = read.at if not read.conditions else 0
        attempt = 0
        while not read.is_done:
            before = read.at
            try:
                async with self._free:
                    await self._held_back(read.address)
                    await self._ask(read, write)
            except _Changed:
                read.num_changes += 1
                if read.num_changes > MAX_CHANGES:
                    raise TransferFailed(CHANGED_FILE) from None
                read.at, read.total = start, None
                read.conditions.clear()
                begin_anew()
            except Broken as failure:
                attempt = 0 if read.at - before >= PROGRESS_BYTES else attempt + 1
                await self._pause(read.address, attempt, failure)

    async def _pause(self, address: str, attempt: int, failure: Broken) -> None:
        """Wait before the next attempt, or raise TransferFailed where it was the last."""
        settings = self._settings
        asked = failure.retry_after or 0.0
        if attempt >= settings.max_attempts or asked > settings.max_retry_after_seconds:
            raise TransferFailed(failure.reason) from failure
        pause = jittered_pause(
            address, attempt, base=settings.backoff_seconds, longest=settings.max_backoff_seconds
        )
        pause = max(pause, asked)
        self.counts.num_retries += 1
        self.counts.seconds_waited += pause
        if failure.reason in (THROTTLED, FORBIDDEN):
            until = asyncio.get_running_loop().time() + pause
            origin = _origin(address)
            self._held_until[origin] = max(until, self._held_until.get(origin, 0.0))
        await asyncio.sleep(pause)

    async def _held_back(self, address: str) -> None:
        """Wait while the origin has asked somebody of us to."""
        loop = asyncio.get_running_loop()
        while (pause := self._held_until.get(_origin(address), 0.0) - loop.time()) > 0:
            await asyncio.sleep(pause)

    async def _ask(self, read: Read, write: Callable[[bytes], object]) -> None:
        """One request, and what came of it; raises Broken, _Changed and TransferFailed."""
        self.counts.num_requests += 1
        span = f"bytes={read.at}-{'' if read.end is None else read.end - 1}"
        is_whole = read.at == 0 and read.end is None
        origin = await self._origins.of(read.address)
        async with origin.get(read.address, None if is_whole else span, read.conditions) as answer:
            skip = _begin(read, answer)
            if read.is_done:
                return
            async for chunk in answer.body:
                self.counts.num_bytes += len(chunk)
                wanted = chunk[skip:]
                skip = max(0, skip - len(chunk))
                if read.end is not None:
                    wanted = wanted[: read.end - read.at]
                if wanted:
                    write(wanted)
                    read.at += len(wanted)
                if read.end is not None and read.at >= read.end:
                    return
        if read.end is None and read.total is None and skip == 0:
            read.is_ended = True  # the body's own end is all that is known of its length
        if not read.is_done:
            raise Broken(CUT_SHORT)


class _Changed(Exception):
    """The file is another one than when the read began."""


def _begin(read: Read, answer: Answer) -> int:
    """Judge status and headers; returns how many bytes of the body come before those wanted."""
    status = answer.status
    if status in _TRANSIENT:
        wait = retry_after(answer.headers.get("retry-after"), now=datetime.now(UTC))
        raise Broken(_TRANSIENT[status], retry_after=wait)
    if status == 412:
        raise _Changed
    if status == 416:
        total = _total(answer.headers)
        if read.end is None and total == read.at:
            read.total = total  # nothing was missing but the word that this is all
            return 0
        raise TransferFailed(OUTSIDE_FILE)
    if status not in (200, 206):
        raise TransferFailed(NOT_FOUND if status in _GONE else HTTP_STATUS)
    _check_version(read, answer.headers)
    if status == 200:
        _note_total(read, _number(answer.headers.get("content-length")))
        if read.at > MAX_SKIPPED_BYTES:
            raise TransferFailed(RANGE_IGNORED)
        return read.at
    found = _CONTENT_RANGE.match(answer.headers.get("content-range", ""))
    if found is None or found[1] is None or int(found[1]) != read.at:
        raise Broken(BAD_RESPONSE)
    _note_total(read, _number(found[3]))
    return 0


def _check_version(read: Read, headers: Mapping[str, str]) -> None:
    """Note which version of the file this is, or raise _Changed where it is another."""
    etag, date = headers.get("etag", ""), headers.get("last-modified", "")
    found = {}
    if etag and not etag.startswith("W/"):  # a weak one says nothing about bytes
        found = {"If-Match": etag}
    elif date:
        found = {"If-Unmodified-Since": date}
    if read.conditions and found and found != read.conditions:
        raise _Changed
    read.conditions.update(found)


def _note_total(read: Read, total: int | None) -> None:
    """Note the file's length; another one of the same version was a wrong Content-Length."""
    if total is None:
        return
    if read.total not in (None, total) and not read.conditions:
        raise _Changed
    read.total = total


def _total(headers: Mapping[str, str]) -> int | None:
    found = _CONTENT_RANGE.match(headers.get("content-range", ""))
    return _number(found[3]) if found else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _origin(address: str) -> str:
    return "/".join(address.split("/", 3)[:3])
