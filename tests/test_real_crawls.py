"""Genuine files of Common Crawl, served by a loopback mirror, end to end.

Skips where there is no real data.
"""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.commoncrawl.surt import surt_key
from corpus.crawler.settings import FetchSettings
from corpus.ledger import Ledger
from corpus.sources import Source
from corpus.stages import stage_named
from corpus.storage import Store
from corpus.urls import canonical_and_key
from corpus.warc.captures import Capture, read_captures
from jobs import extract, fetch
from jobs.parts import Job
from jobs.recipe import Recipe
from tests.crawl_index import cdxj_line, write_cdxj
from tests.mirror import mirroring
from tests.tables import write_table

pytestmark = [pytest.mark.spark, pytest.mark.slow]

WARCS = ("chatnoir-resiliparse__warcfile.warc.gz", "jwarc__cc.warc.gz",
         "whirlwind-python__whirlwind.warc.gz")  # fmt: skip
WETS = ("whirlwind-python__whirlwind.warc.wet.gz", "cc_net__sample.warc.txt")
NUM_CAPTURES, NUM_TEXTS = 18, 4


@pytest.fixture(scope="module")
def mirror(real_data: Path):
    folder = real_data / "warc_genuine"
    files = {name: (folder / name).read_bytes() for name in (*WARCS, *WETS)}
    files["warc.paths.gz"] = gzip.compress("\n".join(WARCS).encode())
    with mirroring(files=files) as server:
        yield server


def job_of(session, root: Path, base: str, sources: dict[str, Source], urls: list[str]) -> Job:
    recipe = Recipe(
        name="test", sources=sources, fetch=FetchSettings(crawl=False),
        commoncrawl=CommonCrawlSettings(base=base),
    )
    job = Job(
        stage=stage_named("fetch"), recipe=recipe, store=Store(str(root)), session=session,
        ledger=Ledger(),
    )
    links = [
        {"url_key": canonical_and_key(url)[1], "url": url, "source": "reddit", "karma": 3}
        for url in urls
    ]
    write_table(job.store, "links", [links])
    return job


def genuine(real_data: Path, name: str) -> list[Capture]:
    return list(read_captures(str(real_data / "warc_genuine" / name)))


def test_archives_and_texts_are_brought_and_become_documents(session, tmp_path, mirror):
    sources = {
        "crawl": Source(kind="warc", files=(mirror.base + "warc.paths.gz",)),
        "texts": Source(kind="wet", files=tuple(mirror.base + name for name in WETS)),
    }
    job = job_of(session, tmp_path, mirror.base, sources, [])
    fetch.run(job)
    assert job.input("captures").num_rows == NUM_CAPTURES
    extract.run(replace(job, stage=stage_named("extract")))
    rows = job.input("documents").read_all(["source", "keep", "url"]).to_pylist()
    assert Counter(row["source"] for row in rows) == {"crawl": NUM_CAPTURES, "texts": NUM_TEXTS}
    assert all(row["keep"] for row in rows if row["source"] == "texts")
    assert sum(row["keep"] for row in rows) >= NUM_CAPTURES


def test_each_capture_comes_by_its_range_as_its_archive_has_it(
    session, tmp_path, mirror, real_data
):
    captures = {name: genuine(real_data, name) for name in WARCS}
    lines = [
        cdxj_line({
            "url_surtkey": surt_key(c.url or ""), "url": c.url, "content_mime_type": "text/html",
            "content_mime_detected": "text/html", "fetch_status": c.status,
            "content_digest": None, "warc_record_length": c.length, "warc_record_offset": c.offset,
            "warc_filename": name, "content_charset": None, "fetch_redirect": None,
            "content_truncated": None, "fetch_time": c.fetched_at,
        })
        for name, found in captures.items() for c in found
    ]  # fmt: skip
    index = write_cdxj(tmp_path / "cdx-00000.gz", sorted(lines))
    every = [capture for found in captures.values() for capture in found]
    sources = {"index": Source(kind="index", files=(index,))}
    job = job_of(session, tmp_path, mirror.base, sources, [str(c.url) for c in every])
    fetch.run(job)
    assert job.ledger.to_json()["rows"] == {"taken": 18, "kept": NUM_CAPTURES, "dropped": {}}
    listed = job.input("captures").read_all(["warc_path", "offset"]).to_pylist()
    copies = {
        c.record_id: c.payload
        for path in {row["warc_path"] for row in listed} for c in read_captures(path)
    }  # fmt: skip
    assert copies == {c.record_id: c.payload for c in every}
    costs = job.input("range_transfers").read_all().to_pydict()
    assert sum(costs["num_requests"]) == 3  # near captures come together: one for each archive
