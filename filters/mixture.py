"""How often each document is trained on.

Each source has a weight, its share of the bytes trained on. From the weights, a budget of bytes and
the sources' sizes follow the epochs of each (Brown et al. 2020, section 2.2: 0.43 to 3.4 for GPT-3,
whose printed weights sum to 101 %, so weights are normalised here). Without weights they follow
from sizes, raised to 1 / temperature (Raffel et al. 2020, section 3.5.2). The plan counts UTF-8
bytes, not tokens: the vocabulary is trained on the mixture, so there are no tokens yet.

Held-out documents are read once each and are not part of the plan. order.py draws the copies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus import schemas
from corpus.config import Settings
from corpus.errors import ConfigError, DataError
from corpus.identity import DOC_ID, keyed_hash
from filters.order import num_copies

NOT_DRAWN = "not_drawn"
SOURCE_HAS_NO_WEIGHT = "source_has_no_weight"
NOTHING_LEFT = "nothing_left"

TRAIN = "train"
VALIDATION = "validation"
HELD_OUT_STAGE = "mix-held-out"

MAX_HELD_OUT_SHARE = 0.1  # of a source's bytes, when mix itself must hold out documents
CANDIDATES_KEPT = 4096  # clusters remembered while looking for some to hold out


class MixSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of the sources, and how much is drawn."""

    weights: dict[str, float] = msgspec.field(default_factory=dict)
    """Share of each source in the bytes trained on; normalised to sum 1, 0 leaves a source out.
    Every source that has survivors must be named. Empty: by the sources' sizes and temperature."""
    temperature: float = 1.0
    """Without weights a source's weight is its bytes ^ (1 / temperature). 1: in proportion to size,
    so that all have the same epochs; the higher, the more of the small ones, up to equal shares."""
    total_bytes: int = 0
    """UTF-8 bytes to draw for training. 0: as many as the sources with a weight have, or fewer
    where a source would otherwise go over max_epochs; one epoch each in proportion to size."""
    max_epochs: float = 4.0
    """Times that a document may be trained on. 4: up to there repeating is nearly as good as new
    text (Muennighoff et al. 2023, section 6); GPT-3 went to 3.4."""
    over_max_epochs: Literal["error", "warn"] = "error"
    """What happens where total_bytes asks for more epochs of a source."""
    min_validation_bytes: int = 8192
    """UTF-8 bytes of held-out text that validation needs, about two windows of 1,024 tokens. Where
    dedup's split has fewer, as in a tiny corpus, whole clusters of duplicates are held out in the
    order of a keyed hash. 0: leave the split as it is."""

    def __post_init__(self) -> None:
        """Check ranges."""
        for source, weight in self.weights.items():
            if not 0 <= weight < float("inf"):
                raise ValueError(f"weights.{source} is {weight}, expected a number from 0")
        if self.weights and not any(self.weights.values()):
            raise ValueError("weights are all 0, expected at least one above")
        if not 1 <= self.temperature <= 1000:
            raise ValueError(f"temperature is {self.temperature}, expected 1 to 1000")
        if self.weights and self.temperature != 1:
            raise ValueError(
                f"temperature is {self.temperature} beside weights, expected one of them: it makes "
                "weights of sizes; leave temperature out, or empty them: --set mix.weights={}"
            )
        if self.total_bytes < 0:
            raise ValueError(f"total_bytes is {self.total_bytes}, expected 0 or more")
        if not 1 <= self.max_epochs <= 1000:
            raise ValueError(f"max_epochs is {self.max_epochs}, expected 1 to 1000")
        if self.min_validation_bytes < 0:
            raise ValueError(
                f"min_validation_bytes is {self.min_validation_bytes}, expected 0 or more"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTotal:
    """What a source has in train."""

    source: str
    num_documents: int
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """What is asked of a source; its fields are columns of `mixture`."""

    source: str
    weight: float
    num_documents: int
    num_bytes: int
    epochs: float
    planned_bytes: int


def plan(
    totals: Iterable[SourceTotal], settings: MixSettings, *, known_sources: Iterable[str]
) -> list[SourcePlan]:
    """Epochs of each source that has survivors in train, sorted by name.

    Raises ConfigError where the weights do not fit the sources, a share rounds to nothing or a
    source goes over max_epochs, and DataError where a source with a weight has no survivors.
    """
    sizes = {total.source: total for total in totals if total.num_documents}
    _check_weights(settings.weights, sizes, sorted(known_sources))
    shares = _shares(settings, sizes)
    budget = _budget(settings, shares, sizes)
    planned = [
        SourcePlan(
            source=name,
            weight=float(shares[name]),
            num_documents=sizes[name].num_documents,
            num_bytes=sizes[name].num_bytes,
            epochs=float(budget * shares[name] / max(sizes[name].num_bytes, 1)),
            planned_bytes=round(budget * shares[name]),
        )
        for name in sorted(sizes)
    ]
    if nothing := [p for p in planned if p.weight and not p.planned_bytes and p.num_bytes]:
        raise ConfigError(
            f"mix: the share of {', '.join(p.source for p in nothing)} rounds to nothing of "
            f"{float(budget):,.0f} bytes; expected a byte at least: raise mix.total_bytes or its "
            "weight, or set its weight to 0"
        )
    if settings.over_max_epochs == "error":
        for fault in too_many_epochs(planned, settings):
            raise ConfigError(fault)
    return planned


def too_many_epochs(planned: Sequence[SourcePlan], settings: MixSettings) -> list[str]:
    """A sentence for each source that goes over max_epochs."""
    return [
        f"mix.total_bytes: {source.planned_bytes:,} bytes of {source.source} would be "
        f"{source.epochs:.2f} epochs of its {source.num_bytes:,}, expected at most "
        f"mix.max_epochs = {settings.max_epochs:g}; lower total_bytes or "
        f"mix.weights.{source.source}, raise max_epochs, or set mix.over_max_epochs = warn"
        for source in planned
        if source.epochs > settings.max_epochs
    ]


def _check_weights(
    weights: Mapping[str, float], sizes: Mapping[str, SourceTotal], known: Sequence[str]
) -> None:
    if not sizes:
        raise DataError("mix: no document is left for training; `winnow status` has the reasons")
    if not weights:
        return
    if unknown := sorted(set(weights) - set(known)):
        raise ConfigError(
            f"mix.weights: unknown source {', '.join(unknown)}; expected some of {', '.join(known)}"
        )
    if unnamed := sorted(set(sizes) - set(weights)):
        raise ConfigError(
            f"mix.weights: no weight for source {', '.join(unnamed)}, which has survivors; give it "
            "one, 0 to leave it out"
        )
    if gone := sorted(name for name, weight in weights.items() if weight and name not in sizes):
        raise DataError(
            f"mix.weights: source {', '.join(gone)} has a weight but no survivor in train; "
            "expected at least one document: see `winnow status`, or set its weight to 0"
        )


def _shares(settings: MixSettings, sizes: Mapping[str, SourceTotal]) -> dict[str, Fraction]:
    """Exact shares that sum to 1: by weight, or by size where there are no weights."""
    weights = settings.weights
    raw = {
        name: Fraction(weights[name])
        if weights
        else _by_size(max(size.num_bytes, 1), settings.temperature)
        for name, size in sizes.items()
    }
    whole = sum(raw.values(), Fraction())
    return {name: value / whole for name, value in raw.items()}


def _by_size(num_bytes: int, temperature: float) -> Fraction:
    """num_bytes ^ (1 / temperature); in decimals, whose roots are the same on every machine."""
    if temperature == 1:
        return Fraction(num_bytes)
    context = Context(prec=28)
    exponent = context.divide(Decimal(1), Decimal(temperature))
    return Fraction(context.power(Decimal(num_bytes), exponent))


def _budget(
    settings: MixSettings, shares: Mapping[str, Fraction], sizes: Mapping[str, SourceTotal]
) -> Fraction:
    """Bytes to draw: as asked, else the sources' own bytes, cut where one would go over."""
    if settings.total_bytes:
        return Fraction(settings.total_bytes)
    drawn = [name for name in sizes if shares[name]]
    own = Fraction(sum(sizes[name].num_bytes for name in drawn))
    limits = [Fraction(settings.max_epochs) * sizes[n].num_bytes / shares[n] for n in drawn]
    return min(own, *limits)


def add_up(
    sizes: Iterable[pa.Table], *, held_out: Collection[bytes] = ()
) -> dict[str, list[SourceTotal]]:
    """What each source has in train and in validation: split -> totals by name.

    sizes: parts of table `sizes` with source, split, cluster_id, num_bytes.
    """
    sums: dict[tuple[str, str], list[int]] = {}
    for part in sizes:
        split = split_of(part, held_out)
        rows = pa.table({"source": part["source"], "split": split, "bytes": part["num_bytes"]})
        by_place = rows.group_by(["source", "split"])
        grouped = by_place.aggregate([("bytes", "sum"), ([], "count_all")])
        for row in grouped.to_pylist():
            total = sums.setdefault((row["split"], row["source"]), [0, 0])
            total[0] += row["count_all"]
            total[1] += row["bytes_sum"]
    return {
        split: [
            SourceTotal(source=source, num_documents=total[0], num_bytes=total[1])
            for (its_split, source), total in sorted(sums.items())
            if its_split == split
        ]
        for split in (TRAIN, VALIDATION)
    }


def split_of(rows: pa.Table, held_out: Collection[bytes]) -> pa.ChunkedArray:
    """Dedup's split of each row, validation where its cluster is held out here."""
    if not held_out:
        return rows["split"]
    moved = pc.is_in(rows["cluster_id"], value_set=pa.array(sorted(held_out), DOC_ID))
    return pc.if_else(moved, VALIDATION, rows["split"])


def choose_held_out(
    sizes: Iterable[pa.Table],
    totals: Mapping[str, Sequence[SourceTotal]],
    settings: MixSettings,
    *,
    seed: int,
) -> frozenset[bytes]:
    """Clusters to hold out where dedup's split holds out too little, else none.

    sizes: parts as for add_up, read only where needed; totals: what add_up found in them. Whole
    clusters go, in the order of a keyed hash, out of the source with most bytes, until there is
    enough or a tenth of the source has gone (but one at least, of two and more). So copies of a
    text never stand in both splits, and no source is emptied.
    """
    drawn = {
        split: [t for t in totals[split] if not settings.weights or settings.weights.get(t.source)]
        for split in (TRAIN, VALIDATION)
    }
    missing = settings.min_validation_bytes - sum(t.num_bytes for t in drawn[VALIDATION])
    if missing <= 0 or not drawn[TRAIN]:
        return frozenset()
    largest = max(drawn[TRAIN], key=lambda t: (t.num_bytes, t.source))
    clusters = _first_clusters(sizes, largest.source, seed=seed)
    room = int(largest.num_bytes * MAX_HELD_OUT_SHARE)
    chosen: list[bytes] = []
    for cluster, num_bytes in clusters:
        if missing > 0 and num_bytes <= room:
            chosen.append(cluster)
            missing -= num_bytes
            room -= num_bytes
    if not chosen and len(clusters) > 1:
        chosen = [clusters[0][0]]
    return frozenset(chosen)


def _first_clusters(
    sizes: Iterable[pa.Table], source: str, *, seed: int
) -> list[tuple[bytes, int]]:
    """The source's train clusters with the smallest keyed hashes, and their bytes."""
    best: pa.Table | None = None
    for part in sizes:
        is_its_own = pc.equal(part["source"], source)
        rows = part.filter(pc.and_(is_its_own, pc.equal(part["split"], TRAIN)))
        hashes = keyed_hash(rows["cluster_id"], seed=seed, stage=HELD_OUT_STAGE)
        found = pa.table(
            {"cluster": rows["cluster_id"], "hash": pa.array(hashes), "bytes": rows["num_bytes"]}
        )
        both = found if best is None else pa.concat_tables([best, found])
        merged = both.group_by(["cluster", "hash"]).aggregate([("bytes", "sum")])
        ordered = merged.sort_by([("hash", "ascending"), ("cluster", "ascending")])
        best = ordered.slice(0, CANDIDATES_KEPT).rename_columns({"bytes_sum": "bytes"})
    if best is None:
        return []
    return list(zip(best["cluster"].to_pylist(), best["bytes"].to_pylist(), strict=True))


def judge(
    sizes: pa.Table,
    planned: Sequence[SourcePlan],
    weights: Mapping[str, float],
    held_out: Collection[bytes],
    *,
    seed: int,
) -> pa.Table:
    """How often each document stands in the shards: a part of `mix` for a part of `sizes`."""
    split = split_of(sizes, held_out)
    in_train = pc.equal(split, TRAIN).to_numpy()
    by_source = {source.source: source for source in planned}
    sources = sizes["source"].to_pylist()
    found = [by_source.get(source) for source in sources]
    source_epochs = np.array([p.epochs if p else 0.0 for p in found], np.float64)
    has_weight = np.array([not weights or weights.get(s, 0.0) > 0 for s in sources], np.bool_)
    epochs = np.where(in_train, source_epochs, has_weight.astype(np.float64))
    has_text = sizes["num_bytes"].to_numpy() > 0  # edits and cuts together may leave none
    copies = num_copies(sizes["doc_id"], epochs, seed=seed) * has_text
    keep = copies > 0
    fault = np.where(has_weight, NOT_DRAWN, SOURCE_HAS_NO_WEIGHT)
    fault = np.where(has_text, fault, NOTHING_LEFT)
    return pa.table(
        [
            sizes["doc_id"], pa.array(keep), pa.array(fault, pa.string(), mask=keep),
            sizes["source"], split, pa.array(copies), pa.array(epochs), sizes["num_bytes"],
        ],
        schema=schemas.table_named("mix").arrow,
    )


def outcome(planned: Sequence[SourcePlan], mixes: Iterable[pa.Table]) -> pa.Table:
    """Table `mixture`: the plan beside what was drawn.

    mixes: parts of `mix` with source, split, copies, num_bytes. Raises DataError where a source
    with a weight came out empty.
    """
    drawn: dict[str, list[int]] = {}
    for part in mixes:
        rows = part.filter(pc.and_(pc.equal(part["split"], TRAIN), pc.greater(part["copies"], 0)))
        copies = pc.cast(rows["copies"], pa.int64())
        bytes_drawn = pc.multiply(copies, rows["num_bytes"])
        counted = pa.table({"source": rows["source"], "copies": copies, "bytes": bytes_drawn})
        grouped = counted.group_by("source").aggregate([("copies", "sum"), ("bytes", "sum")])
        for row in grouped.to_pylist():
            total = drawn.setdefault(row["source"], [0, 0])
            total[0] += row["copies_sum"]
            total[1] += row["bytes_sum"]
    if empty := [p.source for p in planned if p.weight and not drawn.get(p.source, [0])[0]]:
        raise DataError(
            f"mix: no document of {', '.join(empty)} was drawn, its share is too small for one; "
            "raise mix.total_bytes or its weight, or set its weight to 0"
        )
    rows_out: list[dict[str, Any]] = [
        asdict(p)
        | dict(zip(("drawn_documents", "drawn_bytes"), drawn.get(p.source, [0, 0]), strict=True))
        for p in planned
    ]
    return pa.Table.from_pylist(rows_out, schema=schemas.table_named("mixture").arrow)
