"""Writing one part: built in scratch, checked, counted, then published whole.

A part's outputs (rows of one or more tables, files of folder datasets) are moved to their places,
and only then is its record written, so a part with a record is done. A task that runs twice writes
the same bytes to the same names. A task of an attempt that another has followed (its driver died,
or its job failed meanwhile) begins to publish nothing more, and its records are not the other's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus import schemas
from corpus.datasets import Part, PublishedFile, part_from_json, part_name
from corpus.errors import LedgerImbalance, Superseded
from corpus.ledger import CHARACTERS, Ledger, ledger_from_json
from corpus.storage import Store, storage_errors

_ATTEMPT = "attempt.json"


class PartOutput:
    """The outputs of one part, while its task runs."""

    def __init__(
        self, store: Store, scratch: Path, number: int, *, outputs: Sequence[str], counted: str
    ) -> None:
        self.number = number
        self.ledger = Ledger()
        self._store = store
        self._scratch = scratch
        self._outputs = tuple(outputs)
        self._counted = counted
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._rows = dict.fromkeys(outputs, 0)
        self._kept = dict.fromkeys(outputs, 0)
        self._files: dict[str, list[str]] = {name: [] for name in outputs}

    def write(self, dataset: str, rows: pa.Table | pa.RecordBatch) -> None:
        """Append rows to a table; raises SchemaMismatch where the columns are not its own."""
        if isinstance(rows, pa.RecordBatch):
            rows = pa.Table.from_batches([rows])
        schemas.check(dataset, rows.schema, where=f"part {self.number}")
        with storage_errors(self._store.path(dataset)):
            self._writer(dataset).write_table(rows)
        self._count(dataset, rows)

    def write_rows(self, dataset: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows given by column to a table; a column that a row lacks is null."""
        arrow = schemas.table_named(dataset).arrow
        self.write(dataset, pa.Table.from_pylist(list(rows), schema=arrow))

    def file(self, dataset: str, name: str) -> Path:
        """A local path to write one file of a folder dataset, published with the part."""
        if name not in self._files[dataset]:
            self._files[dataset].append(name)
        return self._scratch / f"{dataset}-{name}"

    def taken(self, num: int = 1, *, characters: int = 0) -> None:
        """Count what the part was given to decide on."""
        self.ledger.account().taken += num
        if characters:
            self.ledger.account(CHARACTERS).taken += characters

    def dropped(self, reason: str, num: int = 1) -> None:
        """Count what left no row."""
        self.ledger.account().dropped[reason] += num

    def finish(self, *, expected: int | None = None) -> dict[str, Any]:
        """Check the ledger, publish all files, and return the part's record."""
        where = f"{self._counted}, part {self.number}"
        self.ledger.check(where)
        taken = self.ledger.account().taken
        if expected is not None and taken != expected:
            raise LedgerImbalance(
                f"{where}: {taken} rows were taken, expected {expected} as the stage before "
                "published; a row was lost on the way in"
            )
        parts = {name: self._publish(name).to_json() for name in self._outputs}
        return {"number": self.number, "ledger": self.ledger.to_json(), "parts": parts}

    def _writer(self, dataset: str) -> pq.ParquetWriter:
        if dataset not in self._writers:
            schema = schemas.table_named(dataset).arrow
            path = self._scratch / f"{dataset}.parquet"
            self._writers[dataset] = pq.ParquetWriter(path, schema, compression="zstd")
        return self._writers[dataset]

    def _count(self, dataset: str, rows: pa.Table) -> None:
        self._rows[dataset] += rows.num_rows
        is_verdict = schemas.table_named(dataset).is_verdict
        kept = int(pc.sum(rows["keep"]).as_py() or 0) if is_verdict else rows.num_rows
        self._kept[dataset] += kept
        if dataset != self._counted:
            return
        self.ledger.account().kept += kept
        if is_verdict:
            count_reasons(self.ledger, rows)

    def _publish(self, dataset: str) -> Part:
        files = []
        if schemas.table_named(dataset).is_table:
            self._writer(dataset)
            with storage_errors(self._store.path(dataset)):
                self._writers[dataset].close()
            files = [(self._scratch / f"{dataset}.parquet", part_name(self.number))]
        files += [(self._scratch / f"{dataset}-{name}", name) for name in self._files[dataset]]
        return Part(
            number=self.number,
            num_rows=self._rows[dataset],
            num_kept=self._kept[dataset],
            files=tuple(publish_file(self._store, path, dataset, name) for path, name in files),
        )


