"""Items of benchmarks as the commands name and read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.identity import DOC_ID
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


def item_named(store: Store, name: str) -> dict[str, Any]:
    """The row of the item BENCHMARK:ITEM_ID, or ITEM_ID where one alone has it."""
    table = open_dataset(store, "benchmark_items").read_all()
    benchmark, _, item_id = name.partition(":")
    own = pc.and_(pc.equal(table["benchmark"], benchmark), pc.equal(table["item_id"], item_id))
    found = table.filter(own)
    if not found.num_rows:
        found = table.filter(pc.equal(table["item_id"], name))
    if found.num_rows == 1:
        return dict(found.to_pylist()[0])
    if not found.num_rows:
        raise InputError(
            f"item {name}: not in {store.root}; expected BENCHMARK:ITEM_ID, as `winnow "
            f"contamination items BENCHMARK` lists them; benchmarks: "
            f"{', '.join(benchmark_names(store))}"
        )
    names = [f"{row['benchmark']}:{name}" for row in found.to_pylist()]
    raise InputError(f"item {name}: {len(names)} benchmarks have it; expected one of "
                     f"{', '.join(names)}")  # fmt: skip


def hits_where(store: Store, condition: pc.Expression) -> Iterator[dict[str, Any]]:
    """The rows of `hits` that meet a condition."""
    hits = open_dataset(store, "hits")
    for part in range(hits.num_parts):
        yield from hits.read(part).filter(condition).to_pylist()


def headline(document: Mapping[str, Any]) -> str:
    """A document of `texts_of` in one line: its id, source and address."""
    said = f"{document['doc_id'].hex()}  {document['source']}  {document['url'] or ''}"
    return visible(said).rstrip()


def texts_of(store: Store, ids: set[bytes]) -> dict[bytes, dict[str, Any]]:
    """Text, source and address of some documents, by their ids."""
    documents = open_dataset(store, "documents")
    wanted = pa.array(sorted(ids), DOC_ID)
    found: dict[bytes, dict[str, Any]] = {}
    for part in range(documents.num_parts) if ids else ():
        rows = pc.is_in(documents.read(part, ["doc_id"])["doc_id"], value_set=wanted)
        if pc.any(rows).as_py():
            columns = ["doc_id", "source", "url", "text"]
            for row in documents.read(part, columns).filter(rows).to_pylist():
                found[row["doc_id"]] = row
    return found
