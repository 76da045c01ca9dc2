"""WARC and ARC archives -> captures, one for each response, damaged ones included.

Reads WARC/0.17 to 1.1 and ARC 1.0, plain, gzip, zstd or lz4 (archives.py, members.py, packings.py),
with warcio's header parsers (records.py). A record that cannot be read is a capture with `damage`,
and costs itself alone. A `resource` of a web address counts as a response without HTTP headers;
requests, metadata, revisits and conversions are skipped, unless they are damaged. The bodies of
revisits lie elsewhere; conversions.py reads the texts.

A digest that the record states is believed where nothing else tells damage: where the packing has
no checksum, a record is damaged if none of its digests that can be computed fits the block, the
body as stored, or the body with its codings undone. Where the packing's checksum is right the bytes
are those that were written, and a digest that differs is its writer's mistake.

Why a reader of our own: responses that come out whole, where the readers of others differ. Neither
says so where it is silent; on sound archives all three agree.

    archive                                      ours  warcio 1.8   fastwarc 2.0
    25 pages, 64 bytes overwritten                 24  8 silent     7 error
    25 pages, cut within the 15th                  14  14 + a part  14 + a part, both silent
    44 pages, every content coding         40 + 4 cut  1 error      1 silent
    25 pages as one gzip member                    25  0 error      25
    16 pages as lz4; 25 as zstd, 3 ways      16; 3x25  0 error      16; 3x25
    48 pages of pywb, chunks already undone        48  48           0 error
    headers in lower case, 4 pages                  4  2            0 error
Cost: 2,000 captures/s on one core, 6,300 from a plain archive; of a record 250 MiB at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from corpus.errors import InputError
from corpus.warc.archives import RECORD_START, START_BYTES, Cut, Rotten
from corpus.warc.digests import digest_fits
from corpus.warc.http_body import BadCoding, Body, TooLarge, decode_body, undo_chunks
from corpus.warc.members import open_reader
from corpus.warc.records import MAX_BODY_BYTES, Record, parse_date, read_record

__all__ = [
    "MAX_BODY_BYTES", "Capture", "Tally", "captures_in", "parse_date", "read_captures",
    "BAD_CONTENT_ENCODING", "DAMAGED_OTHER", "DAMAGED_RECORD", "DIGEST_MISMATCH", "HEADER_FLOOD",
    "TOO_LARGE", "TRUNCATED_RECORD",
]  # fmt: skip

DAMAGED_RECORD = "damaged_record"  # a record, of whatever type it was, that cannot be read
DAMAGED_OTHER = "damaged_other_record"  # ... of which is known that it was no response
TRUNCATED_RECORD = "truncated_record"  # the archive ends in the middle of it
DIGEST_MISMATCH = "digest_mismatch"  # its digests say that its bytes have changed
BAD_CONTENT_ENCODING = "bad_content_encoding"  # the body cannot be unpacked
TOO_LARGE = "too_large"  # of more than MAX_BODY_BYTES, packed or not
HEADER_FLOOD = "header_flood"  # of HTTP headers without an end


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One response as an archive holds it."""

    record_id: str | None  # WARC-Record-ID as written; null in ARC
    url: str | None
    fetched_at: datetime | None  # UTC
    status: int | None  # of HTTP; null where the record has no HTTP headers
    mime: str | None  # media type as declared, lower case, without parameters
    charset: str | None  # as declared in the Content-Type header, lower case
    payload: bytes  # the body without transfer and content codings; b"" if damaged or not asked for
    offset: int  # bytes into the archive; in a member that several records share, plus their number
    length: int  # bytes in the archive, 0 where the record shares a member
    damage: str | None  # the reason why there is no payload
    language: str | None = None  # as the Content-Language header has it
    is_cut: bool = False  # the payload is the beginning of the body: the crawler cut it, or it ends
    # within its coding


@dataclass(slots=True)
class Tally:
    """What became of an archive's records; each counts once."""

    num_readable: int = 0
    """Captures without damage."""
    damaged: Counter[str] = field(default_factory=Counter)
    """Captures with damage, by reason."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Sound records that are no captures, by type."""


