"""Each link meets the right capture of the index, through redirects, or gets a reason."""

from __future__ import annotations

import pytest

from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.ledger import Ledger
from corpus.sources import Source
from corpus.stages import stage_named
from corpus.storage import Store
from corpus.urls import canonical_and_key
from jobs.fetching.lookup import look_up
from jobs.parts import Job
from jobs.recipe import Recipe
from tests.crawl_index import Capture, cdxj_line, crawl, write_cdxj, write_index_table
from tests.tables import write_table

pytestmark = pytest.mark.spark

A, B, C = (f"crawl-data/CC/warc/{name}.warc.gz" for name in "abc")
CRAWL = crawl({
    A: [
        Capture(1, "http://www.plain.test/Page"),
        Capture(2, "https://plain.test/page"),  # the same SURT key, another page
        Capture(3, "http://twice.test/", day=10),
        Capture(4, "http://twice.test/", day=12),
        Capture(5, "http://twice.test/", day=14, status=404),
        Capture(6, "http://twice.test/", day=15, mime="application/pdf"),
        Capture(7, "http://twice.test/", day=16, truncated="length"),
        Capture(8, "http://cut.test/", day=1, truncated="time"),
        Capture(9, "http://cut.test/", day=2, truncated="length"),
        Capture(10, "http://gone.test/", status=404),
        Capture(11, "http://image.test/", mime="image/png"),
    ],
    B: [
        Capture(20, "http://moved.test/1", status=301, redirect="/2"),
        Capture(21, "http://moved.test/2", status=302, redirect="https://end.test/x?b=1&a=2#f"),
        Capture(22, "http://end.test/x?a=2&b=1", charset="windows-1252"),
        Capture(23, "http://loop.test/1", status=301, redirect="http://loop.test/2"),
        Capture(24, "http://loop.test/2", status=308, redirect="http://loop.test/1"),
        Capture(25, "http://self.test/", status=301, redirect="https://www.self.test/"),
        Capture(26, "http://lost.test/", status=307, redirect="http://nowhere.test/"),
        Capture(27, "http://mail.test/", status=303, redirect="mailto:a@b.test"),
        Capture(28, "http://bare.test/", status=301),
        Capture(29, "http://https.test/", status=301, redirect="https://https.test/"),
        Capture(30, "https://https.test/"),
        Capture(31, "http://Case.test/a", status=301, redirect="http://case.test/A"),
        Capture(32, "http://case.test/A"),
        Capture(33, "http://turn.test/", day=1, status=301, redirect="http://old.test/"),
        Capture(34, "http://turn.test/", day=2, status=301, redirect="http://end.test/x?b=1&a=2"),
    ],
    C: [Capture(40 + n, f"http://far.test/{n}", status=301, redirect=f"/{n + 1}")
        for n in range(5)] + [Capture(45, "http://far.test/5")],
})  # fmt: skip

FOUND = {  # link: (number of the capture, hops)
    "http://plain.test/Page": (1, 0),
    "http://twice.test/": (4, 0),
    "http://cut.test/": (9, 0),
    "http://moved.test/1": (22, 2),
    "http://moved.test/2": (22, 1),
    "http://https.test/": (30, 0),
    "http://case.test/a": (32, 1),
    "http://turn.test/": (22, 1),
    "http://far.test/2": (45, 3),
}
NOT_FOUND = {
    "http://plain.test/PAGE": "not_in_index",
    "http://other.test/": "not_in_index",
    "http://gone.test/": "no_good_capture",
    "http://image.test/": "no_good_capture",
    "http://bare.test/": "no_good_capture",
    "http://loop.test/1": "index_redirect_loop",
    "http://self.test/": "redirect_not_in_index",
    "http://lost.test/": "redirect_not_in_index",
    "http://mail.test/": "bad_redirect",
    "http://far.test/1": "index_too_many_redirects",
}


def job_of(session, root, **settings) -> Job:
    recipe = Recipe(
        name="test", sources={"x": Source(kind="text", files=("x",))},
        commoncrawl=CommonCrawlSettings(base="https://cc.test/", **settings),
    )
    return Job(
        stage=stage_named("fetch"), recipe=recipe, store=Store(str(root)), session=session,
        ledger=Ledger(),
    )


def looked_up(session, root, indexes: list[str], links: list[str], **settings) -> list[dict]:
    job = job_of(session, root, **settings)
    rows = [
        {"url_key": canonical_and_key(url)[1], "url": url, "source": "reddit", "karma": n}
        for n, url in enumerate(links)
    ]
    write_table(job.store, "links", [rows])
    write_table(job.store, "served", [[]])
    look_up(job, indexes)
    found = job.input("lookups")
    parts = [found.read(part).to_pylist() for part in range(found.num_parts)]
    places = {}
    for part, part_rows in enumerate(parts):
        order = [(row["warc_address"] or "", row["offset"] or 0) for row in part_rows]
        assert order == sorted(order)
        for row in part_rows:
            assert places.setdefault(row["warc_address"] or row["url"], part) == part
    return [row for part_rows in parts for row in part_rows]


