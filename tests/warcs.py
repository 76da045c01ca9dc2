"""Small archives for tests, written by warcio and then damaged by hand."""

from __future__ import annotations

import gzip
import io

import zstandard
from lz4 import frame
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

DATE = "2024-05-18T01:58:10Z"
PARAGRAPH = (
    "The river rises in the hills above the town and runs through three valleys before it meets "
    "the sea, and for most of the year it is slow enough for a child to wade across it. "
)


def page(number: int = 0, *, title: str = "On rivers") -> bytes:
    """An article's HTML whose text names its number."""
    body = "".join(f"<p>Part {number}.{part}. {PARAGRAPH}</p>" for part in range(4))
    navigation = "<nav><a href='/'>Home</a><a href='/b'>Contact us</a></nav>"
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{navigation}"
        f"<article><h1>{title}</h1>{body}</article></body></html>"
    ).encode()


def record(
    body: bytes = b"",
    *,
    number: int = 0,
    type_: str = "response",
    url: str | None = None,
    status: str = "200 OK",
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),),
    packed: bool = True,
) -> bytes:
    """One record, a gzip member of its own where packed."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=packed)
    http = StatusAndHeaders(status, list(headers), protocol="HTTP/1.1")
    entry = writer.create_warc_record(
        url or f"http://example.org/{number}",
        type_,
        payload=io.BytesIO(body),
        http_headers=http if type_ in ("response", "request") else None,
        warc_headers_dict={"WARC-Date": DATE, "WARC-Record-ID": record_id(number)},
        warc_content_type=None if type_ == "response" else "text/html",
    )
    writer.write_record(entry)
    return out.getvalue()


def record_id(number: int) -> str:
    """The WARC-Record-ID that `record` gives."""
    return f"<urn:uuid:00000000-0000-4000-8000-{number:012d}>"


def records(num: int, *, packed: bool = True) -> list[bytes]:
    """So many pages' records."""
    return [record(page(number), number=number, packed=packed) for number in range(num)]


def zstd(piece: bytes, *, checksum: bool = True) -> bytes:
    """A plain record as a zstd frame."""
    return zstandard.ZstdCompressor(write_checksum=checksum).compress(piece)


def lz4(piece: bytes, *, checksum: bool = True) -> bytes:
    """A plain record as an lz4 frame."""
    packed: bytes = frame.compress(piece, content_checksum=checksum)
    return packed


def glued(pieces: list[bytes]) -> bytes:
    """Plain records as one single gzip member."""
    return gzip.compress(b"".join(pieces), mtime=0)


def rotten(member: bytes) -> bytes:
    """The same bytes with eight of them overwritten, behind the record's header."""
    at = len(member) * 3 // 4
    return member[:at] + b"\xa5" * 8 + member[at + 8 :]


def arc(body: bytes, *, url: str, about: str = "text/html", ip: str = "192.0.2.1") -> bytes:
    """One ARC record; about: what stands between date and length."""
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    return f"{url} {ip} 20140216050221 {about} {len(http)}\n".encode() + http + b"\n"


def arc_start(version: int = 1) -> bytes:
    """The record that an ARC file begins with."""
    text = f"{version} 0 Test\nURL IP-address Archive-date Content-type Archive-length\n".encode()
    about = "text/plain" if version == 1 else "text/plain 200 - - 0 a.arc"
    return b"filedesc://a.arc 0.0.0.0 20140216050221 %s %d\n%s\n" % (
        about.encode(), len(text), text,
    )  # fmt: skip