def read_captures(
    path: str, *, headers_only: bool = False, check_digests: bool = True, tally: Tally | None = None
) -> Iterator[Capture]:
    """Each response of the archive in its order, damaged records included.

    headers_only leaves every payload empty, and body damage unseen; tally is filled on the way.
    Raises InputError where the file is missing, empty or no archive.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected a WARC or ARC archive")
    with Path(path).open("rb", buffering=1 << 18) as file:
        yield from captures_in(
            file, path, headers_only=headers_only, check_digests=check_digests, tally=tally
        )


def captures_in(
    file: IO[bytes],
    name: str,
    *,
    headers_only: bool = False,
    check_digests: bool = True,
    tally: Tally | None = None,
) -> Iterator[Capture]:
    """As read_captures, of an archive that is open; name: for errors, and for its ending."""
    reader = open_reader(file, name)
    tally = tally if tally is not None else Tally()
    check_digests = check_digests and not headers_only
    is_archive = False
    while True:
        record = Record()
        try:
            if not reader.begin():
                return
            is_archive = is_archive or bool(RECORD_START.match(reader.peek(START_BYTES)))
            read_record(reader, record, headers_only=headers_only)
            offset = reader.offset
            length = reader.finish(num_newlines=1 if record.is_arc else 2)
        except Rotten as error:
            offset, goes_on = reader.offset, reader.recover()
            if not (is_archive or goes_on):
                raise _not_an_archive(file, name) from error
            is_cut = isinstance(error, Cut) and not goes_on
            capture = _damaged(record, offset, is_cut=is_cut)
        else:
            if not record.is_response:
                tally.skipped[record.type] += 1
                continue
            is_doubted = check_digests and not reader.is_proven
            body, damage = _body(record, headers_only=headers_only, is_doubted=is_doubted)
            capture = _capture(record, body, damage, offset, length)
        if capture.damage is None:
            tally.num_readable += 1
        else:
            tally.damaged[capture.damage] += 1
        yield capture


def _body(record: Record, *, headers_only: bool, is_doubted: bool) -> tuple[Body, str | None]:
    """The record's body, or the reason why there is none."""
    if record.is_flood:
        return Body(b""), HEADER_FLOOD
    if record.is_large:
        return Body(b""), TOO_LARGE
    if headers_only:
        return Body(b""), None
    try:
        body, damage = _decoded(record), None
    except BadCoding:
        body, damage = Body(b""), BAD_CONTENT_ENCODING
    except TooLarge:
        body, damage = Body(b""), TOO_LARGE
    if is_doubted and not _digests_fit(record, body.content):
        return Body(b""), DIGEST_MISMATCH
    return body, damage


def _decoded(record: Record) -> Body:
    if record.http is None:
        return Body(record.body)
    return decode_body(
        record.body,
        transfer_encoding=record.http.get_header("transfer-encoding"),
        content_encoding=record.http.get_header("content-encoding"),
        max_bytes=MAX_BODY_BYTES,
    )


def _digests_fit(record: Record, payload: bytes) -> bool:
    """Whether a digest that the record states fits, or none that could be told is stated.

    Writers differ in what the payload is: before or behind the chunks, before or behind the coding.
    """
    block = digest_fits(record.block_digest, record.block)
    stored = digest_fits(record.payload_digest, record.body)
    if block or stored or (block is None and stored is None):
        return True
    if stored is None:
        return False
    chunked, packed = undo_chunks(record.body).content, record.payload_digest
    return bool(digest_fits(packed, chunked) or digest_fits(packed, payload))


def _capture(record: Record, body: Body, damage: str | None, offset: int, length: int) -> Capture:
    mime, charset = record.media_type
    language = record.http.get_header("content-language") if record.http is not None else None
    return Capture(
        record_id=record.record_id,
        url=record.url,
        fetched_at=parse_date(record.date),
        status=record.status,
        mime=mime,
        charset=charset,
        payload=body.content,
        offset=offset,
        length=length,
        damage=damage,
        language=language,
        is_cut=damage is None and (record.is_cut or body.is_cut),
    )


def _damaged(record: Record, offset: int, *, is_cut: bool) -> Capture:
    is_other = bool(record.type) and not record.is_response
    damage = DAMAGED_OTHER if is_other else TRUNCATED_RECORD if is_cut else DAMAGED_RECORD
    return Capture(
        record_id=record.record_id,
        url=None if is_other else record.url,
        fetched_at=parse_date(record.date),
        status=None,
        mime=None,
        charset=None,
        payload=b"",
        offset=offset,
        length=0,
        damage=damage,
    )


def _not_an_archive(file: IO[bytes], name: str) -> InputError:
    file.seek(0)
    head = file.read(16)
    return InputError(
        f"{name}: not an archive: begins with {head!r}; expected WARC or ARC records, plain, gzip, "
        "zstd or lz4; fetch it again, or take it out of the recipe"
    )
