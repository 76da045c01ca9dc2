from __future__ import annotations

import dataclasses
import gzip
import io
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from corpus.extraction.page import Extraction
from corpus.extraction.quarantine import quarantine_record
from corpus.warc.captures import Capture, read_captures
from tests.warcs import glued, page, record, records

FAILED = Extraction(reason="crashed", error="a trace\nended by SIGSEGV: ü")
HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Encoding", "gzip"),
    ("X-Powered-By", "PHP"),
)


def quarantined(capture: Capture, path: Path, tmp_path: Path) -> Capture:
    """The one capture of the file."""
    target = tmp_path / "quarantined.warc.gz"
    target.write_bytes(quarantine_record(capture, FAILED, path=str(path)))
    (found,) = read_captures(str(target))
    return found


@pytest.mark.parametrize("packed", [True, False])
def test_the_record_is_the_archive_s_own(tmp_path, packed):
    body = gzip.compress(page(1), mtime=0)
    path = tmp_path / "a.warc"
    second = record(body, number=1, headers=HEADERS, packed=packed)
    path.write_bytes(record(page(0), packed=packed) + second)
    capture = list(read_captures(str(path)))[1]
    found = quarantined(capture, path, tmp_path)
    assert dataclasses.replace(found, offset=0, length=0) == dataclasses.replace(
        capture, offset=0, length=0
    )
    (stored,) = ArchiveIterator(io.BytesIO((tmp_path / "quarantined.warc.gz").read_bytes()))
    assert stored.http_headers.headers == list(HEADERS)
    assert stored.rec_headers.get_header("Winnow-Reason") == "crashed"
    assert stored.rec_headers.get_header("Winnow-Error") == "ended by SIGSEGV: \\xfc"


def test_a_record_that_shares_its_member_is_rebuilt(tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(glued(records(3, packed=False)))
    capture = list(read_captures(str(path)))[2]
    found = quarantined(capture, path, tmp_path)
    assert dataclasses.replace(found, offset=capture.offset, length=0) == capture


def test_a_capture_that_says_nothing_of_itself_is_rebuilt_to_the_same_bytes(tmp_path):
    path = tmp_path / "a.arc"
    capture = Capture(
        record_id=None, url=None, fetched_at=None, status=None, mime=None, charset=None,
        payload=page(), offset=7, length=0, damage=None,
    )
    found = quarantined(capture, path, tmp_path)
    assert (found.payload, found.status, found.url) == (page(), 200, "urn:unknown")
    first = quarantine_record(capture, FAILED, path=str(path))
    assert quarantine_record(capture, FAILED, path=str(path)) == first


def test_an_archive_that_was_changed_gives_what_was_read(tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(records(2)))
    capture = list(read_captures(str(path)))[1]
    path.write_bytes(b"".join(records(2))[:-40])
    assert quarantined(capture, path, tmp_path).payload == capture.payload
