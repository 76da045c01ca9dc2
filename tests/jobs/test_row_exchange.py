"""Rows between tasks: each comes whole to its target, whatever the size of blocks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import row_exchange
from jobs.row_exchange import packed_rows, send_rows, unpacked_rows

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string()), ("ids", pa.large_binary())])


def rows_of(values: list[tuple[int, str | None, bytes]]) -> pa.RecordBatch:
    columns = list(zip(*values, strict=True)) or [(), (), ()]
    return pa.record_batch(
        [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA
    )


def received(blocks: list[pa.RecordBatch], target: int) -> list[tuple[int, str | None, bytes]]:
    own = [block for block in blocks if block["target"].to_pylist() == [target]]
    (batches,) = unpacked_rows(SCHEMA, own)
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


@given(
    values=st.lists(
        st.tuples(st.integers(0, 9), st.none() | st.text(max_size=3), st.binary(max_size=30),
                  st.integers(0, 3)), max_size=20,
    ),
    most=st.integers(1, 200),
)  # fmt: skip
def test_each_row_comes_to_its_target_once(values, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_exchange, "MAX_BLOCK", most)
        targets = np.array([target for *_, target in values], np.int64)
        blocks = list(packed_rows(rows_of([tuple(row) for *row, _ in values]), targets))
    for target in range(4):
        expected = [tuple(row) for *row, its_target in values if its_target == target]
        assert received(blocks, target) == expected


def test_a_block_is_no_larger_than_asked_but_for_one_row():
    rows = rows_of([(i, "x", b"y" * 1000) for i in range(100)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_exchange, "MAX_BLOCK", 10_000)
        blocks = list(packed_rows(rows, np.zeros(100, np.int64)))
    assert len(blocks) > 9
    assert max(len(block["block"][0].as_py()) for block in blocks) < 11_000


@pytest.mark.spark
def test_spark_brings_rows_to_their_partition(session):
    def produce(item: int):
        rows = rows_of([(10 * item + k, str(item), bytes([k])) for k in range(6)])
        yield rows, np.arange(6) % 3

    flow = send_rows(session, produce, 4, schema=SCHEMA, num_targets=3)
    found: dict[int, list[int]] = {}
    for part, block in enumerate(flow.at_targets().rdd.glom().collect()):
        blocks = [
            pa.record_batch(
                [pa.array([row["target"]], pa.int32()), pa.array([bytes(row["block"])])],
                names=["target", "block"],
            )
            for row in block
        ]
        found[part] = sorted(row[0] for row in received(blocks, part))
    assert found == {k: sorted(10 * i + j for i in range(4) for j in (k, k + 3)) for k in range(3)}
