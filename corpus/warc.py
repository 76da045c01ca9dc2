"""WARC and ARC archives -> captures, one for each response, damaged ones included.

Reads WARC/0.17 to 1.1 and ARC 1.0, plain, gzip or zstd (archives.py, members.py), with warcio's
header parsers. A record that cannot be read is a capture with `damage`, and costs itself alone:
warcio's own iterator ends without a word at the first bad member. A `resource` of a web address
counts as a response without HTTP headers; requests, metadata, revisits and conversions are passed
over, unless they are damaged.
Cost: about 1,500 captures/s on one core. Limit: damage within a body of a plain archive shows only
where it moves a record's end; the digests that would tell are wrong too often to be believed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from warcio.recordloader import ARCHeadersParser, ArcWarcRecordLoader
from warcio.statusandheaders import (
    StatusAndHeaders,
    StatusAndHeadersParser,
    StatusAndHeadersParserException,
)

from corpus.archives import RECORD_START, START_BYTES, Cut, Reader, Rotten
from corpus.errors import InputError
from corpus.http_body import BadCoding, TooLarge, decode_body
from corpus.members import open_reader

DAMAGED_RECORD = "damaged_record"  # a record, of whatever type it was, that cannot be read
DAMAGED_OTHER = "damaged_other_record"  # ... of which is known that it was no response
TRUNCATED_RECORD = "truncated_record"  # the archive ends in the middle of it
BAD_CONTENT_ENCODING = "bad_content_encoding"  # the body cannot be unpacked
TOO_LARGE = "too_large"  # of more than MAX_BODY_BYTES, packed or not

MAX_BODY_BYTES = 64 << 20  # Common Crawl cuts at 5 MiB; more is no page of text
HTTP_HEADER_BYTES = 1 << 16  # of a block read where only headers are asked for
DATE_PARTS = re.compile(r"(\d{4})(?:-?(\d\d)(?:-?(\d\d)(?:T?(\d\d):?(\d\d):?(\d\d))?)?)?")

_warc_parser = StatusAndHeadersParser(ArcWarcRecordLoader.WARC_TYPES)
_arc_parser = ARCHeadersParser()
_http_parser = StatusAndHeadersParser(["HTTP/"], verify=False)


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


@dataclass(slots=True)
class _Draft:
    """What is known so far of the record that is being read."""

    type: str = ""
    record_id: str | None = None
    url: str | None = None
    date: str = ""
    content_type: str = ""
    http: StatusAndHeaders | None = None
    body: bytes = b""
    is_large: bool = False
    is_response: bool = False


def read_captures(path: str, *, headers_only: bool = False) -> Iterator[Capture]:
    """Each response of the archive in its order, damaged records included.

    headers_only leaves every payload empty, and body damage unseen. Raises InputError where the
    file is missing, empty or no archive.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected a WARC or ARC archive")
    with Path(path).open("rb", buffering=1 << 18) as file:
        yield from _captures(open_reader(file, path), path, headers_only=headers_only)


def _captures(reader: Reader, path: str, *, headers_only: bool) -> Iterator[Capture]:
    is_archive = False
    while True:
        draft = _Draft()
        try:
            if not reader.begin():
                return
            is_archive = is_archive or bool(RECORD_START.match(reader.peek(START_BYTES)))
            _read_record(reader, draft, headers_only=headers_only)
            capture = _capture(draft, reader.offset, reader.finish(), headers_only=headers_only)
        except Rotten as error:
            offset, goes_on = reader.offset, reader.recover()
            if not (is_archive or goes_on):
                raise _not_an_archive(path) from error
            is_cut = isinstance(error, Cut) and not goes_on
            capture = _damaged(draft, offset, is_cut=is_cut)
        if capture is not None:
            yield capture


def _read_record(reader: Reader, draft: _Draft, *, headers_only: bool) -> None:
    """Fill the draft from the reader; raises Rotten."""
    if reader.peek(5).upper() == b"WARC/":
        length = _read_warc_header(reader, draft)
    else:
        length = _read_arc_header(reader, draft)
    if not draft.is_response:
        reader.skip(length)
        return
    if length > MAX_BODY_BYTES + HTTP_HEADER_BYTES or headers_only:
        head = min(length, HTTP_HEADER_BYTES)
        _parse_block(draft, reader.read(head))
        reader.skip(length - head)
        draft.is_large = not headers_only
        return
    _parse_block(draft, reader.read(length))


def _read_warc_header(reader: Reader, draft: _Draft) -> int:
    """Read a WARC header and return the block's length."""
    try:
        headers = _warc_parser.parse(io.BytesIO(reader.header()))
    except StatusAndHeadersParserException as error:
        raise Rotten(str(error)) from error
    draft.type = (headers.get_header("WARC-Type") or "").strip().lower()
    draft.record_id = headers.get_header("WARC-Record-ID") or None
    draft.url = _clean_url(headers.get_header("WARC-Target-URI"))
    draft.date = headers.get_header("WARC-Date") or ""
    draft.content_type = headers.get_header("Content-Type") or ""
    is_page = draft.type == "resource" and _is_web(draft.url)
    draft.is_response = draft.type == "response" or is_page
    return _length(headers.get_header("Content-Length"))


