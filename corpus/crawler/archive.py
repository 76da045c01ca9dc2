"""A crawled page as WARC records: request, response and metadata, gzip members of their own.

Written by warcio and packed here, at a level of its own. A record's id depends on what was asked
and what came back, so a page that is fetched again unchanged keeps its identity.
"""

from __future__ import annotations

import hashlib
import io
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

# Of zlib. Real pages of 46 kB on one core: level 9, to which warcio is bound, 1.12 ms and 10.9 kB;
# level 6 .75 ms and 11.0 kB; level 4 .46 ms and 11.4 kB; level 1 .30 ms and 12.7 kB.
LEVEL = 4

# Untrue of what is stored, where the chunks are joined: renamed as Common Crawl does.
_CHUNKS = "transfer-encoding"
_ORIGINAL = "X-Crawler-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as it came over the wire."""

    asked: str
    url: str  # after redirects
    status: int
    status_text: str
    headers: tuple[tuple[str, str], ...]
    body: bytes  # content coding as sent, chunks joined
    request_headers: tuple[tuple[str, str], ...]
    address: str | None  # IP address of the server
    fetched_at: datetime
    seconds: float = 0.0  # from the request's first byte to the answer's last
    num_redirects: int = 0

    @property
    def record_id(self) -> str:
        """WARC-Record-ID of its response, from what was asked, whence it came, and the bytes."""
        name = "\n".join((self.asked, self.url, hashlib.sha256(self.body).hexdigest()))
        return f"<{uuid.uuid5(uuid.NAMESPACE_URL, name).urn}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedPage:
    """A page's members, and where among them its response lies."""

    record_id: str
    members: bytes
    offset: int
    length: int


class _Headers(StatusAndHeaders):  # type: ignore[misc]
    """HTTP headers that are written with the very bytes that were sent."""

    def to_ascii_bytes(self, filter_func: object = None) -> bytes:
        """The header block; warcio's own stops at a status text beyond ASCII."""
        return self.to_str(filter_func).encode("latin-1", "replace") + b"\r\n"


def pack(page: Page) -> PackedPage:
    """The page's request, response and metadata records."""
    writer = _writer()
    record_id = page.record_id
    before = _member(writer, _request(writer, page, record_id))
    response = _member(writer, _response(writer, page, record_id))
    after = _member(writer, _metadata(writer, page, record_id))
    return PackedPage(
        record_id=record_id,
        members=before + response + after,
        offset=len(before),
        length=len(response),
    )


def pack_about(name: str, about: Mapping[str, str]) -> bytes:
    """The warcinfo record that an archive of this file name begins with."""
    writer = _writer()
    return _member(writer, writer.create_warcinfo_record(name, about))


def _writer() -> Any:
    return WARCWriter(io.BytesIO(), gzip=False, warc_version="1.0")


def _member(writer: Any, record: Any) -> bytes:
    writer.write_record(record)
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    member = packer.compress(writer.out.getbuffer()) + packer.flush()
    writer.out = io.BytesIO()
    return member


def _response(writer: Any, page: Page, record_id: str) -> Any:
    headers = [
        (_ORIGINAL + name if name.lower() == _CHUNKS else name, value)
        for name, value in page.headers
    ]
    if not any(name.lower() == "content-length" for name, _ in headers):
        headers.append(("Content-Length", str(len(page.body))))
    status = _Headers(f"{page.status} {page.status_text}", headers, protocol="HTTP/1.1")
    return writer.create_warc_record(
        page.url,
        "response",
        payload=io.BytesIO(page.body),
        length=len(page.body),
        http_headers=status,
        warc_headers_dict={
            "WARC-Record-ID": record_id,
            "WARC-Date": _date(page),
            **({"WARC-IP-Address": page.address} if page.address else {}),
        },
    )


def _request(writer: Any, page: Page, record_id: str) -> Any:
    target = page.url.split("/", 3)
    path = "/" + target[3] if len(target) > 3 else "/"
    line = _Headers(f"{path} HTTP/1.1", list(page.request_headers), protocol="GET")
    return writer.create_warc_record(
        page.url,
        "request",
        http_headers=line,
        warc_headers_dict=_beside(page, record_id, "request"),
    )


def _metadata(writer: Any, page: Page, record_id: str) -> Any:
    """What neither side said: the time taken and the way here, by Heritrix's names."""
    fields = [f"fetchTimeMs: {round(page.seconds * 1000)}"]
    if page.url != page.asked:
        fields += [f"via: {page.asked}", f"hopsFromSeed: {'R' * page.num_redirects}"]
    text = "".join(f"{field}\r\n" for field in fields).encode()
    return writer.create_warc_record(
        page.url,
        "metadata",
        payload=io.BytesIO(text),
        length=len(text),
        warc_content_type="application/warc-fields",
        warc_headers_dict=_beside(page, record_id, "metadata"),
    )


def _beside(page: Page, record_id: str, kind: str) -> dict[str, str]:
    """Headers of a record that goes with the response."""
    return {
        "WARC-Record-ID": f"<{uuid.uuid5(uuid.NAMESPACE_URL, record_id + kind).urn}>",
        "WARC-Concurrent-To": record_id,
        "WARC-Date": _date(page),
    }


def _date(page: Page) -> str:
    return page.fetched_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
