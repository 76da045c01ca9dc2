"""Main text of each capture and each line of the text sources, or a reason.

Part k of `documents` is archive k of `captures`, row by row in the same order; the parts after
them are the text files, in the recipe's order. A task reads its archive once from front to back. A
capture that is listed and not found again, because the archive was changed, is a row with a
reason.
Cost: a batch of pages in memory. Limit: a part is an archive or a file, however large.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from corpus.datasets import Dataset
from corpus.errors import Damaged
from corpus.extraction import ExtractSettings
from corpus.extraction.page import Extraction, extract_page
from corpus.identity import doc_id_of_place, doc_id_of_record
from corpus.publishing import PartOutput
from corpus.schemas import table_named
from corpus.sources import source_files
from corpus.texts import TextLine, read_texts
from corpus.urls import url_key
from corpus.warc import Capture, read_captures

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe

RECORD_NOT_FOUND = "record_not_found"  # the archive no longer holds the capture at its place

BATCH_ROWS = 256  # pages a batch: 8 kB of text each as a rule
BATCH_CHARACTERS = 8_000_000  # ... and fewer where they are long


class TextFile(NamedTuple):
    """One file of a text source."""

    source: str
    path: str


def files(recipe: Recipe) -> list[str]:
    """The files of the text sources."""
    return [path for _, path in source_files(recipe.sources, "text")]


def run(job: Job) -> None:
    """One task for each archive and each text file."""
    captures = job.input("captures")
    texts = [TextFile(source, path) for source, path in source_files(job.recipe.sources, "text")]
    task = partial(_extract_part, captures, job.recipe.extract)
    items: list[int | TextFile] = [*range(captures.num_parts), *texts]
    job.map_parts(task, items, outputs=("documents",), counted="documents")


def _extract_part(
    captures: Dataset, settings: ExtractSettings, out: PartOutput, item: int | TextFile
) -> None:
    if isinstance(item, int):
        out.taken(captures.part_rows(item))
        rows = archive_rows(captures.read(item), settings)
    else:
        rows = _counted(text_rows(item, settings), out)
    for batch in _batches(rows):
        out.write("documents", pa.Table.from_pylist(batch, schema=table_named("documents").arrow))


def archive_rows(listed: pa.Table, settings: ExtractSettings) -> Iterator[dict[str, Any]]:
    """A `documents` row for each capture listed, in the same order.

    listed: a part of `captures`, all of one archive. Raises Damaged unless it is in the archive's
    order, and InputError where the archive is gone.
    """
    offsets = listed["offset"].to_pylist()
    if offsets != sorted(offsets):
        raise Damaged(
            f"captures of {listed['warc_path'][0]}: not in the archive's order; "
            "run fetch again with --force"
        )
    archive = _Archive(listed)
    for batch in listed.to_batches(max_chunksize=BATCH_ROWS):
        for capture_row in batch.to_pylist():
            capture = archive.find(capture_row["offset"], capture_row["doc_id"])
            if capture is None:
                yield _row(capture_row, Extraction(reason=RECORD_NOT_FOUND), fetched_at=None)
            else:
                found = extract_page(capture, settings)
                yield _row(capture_row, found, fetched_at=capture.fetched_at)


def text_rows(item: TextFile, settings: ExtractSettings) -> Iterator[dict[str, Any]]:
    """A `documents` row for each line of a text file."""
    name = Path(item.path).name
    for line in read_texts(item.path, max_bytes=settings.max_bytes):
        place = {
            "doc_id": doc_id_of_place(item.source, name, line.number),
            "source": item.source,
            "url": line.url,
            "url_key": url_key(line.url) if line.url else None,
            "warc_file": name,
            "offset": line.number,
            "length": line.length,
        }
        yield _row(place, _extraction_of(line), fetched_at=None)


class _Archive:
    """One archive, read once from front to back."""

    def __init__(self, listed: pa.Table) -> None:
        path = listed["warc_path"][0].as_py() if listed.num_rows else None
        self._captures: Iterator[Capture] = read_captures(path) if path else iter(())
        self._next = next(self._captures, None)

    def find(self, offset: int, doc_id: bytes) -> Capture | None:
        """The capture of this id at this offset, which is not before the last asked for."""
        while self._next is not None and self._next.offset < offset:
            self._next = next(self._captures, None)
        if self._next is None or self._next.offset != offset:
            return None
        record_id = self._next.record_id
        is_same = record_id is None or doc_id_of_record(record_id) == doc_id
        return self._next if is_same else None


def _extraction_of(line: TextLine) -> Extraction:
    return Extraction(text=line.text, title=line.title, reason=line.reason)


def _row(
    place: dict[str, Any], found: Extraction, *, fetched_at: datetime | None
) -> dict[str, Any]:
    """A `documents` row; place: its doc_id, source, address and place."""
    columns = ("doc_id", "source", "url", "url_key", "warc_file", "offset", "length")
    return {
        **{column: place[column] for column in columns},
        "fetched_at": fetched_at,
        "title": found.title,
        "keep": found.reason is None,
        "reason": found.reason,
        "num_characters": len(found.text or ""),
        "text": found.text,
    }


def _counted(rows: Iterable[dict[str, Any]], out: PartOutput) -> Iterator[dict[str, Any]]:
    for row in rows:
        out.taken()
        yield row


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows by the batch; one empty batch where there is none, so that each part has its columns."""
    batch: list[dict[str, Any]] = []
    num_characters = 0
    for row in rows:
        batch.append(row)
        num_characters += row["num_characters"]
        if len(batch) == BATCH_ROWS or num_characters >= BATCH_CHARACTERS:
            yield batch
            batch, num_characters = [], 0
    if batch:
        yield batch


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "extract", *sys.argv[1:]])
