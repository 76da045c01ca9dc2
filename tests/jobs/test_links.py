"""Pieces of dumps become posts, a part each, and posts become links."""

from __future__ import annotations

import bz2
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from corpus.errors import InputError
from corpus.ledger import Ledger
from corpus.reddit.rules import LinkSettings
from corpus.sources import Source
from corpus.stages import stage_named
from corpus.storage import Store
from jobs import links
from jobs.parts import Job
from jobs.recipe import Recipe

pytestmark = pytest.mark.spark

PAGE = {"subreddit": "books", "is_self": False}
ONE = [
    {**PAGE, "id": "1", "url": "https://www.a.test/x?utm_id=1", "score": 5, "created_utc": 90},
    {**PAGE, "id": "2", "url": "http://a.test/x/#top", "score": "9", "created_utc": "80"},
    {**PAGE, "id": "3", "url": "http://b.test/", "score": 2, "created_utc": 70},
    {**PAGE, "id": "4", "url": "http://b.test/", "score": 2, "created_utc": 70},
    {**PAGE, "id": "5", "url": "http://c.test/", "score": 3, "created_utc": None},
]
TWO = [
    {**PAGE, "id": "6", "url": "http://a.test/x", "score": 9, "created_utc": 100},
    {**PAGE, "id": "7", "url": "http://d.test/", "score": 40, "created_utc": 5, "is_self": True},
    {**PAGE, "id": "8", "url": "http://e.test/", "score": 40, "created_utc": 5},
]
COUNTS = {"taken": 9, "kept": 5, "dropped": {"low_karma": 2, "malformed_line": 1, "self_post": 1}}


