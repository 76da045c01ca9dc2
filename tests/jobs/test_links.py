"""Dumps become posts, a part each, and posts become links."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from corpus.errors import InputError
from corpus.ledger import Ledger
from corpus.reddit import LinkSettings
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
