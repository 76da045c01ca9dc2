"""The answer for each document of a part."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from corpus import schemas
from corpus.identity import DOC_ID, keyed_uniform
from corpus.schemas import SPANS
from filters.dedup.clusters import HELD_OUT_STAGE
from filters.dedup.verdicts import held_out, verdicts


def doc_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def documents(*lengths: int) -> pa.Table:
    ids = pa.array([doc_id(i) for i in range(len(lengths))], DOC_ID)
    return pa.table({"doc_id": ids, "num_characters": pa.array(lengths, pa.int64())})


def members(*rows: tuple[int, int, int, str | None, str]) -> pa.Table:
    """Rows of `clusters`: row, cluster, kept, reason, split."""
    columns = list(zip(*rows, strict=True)) or [()] * 5
    return pa.table(
        {
            "row": pa.array(columns[0], pa.int32()),
            "cluster_id": pa.array([doc_id(i) for i in columns[1]], DOC_ID),
            "kept_doc_id": pa.array([doc_id(i) for i in columns[2]], DOC_ID),
            "reason": pa.array(columns[3], pa.string()),
            "split": pa.array(columns[4], pa.string()),
        }
    )


def cuts(**spans: list[tuple[int, int]]) -> pa.Table:
    """Rows of `spans`: r3=[(0, 5)] for row 3."""
    values = [[{"start": a, "end": b} for a, b in each] for each in spans.values()]
    rows = pa.array([int(name[1:]) for name in spans], pa.int32())
    return pa.table({"row": rows, "spans": pa.array(values, SPANS)})


def test_each_document_has_one_verdict_in_order() -> None:
    rows = members((2, 0, 2, None, "train"), (0, 0, 2, "near_duplicate", "train"))
    found = verdicts(documents(9, 9, 9), rows, cuts(), np.array([True, True, True]))
    schemas.check("dedup", found.schema, where="test")
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (doc_id(0), False, "near_duplicate", doc_id(0), doc_id(2), "train", []),
        (doc_id(1), True, None, doc_id(1), doc_id(1), "validation", []),
        (doc_id(2), True, None, doc_id(0), doc_id(2), "train", []),
    ]


def test_a_part_without_documents_has_no_verdict() -> None:
    assert verdicts(documents(), members(), cuts(), np.zeros(0, bool)).num_rows == 0


def test_cuts_are_edits_and_what_they_leave_too_little_of_goes() -> None:
    given = documents(100, 50, 50, 5)
    rows = cuts(r0=[(0, 10), (20, 40)], r1=[(0, 31)], r2=[(0, 30)])
    found = verdicts(given, members(), rows, np.zeros(4, bool))
    assert found["reason"].to_pylist() == [None, "repeated_text", None, None]  # 70, 19, 20, 5 left
    assert found["keep"].to_pylist() == [True, False, True, True]
    edits = [[(e["start"], e["end"]) for e in row] for row in found["edits"].to_pylist()]
    assert edits == [[(0, 10), (20, 40)], [(0, 31)], [(0, 30)], []]
    assert found["edits"][0].as_py()[0] == {
        "start": 0, "end": 10, "kind": "repeated_text", "replacement": "",
    }  # fmt: skip


@pytest.mark.parametrize("sources", [(), ("test",)])
def test_the_held_out_share_is_drawn_by_key_and_source(sources: tuple[str, ...]) -> None:
    ids = pa.array([doc_id(i * 2**70) for i in range(20_000)], DOC_ID)
    of = pa.chunked_array([pa.array(["test" if i % 2 else "web" for i in range(20_000)])])
    found = held_out(ids, of, held_out_sources=sources, held_out_fraction=0.05, seed=1)
    chance = keyed_uniform(ids, seed=1, stage=HELD_OUT_STAGE)
    named = np.arange(20_000) % 2 == 1 if sources else np.zeros(20_000, bool)
    assert (found == ((chance < 0.05) | named)).all()
    assert sources or 900 < found.sum() < 1100
    other = held_out(ids, of, held_out_sources=sources, held_out_fraction=0.05, seed=2)
    assert (found != other).any()
