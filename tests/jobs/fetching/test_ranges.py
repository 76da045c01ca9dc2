"""Links are served by the index's captures, byte for byte; what is not goes to the crawler."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.crawler.settings import FetchSettings
from corpus.identity import doc_id_of_record
from corpus.ledger import Ledger
from corpus.sources import Source
from corpus.stages import stage_named
from corpus.storage import Store
from corpus.urls import canonical_and_key
from corpus.warc.captures import read_captures
from jobs import fetch
from jobs.parts import Job
from jobs.recipe import Recipe
from tests.crawl_index import Capture, cdxj_line, crawl, write_cdxj, write_index_table
from tests.loopback import running
from tests.mirror import Fault, Mirror, mirroring
from tests.tables import write_table
from tests.warcs import record, record_id

pytestmark = pytest.mark.spark

A, B = "crawl-data/CC/warc/a.warc.gz", "crawl-data/CC/warc/b.warc.gz"
CRAWL = crawl({
    A: [Capture(n, f"http://a.test/{n}", charset="windows-1252") for n in range(5)],
    B: [Capture(10, "http://b.test/"), Capture(11, "http://b.test/old", 301, redirect="/"),
        Capture(12, "http://b.test/older", 302, redirect="/"), Capture(13, "http://b.test/bad")],
})  # fmt: skip
LINKS = ["http://a.test/1", "http://a.test/3", "http://b.test/", "http://b.test/bad",
         "http://b.test/old", "http://b.test/older", "http://deny.test/private/1",
         "http://slow.test/1"]


@pytest.fixture
def mirror():
    with mirroring(files=dict(CRAWL.archives)) as server:
        rotten = bytearray(server.files[B])
        at = next(r["warc_record_offset"] for r in CRAWL.rows if r["url"] == "http://b.test/bad")
        rotten[at + 300 : at + 308] = b"\xa5" * 8
        server.files[B] = bytes(rotten)
        yield server


def job_of(session, tmp_path: Path, base: str, *, fetching: FetchSettings, archives=(), **settings):
    index = [
        write_index_table(tmp_path / "index" / "part.parquet", CRAWL.rows[::2]),
        write_cdxj(tmp_path / "index" / "cdx-00000.gz", [cdxj_line(r) for r in CRAWL.rows[1::2]]),
    ]
    sources = {"cc": Source(kind="index", files=tuple(index))}
    if archives:
        sources["web"] = Source(kind="warc", files=tuple(archives))
    quick = {"base": base, "max_attempts": 2, "backoff_seconds": 0.01, "max_gap_bytes": 0}
    recipe = Recipe(
        name="test", sources=sources, fetch=fetching,
        commoncrawl=CommonCrawlSettings(**{**quick, **settings}),
    )
    return Job(
        stage=stage_named("fetch"), recipe=recipe, store=Store(str(tmp_path / "root")),
        session=session, ledger=Ledger(),
    )


def write_links(job: Job, links: list[str]) -> None:
    rows = [
        {"url_key": canonical_and_key(url)[1], "url": url, "source": "reddit", "karma": 3 + n}
        for n, url in enumerate(links)
    ]
    write_table(job.store, "links", [rows])


def outcomes(job: Job) -> dict[str, tuple[str, str | None]]:
    rows = job.input("fetches").read_all().to_pylist()
    return {row["url"]: (row["outcome"], row["reason"]) for row in rows}


def doc_id(number: int) -> bytes:
    return doc_id_of_record(record_id(number))


def test_links_come_from_the_index_and_what_it_lacks_from_the_web(session, tmp_path, mirror):
    with running() as web:
        quick = FetchSettings(
            delay_seconds=0.0, backoff_seconds=0.01, max_attempts=2, connect_to=web.connect_to
        )
        job = job_of(session, tmp_path, mirror.base, fetching=quick)
        write_links(job, LINKS)
        fetch.run(job)
    assert outcomes(job) == {
        "http://a.test/1": ("indexed", None),
        "http://a.test/3": ("indexed", None),
        "http://b.test/": ("indexed", None),
        "http://b.test/bad": ("crawled", None),
        "http://b.test/old": ("indexed", None),
        "http://b.test/older": ("indexed", None),
        "http://deny.test/private/1": ("failed", "robots_denied"),
        "http://slow.test/1": ("crawled", None),
    }
    wanted = job.input("wanted").read_all(["url", "reason"]).to_pylist()
    assert {row["url"]: row["reason"] for row in wanted} == {
        "http://b.test/bad": "bad_member", "http://deny.test/private/1": "not_in_index",
        "http://slow.test/1": "not_in_index",
    }
    check_captures(job)
    assert job.ledger.to_json()["captures"] == {"taken": 5, "kept": 5, "dropped": {}}
    costs = job.input("range_transfers").read_all().to_pydict()
    assert sum(costs["num_requests"]) == len(mirror.requests) == 6  # the bad one is asked thrice
    for row in job.input("fetches").read_all().to_pylist():
        if row["url"].startswith("http://b.test/old"):
            assert row["doc_id"] == doc_id(10)


def check_captures(job: Job) -> None:
    """What `captures` says of the byte ranges is what a reader finds in their file."""
    rows = [
        row for part in range(job.input("captures").num_parts)
        for row in job.input("captures").read(part).to_pylist()
        if row["warc_file"].startswith("ranged-")
    ]  # fmt: skip
    assert {(r["doc_id"], r["url"], r["karma"], r["charset"], r["source"]) for r in rows} == {
        (doc_id(1), "http://a.test/1", 3, "windows-1252", "reddit"),
        (doc_id(3), "http://a.test/3", 4, "windows-1252", "reddit"),
        (doc_id(10), "http://b.test/", 8, "UTF-8", "reddit"),  # of three links, the most karma
    }
    for path in {row["warc_path"] for row in rows}:
        found = [(c.offset, c.length, c.url, c.damage) for c in read_captures(path)]
        of_path = [row for row in rows if row["warc_path"] == path]
        assert found == [(row["offset"], row["length"], row["url"], None) for row in of_path]


def test_a_second_run_asks_for_what_failed_only(session, tmp_path, mirror: Mirror):
    links = LINKS[:3]
    mirror.always[A] = Fault(status=503)
    job = job_of(session, tmp_path, mirror.base, fetching=FetchSettings(crawl=False))
    write_links(job, links)
    fetch.run(job)
    failed = ("failed", "throttled")
    assert outcomes(job) == {links[0]: failed, links[1]: failed, links[2]: ("indexed", None)}
    mirror.always.clear()
    mirror.requests.clear()
    for name in job.stage.outputs:  # as the runner does where a setting has changed
        job.store.remove(name)
    job.store.remove("_stages")
    again = job_of(session, tmp_path, mirror.base, fetching=FetchSettings(crawl=False),
                   max_attempts=9)
    fetch.run(again)
    assert set(outcomes(again).values()) == {("indexed", None)}
    assert {path for path, _, _ in mirror.requests} == {A}


def test_a_capture_that_an_archive_here_holds_is_one_document(session, tmp_path, mirror):
    archive = tmp_path / "here.warc.gz"
    archive.write_bytes(b"".join(
        record(b"<p>x", number=n, url=url) for n, url in [(3, "http://z.test/"), (77, LINKS[0])]
    ))
    job = job_of(session, tmp_path, mirror.base, fetching=FetchSettings(crawl=False),
                 archives=[str(archive)])
    write_links(job, LINKS[:2])
    fetch.run(job)
    assert outcomes(job) == {LINKS[0]: ("captured", None), LINKS[1]: ("indexed", None)}
    ids = job.input("captures").read_all(["doc_id"])["doc_id"].to_pylist()
    assert sorted(ids) == sorted([doc_id(77), doc_id(3)])
    assert job.ledger.to_json()["captures"] == {
        "taken": 3, "kept": 2, "dropped": {"conflicting_record_id": 1},
    }


def test_captures_come_from_s3_as_well(session, tmp_path, s3_root, s3_server):
    import boto3

    bucket = s3_root.split("/")[2]
    for name, data in CRAWL.archives.items():
        boto3.client("s3").put_object(Bucket=bucket, Key=name, Body=data, ACL="public-read")
    # An open bucket, since Spark's workers have the environment of their start.
    job = job_of(session, tmp_path, f"s3://{bucket}/", fetching=FetchSettings(crawl=False),
                 s3_anonymous=True, s3_endpoint=s3_server)
    write_links(job, LINKS[:6])
    fetch.run(job)
    assert set(outcomes(job).values()) == {("indexed", None)}
