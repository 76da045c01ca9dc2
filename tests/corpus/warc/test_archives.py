"""The plain reader: places, ends, and floods in no time. Whole archives: test_warc.py."""

from __future__ import annotations

import io
import time

import pytest

from corpus.warc.archives import RECORD_START, Cut, Reader, Rotten

WARC = b"WARC/1.0\r\nWARC-Type: x\r\n\r\n"


def reader(data: bytes) -> Reader:
    found = Reader(io.BytesIO(data))
    assert found.begin() == bool(data.strip(b"\r\n"))
    return found


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        (b"WARC/1.1\r\nWARC-Type: x\r\n", True),
        (b"warc/0.17 \nX:", True),
        (b"WARC/1.0\r\n\r\n", False),
        (b"WARC/2.0\r\nWARC-Type: x\r\n", False),
        (b"http://a.test/ 192.0.2.1 20140216050221 text/html 12\n", True),
        (b"http://a.test/a b 192.0.2.1 20140216050221 text/html; x=y -1\r\n", True),
        (b"dns:a.test 0.0.0.0 20140216 text/dns 5\n", True),
        (b"http://a.test/ 2001:db8::1 20140216050221 text/html 12\n", True),
        (b"http://a.test/ - 20140216050221 text/html 200 - - 99 a.arc.gz 12\n", True),
        (b"http://a.test/ 192.0.2.1 today text/html 12\n", False),
        (b"Host: a.test\r\n", False),
    ],
)
def test_a_record_is_known_by_its_first_line(line, begins):
    assert bool(RECORD_START.match(line)) == begins
    assert bool(RECORD_START.search(b"text\n" + line)) == begins
    assert not RECORD_START.search(b"text " + line)


@pytest.mark.parametrize(
    ("blank", "after"),
    [
        (b"", b""), (b"\r\n\r\n", b""), (b"\r\n\r\n", WARC), (b"\n", WARC), (b"", WARC),
        (b"\r\n\r\n", b"no record"),
    ],
)  # fmt: skip
def test_a_record_ends_before_blank_lines_a_record_or_the_end(blank, after):
    found = reader(b"\r\nbody" + blank + after)
    assert found.read(4) == b"body"
    assert (found.offset, found.finish()) == (2, len(b"body" + blank))
    assert found.begin() == bool(after)
    assert found.offset == len(b"\r\nbody" + blank)


@pytest.mark.parametrize("after", [b"more", b"\r\nmore", b"\nWARC-Type: x\r\n", b" " + WARC])
def test_a_record_that_ends_elsewhere_is_rotten(after):
    found = reader(b"body" + after)
    found.read(4)
    with pytest.raises(Rotten):
        found.finish()


def test_a_record_beyond_the_end_is_cut():
    with pytest.raises(Cut):
        reader(b"body").read(5)


@pytest.mark.parametrize(
    "flood",
    [b"a" * 3_000_000, b"a:" * 1_500_000, b"WARC/1.0\r\n" * 300_000, b"\r\n" * 3_000_000,
     b"a:b 1 " * 500_000, b"http: " + b"1 12345678 " * 300_000],
    ids=["word", "colons", "versions", "blanks", "fields", "arcs"],
)  # fmt: skip
def test_the_next_record_is_found_behind_a_flood_in_no_time(flood):
    began = time.process_time()
    found = reader(b"WARC/1.0\r\nrotten\r\n" + flood + b"\r\n" + WARC)
    assert found.recover()
    assert found.read(len(WARC)) == WARC
    assert not found.begin()
    assert time.process_time() - began < 3


@pytest.mark.parametrize("method", ["header", "line"])
def test_a_header_or_line_without_an_end_is_rotten(method):
    found = reader(b"X: y " * 2_000_000)
    with pytest.raises(Rotten, match="no end"):
        getattr(found, method)()
