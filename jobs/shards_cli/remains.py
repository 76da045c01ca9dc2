"""What a redaction of shards leaves in a root: the tables that hold the text, and how to drop it.

A table holds text where schemas.py gives it an id of documents and a column `text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from corpus import schemas
from corpus.datasets import MANIFEST, open_dataset
from corpus.identity import DOC_ID
from corpus.storage import Store
from jobs.documents import printable

MOST_PLACES = 20
"""Documents whose places in archives and text files are told; all of them have a row each."""

_IDS = ("doc_id", "original_doc_id")
_TEXT = "text"


def remains(documents: Mapping[bytes, str | None], store: Store) -> Iterator[str]:
    """Lines for who redacted these documents, given by id with their addresses."""
    held = {name: num for name, num in _rows_with(documents, store) if num}
    if not held:
        yield f"No other table of {store.root} has their text."
        return
    named = ", ".join(f"{name} ({num:,} rows)" for name, num in held.items())
    yield f"Their text is still in {named}, and comes back when tokenize runs again."
    pages = [url for url in documents.values() if url and "#" not in url]
    if pages:
        yield (
            "To keep it out of the shards: write the addresses into a file, one a line, name it in "
            "screen.url.block_lists of the recipe, and run `winnow run all`. An address takes "
            "along what lies below it, one without a path its whole domain."
        )
    if len(pages) < len(documents):
        num = len(documents) - len(pages)
        yield f"No block list can name {num:,} of them: texts without an address of their own."
    num = _num_copies(documents, store)
    if num:
        yield (
            f"dedup dropped {num:,} near-duplicates in their favour, and would now keep one of "
            "those: see `winnow dedup cluster DOC_ID`, and keep them out as well."
        )
    places = list(_places(documents, store))
    if places:
        yield "To be rid of it: take it out of what extract reads, and run `winnow run all`:"
        yield from places[:MOST_PLACES]
    if len(places) > MOST_PLACES:
        yield f"    and {len(places) - MOST_PLACES:,} more, by `winnow why DOC_ID`"


def tables_with_text() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each table that holds texts, and its columns of documents' ids."""
    for table in schemas.TABLES:
        names = {column.name for column in table.columns}
        ids = tuple(name for name in _IDS if name in names)
        if ids and _TEXT in names:
            yield table.name, ids


def _rows_with(documents: Mapping[bytes, str | None], store: Store) -> Iterator[tuple[str, int]]:
    """Rows of each table of the root that are of these documents."""
    wanted = pa.array(list(documents), DOC_ID)
    for name, ids in tables_with_text():
        if not store.exists(name, MANIFEST):
            continue
        dataset = open_dataset(store, name)
        num = 0
        for part in range(dataset.num_parts):
            rows = dataset.read(part, ids)
            masks = [pc.is_in(rows[column], value_set=wanted) for column in ids]
            mask = masks[0] if len(masks) == 1 else pc.or_(*masks)
            num += pc.sum(mask).as_py() or 0
        yield name, num


def _num_copies(documents: Mapping[bytes, str | None], store: Store) -> int:
    """Documents that dedup dropped because one of these was kept."""
    if not store.exists("dedup", MANIFEST):
        return 0
    wanted = pa.array(list(documents), DOC_ID)
    dataset = open_dataset(store, "dedup")
    num = 0
    for part in range(dataset.num_parts):
        rows = dataset.read(part, ["doc_id", "kept_doc_id"])
        is_copy = pc.and_not(
            pc.is_in(rows["kept_doc_id"], value_set=wanted),
            pc.is_in(rows["doc_id"], value_set=wanted),
        )
        num += pc.sum(is_copy).as_py() or 0
    return num


def _places(documents: Mapping[bytes, str | None], store: Store) -> Iterator[str]:
    """Where the archive's record or the text file's line of each document lies."""
    if not store.exists("documents", MANIFEST):
        return
    wanted = pa.array(list(documents), DOC_ID)
    dataset = open_dataset(store, "documents")
    for part in range(dataset.num_parts):
        rows = dataset.read(part, ["doc_id", "source", "warc_file", "offset"])
        for row in rows.filter(pc.is_in(rows["doc_id"], value_set=wanted)).to_pylist():
            name = printable(documents[row["doc_id"]] or row["doc_id"].hex())
            yield f"    {name}: {row['source']}, {row['warc_file']}, byte or line {row['offset']:,}"
