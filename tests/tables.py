"""Tables from plain rows, published as a stage publishes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from corpus import schemas
from corpus.datasets import part_from_json, publish_manifest
from corpus.publishing import PartOutput
from corpus.storage import Store


def rows_of(dataset: str, rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Rows in the dataset's schema; a column that a row leaves out is null."""
    schema = schemas.table_named(dataset).arrow
    full = [{**dict.fromkeys(schema.names), **row} for row in rows]
    return pa.Table.from_pylist(full, schema=schema)


def write_arrow(store: Store, dataset: str, parts: Iterable[pa.Table]) -> None:
    """Publish a table, one Arrow table a part."""
    published = []
    for number, rows in enumerate(parts):
        with store.scratch() as scratch:
            out = PartOutput(store, scratch, number, outputs=(dataset,), counted=dataset)
            out.taken(rows.num_rows)
            out.write(dataset, rows)
            published.append(part_from_json(out.finish()["parts"][dataset]))
    publish_manifest(store, dataset, published)


def write_table(store: Store, dataset: str, parts: Iterable[list[dict[str, Any]]]) -> None:
    """Publish a table, one list of rows a part."""
    write_arrow(store, dataset, (rows_of(dataset, rows) for rows in parts))
