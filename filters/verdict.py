"""The answer that every judging stage gives: keep or not, and why not.

A verdict table has one row for each document that the stage was given, in the same order. It begins
with doc_id, keep and reason; the reason names the fault and is null where the document is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.schemas import table_named

BoolArray = npt.NDArray[np.bool_]
Fault = tuple[str, BoolArray]
"""A rule's answer: the reason it drops for, and bool (num_documents,), true where it does."""


def first_fault(num_documents: int, faults: Iterable[Fault]) -> list[str | None]:
    """The reason of the first rule that drops each document; None where none does."""
    names: list[str | None] = [None]
    first = np.zeros(num_documents, np.int32)
    for reason, drops in faults:
        first[(first == 0) & drops] = len(names)
        names.append(reason)
    return [names[number] for number in first]


def verdicts(
    dataset: str,
    doc_ids: pa.Array | pa.ChunkedArray,
    reasons: pa.Array | pa.ChunkedArray | Sequence[str | None],
    **columns: Any,
) -> pa.Table:
    """Put a verdict table together, in the schema of the dataset.

    doc_ids, reasons and each of the columns: (num_documents,); a null reason keeps the document.
    Raises ValueError where the columns or the lengths are not those of the dataset.
    """
    schema = table_named(dataset).arrow
    reason = _column(reasons, pa.string())
    given: Mapping[str, Any] = {"doc_id": doc_ids, "keep": reason.is_null(), "reason": reason}
    given = {**given, **columns}
    if set(given) != set(schema.names):
        raise ValueError(f"{dataset}: got columns {sorted(given)}, expected {schema.names}")
    built = {field.name: _column(given[field.name], field.type) for field in schema}
    lengths = {name: len(column) for name, column in built.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{dataset}: columns differ in length: {lengths}")
    return pa.table(built, schema=schema)


def _column(values: Any, wanted: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(wanted)
    if isinstance(values, np.ndarray):
        return pa.array(values).cast(wanted)
    return pa.array(values, wanted)
