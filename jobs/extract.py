"""Main text of each capture and each line of the text sources, or a reason.

Part k of `documents` is archive k of `captures`, row by row in the same order; the parts after
them are the text files, in the recipe's order, then the WET archives. A task reads its archive once
from front to back, and gives its pages to a process of their own (corpus/extraction/isolation.py),
batch by batch. A capture that is listed and not found again, because the archive was changed, is a
row with a reason. A page that fails in the engine is a row with a reason too, and goes to
`quarantine`.
Cost: a batch of pages in memory. Limit: a part is an archive or a file, however large.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from corpus.datasets import Dataset
from corpus.errors import Damaged
from corpus.extraction import ExtractSettings, clean_text, repair
from corpus.extraction.isolation import Extractor, extractor
from corpus.extraction.page import NO_TEXT, Extraction, refusal
from corpus.extraction.quarantine import QUARANTINED, quarantine_record
from corpus.extraction.worker import Page
from corpus.identity import doc_id_of_place, doc_id_of_record
from corpus.publishing import PartOutput
from corpus.sources import source_files
from corpus.texts import TextLine, read_texts
from corpus.urls import url_key
from corpus.warc.captures import Capture, read_captures
from corpus.warc.conversions import Conversion, read_conversions

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe

RECORD_NOT_FOUND = "record_not_found"  # the archive no longer holds the capture at its place

BATCH_ROWS = 256  # rows written at a time: 8 kB of text each as a rule
BATCH_CHARACTERS = 8_000_000  # ... and fewer where they are long
BATCH_PAGES = 64  # given to the engine's process at a time
BATCH_BYTES = 4_000_000  # ... and fewer where they are long, as most are
MAX_QUARANTINED = 1_000  # files a part: of an engine that fails on each page, so many tell enough


class Extracted(NamedTuple):
    """One document: where it comes from, and what became of it."""

    place: dict[str, Any]
    """Its doc_id, source, address and place, as `documents` names them."""
    found: Extraction
    capture: Capture | None = None
    """Null for a text line, and for a capture that is not found again."""


class TextFile(NamedTuple):
    """One file of a text source, or a WET archive."""

    source: str
    path: str
    kind: str = "text"


def files(recipe: Recipe) -> list[str]:
    """The files of the text sources."""
    return [path for _, path in source_files(recipe.sources, "text")]


def run(job: Job) -> None:
    """One task for each archive and each text file."""
    captures = job.input("captures")
    texts = [TextFile(source, path) for source, path in source_files(job.recipe.sources, "text")]
    texts += _wet_archives(job)
    task = partial(_extract_part, captures, job.recipe.extract)
    items: list[int | TextFile] = [*range(captures.num_parts), *texts]
    outputs = ("other_texts", "quarantine", "documents")
    job.map_parts(task, items, outputs=outputs, counted="documents")


def _wet_archives(job: Job) -> list[TextFile]:
    """The WET archives that fetch found or brought."""
    if all(source.kind != "wet" for source in job.recipe.sources.values()):
        return []
    rows = job.input("downloads").read_all(["source", "path", "kind"]).to_pylist()
    return [TextFile(**row) for row in rows if row["kind"] == "wet" and row["path"] is not None]


def _extract_part(
    captures: Dataset, settings: ExtractSettings, out: PartOutput, item: int | TextFile
) -> None:
    if isinstance(item, int):
        out.taken(captures.part_rows(item))
        documents = _quarantined(archive_documents(captures.read(item), settings), out)
    else:
        read = wet_documents if item.kind == "wet" else text_documents
        documents = _counted(read(item, settings), out)
    for batch in _batches(documents):
        out.write_rows("documents", map(document_row, batch))
        if settings.compare is not None:
            compared = (d for d in batch if d.found.kind == "html")
            out.write_rows("other_texts", (_other_row(d, settings.compare) for d in compared))


def archive_documents(listed: pa.Table, settings: ExtractSettings) -> Iterator[Extracted]:
    """What became of each capture listed, in the same order.

    listed: a part of `captures`, all of one archive. Raises Damaged unless it is in the archive's
    order, and InputError where the archive is gone.
    """
    offsets = listed["offset"].to_pylist()
    if offsets != sorted(offsets):
        raise Damaged(
            f"captures of {listed['warc_path'][0]}: not in the archive's order; "
            "run fetch again with --force"
        )
    with extractor(settings) as pages:
        for batch in _page_batches(_found_again(listed, settings)):
            yield from _extracted(batch, pages, settings)


def _found_again(
    listed: pa.Table, settings: ExtractSettings
) -> Iterator[tuple[dict[str, Any], Capture | None]]:
    archive = _Archive(listed, check_digests=settings.check_digests)
    for batch in listed.to_batches(max_chunksize=BATCH_ROWS):
        for place in batch.to_pylist():
            yield place, archive.find(place["offset"], place["doc_id"])


def _extracted(
    batch: list[tuple[dict[str, Any], Capture | None]],
    pages: Extractor,
    settings: ExtractSettings,
) -> Iterator[Extracted]:
    reasons = [
        RECORD_NOT_FOUND if capture is None else refusal(capture, settings)
        for _, capture in batch
    ]
    waiting = [
        Page(capture=capture, crawl_charset=place.get("charset"))
        for (place, capture), reason in zip(batch, reasons, strict=True)
        if reason is None and capture is not None
    ]
    answers = iter(pages.extract(waiting))
    for (place, capture), reason in zip(batch, reasons, strict=True):
        found = Extraction(reason=reason) if reason is not None else next(answers).found
        yield Extracted(place, found, capture)


def place_of(item: TextFile, offset: int, url: str | None, length: int) -> dict[str, Any]:
    """The columns of `documents` that say where a file's line or record stands."""
    name = Path(item.path).name
    return {
        "doc_id": doc_id_of_place(item.source, name, offset),
        "source": item.source,
        "url": url,
        "url_key": url_key(url) if url else None,
        "warc_file": name,
        "offset": offset,
        "length": length,
    }