def check(rows: list[dict], *, charset: bool = True) -> None:
    answers = {row["url"]: row for row in rows}
    assert {url: row["reason"] for url, row in answers.items() if row["reason"]} == NOT_FOUND
    by_number = {
        (row["warc_filename"], row["warc_record_offset"]): row for row in CRAWL.rows
    }
    for url, (number, hops) in FOUND.items():
        got = answers[url]
        name = got["warc_address"].removeprefix("https://cc.test/")
        row = by_number[name, got["offset"]]
        assert (got["capture_url"], got["num_hops"]) == (row["url"], hops), url
        assert row == next(r for r in CRAWL.rows if is_number(r, number)), url
        assert (got["length"], got["digest"], got["fetched_at"]) == (
            row["warc_record_length"], row["content_digest"], row["fetch_time"],
        )
        assert got["charset"] == (row["content_charset"] if charset else None)


def is_number(row: dict, number: int) -> bool:
    captures = {A: [*range(1, 12)], B: [*range(20, 35)], C: [*range(40, 46)]}
    rows = sorted(
        r["warc_record_offset"] for r in CRAWL.rows if r["warc_filename"] == row["warc_filename"]
    )
    return captures[row["warc_filename"]][rows.index(row["warc_record_offset"])] == number


LINKS = [*FOUND, *NOT_FOUND]


def test_a_table_of_the_index_answers_each_link(session, tmp_path):
    half = len(CRAWL.rows) // 2
    folder = tmp_path / "cc-index" / "crawl=CC-MAIN-2024-22"
    tables = [
        write_index_table(folder / "subset=warc" / "part-0.gz.parquet", CRAWL.rows[:half]),
        write_index_table(folder / "subset=crawldiagnostics" / "p.parquet", CRAWL.rows[half:]),
        write_index_table(folder / "subset=robotstxt" / "p.parquet",
                          crawl({A: [Capture(50, "http://other.test/")]}).rows),
    ]
    rows = looked_up(session, tmp_path / "root", tables, LINKS, captures_per_part=7)
    check(rows)


def test_cdx_files_answer_as_the_table_does(session, tmp_path):
    lines = [cdxj_line(row) for row in CRAWL.rows]
    indexes = [
        write_cdxj(tmp_path / "cdx-00000.gz", lines[::2]),
        write_cdxj(tmp_path / "cdx-00001.gz", lines[1::2]),
    ]
    check(looked_up(session, tmp_path / "root", indexes, LINKS))


def test_a_table_and_cdx_files_of_several_crawls_are_one_index(session, tmp_path):
    old = write_index_table(
        tmp_path / "old.parquet", CRAWL.rows[::2], without=("content_charset", "content_truncated")
    )
    new = write_cdxj(tmp_path / "new.cdxj.gz", [cdxj_line(row) for row in CRAWL.rows[1::2]])
    classic = tmp_path / "classic.cdx"
    classic.write_text(
        " CDX N b a m s k r M S V g\n"
        f"test,other)/ 20240101000000 http://other.test/ text/html 200 ABC - - 77 55 {C}\n"
    )
    indexes = [old, new, str(classic)]
    rows = looked_up(session, tmp_path / "root", indexes, ["http://other.test/", "http://gone.test/"])
    assert {row["url"]: (row["offset"], row["reason"]) for row in rows} == {
        "http://other.test/": (55, None), "http://gone.test/": (None, "no_good_capture"),
    }


def test_broken_lines_cost_themselves_alone(session, tmp_path):
    good = [cdxj_line(row) for row in CRAWL.rows]
    broken = ["test,broken)/ 20240518 {\"url\": 5\n", "test,twice)/ no line\n", "\n",
              "test,gone)/ 20240518010203 {}\n"]
    index = write_cdxj(tmp_path / "cdx-00000.gz", [*broken, *good])
    links = ["http://broken.test/", "http://twice.test/", "http://gone.test/"]
    rows = looked_up(session, tmp_path / "root", [index], links)
    assert {row["url"]: row["reason"] for row in rows} == {
        "http://broken.test/": "malformed_index_line", "http://twice.test/": None,
        "http://gone.test/": "no_good_capture",
    }


def test_without_hops_a_redirect_is_one_too_many(session, tmp_path):
    index = write_index_table(tmp_path / "i.parquet", CRAWL.rows)
    links = ["http://moved.test/2", "http://twice.test/"]
    rows = looked_up(session, tmp_path / "root", [index], links, max_index_hops=0)
    assert [row["reason"] for row in rows if row["url"] == links[0]] == ["index_too_many_redirects"]
    assert [row["reason"] for row in rows if row["url"] == links[1]] == [None]


def test_without_an_index_nothing_is_looked_up(session, tmp_path):
    assert looked_up(session, tmp_path / "root", [], LINKS) == []
