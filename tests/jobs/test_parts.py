"""Parts on Spark: published whole, resumed, counted, and sorted."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import functions as sql

from corpus.datasets import open_dataset, publish_manifest
from corpus.errors import Damaged, LedgerImbalance, SchemaMismatch, StorageError
from corpus.identity import doc_id_of_place
from corpus.ledger import Ledger
from corpus.publishing import PartOutput
from corpus.stages import stage_named
from corpus.storage import Store
from jobs.parts import Job
from tests.tables import rows_of

pytestmark = pytest.mark.spark


def document(number: int, text: str = "some words") -> dict:
    return {
        "doc_id": doc_id_of_place("test", "file", number), "source": "test", "offset": number,
        "keep": True, "num_characters": len(text), "text": text,
    }


def write_documents(out: PartOutput, numbers: range) -> None:
    out.taken(len(numbers))
    out.write("documents", rows_of("documents", [document(number) for number in numbers]))


def lose_a_document(out: PartOutput, numbers: range) -> None:
    out.taken(len(numbers))
    out.write("documents", rows_of("documents", [document(number) for number in numbers[1:]]))


def fail_on_part(bad: int, marker: str, out: PartOutput, numbers: range) -> None:
    if out.number == bad:
        raise StorageError("disk: full, expected room, free some")
    Path(marker, str(out.number)).touch()
    write_documents(out, numbers)


def forget_a_column(out: PartOutput, numbers: range) -> None:
    write = rows_of("documents", [document(number) for number in numbers])
    out.write("documents", write.drop_columns(["title"]))


@pytest.fixture
def job(session, tmp_path: Path) -> Job:
    return Job(
        stage=stage_named("extract"), recipe=None, store=Store(str(tmp_path)), session=session,
        ledger=Ledger(),
    )


def build_documents(job: Job) -> None:
    items = [range(3), range(3, 7)]
    job.map_parts(write_documents, items, outputs=["documents"], counted="documents")


def test_part_k_comes_from_item_k_and_the_ledger_balances(job):
    build_documents(job)
    documents = job.input("documents")
    assert [documents.part_rows(part) for part in range(2)] == [3, 4]
    assert documents.read(1, ["offset"])["offset"].to_pylist() == [3, 4, 5, 6]
    assert job.ledger.to_json() == {"rows": {"taken": 7, "kept": 7, "dropped": {}}}


def test_a_lost_row_fails_the_stage(job):
    with pytest.raises(LedgerImbalance, match="3 rows were taken, but 2 kept"):
        job.map_parts(
            lose_a_document, [range(3)], outputs=["documents"], counted="documents"
        )


def test_a_missing_column_fails_the_stage(job):
    with pytest.raises(SchemaMismatch, match=r"missing \['title'\]"):
        job.map_parts(
            forget_a_column, [range(3)], outputs=["documents"], counted="documents"
        )


def test_a_stopped_run_goes_on_at_the_next_part(job, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    items = [range(3), range(3, 7), range(7, 9)]
    with pytest.raises(StorageError, match="disk: full"):
        job.map_parts(
            partial(fail_on_part, 2, str(first)), items, outputs=["documents"],
            counted="documents", at_once=1,
        )
    job.map_parts(
        partial(fail_on_part, -1, str(second)), items, outputs=["documents"], counted="documents"
    )
    assert {path.name for path in first.iterdir()} == {"0", "1"}
    assert {path.name for path in second.iterdir()} == {"2"}
    assert job.input("documents").num_rows == 9


def test_a_row_lost_from_a_published_part_is_found(job):
    build_documents(job)
    documents = job.input("documents")
    parts = [dataclasses.replace(documents.parts[0], num_rows=2), documents.parts[1]]
    publish_manifest(job.store, "documents", parts)
    with pytest.raises(Damaged, match="3 rows, expected 2"):
        job.input("documents").read(0)


def keep_even(table: pa.Table, out: PartOutput) -> pa.Table:
    keep = [number % 2 == 0 for number in range(table.num_rows)]
    return rows_of("quality", [
        {"doc_id": doc_id, "keep": kept, "reason": None if kept else "odd", "score": 0.5}
        for doc_id, kept in zip(table["doc_id"].to_pylist(), keep, strict=True)
    ])


def forget_one(table: pa.Table, out: PartOutput) -> pa.Table:
    return keep_even(table, out).slice(1)


def judging(job: Job) -> Job:
    return dataclasses.replace(job, stage=stage_named("quality"), ledger=Ledger())


def test_a_judge_sees_the_survivors_and_its_characters_are_counted(job):
    build_documents(job)
    job = judging(job)
    job.judge(keep_even, after="documents", columns=["text"], verdicts="quality")
    assert job.ledger.to_json() == {
        "characters": {"taken": 70, "kept": 40, "dropped": {"odd": 30}},
        "rows": {"taken": 7, "kept": 4, "dropped": {"odd": 3}},
    }


def test_a_judge_that_forgets_a_document_fails_the_stage(job):
    build_documents(job)
    with pytest.raises(LedgerImbalance, match="expected one for each, in order"):
        judging(job).judge(forget_one, after="documents", columns=["text"], verdicts="quality")


def test_rows_are_brought_to_their_part_and_sorted_there(job):
    build_documents(job)
    frame = job.frame("documents").withColumn("part", sql.col("offset") % 3)
    frame = frame.withColumn("num_posts", sql.lit(1).cast("long")).select(
        "part", "source", "url_key", "url", sql.col("offset").alias("karma"), "num_posts",
        sql.col("fetched_at").alias("first_posted_at"),
    )
    job.write_frame(
        frame, "links", part="part", num_parts=4, order_by=[sql.desc("karma")], step="links"
    )
    links = open_dataset(job.store, "links")
    found = [links.read(part, ["karma"])["karma"].to_pylist() for part in range(4)]
    assert found == [[6, 3, 0], [4, 1], [5, 2], []]
