"""How often each document is trained on.

Each source has a weight, its share of the tokens trained on. From the weights, a budget of tokens
and the sources' sizes follow the epochs of each (Brown et al. 2020, section 2.2: 0.43 to 3.4 for
GPT-3, whose printed weights sum to 101 %, so weights are normalised here). Without weights they
follow from sizes, raised to 1 / temperature (Raffel et al. 2020, section 3.5.2).

Held-out documents (held_out.py) are read once each and are not part of the plan. draw.py draws the
copies, order.py gives them their places.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal

import msgspec
import pyarrow as pa

from corpus.config import Settings
from corpus.errors import ConfigError, DataError
from filters.held_out import TRAIN, VALIDATION, split_of


class MixSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of the sources, and how much is drawn."""

    weights: dict[str, float] = msgspec.field(default_factory=dict)
    """Share of each source in the tokens trained on; normalised to sum 1, 0 leaves a source out.
    Every source that has survivors must be named. Empty: by the sources' sizes and temperature."""
    temperature: float = 1.0
    """Without weights a source's weight is its tokens ^ (1 / temperature). 1: in proportion to
    size, so that all have the same epochs; the higher, the more of the small ones, up to equal
    shares."""
    total_tokens: int = 0
    """Tokens to draw for training, an end-of-text after each text included. 0: as many as the
    sources with a weight have, or fewer where one would otherwise go over max_epochs; one epoch
    each in proportion to size."""
    max_epochs: float = 4.0
    """Times that a document may be trained on. 4: up to there repeating is nearly as good as new
    text (Muennighoff et al. 2023, section 6); GPT-3 went to 3.4."""
    over_max_epochs: Literal["error", "warn"] = "error"
    """What happens where total_tokens asks for more epochs of a source."""
    min_validation_tokens: int = 2048
    """Tokens of held-out text that validation needs, two windows of 1,024. Where dedup's
    split has fewer, as in a tiny corpus, whole clusters of duplicates are held out in the order of
    a keyed hash. 0: leave the split as it is."""

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
        if self.total_tokens < 0:
            raise ValueError(f"total_tokens is {self.total_tokens}, expected 0 or more")
        if not 1 <= self.max_epochs <= 1000:
            raise ValueError(f"max_epochs is {self.max_epochs}, expected 1 to 1000")
        if self.min_validation_tokens < 0:
            raise ValueError(
                f"min_validation_tokens is {self.min_validation_tokens}, expected 0 or more"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTotal:
    """What a source has in train."""

    source: str
    num_documents: int
    num_bytes: int
    num_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """What is asked of a source; its fields are columns of `mixture`."""

    source: str
    weight: float
    num_documents: int
    num_bytes: int
    num_tokens: int
    epochs: float
    planned_documents: float
    planned_tokens: int


def plan(
    totals: Iterable[SourceTotal], settings: MixSettings, *, known_sources: Iterable[str]
) -> list[SourcePlan]:
    """Epochs of each source that has survivors in train, sorted by name.

    Raises ConfigError where the weights do not fit the sources, a share rounds to nothing or a
    source goes over max_epochs, and DataError where a source with a weight has no survivors.
    """
    sizes = {total.source: total for total in totals if total.num_documents}
    shares = source_shares(
        settings,
        {name: total.num_tokens for name, total in sizes.items()},
        known_sources=known_sources,
    )
    budget = _budget(settings, shares, sizes)
    planned = [_of_source(sizes[name], shares[name], budget) for name in sorted(sizes)]
    if nothing := [p for p in planned if p.weight and not p.planned_tokens and p.num_tokens]:
        raise ConfigError(
            f"mix: the share of {', '.join(p.source for p in nothing)} rounds to nothing of "
            f"{float(budget):,.0f} tokens; expected one at least: raise mix.total_tokens or its "
            "weight, or set its weight to 0"
        )
    if settings.over_max_epochs == "error":
        for fault in too_many_epochs(planned, settings):
            raise ConfigError(fault)
    return planned


def too_many_epochs(planned: Sequence[SourcePlan], settings: MixSettings) -> list[str]:
    """A sentence for each source that goes over max_epochs."""
    return [
        f"mix.total_tokens: {source.planned_tokens:,} tokens of {source.source} would be "
        f"{source.epochs:.2f} epochs of its {source.num_tokens:,}, expected at most "
        f"mix.max_epochs = {settings.max_epochs:g}; lower total_tokens or "
        f"mix.weights.{source.source}, raise max_epochs, or set mix.over_max_epochs = warn"
        for source in planned
        if source.epochs > settings.max_epochs
    ]


def source_shares(
    settings: MixSettings, sizes: Mapping[str, int], *, known_sources: Iterable[str]
) -> dict[str, Fraction]:
    """Exact shares that sum to 1: by weight, or by size and temperature where there are no weights.

    sizes: of the sources that have survivors in train, in any unit. Raises as plan() does where
    weights do not fit the sources.
    """
    _check_weights(settings.weights, sizes, sorted(known_sources))
    weights = settings.weights
    raw = {
        name: Fraction(weights[name]) if weights else _by_size(max(size, 1), settings.temperature)
        for name, size in sizes.items()
    }
    whole = sum(raw.values(), Fraction())
    return {name: value / whole for name, value in raw.items()}


def _of_source(total: SourceTotal, share: Fraction, budget: Fraction) -> SourcePlan:
    epochs = budget * share / max(total.num_tokens, 1)
    return SourcePlan(
        source=total.source,
        weight=float(share),
        num_documents=total.num_documents,
        num_bytes=total.num_bytes,
        num_tokens=total.num_tokens,
        epochs=float(epochs),
        planned_documents=float(epochs * total.num_documents),
        planned_tokens=round(budget * share),
    )


def _check_weights(
    weights: Mapping[str, float], sizes: Mapping[str, int], known: Sequence[str]
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


def _by_size(size: int, temperature: float) -> Fraction:
    """size ^ (1 / temperature); in decimals, whose roots are the same on every machine."""
    if temperature == 1:
        return Fraction(size)
    context = Context(prec=28)
    exponent = context.divide(Decimal(1), Decimal(temperature))
    return Fraction(context.power(Decimal(size), exponent))


def _budget(
    settings: MixSettings, shares: Mapping[str, Fraction], sizes: Mapping[str, SourceTotal]
) -> Fraction:
    """Tokens to draw: as asked, else the sources' own, cut where one would go over."""
    if settings.total_tokens:
        return Fraction(settings.total_tokens)
    drawn = [name for name in sizes if shares[name]]
    own = Fraction(sum(sizes[name].num_tokens for name in drawn))
    limits = [Fraction(settings.max_epochs) * sizes[n].num_tokens / shares[n] for n in drawn]
    return min(own, *limits)


def add_up(
    sizes: Iterable[pa.Table], *, held_out: Collection[bytes] = ()
) -> dict[str, list[SourceTotal]]:
    """What each source has in train and in validation: split -> totals by name.

    sizes: parts of table `sizes` with source, split, cluster_id, num_bytes, num_tokens.
    """
    sums: dict[tuple[str, str], list[int]] = {}
    for part in sizes:
        rows = part.select(["source", "num_bytes", "num_tokens"])
        by_place = rows.append_column("split", split_of(part, held_out)).group_by(
            ["source", "split"]
        )
        grouped = by_place.aggregate(
            [([], "count_all"), ("num_bytes", "sum"), ("num_tokens", "sum")]
        )
        for row in grouped.to_pylist():
            total = sums.setdefault((row["split"], row["source"]), [0, 0, 0])
            for i, name in enumerate(("count_all", "num_bytes_sum", "num_tokens_sum")):
                total[i] += row[name]
    return {
        split: [
            SourceTotal(
                source=source, num_documents=total[0], num_bytes=total[1], num_tokens=total[2]
            )
            for (its_split, source), total in sorted(sums.items())
            if its_split == split
        ]
        for split in (TRAIN, VALIDATION)
    }
