"""Items of benchmarks as the commands name and read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.storage import Store
from jobs.documents import visible


def benchmark_names(store: Store) -> list[str]:
    """The benchmarks of a run, in the order of its recipe."""
    return list(open_dataset(store, "benchmarks").read_all(["benchmark"])["benchmark"].to_pylist())


def checked(store: Store, benchmark: str) -> str:
    """The name, where the run has it; raises InputError."""
    names = benchmark_names(store)
    if benchmark not in names:
        raise InputError(
            f"benchmark {benchmark}: not in {store.root}; expected one of {', '.join(names)}"
        )
    return benchmark


def items_of(store: Store, benchmark: str) -> list[dict[str, Any]]:
    """The items of a benchmark, in its own order; raises InputError where the run has no such."""
    table = open_dataset(store, "benchmark_items").read_all()
    names = table["benchmark"].to_pylist()  # each benchmark's items are side by side
    if benchmark not in names:
        checked(store, benchmark)
        return []
    own = table.slice(names.index(benchmark), names.count(benchmark))
    columns = {name: own[name].to_pylist() for name in own.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def item_named(store: Store, name: str) -> dict[str, Any]:
    """The row of the item BENCHMARK:ITEM_ID, or ITEM_ID where one alone has it."""
    benchmark, _, item_id = name.partition(":")
    found = list(matching(store, "benchmark_items", item_id=item_id, benchmark=benchmark))
    found = found or list(matching(store, "benchmark_items", item_id=name))
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(
            f"item {name}: not in {store.root}; expected BENCHMARK:ITEM_ID, as `winnow "
            f"contamination items BENCHMARK` lists them; benchmarks: "
            f"{', '.join(benchmark_names(store))}"
        )
    names = [f"{row['benchmark']}:{name}" for row in found]
    raise InputError(f"item {name}: {len(names)} benchmarks have it; expected one of "
                     f"{', '.join(names)}")  # fmt: skip


def matching(store: Store, dataset: str, **wanted: Any) -> Iterator[dict[str, Any]]:
    """The rows of a table that have these values; where a part has none, little of it is read.

    In Python: to give pyarrow a value to compare with makes it import pandas, 0.3 s.
    """
    table = open_dataset(store, dataset)
    values = tuple(wanted.values())
    for part in range(table.num_parts):
        keys = table.read(part, list(wanted)).select(list(wanted))
        columns = (column.to_pylist() for column in keys.columns)
        rows = [row for row, own in enumerate(zip(*columns, strict=True)) if own == values]
        if rows:
            whole = table.read(part)
            for row in rows:
                yield whole.slice(row, 1).to_pylist()[0]


def headline(document: Mapping[str, Any]) -> str:
    """A document of `texts_of` in one line: its id, source and address."""
    said = f"{document['doc_id'].hex()}  {document['source']}  {document['url'] or ''}"
    return visible(said).rstrip()


def texts_of(store: Store, ids: set[bytes]) -> dict[bytes, dict[str, Any]]:
    """Text, source and address of some documents, by their ids."""
    documents = open_dataset(store, "documents")
    found: dict[bytes, dict[str, Any]] = {}
    for part in range(documents.num_parts):
        if len(found) == len(ids):
            break
        own = documents.read(part, ["doc_id"])["doc_id"].to_pylist()
        rows = [row for row, doc_id in enumerate(own) if doc_id in ids]
        if rows:
            columns = documents.read(part, ["doc_id", "source", "url", "text"])
            for row in rows:
                found[own[row]] = columns.slice(row, 1).to_pylist()[0]
    return found
