"""The demo's archive: WARC files as a crawler leaves them, some of their records damaged.

Record ids and dates follow from the address, so that the same pages give the same bytes. In the
second file a bit of some records is turned over in the middle; the third file ends inside its last
record, as a crawl that was killed.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from jobs.demo.pages import Page
from jobs.demo.plants import Plant

NUM_FILES = 3
NUM_FLIPPED = 6
OK = "200 OK"
HTML = "text/html; charset=utf-8"


def write_archives(folder: Path, pages: Sequence[tuple[Page, bytes]]) -> list[Plant]:
    """Write the pages as WARC files and return the damage that was planted."""
    folder.mkdir(parents=True, exist_ok=True)
    planted: list[Plant] = []
    for number in range(NUM_FILES):
        own = pages[number::NUM_FILES]
        name = f"demo-{number:05d}.warc.gz"
        records = [_packed(page, body, HTML, OK) for page, body in own]
        if number == 1:
            planted += _flip_bits(records, own)
        if number == 2:
            records[-1] = records[-1][: len(records[-1]) // 2]
            planted.append(Plant(kind="damaged record", url=own[-1][0].url, detail="cut"))
        noise = _noise(own[0][0]) if number == 0 else []
        (folder / name).write_bytes(b"".join([_info(name), *noise, *records]))
    return planted


def _flip_bits(records: list[bytes], pages: Sequence[tuple[Page, bytes]]) -> list[Plant]:
    """Turn one bit over in some records, far from one another."""
    planted = []
    step = len(records) // (NUM_FLIPPED + 1)
    for position in range(step, step * (NUM_FLIPPED + 1), step):
        record = bytearray(records[position])
        record[len(record) * 2 // 3] ^= 0x10
        records[position] = bytes(record)
        url = pages[position][0].url
        planted.append(Plant(kind="damaged record", url=url, detail="bit flip"))
    return planted


def _noise(page: Page) -> list[bytes]:
    """Responses that hold no page: an error, an image, nothing at all."""
    root = f"http://{page.host}"
    error = b"<html><body><h1>Not found</h1></body></html>"
    return [
        _response(f"{root}/lost.html", page.date, error, HTML, "404 Not Found"),
        _response(f"{root}/logo.png", page.date, b"\x89PNG\r\n\x1a\n" + bytes(64), "image/png", OK),
        _response(f"{root}/empty.html", page.date, b"", HTML, OK),
    ]


def _packed(page: Page, body: bytes, content_type: str, status: str) -> bytes:
    return _response(page.url, page.date, body, content_type, status)


def _response(url: str, date: str, body: bytes, content_type: str, status: str) -> bytes:
    headers = StatusAndHeaders(
        status, [("Content-Type", content_type), ("Content-Length", str(len(body)))], "HTTP/1.1"
    )
    buffer = io.BytesIO()
    writer = WARCWriter(buffer, gzip=True)
    record = writer.create_warc_record(
        url,
        "response",
        payload=io.BytesIO(body),
        http_headers=headers,
        warc_headers_dict={"WARC-Record-ID": _record_id(url), "WARC-Date": f"{date}T12:00:00Z"},
    )
    writer.write_record(record)
    return buffer.getvalue()


def _info(name: str) -> bytes:
    buffer = io.BytesIO()
    writer = WARCWriter(buffer, gzip=True)
    record = writer.create_warcinfo_record(name, {"software": "winnow demo", "format": "WARC/1.0"})
    record.rec_headers.replace_header("WARC-Record-ID", _record_id(name))
    record.rec_headers.replace_header("WARC-Date", "2024-01-01T00:00:00Z")
    writer.write_record(record)
    return buffer.getvalue()


def _record_id(key: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, key)}>"
