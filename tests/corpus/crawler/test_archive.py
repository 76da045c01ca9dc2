"""What the crawler writes of a page is WARC to others."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime

import pytest
from warcio.archiveiterator import ArchiveIterator

from corpus.crawler.archive import Page, pack, pack_about

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
        "seconds": 0.25,
        "num_redirects": 2,
    }
    return Page(**{**fields, **changes})


def records(number: int, **changes) -> list:
    """The page's records as another reader finds them, digests checked: type, headers, block."""
    members = pack(page(number, **changes)).members
    return [
        (r.rec_type, r.rec_headers, r.raw_stream.read())
        for r in ArchiveIterator(io.BytesIO(members), check_digests="raise")
    ]


def test_another_reader_finds_request_response_and_metadata():
    (request, response, metadata) = records(3)
    assert [request[0], response[0], metadata[0]] == ["request", "response", "metadata"]
    for _, headers, _ in (request, response, metadata):
        assert headers.get_header("WARC-Target-URI") == "http://a.test/3?x=1"
        assert headers.get_header("WARC-Date") == "2024-05-06T07:08:09Z"
    for _, headers, _ in (request, metadata):
        assert headers.get_header("WARC-Concurrent-To") == page(3).record_id
    assert response[2] == BODY
    assert metadata[2] == b"fetchTimeMs: 250\r\nvia: http://a.test/3\r\nhopsFromSeed: RR\r\n"


def test_a_page_without_redirects_has_no_way_to_tell():
    assert records(0, url="http://a.test/0")[2][2] == b"fetchTimeMs: 250\r\n"


def test_the_place_is_that_of_the_response_record():
    packed = pack(page(7))
    assert packed.record_id == page(7).record_id
    record = gzip.decompress(packed.members[packed.offset : packed.offset + packed.length])
    head, body = record.split(b"\r\n\r\n", 1)
    assert packed.record_id.encode() in head
    assert b"WARC-IP-Address: 192.0.2.1" in head
    assert body.startswith(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n"
        b"X-Crawler-Transfer-Encoding: chunked\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"Content-Length: %d\r\n\r\n" % len(BODY)
    )


def test_a_request_stands_as_it_was_sent():
    assert (
        b"\r\n\r\nGET /0?x=1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: Winnow\r\n\r\n"
        in gzip.decompress(pack(page(0)).members)
    )


def test_an_archive_says_what_it_is():
    text = gzip.decompress(pack_about("crawl.warc.gz", {"software": "Winnow"}))
    assert b"WARC-Filename: crawl.warc.gz\r\n" in text
    assert text.endswith(b"\r\n\r\nsoftware: Winnow\r\n\r\n\r\n")


@pytest.mark.parametrize(
    "headers",
    [
        (("X-Odd", "caf\xe9 \x00\x7f"), ("", ""), ("X:Y", "z")),
        (("Content-Length", "-1"), ("Content-Length", "99")),
        (("X", "a" * 100_000),) * 3,
    ],
)
def test_odd_headers_are_kept_in_a_record_that_can_be_read(headers):
    (_, response, _) = records(0, headers=headers, status_text="caf\xe9")
    assert response[2] == BODY


@pytest.mark.parametrize(
    "change", [{"asked": "http://b.test/"}, {"url": "http://b.test/"}, {"body": b"other"}]
)
def test_identity_follows_what_was_asked_and_what_came(change):
    assert page(0, **change).record_id != page(0).record_id


def test_identity_does_not_follow_the_time_or_the_headers():
    later = datetime(2025, 1, 1, tzinfo=UTC)
    assert page(0, fetched_at=later, headers=()).record_id == page(0).record_id
