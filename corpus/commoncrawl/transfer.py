"""Bytes from Common Crawl, or from any server: asked for politely, and again where that may help.

403, 429 and 5xx, and whatever breaks on the way, are asked again after a growing pause with full
jitter, and never before Retry-After; a server that throttles one request holds back the others to
it. A range that was cut goes on where it ended, under If-Match, so that no two versions of a file
are spliced; a server that ignores Range is read from the start. A whole archive whose gzip members
do not unpack is fetched once more: equal bytes mean that the archive is so.
Cost: one range in memory for each connection. Limit: an origin that gives no strong ETag and no
Last-Modified is trusted not to change while a range is resumed.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

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
DAMAGED_TRANSFER = "damaged_transfer"  # two copies differ, and neither unpacks

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A whole file that lies here now."""

    path: str
    num_bytes: int
    sha256: str


@dataclass(slots=True)
class _Read:
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
        read = _Read(address, start, None if length is None else start + length)
        await self._finish(read, data.extend, data.clear)
        return bytes(data)

    async def copy(self, address: str, path: Path) -> Copied:
        """Copy the whole file, unless it is there; raises TransferFailed.

        What an earlier attempt left goes on where it ended.
        """
        record = path.with_name(path.name + ".json")
        if path.is_file() and record.is_file():
            known = json.loads(record.read_text(encoding="utf-8"))
            if known["num_bytes"] == path.stat().st_size:
                return Copied(path=str(path), **known)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _own_part(path) as part:
            digest, is_sound = await self._copy_once(address, part)
            if not is_sound:
                part.unlink()
                again, is_sound = await self._copy_once(address, part)
                if again != digest and not is_sound:
                    part.unlink()
                    raise TransferFailed(DAMAGED_TRANSFER)
                digest = again
            known = {"num_bytes": part.stat().st_size, "sha256": digest}
            part.replace(path)
            record.write_text(json.dumps(known), encoding="utf-8")
        return Copied(path=str(path), **known)

    async def _copy_once(self, address: str, part: Path) -> tuple[str, bool]:
        """Fill the part file from where it ends; returns its SHA-256 and whether it unpacks."""
        version = part.with_name(part.name + ".version")
        start = part.stat().st_size if part.is_file() and version.is_file() else 0
        conditions = json.loads(version.read_text(encoding="utf-8")) if start else {}
        start = start if conditions else 0  # of a file without a version, nothing can go on
        read = _Read(address, start, None, conditions)
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)

            def begin_anew() -> None:
                file.seek(0)
                file.truncate()

            def write(chunk: bytes) -> None:
                if file.tell() == 0:
                    version.write_text(json.dumps(read.conditions), encoding="utf-8")
                file.write(chunk)

            await self._finish(read, write, begin_anew)
            file.flush()
            os.fsync(file.fileno())
        version.unlink(missing_ok=True)
        return await asyncio.to_thread(_inspect, part)

    async def _finish(
        self, read: _Read, write: Callable[[bytes], object], begin_anew: Callable[[], object]
    ) -> None:
        """Ask until the read is done; raises TransferFailed."""
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

    async def _ask(self, read: _Read, write: Callable[[bytes], object]) -> None:
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


def _begin(read: _Read, answer: Answer) -> int:
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


def _check_version(read: _Read, headers: Mapping[str, str]) -> None:
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


def _note_total(read: _Read, total: int | None) -> None:
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


def cache_path(cache: Path, address: str) -> Path:
    """Where the copy of a remote file lies: by scheme, host and path."""
    split = urlsplit(address)
    names = [split.netloc, *split.path.split("/")]
    if split.query:  # another file for another question
        names[-1] += "-" + hashlib.sha256(split.query.encode()).hexdigest()[:16]
    plain = [name for name in names if name not in ("", ".", "..")]
    return cache.joinpath(split.scheme, *plain)


def _inspect(path: Path) -> tuple[str, bool]:
    """SHA-256 of a file, and whether its gzip members unpack; other packings are not looked at."""
    digest, decoder, is_sound = hashlib.sha256(), None, True
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        for data in _pieces(file):
            digest.update(data)
            while data and is_gzip and is_sound:
                decoder = decoder or zlib.decompressobj(16 + zlib.MAX_WBITS)
                try:
                    decoder.decompress(data)
                except zlib.error:
                    is_sound = False
                data = decoder.unused_data.lstrip(b"\0")
                decoder = None if decoder.eof else decoder
    return digest.hexdigest(), is_sound and decoder is None


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while data := file.read(1 << 16):
        yield data


@contextmanager
def _own_part(path: Path) -> Iterator[Path]:
    """The part file of a copy, for one writer; a second at the same time gets one of its own."""
    lock = path.with_name(path.name + ".lock")
    with lock.open("wb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            part = path.with_name(f"{path.name}.part.{os.getpid()}")
            try:
                yield part
            finally:
                part.unlink(missing_ok=True)
            return
        yield path.with_name(path.name + ".part")
        lock.unlink(missing_ok=True)
