"""Single captures out of archives that stay where they are: a WARC file, and what became of each.

A line of the URL index names a gzip member by archive, offset and length. Members that lie near
each other come by one request. Each is verified: it must be one whole gzip member (CRC-32), a
response of the address that the index says, with the digest that the index says, whose block has
the digest and length that its own header says. What differs is asked for again, alone. Good members
go verbatim into one file, in the order asked for, which any WARC reader reads.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import (
    StatusAndHeaders,
    StatusAndHeadersParser,
    StatusAndHeadersParserException,
)

from corpus.commoncrawl.copies import cache_path
from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.commoncrawl.spool import Spool
from corpus.commoncrawl.transfer import OUTSIDE_FILE, Transfer, TransferFailed
from corpus.warc.captures import MAX_BODY_BYTES, TOO_LARGE

BAD_MEMBER = "bad_member"  # not one whole gzip member
BAD_RECORD = "bad_record"  # a member that holds no WARC record of its length
NOT_A_RESPONSE = "not_a_response"
WRONG_RECORD = "wrong_record"  # of another address than the index says
DIGEST_MISMATCH = "digest_mismatch"

NUM_ASKED = 3  # times that a member is had before what is wrong with it is believed
_SLACK_BYTES = 1 << 20  # of headers around a body

_parser = StatusAndHeadersParser(ArcWarcRecordLoader.WARC_TYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a capture lies, as the index says."""

    url: str
    address: str  # of the archive
    offset: int
    length: int
    digest: str | None = None  # SHA-1 of the payload, base 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What became of a capture: a reason, or where its record lies in the file written."""

    reason: str | None = None
    record_id: str | None = None
    offset: int | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A range of one archive, and the places that lie in it."""

    start: int
    end: int
    places: tuple[Place, ...]


def spans_of(places: Sequence[Place], *, max_gap: int, max_bytes: int) -> Iterator[Span]:
    """Places of one archive, in its order, joined where gaps are small and ranges not too long."""
    run: list[Place] = []
    end = 0
    for place in places:
        reach = max(end, place.offset + place.length)
        if run and (place.offset - end > max_gap or reach - run[0].offset > max_bytes):
            yield Span(run[0].offset, end, tuple(run))
            run, reach = [], place.offset + place.length
        run.append(place)
        end = reach
    if run:
        yield Span(run[0].offset, end, tuple(run))


def fetch_captures(
    places: Sequence[Place],
    settings: CommonCrawlSettings,
    path: Path,
    *,
    cache: Path,
    transfer: Transfer,
) -> list[Got]:
    """Write the members of distinct places to a file; returns one answer for each, in order.

    cache: where members stay for the next attempt. The transfer is opened and closed here.
    """
    by_archive: dict[str, list[Place]] = {}
    for place in places:
        by_archive.setdefault(place.address, []).append(place)
    try:
        reasons = asyncio.run(_Fetch(settings, transfer, cache).all(by_archive))
    except BaseExceptionGroup as group:  # of tasks that were ended together: the first says why
        raise _first(group) from group
    with path.open("wb") as file:
        written = {
            place: got
            for address, members in by_archive.items()
            for place, got in _written(address, members, reasons, cache, file)
        }
    return [written[place] for place in places]


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _written(
    address: str,
    places: Sequence[Place],
    reasons: Mapping[Place, str],
    cache: Path,
    file: io.BufferedWriter,
) -> Iterator[tuple[Place, Got]]:
    """Append an archive's members to the file."""
    with closing(Spool(_spool_path(cache, address))) as spool:
        for place in places:
            data = _kept(spool, place)
            record_id, fault = check_member(data, place)
            if reason := reasons.get(place) or fault:
                yield place, Got(reason=reason)
                continue
            offset = file.tell()
            file.write(data)
            yield place, Got(record_id=record_id, offset=offset, length=len(data))


def _spool_path(cache: Path, address: str) -> Path:
    path = cache_path(cache, address)
    return path.with_name(path.name + ".members")


