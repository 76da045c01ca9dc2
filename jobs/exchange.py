"""Narrow records between tasks, in blocks: Spark moves bytes, and never a row at a time.

A stage that must bring together what many parts hold (band keys, pairs, edges) sends numpy records
of a few bytes each. The sending task packs those of one target into a block; Spark's shuffle brings
the blocks of a target to one task, which gets one array of each kind of record. A row of Spark's
own costs 16 bytes and more beside its values, and a microsecond of JVM each way; a record in a
block costs its bytes, which are laid out for Spark's lz4 to pack.

    flow = send(session, produce, num_items, kinds=(KEY,), num_targets=64)   # produce: item -> Sent
    flow = flow.through(handle, kinds=(PAIR,), num_targets=8)                # arrays -> Sent
    job.receive(lambda: flow, task, ...)                                     # task writes part k

Records arrive in any order: a handler sorts what depends on it. Text cannot travel here: records
have fixed width, and no objects. Cost: a target's records are in memory at once, twice for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit
from pyspark import TaskContext

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.session import Session

Records = npt.NDArray[Any]
Int64Array = npt.NDArray[np.int64]

MAX_BLOCK = 8 << 20
"""Bytes of a block at most, so that a Spark worker holds few of them at a time in its 1 GiB."""

RECORDS_PER_TARGET = 1_000_000
"""Records that a task gets, while there are few tasks: 24 to 64 MB, four times that as it works."""

MANY_TARGETS = 4096
"""Above it a task gets up to eight times as many: sending tasks times targets are the blocks that
Spark reads one by one, and of 3 billion documents' band keys there would be a billion and more."""
_GROWTH = 8

BLOCKS = "target int, kind int, block binary"
"""Columns of a flow's frame."""
_ARROW = pa.schema([("target", pa.int32()), ("kind", pa.int32()), ("block", pa.binary())])


class Sent(NamedTuple):
    """Records on their way."""

    records: Records
    """Structured, (num_records,), of one of the flow's kinds."""
    targets: Int64Array | int
    """int64 (num_records,): the task that gets each; or one for all."""


Produce = Callable[[int], Iterable[Sent]]
Handle = Callable[..., Iterable[Sent]]
"""Called with the target's number and an array of each kind."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Blocks of records that Spark will bring to `num_targets` tasks."""

    frame: DataFrame
    kinds: tuple[np.dtype[Any], ...]
    num_targets: int

    def at_targets(self) -> DataFrame:
        """The blocks, those of target k in partition k."""
        from pyspark.sql import functions as sql

        return self.frame.repartitionById(self.num_targets, sql.col("target"))

    @property
    def unpack(self) -> Callable[[Iterable[pa.RecordBatch]], tuple[Records, ...]]:
        """What makes records of a target's blocks."""
        return partial(unpacked, self.kinds)

    def through(self, handle: Handle, *, kinds: Sequence[np.dtype[Any]], num_targets: int) -> Flow:
        """Have each target's records handled, and send what comes of them."""
        run = partial(_handle, self.kinds, handle, tuple(kinds), num_targets)
        return Flow(self.at_targets().mapInArrow(run, BLOCKS), tuple(kinds), num_targets)


def send(
    session: Session,
    produce: Produce,
    num_items: int,
    *,
    kinds: Sequence[np.dtype[Any]],
    num_targets: int,
) -> Flow:
    """Have records made for each of the items 0..num_items-1, a task each, and sent."""
    items = session.spark.range(0, num_items, 1, max(num_items, 1))
    run = partial(_produce, produce, tuple(kinds), num_targets)
    return Flow(items.mapInArrow(run, BLOCKS), tuple(kinds), num_targets)


