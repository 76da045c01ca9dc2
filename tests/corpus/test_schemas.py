"""The tables say what they are, and a table of other columns is refused with the difference."""

from __future__ import annotations

import pyarrow as pa
import pytest

from corpus import schemas
from corpus.errors import ConfigError, SchemaMismatch
from corpus.identity import DOC_ID


def test_names_are_unique_and_everything_has_a_meaning():
    names = [table.name for table in schemas.TABLES]
    assert len(set(names)) == len(names)
    for table in schemas.TABLES:
        assert table.purpose
        assert len({column.name for column in table.columns}) == len(table.columns)
        assert all(column.meaning for column in table.columns)


def test_a_verdict_table_begins_with_its_document_and_its_answer():
    verdicts = [table for table in schemas.TABLES if table.is_verdict]
    assert {"screen", "quality", "dedup", "contamination", "mix"} <= {t.name for t in verdicts}
    for name in ("screen", "quality", "dedup", "contamination", "mix"):
        assert schemas.table_named(name).arrow.names[:3] == ["doc_id", "keep", "reason"]


def test_its_own_columns_pass():
    schemas.check("quality", schemas.table_named("quality").arrow, where="here")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([("doc_id", DOC_ID), ("keep", pa.bool_()), ("reason", pa.string())],
         r"here: quality has columns missing \['score'\] and extra \[\]"),
        ([("doc_id", DOC_ID), ("keep", pa.bool_()), ("reason", pa.string()),
          ("score", pa.float64())], r"quality.score is double, expected float"),
        ([("keep", pa.bool_()), ("doc_id", DOC_ID), ("reason", pa.string()),
          ("score", pa.float32())], r"expected the order \['doc_id', 'keep', 'reason', 'score'\]"),
    ],
)  # fmt: skip
def test_other_columns_are_refused_with_the_difference(fields, message):
    with pytest.raises(SchemaMismatch, match=message):
        schemas.check("quality", pa.schema(fields), where="here")


def test_an_unknown_dataset_is_refused():
    with pytest.raises(ConfigError, match="dataset qualty: unknown"):
        schemas.table_named("qualty")
