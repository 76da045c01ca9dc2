from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from corpus import schemas
from corpus.datasets import open_dataset, part_from_json, publish_manifest
from corpus.errors import Damaged
from corpus.extraction import ExtractSettings
from corpus.extraction.budget import TooSlow, within
from corpus.identity import doc_id_of_place, doc_id_of_record
from corpus.publishing import PartOutput
from corpus.storage import Store
from corpus.warc.captures import Capture, read_captures
from jobs.extract import (
    TextFile,
    _extract_part,
    _page_batches,
    archive_documents,
    document_row,
    text_documents,
    wet_documents,
)
from tests.corpus.extraction.engines import failing_engine  # noqa: F401 - a fixture
from tests.tables import write_table
from tests.warcs import page, record, record_id, records, rotten

SETTINGS = ExtractSettings()


def archive_rows(listed: pa.Table, settings: ExtractSettings = SETTINGS) -> list[dict]:
    return [document_row(document) for document in archive_documents(listed, settings)]


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


def test_digests_are_believed_unless_the_recipe_says_no(tmp_path):
    plain = record(page(1), number=1, packed=False)
    path = tmp_path / "plain.warc"
    path.write_bytes(plain.replace(b"Part 1.2", b"Part 7.2"))
    for check_digests, reason in ((True, "digest_mismatch"), (False, None)):
        settings = ExtractSettings(check_digests=check_digests)
        assert [row["reason"] for row in archive_rows(listed(path), settings)] == [reason]


def test_each_capture_is_a_row_in_the_same_order(archive):
    captures = listed(archive)
    rows = archive_rows(captures)
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
        "declared_language": None,
        "published_on": None,
        "agreement": None,
        "keep": True,
        "reason": None,
        "num_characters": len(rows[1]["text"]),
        "text": rows[1]["text"],
    }
    assert "Part 1.0." in rows[1]["text"]


def test_only_the_captures_listed_become_rows(archive):
    rows = archive_rows(listed(archive).take([1, 4]))
    assert [row["reason"] for row in rows] == [None, "http_error"]


def test_a_capture_that_is_not_found_again_is_a_row_with_a_reason(archive):
    captures = listed(archive)
    archive.write_bytes(b"".join(records(2)[::-1]))
    rows = archive_rows(captures)
    assert [row["reason"] for row in rows] == ["record_not_found"] * 5
    assert [row["doc_id"] for row in rows] == captures["doc_id"].to_pylist()


def test_the_crawl_s_charset_of_a_capture_is_believed(tmp_path):
    path = tmp_path / "crawl.warc.gz"
    body = page(title="Река").decode().encode("cp1251")
    headers = (("Content-Type", "text/html; charset=koi8-r"),)
    path.write_bytes(record(body, headers=headers))
    captures = listed(path)
    known = captures.set_column(
        captures.schema.get_field_index("charset"), "charset", pa.array(["windows-1251"])
    )
    titles = [archive_rows(table)[0]["title"] for table in (captures, known)]
    assert titles == ["пЕЙЮ", "Река"]


def test_captures_out_of_order_are_damage(archive):
    with pytest.raises(Damaged, match="order"):
        archive_rows(listed(archive).take([1, 0]))


def test_an_archive_without_captures_has_no_rows(archive):
    assert archive_rows(listed(archive).slice(0, 0)) == []


def test_each_line_of_a_text_file_is_a_row(tmp_path):
    path = tmp_path / "books.jsonl"
    path.write_text('{"text": "A book.", "url": "http://b.org/1", "title": "B"}\nbroken\n')
    rows = [document_row(d) for d in text_documents(TextFile("books", str(path)), SETTINGS)]
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
        "declared_language": None,
        "published_on": None,
        "agreement": None,
        "keep": True,
        "reason": None,
        "num_characters": 7,
        "text": "A book.",
    }


