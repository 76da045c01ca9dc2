"""One record's headers and block, as far as they can be read.

WARC 1.1 section 4 and HTTP's headers by warcio's parser; ARC's line (Burner and Kahle 1996) here.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import (
    StatusAndHeaders,
    StatusAndHeadersParser,
    StatusAndHeadersParserException,
)

from corpus.warc.archives import RECORD_START, Reader, Rotten

MAX_BODY_BYTES = 64 << 20  # Common Crawl cuts at 5 MiB; more is no page of text
MAX_HTTP_HEADER_BYTES = 1 << 18  # Chrome's limit; servers' own are 8 to 64 KiB

_DATE_PARTS = re.compile(r"(\d{4})(?:-?(\d\d)(?:-?(\d\d)(?:T?(\d\d):?(\d\d):?(\d\d))?)?)?")
# Address, IP, date, media type, length; before the length of version 2 also status, checksum,
# location, offset and file name. Not warcio's parser: it counts the fields from the line's end, so
# that version 2 and a media type with a blank shift into the address.
_ARC_LINE = re.compile(rb"(\S.*?) [0-9A-Fa-f.:-]+ (\d{8,20}) (.*?) ?(-?\w+)\r?\n\Z")
_ARC_2 = re.compile(r" (?:\d{3}|-) \S+ \S+ \d+ \S+\Z")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_warc_parser = StatusAndHeadersParser(ArcWarcRecordLoader.WARC_TYPES)
_http_parser = StatusAndHeadersParser(["HTTP/"], verify=False)


@dataclass(slots=True)
class Record:
    """What is known so far of the record that is being read."""

    type: str = ""
    is_arc: bool = False
    record_id: str | None = None
    url: str | None = None
    date: str = ""
    content_type: str = ""
    block_digest: str | None = None
    payload_digest: str | None = None
    is_response: bool = False  # or stands for one: a resource of a web address
    is_cut: bool = False  # as the crawler says (WARC-Truncated)
    is_large: bool = False  # its block was not kept
    is_flood: bool = False  # its HTTP headers have no end
    http: StatusAndHeaders | None = None
    block: bytes = b""  # with headers_only or is_large its beginning
    body_at: int = 0  # bytes into the block

    @property
    def body(self) -> bytes:
        """The block behind its HTTP headers."""
        return self.block[self.body_at :]

    @property
    def status(self) -> int | None:
        """Of HTTP; null where the record has no HTTP headers, or no number in them."""
        code = self.http.get_statuscode() if self.http is not None else ""
        return int(code) if re.fullmatch("[1-9][0-9]{2}", code) else None

    @property
    def media_type(self) -> tuple[str | None, str | None]:
        """Media type and charset of the body, lower case."""
        header: str | None = self.content_type
        if self.http is not None:
            header = self.http.get_header("content-type")
        elif self.content_type.lower().startswith("application/http"):
            return None, None
        mime, *parameters = (header or "").lower().split(";")
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "charset":
                return mime.strip() or None, value.strip().strip("\"'").strip() or None
        return mime.strip() or None, None


def read_record(reader: Reader, record: Record, *, headers_only: bool) -> None:
    """Fill the record from the reader, the block of responses only; raises Rotten."""
    if reader.peek(5).upper() == b"WARC/":
        length = _read_warc_header(reader, record)
    else:
        record.is_arc = True
        length = _read_arc_header(reader, record)
    if not record.is_response:
        reader.skip(length)
    elif headers_only or length > MAX_BODY_BYTES + MAX_HTTP_HEADER_BYTES:
        record.block = reader.read(min(length, MAX_HTTP_HEADER_BYTES))
        _read_http_header(record, is_whole=len(record.block) == length)
        reader.skip(length - len(record.block))
        record.is_large = not headers_only
    else:
        record.block = reader.read(length)
        _read_http_header(record, is_whole=True)


def _read_warc_header(reader: Reader, record: Record) -> int:
    """Read a WARC header and return the block's length."""
    try:
        headers = _warc_parser.parse(io.BytesIO(reader.header()))
    except StatusAndHeadersParserException as error:
        raise Rotten(str(error)) from error
    # One pass instead of warcio's one for each name; of a name that stands twice the first counts.
    fields = {name.lower(): value for name, value in reversed(headers.headers)}
    record.type = fields.get("warc-type", "").strip().lower()
    record.record_id = fields.get("warc-record-id") or None
    record.url = _clean_url(fields.get("warc-target-uri"))
    record.date = fields.get("warc-date", "")
    record.content_type = fields.get("content-type", "")
    record.block_digest = fields.get("warc-block-digest")
    record.payload_digest = fields.get("warc-payload-digest")
    record.is_cut = bool(fields.get("warc-truncated", "").strip())
    is_page = record.type == "resource" and _is_web(record.url)
    record.is_response = record.type == "response" or is_page
    return _length(fields.get("content-length"))


def _read_arc_header(reader: Reader, record: Record) -> int:
    """Read an ARC record's line, and of the first record its block, and return the length left."""
    line = reader.line()
    found = _ARC_LINE.match(line) if RECORD_START.match(line) else None
    if found is None:
        raise Rotten("neither a WARC nor an ARC record begins here")
    url, date, about, length = (part.decode("utf-8", "replace") for part in found.groups())
    record.url, record.date = _clean_url(url), date
    record.content_type = about.split(" ")[0] if _ARC_2.search(about) else about
    if url.startswith("filedesc:"):
        record.type = "warcinfo"
        if length == "-1":  # as some tools write it: two lines follow
            reader.line(), reader.line()
            return 0
        return _length(length)
    record.type, record.is_response = "response", True
    return _length(length)


def _length(text: str | None) -> int:
    if text is None or not text.strip().isascii() or not text.strip().isdigit():
        raise Rotten(f"a record's length is {text!r}")
    return int(text)


def _read_http_header(record: Record, *, is_whole: bool) -> None:
    """Part the block into HTTP headers and body, where it has such headers."""
    if record.block[:5].upper() != b"HTTP/":
        return
    found = _BLANK_LINE.search(record.block, 0, MAX_HTTP_HEADER_BYTES)
    if found is None and not (is_whole and len(record.block) < MAX_HTTP_HEADER_BYTES):
        record.is_flood = True
        return
    record.body_at = found.end() if found else len(record.block)
    record.http = _http_parser.parse(io.BytesIO(record.block[: record.body_at]))


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


def parse_date(text: str) -> datetime | None:
    """A WARC or ARC date, to the second, in UTC; null where it is none."""
    found = _DATE_PARTS.match(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month or 1, day or 1, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
