"""Each link is answered once: from the archives, by the crawler, or with a reason."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from corpus import schemas
from corpus.crawler.crawl import crawl_links
from corpus.crawler.frontier import JOURNAL, frontier_folder
from corpus.crawler.settings import FetchSettings
from corpus.datasets import part_from_json, publish_manifest
from corpus.errors import ConfigError
from corpus.identity import doc_id_of_record
from corpus.ledger import Ledger
from corpus.publishing import PartOutput
from corpus.sources import Source
from corpus.stages import stage_named
from corpus.storage import Store
from corpus.urls import canonical_and_key
from corpus.warc.captures import read_captures
from jobs import fetch
from jobs.parts import Job
from jobs.recipe import Recipe
from tests.loopback import PAGE, running

pytestmark = pytest.mark.spark

OLD, NEW = "2013-01-01T00:00:00Z", "2014-01-01T00:00:00Z"
ONE = [("r1", "http://www.a.test/x", OLD, 200), ("r2", "https://a.test/other", OLD, 200),
       ("r3", "http://b.test/gone", NEW, 404)]
TWO = [("r4", "https://a.test/x/?utm_source=reddit", NEW, 200), ("r5", "http://a.test/x", NEW, 404),
       ("r6", "http://c.test/y", OLD, 200), ("r7", "http://c.test/y", OLD, 200)]
LINKS = ["http://a.test/x", "http://b.test/gone", "http://b.test/page", "http://c.test/y",
         "http://deny.test/private/1", "http://slow.test/1"]


def write_archive(path: Path, records: list[tuple[str, str, str, int]]) -> str:
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for record_id, url, date, status in records:
            headers = StatusAndHeaders(
                f"{status} X", [("Content-Type", "text/html")], protocol="HTTP/1.1"
            )
            writer.write_record(writer.create_warc_record(
                url, "response", payload=io.BytesIO(PAGE), http_headers=headers,
                warc_headers_dict={"WARC-Record-ID": f"<urn:{record_id}>", "WARC-Date": date},
            ))
    return str(path)


def job_of(session, root: Path, archives: list[str], settings: FetchSettings) -> Job:
    sources = {"web": Source(kind="warc", files=tuple(archives))} if archives else {}
    recipe = Recipe(name="test", sources=sources, fetch=settings)
    return Job(
        stage=stage_named("fetch"), recipe=recipe, store=Store(str(root)), session=session,
        ledger=Ledger(),
    )


def write_links(job: Job, addresses: list[str]) -> None:
    rows = [
        {"url_key": canonical_and_key(url)[1], "url": url, "source": "webtext", "karma": 3 + n,
         "num_posts": 1, "first_posted_at": datetime(2013, 1, 1, tzinfo=UTC)}
        for n, url in enumerate(addresses)
    ]
    with job.store.scratch() as scratch:
        out = PartOutput(job.store, scratch, 0, outputs=["links"], counted="links")
        out.taken(len(rows))
        out.write("links", pa.Table.from_pylist(rows, schema=schemas.table_named("links").arrow))
        publish_manifest(job.store, "links", [part_from_json(out.finish()["parts"]["links"])])


@pytest.fixture
def archives(tmp_path) -> list[str]:
    return [
        write_archive(tmp_path / "one.warc.gz", ONE), write_archive(tmp_path / "two.warc.gz", TWO),
    ]


def fetch_settings(connect_to: dict[str, str], **changes) -> FetchSettings:
    quick = {"delay_seconds": 0.0, "backoff_seconds": 0.01, "max_attempts": 2}
    return FetchSettings(**{**quick, "connect_to": connect_to, **changes})


def ids(*record_ids: str) -> list[bytes]:
    return [doc_id_of_record(f"urn:{record_id}") for record_id in record_ids]


def listed(job: Job, part: int) -> list[tuple]:
    rows = job.input("captures").read(part).to_pylist()
    return [(r["doc_id"], r["source"], r["karma"], r["warc_file"]) for r in rows]


def test_links_are_served_from_the_archives_then_crawled(session, tmp_path, archives):
    with running() as web:
        job = job_of(session, tmp_path / "root", archives, fetch_settings(web.connect_to))
        write_links(job, LINKS)
        fetch.run(job)
    r1, r2, r3, r4, r5, r6, r7 = ids("r1", "r2", "r3", "r4", "r5", "r6", "r7")
    assert listed(job, 0) == [
        (r1, "web", None, "one.warc.gz"),  # r4 is newer
        (r2, "web", None, "one.warc.gz"),  # no link
        (r3, "web", None, "one.warc.gz"),  # status 404
    ]
    first, second = sorted([r6, r7])  # as new as each other: the smaller id serves
    assert listed(job, 1) == [
        (r4, "webtext", 3, "two.warc.gz"),
        (r5, "web", None, "two.warc.gz"),
        *((r, "webtext", 6, "two.warc.gz") if r == first else (r, "web", None, "two.warc.gz")
          for r in (r6, r7)),
    ]
    fetches = job.input("fetches").read_all().to_pylist()
    answers = {row["url"]: (row["outcome"], row["reason"]) for row in fetches}
    assert answers == {
        "http://a.test/x": ("captured", None),
        "http://b.test/gone": ("failed", "http_status"),
        "http://b.test/page": ("crawled", None),
        "http://c.test/y": ("captured", None),
        "http://deny.test/private/1": ("failed", "robots_denied"),
        "http://slow.test/1": ("crawled", None),
    }
    assert job.ledger.to_json()["rows"] == {
        "taken": 6, "kept": 4, "dropped": {"http_status": 1, "robots_denied": 1},
    }
    assert second not in {row["doc_id"] for row in fetches}
    check_crawl(job, fetches)


def check_crawl(job: Job, fetches: list[dict]) -> None:
    captures = job.input("captures").read(2).to_pylist()
    crawled = [row["doc_id"] for row in fetches if row["outcome"] == "crawled"]
    found = list(read_captures(captures[0]["warc_path"]))
    assert [row["doc_id"] for row in captures] == crawled
    assert [(c.url, c.offset, c.length, c.payload) for c in found] == [
        (row["url"], row["offset"], row["length"], PAGE) for row in captures
    ]
    assert [doc_id_of_record(c.record_id) for c in found] == crawled
    assert [(row["source"], row["karma"]) for row in captures] == [("webtext", 5), ("webtext", 8)]


def test_a_stopped_crawl_goes_on_at_the_next_part_and_a_domain_stays_in_one(session, tmp_path):
    urls = [f"http://{host}/{n}" for host in ("a.test", "b.test", "slow.test") for n in range(2)]
    with running() as web:
        settings = fetch_settings(web.connect_to, links_per_part=2)
        job = job_of(session, tmp_path, [], settings)
        write_links(job, urls)
        fetch.run(job)
        wanted = [job.input("wanted").read(part)["url"].to_pylist() for part in range(3)]
        hosts = [{url.split("/")[2] for url in part} for part in wanted]
        assert sum(len(part) for part in hosts) == 3  # no host in two parts
        number = next(n for n in range(3) if hosts[n])
        before = job.input("captures").read_all(["doc_id", "url"])
        for step in ("crawl", "list"):
            job.store.remove("_stages", "fetch", step, f"{number:05d}.json")
        web.requests.clear()
        fetch.run(job)
        assert {host for _, host, _ in web.requests} == hosts[number]
    assert job.input("captures").read_all(["doc_id", "url"]) == before


def test_a_part_that_was_killed_half_way_goes_on_with_the_links_that_it_lacks(session, tmp_path):
    urls = [f"http://{host}/{n}" for host in ("a.test", "b.test", "slow.test") for n in range(2)]
    with running() as web:
        settings = fetch_settings(web.connect_to)
        job = job_of(session, tmp_path / "root", [], settings)
        write_links(job, urls)
        fetch.run(job)
        before = job.input("captures").read_all(["doc_id", "url"])
        folder = frontier_folder(job.store, 0)
        assert not folder.exists()
        # As a kill leaves it: answers in the frontier, no part published.
        wanted = job.input("wanted").read(0)["url"].to_pylist()
        crawl_links(wanted, settings, tmp_path / "crawl.warc.gz", frontier=folder)
        journal = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
        (folder / JOURNAL).write_bytes(b"".join(journal[:-1]) + journal[-1][:20])
        for step in ("crawl", "list"):
            job.store.remove("_stages", "fetch", step, "00000.json")
        web.requests.clear()
        fetch.run(job)
        assert len([path for _, _, path in web.requests if path != "/robots.txt"]) == 1
    assert job.input("captures").read_all(["doc_id", "url"]) == before


def test_a_crawl_of_strangers_without_a_contact_stops(session, tmp_path):
    job = job_of(session, tmp_path, [], FetchSettings())
    write_links(job, ["http://example.org/"])
    with pytest.raises(ConfigError, match=r"fetch\.contact: empty, and example\.org"):
        fetch.run(job)


def test_a_damaged_record_serves_no_link_and_without_a_crawler_that_is_not_captured(
    session, tmp_path, archives
):
    path = Path(write_archive(tmp_path / "three.warc.gz", [("r8", "http://b.test/page", NEW, 200)]))
    path.write_bytes(path.read_bytes()[:-20])
    settings = FetchSettings(crawl=False)
    job = job_of(session, tmp_path / "root", [*archives, str(path)], settings)
    write_links(job, LINKS)
    fetch.run(job)
    assert job.ledger.to_json()["rows"] == {
        "taken": 6, "kept": 2, "dropped": {"not_captured": 4},
    }
    assert [job.input("captures").part_rows(part) for part in range(4)] == [3, 4, 1, 0]
    assert job.input("scanned").read(2)["can_serve"].to_pylist() == [False]
    assert job.input("crawl").files() == []


def test_without_links_every_capture_is_of_the_crawl(session, tmp_path, archives):
    job = job_of(session, tmp_path / "root", archives, FetchSettings())
    write_links(job, [])
    fetch.run(job)
    assert set(job.input("captures").read_all(["source"])["source"].to_pylist()) == {"web"}
    assert (job.input("captures").num_rows, job.input("fetches").num_rows) == (7, 0)


def test_a_record_that_stands_twice_is_taken_once(session, tmp_path):
    copies = {"one.warc.gz": [*ONE[1:], ONE[1]], "two.warc.gz": ONE,
              "three.warc.gz": [("r1", "http://www.a.test/z", OLD, 200)]}
    archives = [write_archive(tmp_path / name, part) for name, part in copies.items()]
    job = job_of(session, tmp_path / "root", archives, FetchSettings(crawl=False))
    write_links(job, ["http://a.test/other"])
    fetch.run(job)
    r1, r2, r3 = ids("r1", "r2", "r3")
    assert listed(job, 0) == [(r2, "webtext", 3, "one.warc.gz"), (r3, "web", None, "one.warc.gz")]
    assert listed(job, 1) == [(r1, "web", None, "two.warc.gz")]
    assert listed(job, 2) == []
    assert job.ledger.to_json() == {
        "rows": {"taken": 1, "kept": 1, "dropped": {}},
        "captures": {
            "taken": 7, "kept": 3, "dropped": {"conflicting_record_id": 1, "duplicate_record": 3},
        },
    }


def test_of_two_copies_the_whole_one_serves(session, tmp_path):
    cut = Path(write_archive(tmp_path / "one.warc.gz", TWO[2:3]))
    cut.write_bytes(cut.read_bytes()[:-20])
    archives = [str(cut), write_archive(tmp_path / "two.warc.gz", TWO[2:3])]
    job = job_of(session, tmp_path / "root", archives, FetchSettings(crawl=False))
    write_links(job, ["http://c.test/y"])
    fetch.run(job)
    (r6,) = ids("r6")
    assert listed(job, 0) == []
    assert listed(job, 1) == [(r6, "webtext", 3, "two.warc.gz")]
