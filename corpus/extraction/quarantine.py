"""A page that took its time, its memory or its process down, as a WARC file of one record.

`winnow replay FILE` shows what happens to it. The record is the archive's own, headers and body as
they were sent, where it can be read again by itself; else one with the same address, date, type
and decoded body. Two headers are added: Winnow-Reason, and Winnow-Error, the last line of the
trace or how the process ended.
"""

from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.statusandheaders import StatusAndHeaders
from warcio.timeutils import datetime_to_iso_date
from warcio.warcwriter import WARCWriter

from corpus.extraction.page import (
    CRASHED,
    EXTRACTOR_FAILED,
    OUT_OF_MEMORY,
    TOO_SLOW,
    Extraction,
)
from corpus.warc.captures import Capture

QUARANTINED = frozenset({TOO_SLOW, OUT_OF_MEMORY, CRASHED, EXTRACTOR_FAILED})
MAX_ERROR_CHARACTERS = 300
UNKNOWN_DATE = datetime(1970, 1, 1, tzinfo=UTC)


def quarantine_record(capture: Capture, found: Extraction, *, path: str) -> bytes:
    """A gzip WARC file of the capture's record alone; path: the archive that holds it.

    The same capture gives the same bytes.
    """
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    record = _original(capture, path) or _rebuilt(writer, capture, path)
    record.rec_headers.add_header("Winnow-Reason", found.reason)
    if found.error is not None:
        last_line = found.error.strip().rsplit("\n", 1)[-1]
        error = last_line.encode("ascii", "backslashreplace").decode()[:MAX_ERROR_CHARACTERS]
        record.rec_headers.add_header("Winnow-Error", error)
    writer.write_record(record)
    return out.getvalue()


def _original(capture: Capture, path: str) -> Any | None:
    """The record as the archive has it; null where it does not stand by itself there."""
    if capture.length == 0:
        return None
    with Path(path).open("rb") as file:
        file.seek(capture.offset)
        member = io.BytesIO(file.read(capture.length))
    try:
        record = next(ArchiveIterator(member), None)
        if record is None or record.rec_type not in ("response", "resource"):
            return None
        if record.rec_headers.get_header("WARC-Record-ID") != capture.record_id:
            return None
        body = record.raw_stream.read()  # damage shows here, a cut only in what is left to read
        if getattr(record.raw_stream, "limit", 0):
            return None
        record.raw_stream = io.BytesIO(body)
    except (ArchiveLoadFailed, OSError, EOFError, ValueError):
        return None
    return record


def _rebuilt(writer: WARCWriter, capture: Capture, path: str) -> Any:
    """A response record of what is known of the capture."""
    place = f"{path}:{capture.offset}"
    mime = capture.mime or "application/octet-stream"
    content_type = f"{mime}; charset={capture.charset}" if capture.charset else mime
    return writer.create_warc_record(
        capture.url or "urn:unknown",
        "response",
        payload=io.BytesIO(capture.payload),
        http_headers=StatusAndHeaders(
            str(capture.status or 200), [("Content-Type", content_type)], protocol="HTTP/1.1"
        ),
        warc_headers_dict={
            "WARC-Date": datetime_to_iso_date(capture.fetched_at or UNKNOWN_DATE),
            "WARC-Record-ID": capture.record_id
            or f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, place)}>",
        },
    )
