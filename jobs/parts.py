"""How a stage runs on Spark: one task per part, and Spark moves keys, never text.

A task reads and writes with pyarrow, straight between Parquet and Arrow buffers; Spark only says
where and when (measured: 0.80 of a plain two-process loop, where rows through the JVM give 0.53).
A part that is published is never done again, so a killed stage resumes at the next part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus import schemas
from corpus.datasets import (
    Dataset,
    Part,
    open_dataset,
    publish_manifest,
    survivors,
)
from corpus.errors import LedgerImbalance
from corpus.ledger import CHARACTERS, Ledger, total
from corpus.publishing import PartOutput, PartRecords, publish_file, read_attempt
from corpus.stages import Stage
from corpus.storage import Store, storage_errors
from jobs.exchange import Flow
from jobs.progress import Progress, say

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.recipe import Recipe
    from jobs.row_exchange import RowFlow
    from jobs.session import Session

Task = Callable[[PartOutput, Any], None]
FlowTask = Callable[..., None]
"""Called with the part's output and an array of each kind of record, or a list of batches."""
Judge = Callable[[pa.Table, PartOutput], pa.Table]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One stage at work: what it reads, how it runs its tasks, where its outputs go."""

    stage: Stage
    recipe: Recipe
    store: Store
    session: Session
    ledger: Ledger
    """The stage's ledger, filled by the step that counts the rows of its last output."""

    @property
    def root(self) -> str:
        """The root folder, as given."""
        return self.store.root

    @property
    def seed(self) -> int:
        """The recipe's seed."""
        return self.recipe.seed

    @property
    def spark(self) -> SparkSession:
        """The Spark session, started when first asked for."""
        return self.session.spark

    def log(self, message: str) -> None:
        """Say one line about this stage."""
        say(f"{self.stage.name}: {message}")

    def input(self, dataset: str) -> Dataset:
        """A finished dataset; raises NotBuilt where there is none."""
        return open_dataset(self.store, dataset)

    def judge(
        self,
        judge: Judge,
        *,
        after: str,
        columns: Sequence[str],
        verdicts: str,
        also: Sequence[str] = (),
    ) -> None:
        """Judge the survivors of `after`, part by part, into the verdict table `verdicts`."""
        documents = self.input("documents")
        before = self.input(after)
        task = partial(_judge_part, judge, documents, before, tuple(columns), verdicts)
        self.map_parts(
            task,
            range(before.num_parts),
            outputs=(*also, verdicts),
            counted=verdicts,
            step=f"judge-{verdicts}",
            expected=[before.part_kept(part) for part in range(before.num_parts)],
        )

    def map_parts(
        self,
        task: Task,
        items: Sequence[Any],
        *,
        outputs: Sequence[str],
        counted: str,
        step: str = "parts",
        expected: Sequence[int] | None = None,
        at_once: int | None = None,
    ) -> Ledger:
        """Run one Spark task per item; part k of each output comes from item k.

        at_once: items at work at the same time, where something outside wants no more. Returns
        the sum of the parts' ledgers.
        """
        records = self._records(step)
        done = set(records.done())
        missing = [
            (number, item, None if expected is None else expected[number])
            for number, item in enumerate(items)
            if number not in done
        ]
        if missing:
            run = partial(_run_part, self.store, records, tuple(outputs), counted, task)
            unit = "documents" if schemas.table_named(counted).is_verdict else "rows"
            with Progress(self.stage.name, step, records, num_parts=len(items), unit=unit):
                self.session.for_each(run, missing, num_tasks=at_once)
        return self._publish(records, range(len(items)), outputs, counted)

    def write_frame(
        self,
        frame: DataFrame,
        dataset: str,
        *,
        part: str,
        num_parts: int,
        order_by: Sequence[str],
        step: str,
    ) -> None:
        """Write a frame's rows as a table: rows whose column `part` is k go to part k, sorted."""
        records = self._records(step)
        if len(records.done()) < num_parts:
            run = partial(_run_sorted, self.store, records, dataset, part)
            with Progress(self.stage.name, step, records, num_parts=num_parts):
                self.session.for_each_sorted(
                    run, frame, part=part, num_parts=num_parts, order_by=order_by
                )
        self._publish(records, range(num_parts), (dataset,), dataset)

    def receive(
        self,
        make_flow: Callable[[], Flow | RowFlow],
        task: FlowTask,
        *,
        num_parts: int,
        outputs: Sequence[str],
        counted: str,
        step: str,
    ) -> Ledger:
        """Write part k of the outputs from the records that a flow brings to target k.

        The flow is made only where a part is missing. The task is given an array of each kind, or
        batches of rows, in any order. Returns the sum of the parts' ledgers.
        """
        records = self._records(step)
        if len(records.done()) < num_parts:
            with Progress(self.stage.name, step, records, num_parts=num_parts):
                flow = make_flow()
                run = partial(
                    _run_received, self.store, records, tuple(outputs), counted, flow.unpack, task
                )
                self.session.for_each_partition(run, flow.at_targets(), num_parts=num_parts)
        return self._publish(records, range(num_parts), outputs, counted)

    def frame(self, dataset: str, columns: Sequence[str] | None = None) -> DataFrame:
        """A table as a Spark frame."""
        return self.session.read(self.input(dataset), columns)

    @contextmanager
    def folder(self, dataset: str, *, keep: bool = False) -> Iterator[Path]:
        """A local folder to fill, published whole on leaving; its files' names may hold slashes.

        With `keep`, what a killed run of the same stage, settings and inputs left is still there.
        """
        if keep:
            building = self.store.local("_stages", self.stage.name, f"{dataset}.building")
            building.mkdir(parents=True, exist_ok=True)
            with storage_errors(self.root, only_full=True):
                yield building
                self._publish_folder(building, dataset)
            return
        with self.store.scratch() as building, storage_errors(self.root, only_full=True):
            yield building
            self._publish_folder(building, dataset)

    def _publish_folder(self, building: Path, dataset: str) -> None:
        paths = sorted(path for path in building.rglob("*") if path.is_file())
        files = tuple(
            publish_file(self.store, path, dataset, path.relative_to(building).as_posix())
            for path in paths
        )
        publish_manifest(self.store, dataset, [Part(number=0, num_rows=0, num_kept=0, files=files)])

    def _records(self, step: str) -> PartRecords:
        attempt = read_attempt(self.store, self.stage.name).get("fingerprint", "")
        return PartRecords(self.store, self.stage.name, step, attempt)

    def _publish(
        self, records: PartRecords, numbers: Iterable[int], outputs: Sequence[str], counted: str
    ) -> Ledger:
        read = [records.read(number) for number in numbers]
        ledger = total(part_ledger for part_ledger, _ in read)
        ledger.check(f"{self.stage.name}, {counted}")
        for dataset in outputs:
            publish_manifest(self.store, dataset, [parts[dataset] for _, parts in read])
        if counted == self.stage.outputs[-1]:
            self.ledger.accounts.update(ledger.accounts)
        return ledger


