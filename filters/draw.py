"""Which documents are drawn, and how often: as near to the plan as whole documents allow.

E epochs of a source are floor(E) copies of each document and one more of a share E - floor(E) of
them. A coin for each document would stray from the plan by more than it should: of 3,000 documents,
by about 2 % in number at a share of 0.44, and more in tokens, as few documents have most of them.
Therefore the extra copies are drawn within size classes, whose bounds lie a factor of 2^(1/8)
apart: of each class its share, where what one lacks by rounding the next smaller has, and of a
class the documents with the smallest keyed numbers. Which those are is a cut-off in the number for
each class, found in two passes over narrow columns without a sort: counts by class and by 1,024
stretches of the number, then the numbers in the stretch of each cut-off.

The share that a class has in truth takes the place of the plan's when copies are put in order
(order.py): they stay spread evenly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus import schemas
from corpus.errors import DataError
from corpus.identity import keyed_uniform
from filters.held_out import TRAIN, split_of
from filters.mixture import SourcePlan
from filters.order import STAGE, num_copies

NOT_DRAWN = "not_drawn"
SOURCE_HAS_NO_WEIGHT = "source_has_no_weight"
NOTHING_LEFT = "nothing_left"

CLASSES_PER_OCTAVE = 8
# Smallest size of each class, in tokens; up to 8 tokens a class is a number.
BOUNDS = np.unique([int(np.ceil(2 ** (k / CLASSES_PER_OCTAVE))) for k in range(40 * 8)])
NUM_CLASSES = len(BOUNDS) + 1  # the first is of no token
STRETCHES = 1024
GRID_BITS = 40  # of a cut-off, so that it is exact beside up to 2^12 whole epochs

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
Drawn = Mapping[str, Float64Array]
"""Epochs of each size class of each source, float64 (NUM_CLASSES,)."""
Parts = Callable[[], Iterable[pa.Table]]


def draw(
    sizes: Parts,
    planned: Sequence[SourcePlan],
    held_out: Collection[bytes] = (),
    *,
    seed: int,
) -> Drawn:
    """The epochs of each class that come to those planned.

    sizes: called up to twice for the parts of table `sizes` with doc_id, source, cluster_id, split,
    num_bytes, num_tokens. The order of parts and rows changes nothing.
    """
    whole = {p.source: int(p.epochs) for p in planned}
    if not any(p.epochs % 1 for p in planned):
        return {name: np.full(NUM_CLASSES, float(copies)) for name, copies in whole.items()}

    def chances() -> Iterator[_Chances]:
        for part in sizes():
            yield from _chances(part, whole, held_out, seed=seed)

    tallies = {p.source: _Tally() for p in planned}
    for found in chances():
        tallies[found.source].count(found)
    for p in planned:
        tallies[p.source].choose(p.epochs % 1)
    for found in chances():
        tallies[found.source].look(found)
    return {name: whole[name] + tally.cut_offs() for name, tally in tallies.items()}


class _Chances(NamedTuple):
    """Documents of a source that may be drawn once more: arrays (num_documents,)."""

    source: str
    classes: Int64Array
    num_tokens: Int64Array
    chances: Float64Array
    """Keyed number of each."""

    @property
    def stretches(self) -> Int64Array:
        """Where each number lies, 0 to STRETCHES - 1."""
        return (self.chances * STRETCHES).astype(np.int64)


class _Tally:
    """What is known of a source's documents: first counts, then the numbers near the cut-offs."""

    def __init__(self) -> None:
        self._counts = np.zeros((NUM_CLASSES, STRETCHES), np.int64)
        self._tokens = np.zeros(NUM_CLASSES, np.int64)
        self._wanted = np.zeros(NUM_CLASSES, np.int64)
        self._stretch = np.full(NUM_CLASSES, -1)
        self._near: dict[int, list[float]] = {}

    def count(self, found: _Chances) -> None:
        """First pass."""
        np.add.at(self._counts, (found.classes, found.stretches), 1)
        np.add.at(self._tokens, found.classes, found.num_tokens)

    def choose(self, share: float) -> None:
        """How many of each class are drawn, and in which stretch the first lies that is not."""
        upto = np.cumsum(self._counts, axis=1)
        self._wanted = wanted(upto[:, -1], self._tokens, share)
        is_cut = (self._wanted > 0) & (self._wanted < upto[:, -1])
        self._stretch[is_cut] = (upto <= self._wanted[:, None]).sum(axis=1)[is_cut]

    def look(self, found: _Chances) -> None:
        """Second pass."""
        is_near = self._stretch[found.classes] == found.stretches
        near = zip(found.classes[is_near].tolist(), found.chances[is_near].tolist(), strict=True)
        for its_class, chance in near:
            self._near.setdefault(its_class, []).append(chance)

    def cut_offs(self) -> Float64Array:
        """Documents with smaller numbers are drawn: (NUM_CLASSES,), 0 to 1."""
        found = (self._wanted > 0).astype(np.float64)
        for its_class, chances in self._near.items():
            before = self._counts[its_class, : self._stretch[its_class]].sum()
            found[its_class] = sorted(chances)[self._wanted[its_class] - before]
        return np.floor(found * 2.0**GRID_BITS) / 2.0**GRID_BITS