class _Fetch:
    """Brings members into their archives' spools."""

    def __init__(self, settings: CommonCrawlSettings, transfer: Transfer, cache: Path) -> None:
        self._settings = settings
        self._transfer = transfer
        self._cache = cache
        self._open = asyncio.Semaphore(transfer.connections)  # each archive is an open file
        self._reasons: dict[Place, str] = {}

    async def all(self, by_archive: Mapping[str, Sequence[Place]]) -> dict[Place, str]:
        """Fetch what is missing; returns the reasons of what could not be had."""
        async with self._transfer, asyncio.TaskGroup() as group:
            for address, places in by_archive.items():
                group.create_task(self._archive(address, places))
        return self._reasons

    async def _archive(self, address: str, places: Sequence[Place]) -> None:
        async with self._open:
            with closing(Spool(_spool_path(self._cache, address))) as spool:
                missing = [p for p in places if check_member(_kept(spool, p), p)[1] is not None]
                missing.sort(key=lambda place: place.offset)
                spans = spans_of(
                    missing,
                    max_gap=self._settings.max_gap_bytes,
                    max_bytes=self._settings.max_range_bytes,
                )
                async with asyncio.TaskGroup() as group:
                    for span in spans:
                        group.create_task(self._span(address, span, spool))

    async def _span(self, address: str, span: Span, spool: Spool) -> None:
        """Bring one range, then each of its members that is not good alone."""
        bad = list(span.places)
        try:
            data = await self._transfer.read(address, span.start, span.end - span.start)
        except TransferFailed as failure:
            self._reasons |= dict.fromkeys(bad, failure.reason)
            if len(bad) == 1 or failure.reason != OUTSIDE_FILE:
                return
        else:
            bad = [place for place in bad if not self._keep(place, data, span.start, spool)]
        for place in bad:
            await self._alone(address, place, spool)

    async def _alone(self, address: str, place: Place, spool: Spool) -> None:
        for _ in range(NUM_ASKED - 1):
            try:
                data = await self._transfer.read(address, place.offset, place.length)
            except TransferFailed as failure:
                self._reasons[place] = failure.reason
                return
            if self._keep(place, data, place.offset, spool):
                return

    def _keep(self, place: Place, data: bytes, start: int, spool: Spool) -> bool:
        """Keep a good member; of a bad one, note what is wrong."""
        at = place.offset - start
        member = data[at : at + place.length]
        _, reason = check_member(member, place)
        if reason is not None:
            self._reasons[place] = reason
            return False
        self._reasons.pop(place, None)
        spool.put(place.offset, member)
        return True


def _kept(spool: Spool, place: Place) -> bytes:
    return spool.get(place.offset, place.length) or b""


def check_member(data: bytes, place: Place) -> tuple[str | None, str | None]:
    """(WARC-Record-ID, None) of a member that is what the index says, else (None, reason)."""
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    limit = MAX_BODY_BYTES + _SLACK_BYTES
    try:
        record = decoder.decompress(data, limit)
    except zlib.error:
        return None, BAD_MEMBER
    if len(record) == limit:
        return None, TOO_LARGE
    if not decoder.eof or decoder.unused_data:
        return None, BAD_MEMBER
    stream = io.BytesIO(record)
    try:
        headers = _parser.parse(stream)
        length = int(headers.get_header("Content-Length") or "")
    except (StatusAndHeadersParserException, ValueError, EOFError):
        return None, BAD_RECORD
    block = stream.read(length)
    if len(block) < length or stream.read().strip(b"\r\n"):
        return None, BAD_RECORD
    reason = _fault(headers, block, place)
    return (None, reason) if reason else (headers.get_header("WARC-Record-ID"), None)


def _fault(headers: StatusAndHeaders, block: bytes, place: Place) -> str | None:
    if headers.get_header("WARC-Type") != "response":
        return NOT_A_RESPONSE
    if (headers.get_header("WARC-Target-URI") or "").strip("<>") != place.url:
        return WRONG_RECORD
    payload = headers.get_header("WARC-Payload-Digest")
    said = f"sha1:{place.digest}" if place.digest else None
    if said and payload and _digest(payload) != _digest(said):
        return DIGEST_MISMATCH
    body = block[block.find(b"\r\n\r\n") + 4 :] if b"\r\n\r\n" in block else b""
    stated, found = headers.get_header("WARC-Block-Digest"), block
    if not stated:
        stated, found = payload or said, body
    return None if _agrees(stated, found) else DIGEST_MISMATCH


def _agrees(stated: str | None, data: bytes) -> bool:
    """Whether data has the digest stated; one of an algorithm unknown here says nothing."""
    if not stated:
        return True
    name, value = _digest(stated)
    if name not in ("sha1", "sha256", "md5") or value is None:
        return True
    return hashlib.new(name, data, usedforsecurity=False).digest() == value


def _digest(stated: str) -> tuple[str, bytes | None]:
    """Algorithm and value of `sha1:BASE32`, or of hexadecimal digits; no value where unreadable."""
    name, _, text = stated.strip().partition(":")
    name, text = name.lower().replace("-", ""), text.strip()
    size = {"sha1": 20, "sha256": 32, "md5": 16}.get(name, 0)
    try:
        if len(text) == 2 * size:
            return name, bytes.fromhex(text)
        return name, base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (ValueError, binascii.Error):
        return name, None
