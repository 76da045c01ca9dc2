"""A small crawl: archives, and their index as Common Crawl writes it, as a table and as CDXJ."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.commoncrawl.surt import surt_key
from tests.warcs import page, record

# The types of Common Crawl's table, of the columns that are read and one that is not.
TABLE = pa.schema([
    ("url_surtkey", pa.string()), ("url", pa.string()), ("url_host_name", pa.string()),
    ("fetch_time", pa.timestamp("ms", "UTC")), ("fetch_status", pa.int16()),
    ("fetch_redirect", pa.string()), ("content_digest", pa.string()),
    ("content_mime_type", pa.string()), ("content_mime_detected", pa.string()),
    ("content_charset", pa.string()), ("content_truncated", pa.string()),
    ("warc_filename", pa.string()), ("warc_record_offset", pa.int32()),
    ("warc_record_length", pa.int32()), ("warc_segment", pa.string()),
])  # fmt: skip


class Capture(NamedTuple):
    """One capture of the crawl."""

    number: int
    url: str
    status: int = 200
    day: int = 18  # of May 2024
    mime: str = "text/html"
    redirect: str | None = None
    truncated: str | None = None
    charset: str | None = "UTF-8"


class CrawlFiles(NamedTuple):
    """The archives by name, and the rows of the index."""

    archives: dict[str, bytes]
    rows: list[dict[str, Any]]


def crawl(archives: dict[str, list[Capture]]) -> CrawlFiles:
    """Archives of these captures, and the rows of their index."""
    files, rows = {}, []
    for name, captures in archives.items():
        data = b""
        for capture in captures:
            body = page(capture.number)
            member = record(
                body, number=capture.number, url=capture.url, status=f"{capture.status} X"
            )
            rows.append(row_of(capture, name, len(data), len(member), body))
            data += member
        files[name] = data
    return CrawlFiles(files, sorted(rows, key=lambda row: row["url_surtkey"]))


def row_of(
    capture: Capture, name: str, offset: int, length: int, body: bytes
) -> dict[str, Any]:
    return {
        "url_surtkey": surt_key(capture.url), "url": capture.url, "url_host_name": "x",
        "fetch_time": datetime(2024, 5, capture.day, 1, 2, 3, tzinfo=UTC),
        "fetch_status": capture.status, "fetch_redirect": capture.redirect,
        "content_digest": base64.b32encode(hashlib.sha1(body).digest()).decode(),
        "content_mime_type": "unk", "content_mime_detected": capture.mime,
        "content_charset": capture.charset, "content_truncated": capture.truncated,
        "warc_filename": name, "warc_record_offset": offset, "warc_record_length": length,
        "warc_segment": "1.2",
    }  # fmt: skip


def write_index_table(path: Path, rows: list[dict[str, Any]], *, without: tuple[str, ...] = ()):
    """The rows as Parquet; older crawls are without some columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows, schema=TABLE).drop_columns(list(without))
    pq.write_table(table, path, compression="gzip")
    return str(path)


def cdxj_line(row: dict[str, Any]) -> str:
    fields = {
        "url": row["url"], "mime": row["content_mime_type"],
        "mime-detected": row["content_mime_detected"], "status": str(row["fetch_status"]),
        "digest": row["content_digest"], "length": str(row["warc_record_length"]),
        "offset": str(row["warc_record_offset"]), "filename": row["warc_filename"],
        "charset": row["content_charset"], "redirect": row["fetch_redirect"],
        "truncated": row["content_truncated"],
    }  # fmt: skip
    said = json.dumps({name: value for name, value in fields.items() if value is not None})
    return f"{row['url_surtkey']} {row['fetch_time']:%Y%m%d%H%M%S} {said}\n"


def write_cdxj(path: Path, lines: list[str], *, lines_per_member: int = 3) -> str:
    """Lines in gzip members of a few each, as Common Crawl's cdx-00000.gz has them by 3,000."""
    path.parent.mkdir(parents=True, exist_ok=True)
    members = [
        gzip.compress("".join(lines[at : at + lines_per_member]).encode(), mtime=0)
        for at in range(0, len(lines), lines_per_member)
    ]
    path.write_bytes(b"".join(members))
    return str(path)
