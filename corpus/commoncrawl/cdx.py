"""Lines of CDX index files: where each capture lies.

CDXJ, as Common Crawl has it (`surt timestamp {json}`), and the classic CDX of 11 fields that begins
with ` CDX N b a m s k r M S V g` (IIPC CDX 2006 legend). Parquet tables of the index need no
parsing: they have these as columns. A line that cannot be read is None, and costs itself alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from corpus.warc.captures import parse_date

NUM_FIELDS = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexLine:
    """One capture, as the index has it."""

    url: str
    fetched_at: datetime | None
    status: int | None
    mime: str | None  # as detected where the index says so, else as declared
    charset: str | None
    digest: str | None
    redirect: str | None
    truncated: str | None  # why the body was cut; None where it is whole
    filename: str
    offset: int
    length: int


class _Fields(msgspec.Struct):
    """The JSON of a line; older crawls lack most of it. Common Crawl writes numbers as strings."""

    url: str
    filename: str
    offset: int
    length: int
    status: str | None = None
    mime: str | None = None
    detected: str | None = msgspec.field(default=None, name="mime-detected")
    charset: str | None = None
    digest: str | None = None
    redirect: str | None = None
    truncated: str | None = None


def parse_line(line: str) -> IndexLine | None:
    """The capture that a line names, or None where it names none."""
    surt, _, rest = line.strip().partition(" ")
    timestamp, _, fields = rest.partition(" ")
    if not surt or not timestamp.isdigit():
        return None
    if fields.startswith("{"):
        return _cdxj(timestamp, fields)
    return _classic(timestamp, fields.split(" "))


def _cdxj(timestamp: str, text: str) -> IndexLine | None:
    try:
        fields = msgspec.json.decode(text.encode(), type=_Fields, strict=False)
    except (msgspec.DecodeError, UnicodeError):
        return None
    return IndexLine(
        url=fields.url,
        fetched_at=parse_date(timestamp),
        status=_number(fields.status),
        mime=_word(fields.detected) or _word(fields.mime),
        charset=_word(fields.charset),
        digest=_word(fields.digest),
        redirect=_word(fields.redirect),
        truncated=_word(fields.truncated),
        filename=fields.filename,
        offset=fields.offset,
        length=fields.length,
    )


def _classic(timestamp: str, fields: list[str]) -> IndexLine | None:
    if len(fields) != NUM_FIELDS - 2:
        return None
    url, mime, status, digest, redirect, _, length, offset, filename = fields
    if not (length.isdigit() and offset.isdigit()):
        return None
    return IndexLine(
        url=url,
        fetched_at=parse_date(timestamp),
        status=_number(status),
        mime=_word(mime),
        charset=None,
        digest=_word(digest),
        redirect=_word(redirect),
        truncated=None,
        filename=filename,
        offset=int(offset),
        length=int(length),
    )


def _word(text: str | None) -> str | None:
    return text if text and text != "-" else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
