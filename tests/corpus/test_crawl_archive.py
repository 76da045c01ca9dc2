"""What the crawler writes is WARC to others, in the order of the links."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest
from warcio.archiveiterator import ArchiveIterator

from corpus.crawl_archive import CrawlArchive, Page

BODY = gzip.compress(b"<p>some text</p>", mtime=0)


def page(number: int, **changes) -> Page:
    fields = {
        "asked": f"http://a.test/{number}",
        "url": f"http://a.test/{number}?x=1",
        "status": 200,
        "status_text": "OK",
        "headers": (
            ("Content-Type", "text/html"), ("Content-Encoding", "gzip"),
            ("Transfer-Encoding", "chunked"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
        ),
        "body": BODY,
        "request_headers": (("Host", "a.test"), ("User-Agent", "Winnow")),
        "address": "192.0.2.1",
        "fetched_at": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    }
    return Page(**{**fields, **changes})


def write(path, numbers: list[int]):
    with CrawlArchive(path) as archive:
        for number in numbers:
            archive.add(number, page(number))
        return archive.finish({"software": "Winnow"})


def test_another_reader_finds_the_records_in_the_order_of_the_links(tmp_path):
    path = tmp_path / "crawl.warc.gz"
    write(path, [2, 0, 1])
    with path.open("rb") as file:
        records = [
            (r.rec_type, r.rec_headers.get_header("WARC-Target-URI"), r.raw_stream.read())
            for r in ArchiveIterator(file, check_digests="raise")
        ]
    assert [(kind, url) for kind, url, _ in records] == [
        ("warcinfo", None),
        *(
            (kind, f"http://a.test/{number}?x=1")
            for number in range(3)
            for kind in ("request", "response", "metadata")
        ),
    ]
    assert records[0][2] == b"software: Winnow\r\n"
    assert records[2][2] == BODY
    assert records[3][2] == b"via: http://a.test/0\r\n"


def test_places_are_those_of_the_response_records(tmp_path):
    path = tmp_path / "crawl.warc.gz"
    places = write(path, [7, 3])
    for number, place in places.items():
        record = gzip.decompress(path.read_bytes()[place.offset : place.offset + place.length])
        head, body = record.split(b"\r\n\r\n", 1)
        assert page(number).record_id.encode() in head
        assert b"WARC-Date: 2024-05-06T07:08:09Z" in head
        assert b"WARC-IP-Address: 192.0.2.1" in head
        assert body.startswith(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n"
            b"X-Crawler-Transfer-Encoding: chunked\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
            b"Content-Length: %d\r\n\r\n" % len(BODY)
        )


def test_a_request_stands_as_it_was_sent(tmp_path):
    path = tmp_path / "crawl.warc.gz"
    write(path, [0])
    assert (
        b"\r\n\r\nGET /0?x=1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: Winnow\r\n\r\n"
        in gzip.decompress(path.read_bytes())
    )


@pytest.mark.parametrize(
    "change", [{"asked": "http://b.test/"}, {"url": "http://b.test/"}, {"body": b"other"}]
)
def test_identity_follows_what_was_asked_and_what_came(change):
    assert page(0, **change).record_id != page(0).record_id


def test_identity_does_not_follow_the_time_or_the_headers():
    later = datetime(2025, 1, 1, tzinfo=UTC)
    assert page(0, fetched_at=later, headers=()).record_id == page(0).record_id


def test_a_broken_off_crawl_leaves_no_file(tmp_path):
    def crawl():
        with CrawlArchive(tmp_path / "crawl.warc.gz") as archive:
            archive.add(0, page(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crawl()
    assert list(tmp_path.iterdir()) == []
