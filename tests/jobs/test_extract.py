from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from corpus import schemas
from corpus.errors import Damaged
from corpus.extraction import ExtractSettings
from corpus.extraction.budget import TooSlow, within
from corpus.identity import doc_id_of_place, doc_id_of_record
from corpus.warc import read_captures
from jobs.extract import TextFile, archive_rows, text_rows
from tests.warcs import page, record, record_id, records, rotten

SETTINGS = ExtractSettings()


def listed(path: Path) -> pa.Table:
    """The archive's part of `captures`, as fetch lists it."""
    rows = [
        {
            "doc_id": doc_id_of_record(capture.record_id or "?"),
            "source": "crawl",
            "url": capture.url,
            "url_key": None,
            "warc_file": path.name,
            "warc_path": str(path),
            "offset": capture.offset,
            "length": capture.length,
            "karma": None,
        }
        for capture in read_captures(str(path), headers_only=True)
    ]
    return pa.Table.from_pylist(rows, schema=schemas.table_named("captures").arrow)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    members = [
        *records(2),
        record(b"%PDF-1.5", number=2),
        rotten(record(page(3), number=3)),
        record(b"", number=4, status="404 Not Found"),
    ]
    path = tmp_path / "crawl.warc.gz"
    path.write_bytes(b"".join(members))
    return path


def test_each_capture_is_a_row_in_the_same_order(archive):
    captures = listed(archive)
    rows = list(archive_rows(captures, SETTINGS))
    pa.Table.from_pylist(rows, schema=schemas.table_named("documents").arrow)
    assert [row["doc_id"] for row in rows] == captures["doc_id"].to_pylist()
    assert [row["reason"] for row in rows] == [
        None, None, "not_html", "damaged_record", "http_error",
    ]
    assert rows[1] == {
        "doc_id": doc_id_of_record(record_id(1)),
        "source": "crawl",
        "url": "http://example.org/1",
        "url_key": None,
        "warc_file": "crawl.warc.gz",
        "offset": captures["offset"][1].as_py(),
        "length": captures["length"][1].as_py(),
        "fetched_at": datetime(2024, 5, 18, 1, 58, 10, tzinfo=UTC),
        "title": "On rivers",
        "keep": True,
        "reason": None,
        "num_characters": len(rows[1]["text"]),
        "text": rows[1]["text"],
    }
    assert "Part 1.0." in rows[1]["text"]


def test_only_the_captures_listed_become_rows(archive):
    rows = list(archive_rows(listed(archive).take([1, 4]), SETTINGS))
    assert [row["reason"] for row in rows] == [None, "http_error"]


def test_a_capture_that_is_not_found_again_is_a_row_with_a_reason(archive):
    captures = listed(archive)
    archive.write_bytes(b"".join(records(2)[::-1]))
    rows = list(archive_rows(captures, SETTINGS))
    assert [row["reason"] for row in rows] == ["record_not_found"] * 5
    assert [row["doc_id"] for row in rows] == captures["doc_id"].to_pylist()


def test_captures_out_of_order_are_damage(archive):
    with pytest.raises(Damaged, match="order"):
        list(archive_rows(listed(archive).take([1, 0]), SETTINGS))


def test_an_archive_without_captures_has_no_rows(archive):
    assert list(archive_rows(listed(archive).slice(0, 0), SETTINGS)) == []


def test_each_line_of_a_text_file_is_a_row(tmp_path):
    path = tmp_path / "books.jsonl"
    path.write_text('{"text": "A book.", "url": "http://b.org/1", "title": "B"}\nbroken\n')
    rows = list(text_rows(TextFile("books", str(path)), SETTINGS))
    assert [(row["keep"], row["reason"], row["offset"]) for row in rows] == [
        (True, None, 1),
        (False, "malformed_line", 2),
    ]
    assert rows[0] == {
        "doc_id": doc_id_of_place("books", "books.jsonl", 1),
        "source": "books",
        "url": "http://b.org/1",
        "url_key": "org,b)/1",
        "warc_file": "books.jsonl",
        "offset": 1,
        "length": 58,
        "fetched_at": None,
        "title": "B",
        "keep": True,
        "reason": None,
        "num_characters": 7,
        "text": "A book.",
    }


def stop_a_call_that_does_not_end(_: int) -> str:
    def spin() -> None:
        while True:
            pass

    try:
        within(0.1, spin)
    except TooSlow:
        return "stopped"
    return "ended"


@pytest.mark.spark
def test_the_time_limit_holds_in_a_spark_worker(spark):
    stop = stop_a_call_that_does_not_end
    assert spark.sparkContext.parallelize([0], 1).map(stop).collect() == ["stopped"]