def count_reasons(ledger: Ledger, rows: pa.Table, unit: str | None = None) -> None:
    """Add a verdict table's dropped rows to the ledger, by reason."""
    dropped = rows.filter(pc.invert(rows["keep"]))
    account = ledger.account() if unit is None else ledger.account(unit)
    for count in pc.value_counts(dropped["reason"]).to_pylist():
        if count["values"] is None:
            raise LedgerImbalance(
                f"{count['counts']} rows are dropped without a reason; expected one for each"
            )
        account.dropped[count["values"]] += count["counts"]


def publish_file(store: Store, built: Path, dataset: str, name: str) -> PublishedFile:
    """Hash a finished file, move it to its place in the dataset, and describe it."""
    with built.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    num_bytes = built.stat().st_size
    store.publish(built, dataset, name)
    return PublishedFile(name=name, num_bytes=num_bytes, sha256=digest)


class PartRecords:
    """The records of one step's parts: what is done, and with which counts.

    attempt: the fingerprint whose parts these are, of which the records' folder has the name; empty
    for a step that no runner began.
    """

    def __init__(self, store: Store, stage: str, step: str, attempt: str = "") -> None:
        self._store = store
        self._stage = stage
        self._step = step
        self._attempt = attempt
        folder = f"{step}-{attempt[:16]}" if attempt else step
        self._names = ("_stages", stage, folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return (PartRecords, (self._store, self._stage, self._step, self._attempt))

    def done(self) -> list[int]:
        """Numbers of the parts that are published, in order."""
        names = self._store.names(*self._names)
        return sorted(int(name.removesuffix(".json")) for name in names if name.endswith(".json"))

    def has(self, number: int) -> bool:
        """Whether the part is published."""
        return self._store.exists(*self._names, f"{number:05d}.json")

    def publish(self, out: PartOutput, *, expected: int | None = None) -> None:
        """Publish a part, then its record.

        Raises Superseded where another attempt has begun, LedgerImbalance where rows are lost.
        """
        current = read_attempt(self._store, self._stage).get("fingerprint", "")
        if self._attempt and current != self._attempt:
            raise Superseded(
                f"{self._stage} ({self._step}), part {out.number}: a task of the run "
                f"{self._attempt[:16]}, expected one of {current[:16] or 'none'}; another run of "
                "this stage was begun on this root, and nothing more of this one is published"
            )
        self.add(out.finish(expected=expected))

    def add(self, record: dict[str, Any]) -> None:
        """Write a part's record, after its files."""
        text = json.dumps(record, sort_keys=True)
        self._store.write(text.encode(), *self._names, f"{record['number']:05d}.json")

    def read(self, number: int) -> tuple[Ledger, dict[str, Part]]:
        """A part's ledger, and what it published by dataset."""
        record = json.loads(self._store.read(*self._names, f"{number:05d}.json"))
        parts = {name: part_from_json(part) for name, part in record["parts"].items()}
        return ledger_from_json(record["ledger"]), parts


def read_attempt(store: Store, stage: str) -> dict[str, Any]:
    """Whose parts a stage at work wants (fingerprint), and who runs it; empty where none does."""
    if not store.exists("_stages", stage, _ATTEMPT):
        return {}
    found: dict[str, Any] = json.loads(store.read("_stages", stage, _ATTEMPT))
    return found


def write_attempt(store: Store, stage: str, attempt: Mapping[str, Any]) -> None:
    """Begin an attempt: from now on no task of an earlier one publishes."""
    store.write(json.dumps(attempt).encode(), "_stages", stage, _ATTEMPT)
