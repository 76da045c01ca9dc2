"""One record's headers and block. Whole archives: test_warc.py."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime

import pytest

from corpus.warc.archives import Reader, Rotten
from corpus.warc.records import (
    MAX_BODY_BYTES,
    MAX_HTTP_HEADER_BYTES,
    Record,
    parse_date,
    read_record,
)

HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


def read(data: bytes, *, headers_only: bool = False) -> Record:
    reader, record = Reader(io.BytesIO(data)), Record()
    reader.begin()
    read_record(reader, record, headers_only=headers_only)
    reader.finish()
    return record


def response(block: bytes, *fields: bytes) -> bytes:
    lines = [b"WARC/1.0", b"WARC-Type: response", b"WARC-Target-URI: http://a.test/", *fields]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(block), b"", b""]) + block


def test_a_response_is_headers_and_body():
    record = read(response(HTTP + b"<p>"))
    assert (record.type, record.url, record.status) == ("response", "http://a.test/", 200)
    assert (record.body, record.media_type) == (b"<p>", ("text/html", None))


@pytest.mark.parametrize(
    ("field", "attribute", "value"),
    [
        (b"WARC-Truncated: length", "is_cut", True),
        (b"WARC-Truncated: ", "is_cut", False),
        (b"WARC-Block-Digest: sha1:A", "block_digest", "sha1:A"),
        (b"warc-payload-digest: sha1:B", "payload_digest", "sha1:B"),
        (b"WARC-Target-URI : <http://b.test/c d>", "url", "http://a.test/"),  # the first counts
    ],
)
def test_fields_are_read(field, attribute, value):
    assert getattr(read(response(HTTP, field)), attribute) == value


@pytest.mark.parametrize(
    ("block", "body"),
    [
        (b"HTTP/1.0 200\nA: b\n\nbody", b"body"),
        (b"http/1.1 200 OK\r\n\r\nbody", b"body"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n continued\r\nA: b\r\n\r\nbody", b"body"),
        (b"HTTP/1.1 200 OK\r\nA: b", b""),
        (b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n\0body", b"\0body"),
        (b"<p>no headers</p>", b"<p>no headers</p>"),
        (b"", b""),
    ],
)
def test_a_block_is_parted_at_its_blank_line(block, body):
    assert read(response(block)).body == body


@pytest.mark.parametrize(
    "flood",
    [b"X: y\r\n" * 2_000_000, b"X" * 10_000_000, b"X\r\n" * 2_000_000, b" \r\n" * 2_000_000],
    ids=["fields", "name", "lines", "continued"],
)  # fmt: skip
@pytest.mark.parametrize("headers_only", [True, False])
def test_http_headers_without_an_end_are_not_parsed(flood, headers_only):
    began = time.process_time()
    record = read(response(b"HTTP/1.1 200 OK\r\n" + flood), headers_only=headers_only)
    assert (record.is_flood, record.http) == (True, None)
    assert time.process_time() - began < 3


def test_http_headers_up_to_the_limit_are_parsed():
    head = b"HTTP/1.1 200 OK\r\nX: %s\r\n\r\n"
    fits = head % (b"y" * (MAX_HTTP_HEADER_BYTES - len(head) + 2))
    assert len(fits) == MAX_HTTP_HEADER_BYTES
    assert read(response(fits + b"body")).status == 200
    assert read(response(head % (b"y" * MAX_HTTP_HEADER_BYTES))).is_flood


def test_a_flood_of_record_headers_is_rotten_in_no_time():
    began = time.process_time()
    with pytest.raises(Rotten):
        read(b"WARC/1.0\r\n" + b"X: y\r\n" * 2_000_000)
    record = read(response(HTTP, *[b"X: y"] * 100_000))
    assert record.status == 200
    assert time.process_time() - began < 3


def test_a_block_beyond_the_limit_is_not_kept():
    record = read(response(HTTP + bytes(MAX_BODY_BYTES + MAX_HTTP_HEADER_BYTES)))
    assert (record.is_large, len(record.block), record.status) == (True, MAX_HTTP_HEADER_BYTES, 200)


@pytest.mark.parametrize("length", [b"", b"-1", b"abc", b"1e3", "²".encode(), b"0x10"])
def test_a_length_that_is_no_number_is_rotten(length):
    with pytest.raises(Rotten):
        read(b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: %s\r\n\r\n" % length)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-05-18T01:58:10.123456Z", datetime(2024, 5, 18, 1, 58, 10, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("20140301000000", datetime(2014, 3, 1, tzinfo=UTC)),
        ("2016-02", datetime(2016, 2, 1, tzinfo=UTC)),
        ("2016-13-01T00:00:00Z", None),
        ("0000", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_of_both_formats_are_read(text, date):
    assert parse_date(text) == date
