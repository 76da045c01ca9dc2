"""Rows of table `sizes` for tests."""

from __future__ import annotations

import pyarrow as pa

from corpus import schemas
from corpus.identity import doc_id_of_place


def size_rows(rows: list[tuple[str, str, int]], *, first: int = 0) -> pa.Table:
    """A part of `sizes`: (source, split, tokens) of each document, each its own cluster."""
    ids = [doc_id_of_place(source, "f", first + i) for i, (source, _, _) in enumerate(rows)]
    return pa.Table.from_pylist(
        [
            {"doc_id": own, "source": source, "cluster_id": own, "split": split,
             "num_bytes": 4 * size, "num_tokens": size}
            for own, (source, split, size) in zip(ids, rows, strict=True)
        ],
        schema=schemas.table_named("sizes").arrow,
    )
