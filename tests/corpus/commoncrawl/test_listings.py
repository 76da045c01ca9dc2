"""Crawls and their files are listed, from servers and from files of this machine; samples nest."""

from __future__ import annotations

import gzip
import json

import pytest

from corpus.commoncrawl.listings import (
    Crawl,
    drawn,
    full_address,
    list_crawls,
    listing_address,
    read_listing,
)
from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.errors import ConfigError, InputError
from tests.mirror import mirroring

PATHS = [f"crawl-data/CC-MAIN-2024-22/segments/1/warc/CC-MAIN-{n:05d}.warc.gz" for n in range(500)]
COLLINFO = [
    {"id": "CC-MAIN-2026-08", "name": "February 2026 Index", "timegate": "x", "cdx-api": "y",
     "from": "2026-02-06T18:14:58", "to": "2026-02-19T11:27:33"},
    {"id": "CC-MAIN-2012", "name": "2012 Index", "cdx-api": "y"},
]


@pytest.fixture
def settings():
    listing = gzip.compress("\n".join(PATHS).encode())
    files = {
        "collinfo.json": json.dumps(COLLINFO).encode(),
        "crawl-data/CC-MAIN-2024-22/warc.paths.gz": listing,
        "crawl-data/CC-MAIN-2024-22/wet.paths.gz": b"",
        "crawl-data/CC-MAIN-2024-22/wat.paths.gz": listing[:-9],
    }
    with mirroring(files=files) as mirror:
        yield CommonCrawlSettings(base=mirror.base, index_server=mirror.base, max_attempts=1)


def test_crawls_come_as_the_server_lists_them(settings, tmp_path):
    first = Crawl("CC-MAIN-2026-08", "February 2026 Index", "2026-02-06T18:14:58",
                  "2026-02-19T11:27:33")
    assert list_crawls(settings) == [first, Crawl("CC-MAIN-2012", "2012 Index")]
    copy = tmp_path / "collinfo.json"
    copy.write_text(json.dumps(COLLINFO))
    assert list_crawls(CommonCrawlSettings(), str(copy)) == list_crawls(settings)


def test_what_is_no_list_of_crawls_says_so(settings, tmp_path):
    (tmp_path / "page").write_text("<html>")
    with pytest.raises(InputError, match=r"page: not a list of crawls .*collinfo\.json"):
        list_crawls(settings, str(tmp_path / "page"))
    with pytest.raises(InputError, match=r"gone: cannot be read \(not_found\)"):
        list_crawls(settings, str(tmp_path / "gone"))


def test_a_listing_s_paths_come_from_anywhere(settings, tmp_path):
    address = listing_address("CC-MAIN-2024-22", "warc", settings)
    assert read_listing(address, settings) == PATHS
    plain = tmp_path / "warc.paths"
    plain.write_text("\n" + "\r\n".join(PATHS) + "\n")
    assert read_listing(str(plain), settings) == PATHS
    assert full_address(PATHS[0], settings) == settings.base + PATHS[0]
    assert full_address("s3://b/f", settings) == "s3://b/f"


@pytest.mark.parametrize(("kind", "message"), [("wet", "empty"), ("wat", "not a listing of paths")])
def test_a_broken_listing_stops(settings, kind, message):
    with pytest.raises(InputError, match=message):
        read_listing(listing_address("CC-MAIN-2024-22", kind, settings), settings)


def test_unknown_names_stop(settings):
    with pytest.raises(ConfigError, match=r"kind wart: unknown; expected one of warc, wet"):
        listing_address("CC-MAIN-2024-22", "wart", settings)
    with pytest.raises(ConfigError, match=r"crawl ../x: no name of a crawl"):
        listing_address("../x", "warc", settings)


def test_a_sample_is_a_share_in_the_order_given_and_another_seed_is_another():
    sample = drawn(PATHS, share=0.2, seed=1)
    assert 70 < len(sample) < 130
    assert sample == [path for path in PATHS if path in set(sample)]
    assert sample == drawn(PATHS, share=0.2, seed=1) != drawn(PATHS, share=0.2, seed=2)


def test_samples_nest_and_do_not_depend_on_order_or_mirror():
    small, large = (drawn(PATHS, limit=limit, seed=1) for limit in (10, 50))
    assert (len(small), len(large)) == (10, 50)
    assert set(small) < set(large)
    assert set(drawn(PATHS[::-1], limit=10, seed=1)) == set(small)
    there = drawn(["https://x.test/" + path for path in PATHS], limit=10, seed=1)
    assert [path.removeprefix("https://x.test/") for path in there] == small
    assert drawn(PATHS, limit=0, seed=1) == drawn(PATHS, limit=900, seed=1) == PATHS