def text_documents(item: TextFile, settings: ExtractSettings) -> Iterator[Extracted]:
    """What became of each line of a text file."""
    for line in read_texts(item.path, max_bytes=settings.max_bytes):
        place = place_of(item, line.number, line.url, line.length)
        yield Extracted(place, _extraction_of(line, settings))


def wet_documents(item: TextFile, settings: ExtractSettings) -> Iterator[Extracted]:
    """What became of each record of a WET archive."""
    for record in read_conversions(item.path, max_bytes=settings.max_bytes):
        place = place_of(item, record.offset, record.url, record.length)
        place["fetched_at"] = record.fetched_at
        found = replace(_extraction_of(record, settings), declared_language=record.language)
        yield Extracted(place, found)


class _Archive:
    """One archive, read once from front to back."""

    def __init__(self, listed: pa.Table, *, check_digests: bool) -> None:
        self._captures: Iterator[Capture] = iter(())
        if listed.num_rows:
            path = listed["warc_path"][0].as_py()
            self._captures = read_captures(path, check_digests=check_digests)
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


def _extraction_of(line: TextLine | Conversion, settings: ExtractSettings) -> Extraction:
    text = line.text
    if text is not None and settings.fix_text:
        text = clean_text(repair(text)) or None
    reason = line.reason if line.text is None else None if text else NO_TEXT
    return Extraction(text=text, title=getattr(line, "title", None), reason=reason)


def document_row(document: Extracted) -> dict[str, Any]:
    """A row of `documents`."""
    place, found, capture = document
    columns = ("doc_id", "source", "url", "url_key", "warc_file", "offset", "length")
    return {
        **{column: place[column] for column in columns},
        "fetched_at": capture.fetched_at if capture is not None else place.get("fetched_at"),
        "title": found.title,
        "declared_language": found.declared_language,
        "published_on": found.published_on,
        "agreement": found.agreement,
        "keep": found.reason is None,
        "reason": found.reason,
        "num_characters": len(found.text or ""),
        "text": found.text,
    }


def _other_row(document: Extracted, engine: str) -> dict[str, Any]:
    """A row of `other_texts`."""
    return {
        "doc_id": document.place["doc_id"],
        "engine": engine,
        "text": document.found.other_text,
    }


def _quarantined(documents: Iterable[Extracted], out: PartOutput) -> Iterator[Extracted]:
    """The same documents; those that failed in the engine become files on their way."""
    num_files = 0
    for document in documents:
        place, found, capture = document
        if found.reason in QUARANTINED and capture is not None and num_files < MAX_QUARANTINED:
            num_files += 1
            name = f"part-{out.number:05d}-{found.reason}-{place['doc_id'].hex()}.warc.gz"
            record = quarantine_record(capture, found, path=place["warc_path"])
            out.file("quarantine", name).write_bytes(record)
        yield document


def _counted(documents: Iterable[Extracted], out: PartOutput) -> Iterator[Extracted]:
    for document in documents:
        out.taken()
        yield document


def _page_batches(
    captures: Iterable[tuple[dict[str, Any], Capture | None]],
) -> Iterator[list[tuple[dict[str, Any], Capture | None]]]:
    """Captures by the batch that the engine's process is given."""
    batch, num_bytes = [], 0
    for place, capture in captures:
        batch.append((place, capture))
        num_bytes += len(capture.payload) if capture is not None else 0
        if len(batch) == BATCH_PAGES or num_bytes >= BATCH_BYTES:
            yield batch
            batch, num_bytes = [], 0
    if batch:
        yield batch


def _batches(documents: Iterable[Extracted]) -> Iterator[list[Extracted]]:
    """Documents by the batch that is written, without their bytes."""
    batch: list[Extracted] = []
    num_characters = 0
    for document in documents:
        if document.capture is not None:
            bare = replace(document.capture, payload=b"")
            document = document._replace(capture=bare)
        batch.append(document)
        num_characters += len(document.found.text or "")
        if len(batch) == BATCH_ROWS or num_characters >= BATCH_CHARACTERS:
            yield batch
            batch, num_characters = [], 0
    if batch:
        yield batch


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "extract", *sys.argv[1:]])
