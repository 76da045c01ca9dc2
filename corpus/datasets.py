"""A dataset: a folder of numbered parts and a manifest.

    ROOT/documents/part-00000.parquet ...     a table's parts, columns as in schemas.py
    ROOT/documents/manifest.json              rows, kept rows, bytes and SHA-256 of each part
    ROOT/shards/train-00000.bin ...           a folder dataset's parts are files of any name

The manifest is written last: a dataset without one is unfinished. Tables made from the same
documents have the same parts in the same order, so they join by position, checked by doc_id,
without a shuffle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpus import schemas
from corpus.errors import Damaged, NotBuilt
from corpus.stages import writer_of
from corpus.storage import Store

MANIFEST = "manifest.json"
TURN_CHARACTERS = 10_000_000  # of text looked at in one go: 2,000 web pages, or ten books


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """One file of a part."""

    name: str
    num_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part as published; `num_kept` counts keep = true, or all rows where none is judged."""

    number: int
    num_rows: int
    num_kept: int
    files: tuple[PublishedFile, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "number": self.number,
            "num_rows": self.num_rows,
            "num_kept": self.num_kept,
            "files": [
                {"name": f.name, "num_bytes": f.num_bytes, "sha256": f.sha256} for f in self.files
            ],
        }


def part_from_json(value: dict[str, Any]) -> Part:
    """The part that `to_json` wrote."""
    files = tuple(PublishedFile(**file) for file in value["files"])
    return Part(
        number=value["number"],
        num_rows=value["num_rows"],
        num_kept=value["num_kept"],
        files=files,
    )


