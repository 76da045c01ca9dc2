"""Verdict tables: the leading columns, in the schema of their dataset."""

import numpy as np
import pyarrow as pa
import pytest

from corpus.schemas import check, table_named
from filters.verdict import verdicts

IDS = pa.array([bytes([i]) * 16 for i in range(3)], pa.binary(16))


def test_a_reason_drops_and_its_absence_keeps():
    table = verdicts("quality", IDS, [None, "low_quality", None], score=np.array([0.9, 0.1, 1.0]))
    check("quality", table.schema, where="test")
    assert table["keep"].to_pylist() == [True, False, True]
    assert table["reason"].to_pylist() == [None, "low_quality", None]
    assert table["doc_id"].to_pylist() == IDS.to_pylist()
    assert table["score"].to_pylist() == pytest.approx([0.9, 0.1, 1.0])


def test_chunked_columns_and_no_rows_are_fine():
    ids = pa.chunked_array([IDS[:0]])
    table = verdicts("quality", ids, pa.array([], pa.string()), score=pa.nulls(0, pa.float32()))
    assert table.schema.equals(table_named("quality").arrow)
    assert table.num_rows == 0


def test_a_missing_column_is_refused():
    with pytest.raises(ValueError, match=r"expected .*score"):
        verdicts("quality", IDS, [None] * 3)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        verdicts("quality", IDS, [None] * 2, score=np.zeros(3))