def _read_arc_header(reader: Reader, draft: _Draft) -> int:
    """Read an ARC record's line, and of the first record its block, and return the length left."""
    line = reader.line()
    if not RECORD_START.match(line):
        raise Rotten("neither a WARC nor an ARC record begins here")
    try:
        headers = _arc_parser.parse(io.BytesIO(line))
    except StatusAndHeadersParserException as error:
        raise Rotten(str(error)) from error
    draft.url = _clean_url(headers.get_header("uri"))
    draft.date = headers.get_header("archive-date") or ""
    draft.content_type = headers.get_header("content-type") or ""
    length = headers.get_header("length")
    if line.startswith(b"filedesc:"):
        draft.type = "warcinfo"
        if length == "-1":  # as some tools write it: two lines follow
            reader.line(), reader.line()
            return 0
        return _length(length)
    draft.type, draft.is_response = "response", True
    return _length(length)


def _length(text: str | None) -> int:
    if text is None or not text.strip().isascii() or not text.strip().isdigit():
        raise Rotten(f"a record's length is {text!r}")
    return int(text)


def _parse_block(draft: _Draft, block: bytes) -> None:
    """Part the block into HTTP headers and body, where it has such headers."""
    draft.body = block
    if block[:5].upper() != b"HTTP/":
        return
    stream = io.BytesIO(block)
    draft.http = _http_parser.parse(stream)
    draft.body = stream.read()


def _capture(draft: _Draft, offset: int, length: int, *, headers_only: bool) -> Capture | None:
    if not draft.is_response:
        return None
    payload, damage = b"", TOO_LARGE if draft.is_large else None
    if not headers_only and damage is None:
        payload, damage = _payload(draft)
    mime, charset = _media_type(draft)
    return Capture(
        record_id=draft.record_id,
        url=draft.url,
        fetched_at=parse_date(draft.date),
        status=_status(draft.http),
        mime=mime,
        charset=charset,
        payload=payload,
        offset=offset,
        length=length,
        damage=damage,
        language=draft.http.get_header("content-language") if draft.http is not None else None,
    )


def _payload(draft: _Draft) -> tuple[bytes, str | None]:
    if draft.http is None:
        return draft.body, None
    try:
        body = decode_body(
            draft.body,
            transfer_encoding=draft.http.get_header("transfer-encoding"),
            content_encoding=draft.http.get_header("content-encoding"),
            max_bytes=MAX_BODY_BYTES,
        )
    except BadCoding:
        return b"", BAD_CONTENT_ENCODING
    except TooLarge:
        return b"", TOO_LARGE
    return body, None


def _damaged(draft: _Draft, offset: int, *, is_cut: bool) -> Capture:
    is_other = bool(draft.type) and not draft.is_response
    damage = DAMAGED_OTHER if is_other else TRUNCATED_RECORD if is_cut else DAMAGED_RECORD
    return Capture(
        record_id=draft.record_id,
        url=None if is_other else draft.url,
        fetched_at=parse_date(draft.date),
        status=None,
        mime=None,
        charset=None,
        payload=b"",
        offset=offset,
        length=0,
        damage=damage,
    )


def _clean_url(url: str | None) -> str | None:
    """The address without the <> that Wget 1.19 wrote around it; null where empty."""
    if url is None:
        return None
    url = url.strip()
    if url.startswith("<") and url.endswith(">"):
        url = url[1:-1]
    return url.replace(" ", "%20") or None


def _is_web(url: str | None) -> bool:
    return url is not None and url.lower().startswith(("http://", "https://"))


def _status(http: StatusAndHeaders | None) -> int | None:
    code = http.get_statuscode() if http is not None else ""
    return int(code) if re.fullmatch("[1-9][0-9]{2}", code) else None


def _media_type(draft: _Draft) -> tuple[str | None, str | None]:
    """Media type and charset of the body, lower case."""
    header: str | None = draft.content_type
    if draft.http is not None:
        header = draft.http.get_header("content-type")
    elif draft.content_type.lower().startswith("application/http"):
        return None, None
    mime, *parameters = (header or "").lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return mime.strip() or None, value.strip().strip("\"'").strip() or None
    return mime.strip() or None, None


def parse_date(text: str) -> datetime | None:
    """A WARC or ARC date, to the second, in UTC; null where it is none."""
    found = DATE_PARTS.match(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month or 1, day or 1, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None


def _not_an_archive(path: str) -> InputError:
    with Path(path).open("rb") as file:
        head = file.read(16)
    return InputError(
        f"{path}: not an archive: begins with {head!r}; expected WARC or ARC records, plain, gzip "
        "or zstd; fetch it again, or take it out of the recipe"
    )
