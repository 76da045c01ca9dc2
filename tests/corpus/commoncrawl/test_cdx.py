"""Lines of both index formats say where a capture lies; what cannot be read is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from corpus.commoncrawl.cdx import IndexLine, parse_line

FILE = "crawl-data/CC-MAIN-2024-51/segments/1/warc/CC-MAIN-20241209085821-00640.warc.gz"
CDXJ = (
    'com,example)/2024 20241209101212 {"url": "https://www.example.com/2024", "mime": '
    '"text/plain", "mime-detected": "text/html", "status": "200", "digest": '
    '"ZT5X2CTZ2PGASDFKLJGH3BCBXZLBHGOD", "length": "14883", "offset": "707350000", "filename": '
    f'"{FILE}", "charset": "UTF-8", "languages": "eng"}}'
)
PAGE = IndexLine(
    url="https://www.example.com/2024", fetched_at=datetime(2024, 12, 9, 10, 12, 12, tzinfo=UTC),
    status=200, mime="text/html", charset="UTF-8", digest="ZT5X2CTZ2PGASDFKLJGH3BCBXZLBHGOD",
    redirect=None, truncated=None, filename=FILE, offset=707350000, length=14883,
)
CLASSIC = (
    "com,example)/2024 20241209101212 https://www.example.com/2024 text/html 200 "
    f"ZT5X2CTZ2PGASDFKLJGH3BCBXZLBHGOD - - 14883 707350000 {FILE}"
)


def test_a_line_of_common_crawl_is_read():
    assert parse_line(CDXJ) == PAGE
    assert parse_line(CDXJ + "\n") == PAGE


def test_a_classic_line_has_no_charset():
    assert parse_line(CLASSIC) == replace(PAGE, charset=None)
    moved = CLASSIC.replace(" 200 ", " 301 ").replace(" - - ", " https://e.com/ - ")
    line = parse_line(moved)
    assert line is not None
    assert (line.status, line.redirect) == (301, "https://e.com/")


def test_older_lines_lack_what_they_lack():
    short = (
        'com,e)/ 20180321221633 {"url": "http://e.com/", "mime": "text/html", "status": "-", '
        f'"length": 5, "offset": 7, "filename": "{FILE}", "truncated": "length"}}'
    )
    assert parse_line(short) == IndexLine(
        url="http://e.com/", fetched_at=datetime(2018, 3, 21, 22, 16, 33, tzinfo=UTC), status=None,
        mime="text/html", charset=None, digest=None, redirect=None, truncated="length",
        filename=FILE, offset=7, length=5,
    )


@pytest.mark.parametrize(
    "line",
    ["", " CDX N b a m s k r M S V g", "com,e)/", "com,e)/ 2024", "com,e)/ x {}", CDXJ[:-20],
     CDXJ.replace('"707350000"', '"far"'), CDXJ.replace('"url"', '"uri"'),
     CLASSIC.replace("14883", "-"), CLASSIC + " more", "com,e)/ 2024 [1]"],
)
def test_what_cannot_be_read_is_none(line):
    assert parse_line(line) is None
