"""Genuine and odd archives from other projects: each record is read, damaged, or skipped.

Skips where there is no real data. The counts are those of the files' makers and of warcio where it
reads a file to its end; where it does not, a comment says what is in the file.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from html import unescape
from pathlib import Path

import pytest

from corpus.extraction.decode import decode_page
from corpus.warc.captures import Capture, Tally, read_captures

pytestmark = pytest.mark.slow

BL = "webarchive-discovery__BL-2014032512"
COMPRESSION = "webarchive-discovery__transfer_compression_"
DERIVED = {"warcinfo": 1}  # what 25 pages were written with
NONE: dict[str, int] = {}
# File -> captures without damage, damaged ones by reason, other records by type.
COUNTS = {
    # An excerpt, edited by hand: no length is right.
    "cc_net__sample.warc.txt": (0, {"damaged_other_record": 4}, NONE),
    "chatnoir-resiliparse__warcfile.warc.gz": (
        16, NONE, {"warcinfo": 1, "request": 17, "metadata": 16},
    ),
    "dolma__sample-0000.warc.gz": (
        22, NONE, {"warcinfo": 1, "request": 22, "metadata": 1, "resource": 2},
    ),
    "gowarc__test.warc.gz": (1, NONE, {"warcinfo": 1, "request": 1}),
    "ia-web-commons__IAH-urls-wget.warc.gz": (
        16, NONE, {"warcinfo": 1, "request": 16, "resource": 3},
    ),
    "jwarc__cc.warc.gz": (1, NONE, NONE),
    "jwat__IAH-20080430204825-00000-blackbook.warc.gz": (
        299, NONE, {"warcinfo": 1, "request": 261, "metadata": 261},
    ),
    "pywb__iana.warc.gz": (48, NONE, {"warcinfo": 1, "request": 171, "revisit": 123}),
    "warcat__at.warc.gz": (2, NONE, {"warcinfo": 1, "request": 2, "resource": 3}),
    "warcbench__example.com.warc": (6, NONE, {"warcinfo": 1, "request": 2}),
    "warcbench__fb.warc.gz": (
        3, NONE, {"warcinfo": 1, "request": 3, "metadata": 1, "resource": 2},
    ),
    "warcio__example.warc": (1, NONE, {"warcinfo": 2, "request": 2, "revisit": 1}),
    "warcio__example.warc.gz": (1, NONE, {"warcinfo": 2, "request": 2, "revisit": 1}),
    f"{BL}1225068-00000-32090~opera~8443.warc.gz": (
        65, NONE, {"warcinfo": 1, "request": 62, "metadata": 62},
    ),
    "whirlwind-python__whirlwind.warc": (1, NONE, {"warcinfo": 1, "request": 1, "metadata": 1}),
    "whirlwind-python__whirlwind.warc.gz": (1, NONE, {"warcinfo": 1, "request": 1, "metadata": 1}),
    "whirlwind-python__whirlwind.warc.wat.gz": (0, NONE, {"warcinfo": 1, "metadata": 1}),
    "whirlwind-python__whirlwind.warc.wet.gz": (0, NONE, {"warcinfo": 1, "conversion": 1}),
    "aut__example.txt.warc.gz": (2, NONE, {"warcinfo": 2, "request": 2}),
    "aut__issue-514.warc": (
        2, NONE, {"warcinfo": 1, "request": 2, "metadata": 1, "resource": 2},
    ),
    # 64 bytes were overwritten within one of 25 records.
    "bitrot-shared.warc.gz": (24, {"damaged_record": 1}, DERIVED),
    "charsets-shared.warc.gz": (49, NONE, NONE),
    "chatnoir-resiliparse__clipped.warc.gz": (0, {"truncated_record": 1}, NONE),
    "chatnoir-resiliparse__warcfile.warc.lz4": (
        16, NONE, {"warcinfo": 1, "request": 17, "metadata": 16},
    ),
    # Of 25 pages 14 and a part are there.
    "cut-shared.warc.gz": (14, {"truncated_record": 1}, DERIVED),
    "encodings-shared.warc.gz": (44, NONE, DERIVED),
    "gowarc__good.warc.gz.open": (50, NONE, NONE),
    "ia-web-commons__mutliple-headers.warc": (1, NONE, NONE),
    # One of four records states a digest that can be told, and it is wrong.
    "jwat__invalid-warcfile-digest-fields.warc": (3, {"digest_mismatch": 1}, NONE),
    "jwat__invalid-warcfile-duplicate-fields.warc": (0, NONE, {"warcinfo": 1}),
    "jwat__invalid-warcfile-fields-empty.warc": (0, {"damaged_record": 1}, NONE),  # no length
    "jwat__invalid-warcfile-lonely-monkeys.warc": (0, {"damaged_other_record": 1}, NONE),
    "jwat__invalid-warcfile-record-then-garbage.warc": (1, {"damaged_record": 1}, NONE),
    "jwat__valid-warcfile-upper-lower-case.warc": (4, NONE, {"warcinfo": 1}),
    "mixed-types-shared.warc.gz": (
        19, NONE, {"warcinfo": 1, "revisit": 1, "resource": 1, "conversion": 1},
    ),
    "plain-shared.warc": (25, NONE, DERIVED),
    "singlemember-shared.warc.gz": (25, NONE, DERIVED),
    "smart_open__crlf_at_1k_boundary.warc.gz": (1, NONE, NONE),
    "warc11-shared.warc.gz": (25, NONE, DERIVED),
    "warcat__bad_http_chunked_content.warc": (1, NONE, NONE),
    "warcio__bad.arc": (1, {"damaged_record": 2}, {"warcinfo": 1}),  # lengths of -1 and abc
    # Members that hold several records.
    "warcio__example-bad-non-chunked.warc.gz": (
        1, NONE, {"warcinfo": 2, "request": 2, "revisit": 1},
    ),
    "warcio__example-bad.warc.gz.bad": (2, NONE, {"warcinfo": 1, "request": 2, "revisit": 1}),
    "warcio__example-digest.warc": (0, NONE, {"request": 4}),
    "warcio__example-iana.org-chunked.warc": (1, NONE, {"warcinfo": 1, "request": 1}),
    "warcio__example-resource.warc.gz": (1, NONE, {"warcinfo": 2}),  # a page without HTTP headers
    "warcio__example-space-in-target-uri.warc.gz": (0, NONE, {"warcinfo": 1, "resource": 1}),
    # A response of 973 bytes that ends after some 940, with a request behind it.
    "warcio__example-trunc.warc": (0, {"damaged_record": 1}, {"warcinfo": 2, "request": 1}),
    "warcio__example-wget-bad-target-uri.warc.gz": (
        1, NONE, {"warcinfo": 1, "request": 1, "metadata": 1, "resource": 2},
    ),
    "warcio__example-wrong-chunks.warc.gz": (1, NONE, {"request": 1}),
    "warcio__example.arc.gz": (1, NONE, {"warcinfo": 1}),
    "warcio__post-test.warc.gz": (3, NONE, {"request": 3}),
    f"{BL}2341434-00000-32090~opera~8443.warc.gz": (
        10, NONE, {"warcinfo": 1, "revisit": 55, "request": 62, "metadata": 62},
    ),
    **{
        f"{COMPRESSION}{name}": (
            1, NONE, {"warcinfo": 1, "request": 1, "metadata": 1, "resource": 1},
        )
        for name in ("brotli.warc", "brotli.warc.gz", "gzip.warc.gz", "none.warc.gz")
    },
    "zstd-dict-shared.warc.zst": (25, NONE, DERIVED),
    "zstd-perrecord-shared.warc.zst": (25, NONE, DERIVED),
    "zstd-whole-shared.warc.zst": (25, NONE, DERIVED),
}  # fmt: skip


@pytest.fixture(scope="module")
def archives(real_data: Path) -> dict[str, Path]:
    """Every genuine and odd archive, by name."""
    folders = (real_data / "warc_genuine", real_data / "warc_odd")
    paths = [path for folder in folders for path in folder.iterdir()]
    return {path.name: path for path in paths if path.name != "expect.jsonl"}


def captures(archives: dict[str, Path], name: str) -> dict[str | None, Capture]:
    return {capture.record_id: capture for capture in read_captures(str(archives[name]))}


def expected(real_data: Path, name: str) -> list[dict]:
    lines = (real_data / "warc_odd" / "expect.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["file"] == name]


def test_every_archive_is_known(archives):
    assert set(archives) == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_each_record_of_an_archive_is_accounted_for(archives, name):
    num_readable, damaged, skipped = COUNTS[name]
    tally = Tally()
    found = list(read_captures(str(archives[name]), tally=tally))
    assert tally == Tally(num_readable, Counter(damaged), Counter(skipped))
    assert len(found) == num_readable + sum(damaged.values())


@pytest.mark.parametrize(
    "name",
    ["bitrot-shared.warc.gz", "cut-shared.warc.gz", "singlemember-shared.warc.gz",
     "warc11-shared.warc.gz", "zstd-dict-shared.warc.zst", "zstd-perrecord-shared.warc.zst",
     "zstd-whole-shared.warc.zst"],
)  # fmt: skip
def test_the_same_pages_come_out_of_every_packing(archives, name):
    pages = {c.url: c.payload for c in read_captures(str(archives["plain-shared.warc"]))}
    found = list(read_captures(str(archives[name])))
    assert len(pages) == 25
    assert all(c.payload == pages[c.url] for c in found if c.damage is None)


def test_the_bodies_of_every_coding_are_right(archives, real_data):
    found = captures(archives, "encodings-shared.warc.gz")
    rows = expected(real_data, "encodings-shared.warc.gz")
    assert len(rows) == len(found) == 44
    for row in rows:
        capture = found[row["record_id"]]
        if row["content_encoding"] == "gzip-truncated":  # two thirds of the body are there
            assert capture.is_cut
            assert 0.6 < len(capture.payload) / row["decoded_bytes"] < 0.75
        else:
            digest = hashlib.sha256(capture.payload).hexdigest()
            assert (digest, capture.is_cut) == (row["decoded_sha256"], False), row


PYTHON_NAMES = {"utf-16": "utf-16-le", "utf-16-le-bom": "utf-16", "utf-8-bom": "utf-8-sig",
                "shift_jis": "cp932"}  # fmt: skip - the last as WHATWG's Encoding standard reads it


def test_the_characters_of_every_charset_are_right(archives, real_data):
    found = captures(archives, "charsets-shared.warc.gz")
    rows = expected(real_data, "charsets-shared.warc.gz")
    assert len(rows) == len(found) == 49
    for row in rows:
        capture = found[row["record_id"]]
        text = decode_page(capture.payload, charset=capture.charset)
        encoding = PYTHON_NAMES.get(row["charset"], row["charset"])
        assert text == capture.payload.decode(encoding, "replace").lstrip("\ufeff"), row
        whole_words = unescape(row["sample"]).split()[1:-1]
        assert not [word for word in whole_words if word not in unescape(text)], row
