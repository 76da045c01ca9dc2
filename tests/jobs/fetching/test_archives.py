"""Archives are brought from elsewhere, whole, sampled, once; one that cannot be had is a row."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.crawler.settings import FetchSettings
from corpus.errors import InputError
from corpus.ledger import Ledger
from corpus.publishing import PartOutput
from corpus.sources import Source
from corpus.stages import stage_named
from corpus.storage import Store
from jobs import extract, fetch
from jobs.fetching.archives import Archive, connections_a_task, planned, scan, scanned_line
from jobs.parts import Job
from jobs.recipe import Recipe
from tests.crawl_index import Capture, crawl
from tests.mirror import Fault, Mirror, mirroring
from tests.tables import write_table
from tests.warcs import record, records, rotten

NAMES = [f"crawl-data/CC/warc/{n}.warc.gz" for n in range(4)]
CRAWL = crawl({
    name: [Capture(2 * n + k, f"http://e.test/{2 * n + k}") for k in range(2)]
    for n, name in enumerate(NAMES)
})  # fmt: skip
LISTING = "crawl-data/CC/warc.paths.gz"


@pytest.fixture
def mirror():
    listing = gzip.compress("\n".join(NAMES).encode())
    with mirroring(files={**CRAWL.archives, LISTING: listing}) as server:
        yield server


def job_of(session, root, base: str, sources: dict[str, Source], *, seed=0, **settings) -> Job:
    quick = {"base": base, "max_attempts": 4, "backoff_seconds": 0.01}
    recipe = Recipe(
        name="test", seed=seed, sources=sources, fetch=FetchSettings(crawl=False),
        commoncrawl=CommonCrawlSettings(**{**quick, **settings}),
    )
    job = Job(
        stage=stage_named("fetch"), recipe=recipe, store=Store(str(root)), session=session,
        ledger=Ledger(),
    )
    write_table(job.store, "links", [[]])
    return job


@pytest.mark.spark
def test_a_listing_s_archives_are_brought_and_scanned(session, tmp_path, mirror: Mirror):
    mirror.faults[NAMES[0]] = [Fault(status=503, retry_after="0"), Fault(cut=100)]
    mirror.always[NAMES[2]] = Fault(status=404)
    web = Source(kind="warc", files=(mirror.base + LISTING,))
    job = job_of(session, tmp_path, mirror.base, {"web": web})
    fetch.run(job)
    rows = job.input("downloads").read_all().to_pylist()
    assert [(r["address"], r["reason"], r["num_bytes"]) for r in rows] == [
        (mirror.base + name, "not_found" if name == NAMES[2] else None,
         0 if name == NAMES[2] else len(CRAWL.archives[name])) for name in NAMES
    ]
    assert job.input("transfers").read(0).to_pylist()[0]["num_requests"] == 3
    captures = job.input("captures").read_all(["url", "warc_path"]).to_pylist()
    assert [row["url"][-1] for row in captures] == ["0", "1", "2", "3", "6", "7"]
    assert Path(captures[0]["warc_path"]).read_bytes() == CRAWL.archives[NAMES[0]]
    mirror.requests.clear()
    mirror.always.clear()
    for name in job.stage.outputs:
        job.store.remove(name)
    job.store.remove("_stages")
    fetch.run(job)
    assert [path for path, _, _ in mirror.requests] == [LISTING, NAMES[2]]
    assert job.input("captures").num_rows == 8


@pytest.mark.spark
def test_wet_archives_here_and_there_are_listed_for_extract(session, tmp_path, mirror):
    wet = gzip.compress(
        b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://e.test/\r\n"
        b"WARC-Identified-Content-Language: eng\r\nWARC-Date: 2024-05-18T01:58:10Z\r\n"
        b"Content-Length: 6\r\n\r\nA text\r\n\r\n"
    )
    mirror.files["there.wet.gz"] = wet
    (tmp_path / "here.wet.gz").write_bytes(wet)
    files = (mirror.base + "there.wet.gz", str(tmp_path / "here.wet.gz"))
    job = job_of(session, tmp_path / "root", mirror.base, {"w": Source(kind="wet", files=files)})
    fetch.run(job)
    extract.run(replace(job, stage=stage_named("extract")))
    columns = ("url", "warc_file", "declared_language", "text", "fetched_at")
    rows = job.input("documents").read_all(columns).to_pylist()
    assert [tuple(row.values())[:4] for row in rows] == [
        ("http://e.test/", name, "eng", "A text") for name in ("there.wet.gz", "here.wet.gz")
    ]
    assert rows[0]["fetched_at"].year == 2024
    assert job.ledger.to_json()["rows"] == {"taken": 2, "kept": 2, "dropped": {}}


@pytest.mark.spark
def test_where_nothing_can_be_had_the_stage_stops(session, tmp_path, mirror):
    sources = {"web": Source(kind="warc", files=(mirror.base + "gone.warc.gz",))}
    with pytest.raises(InputError, match=r"none of 1 files could be had.*gone.*not_found"):
        fetch.run(job_of(session, tmp_path, mirror.base, sources))


@pytest.mark.spark
def test_an_index_with_a_gap_stops(session, tmp_path, mirror):
    sources = {"cc": Source(kind="index", files=(mirror.base + "cdx-00000.gz",))}
    with pytest.raises(InputError, match=r"cdx-00000.gz: cannot be had \(not_found\)"):
        fetch.run(job_of(session, tmp_path, mirror.base, sources))


def test_a_listing_here_is_read_relative_to_the_base_and_sampled(tmp_path):
    listing = tmp_path / "warc.paths"
    listing.write_text("\n".join(NAMES))

    def drawn(seed: int, **sampling) -> list[str]:
        source = Source(kind="warc", files=(str(listing),), **sampling)
        job = job_of(None, tmp_path / "r", "https://cc.test", {"web": source}, seed=seed)
        return [place.path for place in planned(job)]

    assert drawn(1) == [f"https://cc.test/{name}" for name in NAMES]
    assert len(drawn(1, limit=2)) == 2
    assert set(drawn(1, limit=2)) < set(drawn(1, limit=3))
    assert len({tuple(drawn(seed, limit=1)) for seed in range(20)}) == 4


def test_connections_are_shared_by_the_tasks(tmp_path):
    class Slots:
        num_slots = 4

    def shared(num_items: int, allowed: int) -> tuple[int, int]:
        job = job_of(Slots(), tmp_path, "x", {}, connections=allowed)
        return connections_a_task(job, num_items)

    assert shared(100, 10) == (4, 2)
    assert shared(2, 10) == (2, 5)
    assert shared(100, 3) == (3, 1)
    assert shared(0, 10) == (1, 10)


def test_every_record_of_an_archive_is_accounted_for(tmp_path):
    members = [*records(3), *(record(b"x", type_="metadata", number=9) for _ in range(2))]
    members[1] = rotten(members[1])
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(members))
    out = PartOutput(Store(str(tmp_path)), tmp_path, 0, outputs=["scanned"], counted="scanned")
    scan(out, Archive(0, "web", str(path)))
    out.finish()
    assert out.ledger.to_json() == {
        "records": {"taken": 5, "kept": 2, "dropped": {"damaged_record": 1, "metadata": 2}},
        "rows": {"taken": 3, "kept": 3, "dropped": {}},
    }
    assert scanned_line(out.ledger) == (
        "5 records: 2 readable responses, 2 metadata, 1 damaged_record"
    )
    assert scanned_line(Ledger()) == "0 records: 0 readable responses"