def test_each_record_of_a_wet_archive_is_a_row(tmp_path):
    head = "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://e.com/{}\r\n"
    texts = ["One\ntext", " ", "schÃ¶n"]
    path = tmp_path / "a.wet"
    path.write_bytes(b"".join(
        f"{head.format(n)}Content-Length: {len(text.encode())}\r\n\r\n{text}\r\n\r\n".encode()
        for n, text in enumerate(texts)
    ))
    item = TextFile("wet", str(path), "wet")
    rows = [document_row(d) for d in wet_documents(item, ExtractSettings(fix_text=True))]
    assert [(r["url_key"], r["text"], r["reason"]) for r in rows] == [
        ("com,e)/0", "One\ntext", None), ("com,e)/1", None, "no_text"), ("com,e)/2", "schön", None),
    ]
    assert rows[0]["doc_id"] == doc_id_of_place("wet", "a.wet", 0)


def test_texts_are_repaired_where_the_recipe_asks(tmp_path):
    path = tmp_path / "books.jsonl"
    path.write_text('{"text": "The cafÃ©"}\n{"text": ""}\n', encoding="utf-8")
    item = TextFile("books", str(path))
    found = [d.found for d in text_documents(item, ExtractSettings(fix_text=True))]
    assert [(f.text, f.reason) for f in found] == [("The café", None), (None, "no_text")]
    assert next(text_documents(item, SETTINGS)).found.text == "The cafÃ©"


def run_part(captures: pa.Table, settings: ExtractSettings, tmp_path: Path) -> Store:
    """A store in which the part is extracted."""
    store = Store(str(tmp_path / "root"))
    write_table(store, "captures", [captures.to_pylist()])
    outputs = ("other_texts", "quarantine", "documents")
    with store.scratch() as scratch:
        out = PartOutput(store, scratch, 0, outputs=outputs, counted="documents")
        _extract_part(open_dataset(store, "captures"), settings, out, 0)
        record = out.finish(expected=captures.num_rows)
    for name in outputs:
        publish_manifest(store, name, [part_from_json(record["parts"][name])])
    return store


@pytest.mark.usefixtures("failing_engine")
def test_a_page_that_fails_in_the_engine_goes_to_quarantine(tmp_path):
    path = tmp_path / "crawl.warc.gz"
    bodies = [f"<html>do: {what}</html>".encode() for what in ("answer", "crash", "answer", "spin")]
    path.write_bytes(b"".join(record(body, number=n) for n, body in enumerate(bodies)))
    settings = ExtractSettings(engine="resiliparse", max_seconds=0.2)
    store = run_part(listed(path), settings, tmp_path)
    documents = open_dataset(store, "documents").read(0)
    assert documents["reason"].to_pylist() == [None, "crashed", None, "too_slow"]
    quarantine = open_dataset(store, "quarantine")
    ids = [doc_id.hex() for doc_id in documents["doc_id"].to_pylist()]
    assert quarantine.files() == [
        f"part-00000-crashed-{ids[1]}.warc.gz", f"part-00000-too_slow-{ids[3]}.warc.gz",
    ]
    found = [next(read_captures(str(quarantine.local(name)))) for name in quarantine.files()]
    assert [capture.payload for capture in found] == [bodies[1], bodies[3]]
    first = quarantine.digest()
    assert open_dataset(run_part(listed(path), settings, tmp_path), "quarantine").digest() == first


def test_a_compared_engine_writes_its_texts_beside(tmp_path, archive):
    store = run_part(listed(archive), ExtractSettings(compare="resiliparse"), tmp_path)
    documents = open_dataset(store, "documents").read(0)
    others = open_dataset(store, "other_texts").read(0)
    assert documents["agreement"].to_pylist() == [1.0, 1.0, None, None, None]
    assert others["doc_id"].to_pylist() == documents["doc_id"].to_pylist()[:2]
    assert others["engine"].to_pylist() == ["resiliparse"] * 2
    assert "\n\nPart 1.1. " in others["text"][1].as_py()
    store = run_part(listed(archive), SETTINGS, tmp_path)
    assert open_dataset(store, "other_texts").num_rows == 0
    assert open_dataset(store, "quarantine").files() == []


def test_a_batch_of_pages_is_bounded():
    pages = [({}, None)] * 65
    assert [len(batch) for batch in _page_batches(pages)] == [64, 1]
    capture = Capture(
        record_id=None, url=None, fetched_at=None, status=200, mime=None, charset=None,
        payload=b"x" * 1_500_000, offset=0, length=0, damage=None,
    )
    assert [len(batch) for batch in _page_batches([({}, capture)] * 4)] == [3, 1]


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
