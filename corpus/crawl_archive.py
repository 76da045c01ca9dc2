"""Where crawled pages go: a WARC file whose records stand in the order of the links.

Answers arrive in any order; each is packed at once into gzip members of its own and set aside in a
spool file, and the members are joined in the order of the links at the end (a chain of members is a
gzip file, RFC 1952 section 2.2). A record's id depends on what was asked and what came back, so a
page that is fetched again unchanged keeps its identity. Memory: one page.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

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

    @property
    def record_id(self) -> str:
        """WARC-Record-ID of its response, from what was asked, whence it came, and the bytes."""
        name = "\n".join((self.asked, self.url, hashlib.sha256(self.body).hexdigest()))
        return f"<{uuid.uuid5(uuid.NAMESPACE_URL, name).urn}>"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a response record lies in the finished file, in bytes."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class _Spooled:
    start: int  # of the page's members in the spool
    num_bytes: int
    response: Place  # from `start`


class CrawlArchive:
    """A WARC file in the making; leaving the context without `finish` leaves no file."""

    def __init__(self, path: Path) -> None:
        """Write to `path`, which finish() creates."""
        self._path = path
        self._spool = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - closed by __exit__
        self._pages: dict[int, _Spooled] = {}

    def __enter__(self) -> CrawlArchive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._spool.close()

    def add(self, number: int, page: Page) -> None:
        """Set the page of link `number` aside."""
        members = io.BytesIO()
        writer = WARCWriter(members, gzip=True, warc_version="1.0")
        writer.write_record(_request(writer, page))
        offset = members.tell()
        writer.write_record(_response(writer, page))
        place = Place(offset, members.tell() - offset)
        if page.url != page.asked:
            writer.write_record(_via(writer, page))
        self._pages[number] = _Spooled(self._spool.tell(), members.tell(), place)
        self._spool.write(members.getbuffer())

    def finish(self, about: Mapping[str, str]) -> dict[int, Place]:
        """Write the file, warcinfo first, and return where each link's response lies."""
        places: dict[int, Place] = {}
        with self._path.open("wb") as file:
            writer = WARCWriter(file, gzip=True, warc_version="1.0")
            writer.write_record(writer.create_warcinfo_record(self._path.name, about))
            for number, page in sorted(self._pages.items()):
                places[number] = Place(file.tell() + page.response.offset, page.response.length)
                self._spool.seek(page.start)
                file.write(self._spool.read(page.num_bytes))
        return places


def _response(writer: WARCWriter, page: Page) -> object:
    headers = [
        (_ORIGINAL + name if name.lower() == _CHUNKS else name, value)
        for name, value in page.headers
    ]
    if not any(name.lower() == "content-length" for name, _ in headers):
        headers.append(("Content-Length", str(len(page.body))))
    status = StatusAndHeaders(f"{page.status} {page.status_text}", headers, protocol="HTTP/1.1")
    return writer.create_warc_record(
        page.url,
        "response",
        payload=io.BytesIO(page.body),
        length=len(page.body),
        http_headers=status,
        warc_headers_dict={
            "WARC-Record-ID": page.record_id,
            "WARC-Date": _date(page),
            **({"WARC-IP-Address": page.address} if page.address else {}),
        },
    )


def _request(writer: WARCWriter, page: Page) -> object:
    target = page.url.split("/", 3)
    path = "/" + target[3] if len(target) > 3 else "/"
    line = StatusAndHeaders(f"{path} HTTP/1.1", list(page.request_headers), protocol="GET")
    return writer.create_warc_record(
        page.url,
        "request",
        http_headers=line,
        warc_headers_dict=_beside(page, "request"),
    )


def _via(writer: WARCWriter, page: Page) -> object:
    """A metadata record with the address that was asked for, as Heritrix notes a redirect."""
    text = f"via: {page.asked}\r\n".encode()
    return writer.create_warc_record(
        page.url,
        "metadata",
        payload=io.BytesIO(text),
        length=len(text),
        warc_content_type="application/warc-fields",
        warc_headers_dict=_beside(page, "metadata"),
    )


def _beside(page: Page, kind: str) -> dict[str, str]:
    """Headers of a record that goes with the response."""
    name = f"{page.record_id}{kind}"
    return {
        "WARC-Record-ID": f"<{uuid.uuid5(uuid.NAMESPACE_URL, name).urn}>",
        "WARC-Concurrent-To": page.record_id,
        "WARC-Date": _date(page),
    }


def _date(page: Page) -> str:
    return page.fetched_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