def part_name(number: int) -> str:
    """File name of a table's part."""
    return f"part-{number:05d}.parquet"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A finished dataset, open for reading; pickles, so that tasks can carry it."""

    store: Store
    name: str
    parts: tuple[Part, ...]

    @property
    def num_parts(self) -> int:
        """Number of parts."""
        return len(self.parts)

    @property
    def num_rows(self) -> int:
        """Rows of all parts."""
        return sum(part.num_rows for part in self.parts)

    @property
    def num_kept(self) -> int:
        """Kept rows of all parts."""
        return sum(part.num_kept for part in self.parts)

    def part_rows(self, part: int) -> int:
        """Rows of one part."""
        return self.parts[part].num_rows

    def part_kept(self, part: int) -> int:
        """Kept rows of one part."""
        return self.parts[part].num_kept

    def path(self, part: int) -> str:
        """Where a table's part lies."""
        return self.store.path(self.name, part_name(part))

    def read(self, part: int, columns: Sequence[str] | None = None) -> pa.Table:
        """One part, or some of its columns; raises Damaged where it differs from the manifest."""
        import pyarrow.parquet as pq

        path = self.path(part)
        with self._open(self.store.open_for_arrow, part_name(part)) as handle:
            try:
                file = pq.ParquetFile(handle)
            except pa.ArrowInvalid as error:
                raise Damaged(f"{path}: not a Parquet file ({error}); {self._remedy()}") from error
            schemas.check(self.name, file.schema_arrow, where=path)
            if file.metadata.num_rows != self.parts[part].num_rows:
                raise Damaged(
                    f"{path}: {file.metadata.num_rows} rows, expected {self.parts[part].num_rows} "
                    f"as its manifest says; {self._remedy()}"
                )
            return file.read(columns=list(columns) if columns is not None else None)

    def read_all(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All parts as one table: for narrow tables only."""
        if not self.parts:
            empty = schemas.table_named(self.name).arrow.empty_table()
            return empty.select(list(columns)) if columns is not None else empty
        return pa.concat_tables([self.read(part, columns) for part in range(self.num_parts)])

    def files(self) -> list[str]:
        """Names of all files, in part order."""
        return [file.name for part in self.parts for file in part.files]

    def local(self, name: str) -> Path:
        """Where one file of a folder dataset lies on this machine."""
        return self.store.local(self.name, name)

    def folder(self) -> Path:
        """Where the dataset lies on this machine."""
        return self.store.local(self.name)

    def digest(self) -> str:
        """SHA-256 over names and bytes of all parts: equal digests, equal data."""
        rows = [part.to_json() for part in self.parts]
        return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()

    def verify(self) -> None:
        """Raise Damaged unless every file's bytes are those of the manifest."""
        for part in self.parts:
            for file in part.files:
                with self._open(self.store.open, file.name) as handle:
                    found = hashlib.file_digest(handle, "sha256").hexdigest()
                if found != file.sha256:
                    raise Damaged(
                        f"{self.store.path(self.name, file.name)}: SHA-256 {found[:16]}..., "
                        f"expected {file.sha256[:16]}...; {self._remedy()}"
                    )

    def _open(self, opened: Callable[..., Any], name: str) -> Any:
        try:
            return opened(self.name, name)
        except FileNotFoundError as error:
            raise Damaged(
                f"{self.store.path(self.name, name)}: gone, but its manifest lists it; "
                f"{self._remedy()}"
            ) from error

    def _remedy(self) -> str:
        return f"run `winnow run {writer_of(self.name).name} --force`"


def open_dataset(store: Store, name: str) -> Dataset:
    """A finished dataset; raises NotBuilt where its stage has not finished."""
    if not store.exists(name, MANIFEST):
        stage = writer_of(name).name
        raise NotBuilt(
            f"{store.path(name)}: no {MANIFEST}, so {name} is not finished; "
            f"expected it from stage {stage}: run `winnow run {stage}` first"
        )
    manifest = json.loads(store.read(name, MANIFEST))
    return Dataset(store, name, tuple(part_from_json(row) for row in manifest["parts"]))


def publish_manifest(store: Store, name: str, parts: Sequence[Part]) -> None:
    """Write the manifest, after which the dataset is finished."""
    ordered = sorted(parts, key=lambda part: part.number)
    value = {"dataset": name, "format": 1, "parts": [part.to_json() for part in ordered]}
    store.write(json.dumps(value, indent=1, sort_keys=True).encode() + b"\n", name, MANIFEST)


def survivors(
    documents: Dataset, verdicts: Dataset, part: int, columns: Sequence[str] = ()
) -> pa.Table:
    """The documents of one part that `verdicts` keeps, in order.

    Returns doc_id, num_characters and the asked columns of `documents`. Raises Damaged where a kept
    doc_id is not among the part's documents, or stands out of order.
    """
    import pyarrow.compute as pc

    wanted = ["doc_id", "num_characters", *(c for c in columns if c != "doc_id")]
    table = documents.read(part, list(dict.fromkeys([*wanted, "keep"])))
    if verdicts.name == documents.name:
        return table.filter(table["keep"]).select(wanted)
    judged = verdicts.read(part, ["doc_id", "keep"])
    kept = judged.filter(judged["keep"])["doc_id"].combine_chunks()
    rows = pc.index_in(kept, value_set=table["doc_id"].combine_chunks())
    positions = rows.to_numpy(zero_copy_only=False)
    if rows.null_count or (len(positions) > 1 and not (positions[1:] > positions[:-1]).all()):
        raise Damaged(
            f"{verdicts.path(part)}: its documents are not those of {documents.path(part)}, in "
            "order; expected tables that join by position: run the stage again with --force"
        )
    return table.take(rows).select(wanted)


def in_turns(table: pa.Table, *, max_characters: int = TURN_CHARACTERS) -> Iterator[pa.Table]:
    """The rows of a table with num_characters in turns of about so much text.

    Kernels are fast on what a cache or two can hold, and a task's memory stays bounded.
    """
    turn = np.cumsum(table["num_characters"].to_numpy()) // max_characters
    edges = (np.flatnonzero(np.diff(turn)) + 1).tolist()
    for first, end in zip([0, *edges], [*edges, table.num_rows], strict=True):
        if end > first:
            yield table.slice(first, end - first)


def columns_of(
    verdicts: Dataset, part: int, columns: Sequence[str], doc_ids: pa.ChunkedArray
) -> pa.Table:
    """Columns of a verdict table for these documents; raises Damaged where one is missing."""
    import pyarrow.compute as pc

    table = verdicts.read(part, ["doc_id", *columns])
    rows = pc.index_in(
        doc_ids.combine_chunks(), value_set=table["doc_id"].combine_chunks()
    )
    if rows.null_count:
        raise Damaged(
            f"{verdicts.path(part)}: lacks {rows.null_count} documents that the stages after it "
            "kept; run the stage again with --force"
        )
    return table.take(rows).select(list(columns))