def wanted(num_documents: Int64Array, num_tokens: Int64Array, share: float) -> Int64Array:
    """Documents to draw of each class, given those that it has and their tokens: (NUM_CLASSES,).

    From the class of the largest documents on, what rounding leaves is carried over in tokens. To
    carry documents over as well gains nothing: in 12 draws of 400 to 9,000 of 4,000 documents,
    log-normal in size, numbers were off by 0.4 documents so, and by 1.2 to 13 with a term for them.
    """
    found = np.zeros(len(num_documents), np.int64)
    missing = 0.0
    for k in np.flatnonzero(num_documents)[::-1].tolist():
        num = int(num_documents[k])
        mean = max(int(num_tokens[k]) / num, 1.0)
        due = share * num + missing / mean
        found[k] = min(num, max(0, math.floor(due + 0.5)))
        missing = (due - int(found[k])) * mean
    return found


def _chances(
    part: pa.Table, whole: Mapping[str, int], held_out: Collection[bytes], *, seed: int
) -> Iterator[_Chances]:
    in_train = pc.equal(split_of(part, held_out), TRAIN)
    rows = part.filter(pc.and_(in_train, pc.greater(part["num_bytes"], 0)))
    for source in pc.unique(rows["source"]).to_pylist():
        own = rows.filter(pc.equal(rows["source"], source))
        num_tokens = own["num_tokens"].to_numpy()
        chances = keyed_uniform(own["doc_id"], seed=seed, stage=STAGE, copy=whole[source])
        yield _Chances(source, size_class(num_tokens), num_tokens, chances)


def size_class(num_tokens: Int64Array) -> Int64Array:
    """The class of each size, int64 (num_documents,)."""
    return np.searchsorted(BOUNDS, num_tokens, side="right").astype(np.int64)


def judge(
    sizes: pa.Table,
    drawn: Drawn,
    weights: Mapping[str, float],
    held_out: Collection[bytes],
    *,
    seed: int,
) -> pa.Table:
    """How often each document stands in the shards: a part of `mix` for a part of `sizes`."""
    split = split_of(sizes, held_out)
    in_train = pc.equal(split, TRAIN).to_numpy()
    sources, its_source = np.unique(
        np.array(sizes["source"].to_pylist(), object).astype(str), return_inverse=True
    )
    none = np.zeros(NUM_CLASSES, np.float64)
    table = np.array([drawn.get(name, none) for name in sources.tolist()]).reshape(-1, NUM_CLASSES)
    of_train = table[its_source, size_class(sizes["num_tokens"].to_numpy())]
    has_weight = np.array(
        [not weights or weights.get(name, 0.0) > 0 for name in sources.tolist()], np.bool_
    )[its_source]
    epochs = np.where(in_train, of_train, has_weight.astype(np.float64))
    has_text = sizes["num_bytes"].to_numpy() > 0  # edits and cuts together may leave none
    copies = num_copies(sizes["doc_id"], epochs, seed=seed) * has_text
    keep = copies > 0
    fault = np.where(has_weight, NOT_DRAWN, SOURCE_HAS_NO_WEIGHT)
    fault = np.where(has_text, fault, NOTHING_LEFT)
    return pa.table(
        [
            sizes["doc_id"], pa.array(keep), pa.array(fault, pa.string(), mask=keep),
            sizes["source"], split, pa.array(copies), pa.array(epochs), sizes["num_bytes"],
            sizes["num_tokens"],
        ],
        schema=schemas.table_named("mix").arrow,
    )


def outcome(planned: Sequence[SourcePlan], mixes: Iterable[pa.Table]) -> pa.Table:
    """Table `mixture`: the plan beside what was drawn.

    mixes: parts of `mix` with source, split, copies, num_bytes, num_tokens. Raises DataError where
    a source with a weight came out empty.
    """
    drawn: dict[str, list[int]] = {}
    for part in mixes:
        rows = part.filter(pc.and_(pc.equal(part["split"], TRAIN), pc.greater(part["copies"], 0)))
        copies = pc.cast(rows["copies"], pa.int64())
        counted = pa.table(
            {
                "source": rows["source"],
                "documents": copies,
                "bytes": pc.multiply(copies, rows["num_bytes"]),
                "tokens": pc.multiply(copies, rows["num_tokens"]),
            }
        )
        names = ("documents", "bytes", "tokens")
        grouped = counted.group_by("source").aggregate([(name, "sum") for name in names])
        for row in grouped.to_pylist():
            total = drawn.setdefault(row["source"], [0, 0, 0])
            for i, name in enumerate(names):
                total[i] += row[f"{name}_sum"]
    if empty := [p.source for p in planned if p.weight and not drawn.get(p.source, [0])[0]]:
        raise DataError(
            f"mix: no document of {', '.join(empty)} was drawn, its share is too small for one; "
            "raise mix.total_tokens or its weight, or set its weight to 0"
        )
    names = ("drawn_documents", "drawn_bytes", "drawn_tokens")
    rows_out: list[dict[str, Any]] = [
        asdict(p) | dict(zip(names, drawn.get(p.source, [0, 0, 0]), strict=True)) for p in planned
    ]
    return pa.Table.from_pylist(rows_out, schema=schemas.table_named("mixture").arrow)