def num_targets_for(num_records: int) -> int:
    """Tasks among which so many records are to be shared out."""
    needed = -(-num_records // RECORDS_PER_TARGET)
    return max(1, min(needed, max(MANY_TARGETS, -(-needed // _GROWTH))))


def target_of(hashes: npt.NDArray[np.uint64], num_targets: int) -> Int64Array:
    """Which of so many targets each uniform 64-bit hash goes to: its share of the range."""
    return ((hashes >> np.uint64(33)).astype(np.int64) * num_targets) >> 31


def unpacked(
    kinds: Sequence[np.dtype[Any]], batches: Iterable[pa.RecordBatch]
) -> tuple[Records, ...]:
    """The records of each kind in these batches of blocks."""
    blocks: list[list[Records]] = [[] for _ in kinds]
    for batch in batches:
        for kind, block in zip(batch["kind"].to_pylist(), batch["block"], strict=True):
            blocks[kind].append(_from_planes(block.as_buffer(), kinds[kind]))
    return tuple(
        np.concatenate(found) if found else np.empty(0, kind)
        for kind, found in zip(kinds, blocks, strict=True)
    )


def packed(
    sent: Sent, kinds: Sequence[np.dtype[Any]], num_targets: int
) -> Iterator[pa.RecordBatch]:
    """The records as blocks of one target each; raises ValueError where one cannot be sent."""
    records, targets = sent
    if records.dtype.hasobject or records.dtype not in kinds:
        raise ValueError(f"records of {records.dtype} are sent, expected one of {kinds}")
    kind = tuple(kinds).index(records.dtype)
    if isinstance(targets, int):
        order, ends = None, np.zeros(num_targets + 1, np.int64)
        ends[targets + 1 :] = len(records)
    else:
        order, ends = _by_target(np.ascontiguousarray(targets, np.int64), num_targets)
    data = np.ascontiguousarray(records if order is None else records[order])
    size = max(MAX_BLOCK // records.dtype.itemsize, 1)
    numbers, cuts = [], [0]
    for target in np.flatnonzero(np.diff(ends)).tolist():
        inside = range(int(ends[target]) + size, int(ends[target + 1]), size)
        cuts += [*inside, int(ends[target + 1])]
        numbers += [target] * (len(inside) + 1)
    yield from _batches(data, numbers, cuts, kind)


def _batches(
    data: Records, numbers: Sequence[int], cuts: Sequence[int], kind: int
) -> Iterator[pa.RecordBatch]:
    """Blocks data[cuts[i]:cuts[i + 1]] for target numbers[i], in batches of a few MiB."""
    width = data.dtype.itemsize
    first = 0
    while first < len(numbers):
        end = first + 1
        while end < len(numbers) and (cuts[end + 1] - cuts[first]) * width <= MAX_BLOCK:
            end += 1
        blocks = [_to_planes(data[a:b]) for a, b in pairwise(cuts[first : end + 1])]
        raw = np.concatenate(blocks)
        offsets = (np.array(cuts[first : end + 1], np.int64) - cuts[first]) * width
        buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(raw)]
        column = pa.Array.from_buffers(pa.binary(), end - first, buffers)
        targets = pa.array(numbers[first:end], pa.int32())
        kinds = pa.array(np.full(end - first, kind, np.int32))
        yield pa.record_batch([targets, kinds, column], schema=_ARROW)
        first = end


def _to_planes(records: Records) -> npt.NDArray[np.uint8]:
    """The records' bytes, the first byte of all, then the second of all, and so on.

    Numbers of one block differ in few of their bytes, which lz4 then sees: band keys shrink to 0.62
    where records as they lie give 0.5 to 0.8, the more targets the worse.
    """
    bytes_ = records.view(np.uint8).reshape(len(records), records.dtype.itemsize)
    return np.ascontiguousarray(bytes_.T).reshape(-1)


def _from_planes(block: pa.Buffer, kind: np.dtype[Any]) -> Records:
    planes = np.frombuffer(block, np.uint8).reshape(kind.itemsize, -1)
    return np.ascontiguousarray(planes.T).view(kind).reshape(-1)


def _produce(
    produce: Produce,
    kinds: Sequence[np.dtype[Any]],
    num_targets: int,
    batches: Iterator[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for item in batch["id"].to_pylist():
            for sent in produce(item):
                yield from packed(sent, kinds, num_targets)


def _handle(
    given: Sequence[np.dtype[Any]],
    handle: Handle,
    kinds: Sequence[np.dtype[Any]],
    num_targets: int,
    batches: Iterator[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    context = TaskContext.get()
    assert context is not None  # always set inside a task
    received = unpacked(given, batches)
    if any(map(len, received)):
        for sent in handle(context.partitionId(), *received):
            yield from packed(sent, kinds, num_targets)


@njit(cache=True, nogil=True)
def _by_target(targets: Int64Array, num_targets: int) -> tuple[Int64Array, Int64Array]:
    """Counting sort: the records' order by target, and where each target's begin and end."""
    ends = np.zeros(num_targets + 1, np.int64)
    for target in targets:
        ends[target + 1] += 1
    for k in range(num_targets):
        ends[k + 1] += ends[k]
    at = ends[:-1].copy()
    order = np.empty(len(targets), np.int64)
    for i in range(len(targets)):
        order[at[targets[i]]] = i
        at[targets[i]] += 1
    return order, ends