def write_dump(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def job_of(session, root: Path, sources: dict[str, Source], **settings) -> Job:
    recipe = Recipe(name="test", sources=sources, links=LinkSettings(**settings))
    return Job(
        stage=stage_named("links"), recipe=recipe, store=Store(str(root)), session=session,
        ledger=Ledger(),
    )


@pytest.fixture
def sources(tmp_path) -> dict[str, Source]:
    one = write_dump(tmp_path / "RS_1.jsonl", ONE)
    two = write_dump(tmp_path / "RS_2.jsonl", TWO)
    (tmp_path / "RS_1.jsonl").open("a").write("broken\n")
    return {
        "zine": Source(kind="reddit", files=(one,)), "crawl": Source(kind="warc", files=("x",)),
        "book": Source(kind="reddit", files=(two,)),
    }


def test_links_are_the_distinct_addresses_with_their_best_post(session, tmp_path, sources):
    job = job_of(session, tmp_path / "root", sources, links_per_part=2)
    links.run(job)
    posts, found = job.input("posts"), job.input("links")
    assert [posts.part_rows(part) for part in range(2)] == [3, 2]
    assert posts.read(1, ["post_id"])["post_id"].to_pylist() == ["6", "8"]
    assert job.ledger.to_json() == {"rows": COUNTS}

    def row(key, url, source, karma, num_posts, seconds):
        at = datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
        return {"url_key": key, "url": url, "source": source, "karma": karma,
                "num_posts": num_posts, "first_posted_at": at}

    before = sum(len(json.dumps(row)) + 1 for row in ONE)
    place = {"path": str(tmp_path / "RS_1.jsonl"), "line": 6, "byte": before}
    assert job.input("malformed").read_all().to_pylist() == [{**place, "reason": "malformed_line"}]
    assert [row["num_lines"] for row in job.input("pieces").read_all().to_pylist()] == [6, 3]
    assert found.num_parts == 3
    assert found.read_all().sort_by("url_key").to_pylist() == [
        row("test,a)/x", "http://a.test/x", "book", 9, 3, 80),
        row("test,c)/", "http://c.test/", "zine", 3, 1, None),
        row("test,e)/", "http://e.test/", "book", 40, 1, 5),
    ]


def test_without_dumps_there_are_no_links(session, tmp_path):
    job = job_of(session, tmp_path, {})
    links.run(job)
    assert (job.input("posts").num_rows, job.input("links").num_rows) == (0, 0)


def test_an_empty_dump_stops_the_stage(session, tmp_path):
    (tmp_path / "RS_3.zst").touch()
    sources = {"zine": Source(kind="reddit", files=(str(tmp_path / "RS_3.zst"),))}
    with pytest.raises(InputError, match=r"RS_3\.zst: empty; expected a Reddit dump"):
        links.run(job_of(session, tmp_path / "root", sources))


def test_the_stage_depends_on_its_dumps(tmp_path, sources):
    recipe = Recipe(name="test", sources=sources)
    assert links.files(recipe) == [str(tmp_path / "RS_1.jsonl"), str(tmp_path / "RS_2.jsonl")]


def rows_of(job: Job, dataset: str) -> list[dict]:
    return job.input(dataset).read_all().to_pylist()


def test_the_cut_of_a_dump_changes_no_row(session, tmp_path):
    rows = [
        {**PAGE, "id": f"{i:x}", "url": f"http://a.b/{i % 600}", "score": i % 7, "created_utc": i}
        for i in range(2_000)
    ]
    text = "".join(
        json.dumps(row) + "\n" + "broken\n" * (i % 500 == 9) for i, row in enumerate(rows)
    )
    (tmp_path / "RS.bz2").write_bytes(bz2.compress(text.encode() * 4, 1))
    (tmp_path / "RS.jsonl").write_text(text)
    sources = {"zine": Source(kind="reddit", files=(str(tmp_path / "RS.*"),))}
    jobs = []
    for size in (1 << 30, 20_000):
        job = job_of(session, tmp_path / f"{size}", sources, bytes_per_task=size)
        links.run(job)
        jobs.append(job)
    assert jobs[0].input("posts").num_parts == 2
    assert jobs[1].input("posts").num_parts > 8
    for dataset in ("posts", "malformed"):
        assert rows_of(jobs[1], dataset) == rows_of(jobs[0], dataset)
    assert rows_of(jobs[1], "links") == rows_of(jobs[0], "links")
    assert jobs[1].ledger.to_json() == jobs[0].ledger.to_json()
    places = [row for row in rows_of(jobs[1], "malformed") if row["path"].endswith("jsonl")]
    assert [row["line"] for row in places] == [11, 512, 1013, 1514]
    assert all(text[row["byte"] :].startswith("broken\n") for row in places)


SUMMED = [
    ("http://a.test/", 2), ("http://a.test/", 2),
    ("http://b.test/", 9), ("http://b.test/", -7),
    ("http://c.test/", 2), ("http://c.test/", 1), ("http://c.test/", None),
    ("http://z.test/", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("post", {"b.test": (9, 1)}), ("sum", {"a.test": (4, 2), "c.test": (3, 2)})],
)
def test_karma_counts_by_post_or_by_the_sum_over_an_address(session, tmp_path, rule, expected):
    rows = [
        {**PAGE, "id": str(i), "url": url, "score": score, "created_utc": 9}
        for i, (url, score) in enumerate(SUMMED)
    ]
    source = Source(kind="reddit", files=(write_dump(tmp_path / "RS.jsonl", rows),))
    job = job_of(session, tmp_path / "root", {"zine": source}, karma_rule=rule)
    links.run(job)
    found = {row["url"][7:-1]: (row["karma"], row["num_posts"]) for row in rows_of(job, "links")}
    assert found == expected


def test_the_last_address_is_asked_for_its_sum_too(session, tmp_path):
    # openwebtext2's generate_urls.py writes the last group of posts whatever its sum is.
    rows = [{**PAGE, "id": "1", "url": "http://z.test/", "score": -5, "created_utc": 9}]
    source = Source(kind="reddit", files=(write_dump(tmp_path / "RS.jsonl", rows),))
    job = job_of(session, tmp_path / "root", {"zine": source}, karma_rule="sum")
    links.run(job)
    assert (job.input("posts").num_rows, job.input("links").num_rows) == (1, 0)


def test_a_dump_with_scores_too_young_is_warned_of_once(session, tmp_path, capsys):
    rows = [{**ONE[0], "created_utc": 1_684_000_000 + i} for i in range(300)]
    source = Source(kind="reddit", files=(write_dump(tmp_path / "RS.jsonl", [*rows, *TWO]),))
    links.run(job_of(session, tmp_path / "root", {"zine": source}, bytes_per_task=5_000))
    said = "".join(capsys.readouterr())
    assert said.count("300 of 303 submissions are of 2023-04 to 2023-10") == 1


def test_a_dump_of_comments_stops_the_stage_whatever_its_pieces(session, tmp_path):
    source = Source(
        kind="reddit", files=(write_dump(tmp_path / "RC.jsonl", [{"body": "x"}] * 1_000),)
    )
    with pytest.raises(InputError, match=r"RC\.jsonl: no line of it .*of 1000 are no JSON object"):
        links.run(job_of(session, tmp_path / "root", {"zine": source}, bytes_per_task=2_000))