def _run_part(
    store: Store,
    records: PartRecords,
    outputs: tuple[str, ...],
    counted: str,
    task: Task,
    job: tuple[int, Any, int | None],
) -> None:
    number, item, expected = job
    if records.has(number):  # a task of several items that is tried again
        return
    with store.scratch() as scratch, storage_errors(store.root, only_full=True):
        out = PartOutput(store, scratch, number, outputs=outputs, counted=counted)
        task(out, item)
        records.publish(out, expected=expected)


def _run_sorted(
    store: Store,
    records: PartRecords,
    dataset: str,
    part: str,
    number: int,
    batches: Iterator[pa.RecordBatch],
) -> None:
    if records.has(number):
        return
    schema = schemas.table_named(dataset).arrow
    with store.scratch() as scratch, storage_errors(store.root, only_full=True):
        out = PartOutput(store, scratch, number, outputs=(dataset,), counted=dataset)
        for batch in batches:
            if batch.num_rows:
                out.taken(batch.num_rows)
                rows = pa.Table.from_batches([batch.drop_columns([part])])
                out.write(dataset, rows.select(schema.names).cast(schema))
        records.publish(out)


def _run_received(
    store: Store,
    records: PartRecords,
    outputs: tuple[str, ...],
    counted: str,
    unpack: Callable[[Iterable[pa.RecordBatch]], tuple[Any, ...]],
    task: FlowTask,
    number: int,
    batches: Iterator[pa.RecordBatch],
) -> None:
    if records.has(number):
        return
    with store.scratch() as scratch, storage_errors(store.root, only_full=True):
        out = PartOutput(store, scratch, number, outputs=outputs, counted=counted)
        task(out, *unpack(batches))
        records.publish(out)


def _judge_part(
    judge: Judge,
    documents: Dataset,
    before: Dataset,
    columns: tuple[str, ...],
    verdicts: str,
    out: PartOutput,
    part: int,
) -> None:
    given = survivors(documents, before, part, columns)
    answer = judge(given, out)
    if not answer["doc_id"].combine_chunks().equals(given["doc_id"].combine_chunks()):
        raise LedgerImbalance(
            f"{verdicts}, part {part}: {answer.num_rows} verdicts for {given.num_rows} documents; "
            "expected one for each, in order"
        )
    lengths = given["num_characters"]
    out.taken(given.num_rows)
    account = out.ledger.account(CHARACTERS)
    account.taken = int(pc.sum(lengths).as_py() or 0)
    account.kept = int(pc.sum(lengths.filter(answer["keep"])).as_py() or 0)
    dropped = pc.invert(answer["keep"])
    by_reason = pa.table(
        {"reason": answer["reason"].filter(dropped), "characters": lengths.filter(dropped)}
    ).group_by("reason").aggregate([("characters", "sum")])
    for row in by_reason.to_pylist():
        account.dropped[row["reason"]] += row["characters_sum"]
    out.write(verdicts, answer)


