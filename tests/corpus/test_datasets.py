"""A dataset is finished when it has a manifest, and every read is held against it."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from corpus.datasets import columns_of, in_turns, open_dataset, publish_manifest, survivors
from corpus.errors import Damaged, LedgerImbalance, NotBuilt, SchemaMismatch, Superseded
from corpus.identity import doc_id_of_place
from corpus.publishing import PartOutput, PartRecords, write_attempt
from corpus.storage import Store
from tests.tables import rows_of


def doc_id(number: int) -> bytes:
    return doc_id_of_place("test", "file", number)


def documents(keeps: list[bool]) -> pa.Table:
    return rows_of("documents", [
        {"doc_id": doc_id(n), "offset": n, "keep": keep, "reason": None if keep else "no_text",
         "num_characters": n, "text": "x" * n if keep else None}
        for n, keep in enumerate(keeps)
    ])


def verdicts(numbers: list[int], keeps: list[bool]) -> pa.Table:
    return rows_of("quality", [
        {"doc_id": doc_id(n), "keep": keep, "reason": None if keep else "low_quality"}
        for n, keep in zip(numbers, keeps, strict=True)
    ])


def publish(store: Store, name: str, rows: pa.Table, taken: int | None = None) -> dict:
    with store.scratch() as scratch:
        out = PartOutput(store, scratch, 0, outputs=[name], counted=name)
        out.taken(rows.num_rows if taken is None else taken)
        out.write(name, rows)
        record = out.finish()
    records = PartRecords(store, "stage", "step")
    records.add(record)
    publish_manifest(store, name, [records.read(0)[1][name]])
    return record


def test_a_published_part_is_read_back_and_counted(store):
    rows = documents([True, False, True])
    record = publish(store, "documents", rows)
    dataset = open_dataset(store, "documents")
    assert dataset.read(0).equals(rows)
    assert (dataset.num_rows, dataset.num_kept, dataset.files()) == (3, 2, ["part-00000.parquet"])
    assert record["ledger"]["rows"] == {"taken": 3, "kept": 2, "dropped": {"no_text": 1}}
    dataset.verify()


def test_a_task_of_an_attempt_that_another_followed_publishes_nothing(store):
    def publish_as(attempt: str) -> PartRecords:
        records = pickle.loads(pickle.dumps(PartRecords(store, "extract", "parts", attempt)))
        with store.scratch() as scratch:
            out = PartOutput(store, scratch, 0, outputs=["documents"], counted="documents")
            out.taken(1)
            out.write("documents", documents([True]))
            records.publish(out)
        return records

    write_attempt(store, "extract", {"fingerprint": "first"})
    assert publish_as("first").done() == [0]
    store.remove("documents")
    write_attempt(store, "extract", {"fingerprint": "second"})
    with pytest.raises(Superseded, match="part 0: a task of the run first, expected one of s"):
        publish_as("first")
    store.remove("_stages", "extract", "attempt.json")
    with pytest.raises(Superseded, match="expected one of none"):
        publish_as("first")
    assert not store.exists("documents")
    assert PartRecords(store, "extract", "parts", "second").done() == []


def test_an_unfinished_dataset_names_the_stage_to_run(store):
    with pytest.raises(NotBuilt, match="run `winnow run extract` first"):
        open_dataset(store, "documents")


def test_a_dropped_row_unbalances_the_ledger(store):
    with pytest.raises(LedgerImbalance, match="4 rows were taken, but 2 kept"):
        publish(store, "documents", documents([True, False, True]), taken=4)


def test_a_row_dropped_without_a_reason_is_refused(store):
    rows = rows_of("quality", [{"doc_id": doc_id(0), "keep": False}])
    with pytest.raises(LedgerImbalance, match="without a reason"):
        publish(store, "quality", rows)


def test_a_changed_byte_is_found_by_verify(tmp_path):
    store = Store(str(tmp_path))
    publish(store, "documents", documents([True]))
    path = tmp_path / "documents" / "part-00000.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged, match="SHA-256"):
        open_dataset(store, "documents").verify()


@pytest.mark.parametrize("damage", ["truncated", "gone"])
def test_a_damaged_part_says_which_stage_makes_it_again(tmp_path, damage):
    store = Store(str(tmp_path))
    publish(store, "documents", documents([True]))
    path = tmp_path / "documents" / "part-00000.parquet"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Damaged, match="winnow run extract --force"):
        open_dataset(store, "documents").read(0)


def test_another_table_in_a_part_s_place_is_refused(tmp_path):
    store = Store(str(tmp_path))
    publish(store, "documents", documents([True]))
    publish(store, "quality", verdicts([0], [True]))
    (tmp_path / "quality" / "part-00000.parquet").replace(
        tmp_path / "documents" / "part-00000.parquet"
    )
    with pytest.raises(SchemaMismatch):
        open_dataset(store, "documents").read(0)


def test_the_survivors_are_what_the_stage_before_kept_in_order(store):
    publish(store, "documents", documents([True, False, True, True]))
    publish(store, "quality", verdicts([0, 2, 3], [True, False, True]))
    opened = [open_dataset(store, name) for name in ("documents", "quality")]
    found = survivors(*opened, 0, ["text"])
    assert found.to_pylist() == [
        {"doc_id": doc_id(0), "num_characters": 0, "text": ""},
        {"doc_id": doc_id(3), "num_characters": 3, "text": "xxx"},
    ]
    assert survivors(opened[0], opened[0], 0).num_rows == 3


@pytest.mark.parametrize("numbers", [[2, 0], [0, 9]])
def test_verdicts_on_other_documents_or_in_another_order_are_refused(store, numbers):
    publish(store, "documents", documents([True, True, True]))
    publish(store, "quality", verdicts(numbers, [True, True]))
    with pytest.raises(Damaged, match="join by position"):
        survivors(open_dataset(store, "documents"), open_dataset(store, "quality"), 0)


def test_columns_of_a_verdict_table_come_in_the_order_of_the_documents_asked_for(store):
    publish(store, "quality", verdicts([0, 1, 2], [True, False, True]))
    quality = open_dataset(store, "quality")
    asked = pa.chunked_array([[doc_id(2)], [doc_id(0)]], pa.binary(16))
    assert columns_of(quality, 0, ("keep",), asked).to_pylist() == [{"keep": True}] * 2
    with pytest.raises(Damaged, match="lacks 1 documents"):
        columns_of(quality, 0, ("keep",), pa.chunked_array([[doc_id(9)]], pa.binary(16)))


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([], []),
        ([3, 3, 3], [3]),
        ([4, 4, 4, 4, 4], [2, 2, 1]),
        ([99, 1, 99], [1, 1, 1]),
        ([0, 0], [2]),
    ],
)
def test_a_part_is_looked_at_in_turns_of_bounded_text(lengths, sizes):
    table = pa.table({"num_characters": pa.array(lengths, pa.int64()), "row": range(len(lengths))})
    turns = list(in_turns(table, max_characters=10))
    assert [turn.num_rows for turn in turns] == sizes
    assert pa.concat_tables([table.slice(0, 0), *turns]).equals(table)
