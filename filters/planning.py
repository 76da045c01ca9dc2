"""What a training run needs of a corpus, and what making that corpus takes.

Target: a model, a number of parameters or a budget of FLOPs gives tokens by a scaling law
(corpus/scaling.py); the mixture's own plan (mixture.py) gives the epochs of each source for them.
Storage and hours follow from bytes and rates that were measured, each named with its source. Hours
are projections: rates of one core on texts in memory, times bytes; no storage, no network, no start
of Spark, no last task. filters/dedup/SCALE.md says why to expect two to three times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

from corpus.errors import ConfigError
from corpus.scaling import (
    FLOPS_PER_PARAMETER_AND_TOKEN,
    LAWS,
    Law,
    parameters_outside_embeddings,
)
from corpus.trainer.shapes import ModelShape
from filters.dedup.estimate import PARALLEL, SECONDS_PER_PART, SECONDS_PER_TWO_PARTS
from filters.mixture import SourcePlan, SourceTotal

BYTES_PER_TOKEN = 96e9 / 2.29e10  # 4.19: WebText2 in GPT-2's tokens (Kaplan 2020, section 2.3)
BYTES_PER_PROVENANCE_ROW = 42.3  # 15,503 copies of the recipe real_pages
INDEX_BYTES_PER_TEXT = 12  # of a shard's .idx: length and pointer; texts are counted as documents
INDEX_BYTES_PER_DOCUMENT = 8

PAGES_PER_SECOND = {"trafilatura": 38.0, "blocks": 450.0, "resiliparse": 490.0}
SCREEN_BYTES_PER_SECOND = 75e6
SCORED_BYTES_PER_SECOND = 0.5e9
DEDUP_SECONDS_PER_DOCUMENT = 34e-6
DEDUP_SECONDS_PER_BYTE = 2 * 10.8e-6 / 504
SCANNED_BYTES_PER_SECOND = 232e6
COUNTED_BYTES_PER_SECOND = 35e6
ENCODED_BYTES_PER_SECOND = 80e6


class Target(NamedTuple):
    """What is to be trained."""

    num_parameters: float
    num_tokens: float
    how: str
    """How the two were found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What goes through the pipeline."""

    num_pages: float
    """Captures that extract reads."""
    num_documents: float
    """Documents with a text."""
    text_bytes: float
    """Of their texts."""
    judged_documents: float
    """Documents that dedup and contamination take: what quality kept."""
    judged_bytes: float
    num_parts: float


class StageTime(NamedTuple):
    """Projected work of a stage."""

    stage: str
    core_seconds: float
    how: str
    """The rate and where it was measured."""


class SourceNeed(NamedTuple):
    """A source beside what is asked of it, in tokens."""

    source: str
    weight: float
    available_tokens: float | None
    wanted_tokens: float
    epochs: float | None
    missing_tokens: float
    """New text that it lacks to stay at max_epochs."""


def target(
    law: Law,
    *,
    shape: ModelShape | None = None,
    vocab_size: int = 0,
    num_parameters: float = 0,
    flops: float = 0,
    num_tokens: float = 0,
) -> Target:
    """Parameters and tokens, from one of shape, num_parameters and flops; num_tokens as asked."""
    if flops:
        if num_tokens:
            size = flops / FLOPS_PER_PARAMETER_AND_TOKEN / num_tokens
            return Target(size, num_tokens, "tokens as given; parameters C / (6 D)")
        return Target(*law.optimum(flops), how=f"{law.name}: {law.formula} ({law.source})")
    size = float(shape.num_parameters(vocab_size)) if shape else num_parameters
    if num_tokens:
        return Target(size, num_tokens, "tokens as given")
    counted = size_for(law, size, shape)
    how = f"{law.name}: D at which N is the best size, of {law.formula} ({law.source})"
    return Target(size, law.tokens_for(counted), how)


def size_for(law: Law, num_parameters: float, shape: ModelShape | None) -> float:
    """Parameters as the law counts them: Kaplan's leave embeddings out, where they are known."""
    if shape is not None and law.name == "kaplan":
        return float(parameters_outside_embeddings(shape))
    return num_parameters


def by_every_law(
    aim: Target, shape: ModelShape | None, flops: float
) -> dict[str, dict[str, float]]:
    """What each law asks for, and the loss that it predicts of the target."""
    found = {}
    for law in LAWS.values():
        size = size_for(law, aim.num_parameters, shape)
        best = law.optimum(flops) if flops else (aim.num_parameters, law.tokens_for(size))
        found[law.name] = {
            "num_parameters": best[0],
            "num_tokens": best[1],
            "loss_of_the_target": law.loss(size, aim.num_tokens),
        }
    return found


def scaled(totals: Iterable[SourceTotal], share: float) -> list[SourceTotal]:
    """What the whole has, where this is a share of it."""
    return [
        SourceTotal(
            source=total.source,
            num_documents=round(total.num_documents / share),
            num_bytes=round(total.num_bytes / share),
            num_tokens=round(total.num_tokens / share),
        )
        for total in totals
    ]


def with_tokens(totals: Iterable[SourceTotal], bytes_per_token: float) -> list[SourceTotal]:
    """The same, where tokens follow from bytes."""
    return [
        replace(total, num_tokens=round(total.num_bytes / bytes_per_token)) for total in totals
    ]


def needs(planned: Sequence[SourcePlan], *, max_epochs: float) -> list[SourceNeed]:
    """Each source's tokens: there, wanted, and missing at max_epochs."""
    return [
        SourceNeed(
            source=one.source,
            weight=one.weight,
            available_tokens=one.num_tokens,
            wanted_tokens=one.planned_tokens,
            epochs=one.epochs,
            missing_tokens=max(0.0, one.planned_tokens / max_epochs - one.num_tokens),
        )
        for one in planned
    ]


def needs_by_weight(weights: Mapping[str, float], num_tokens: float) -> list[SourceNeed]:
    """What is wanted of each source, where nothing is known of what is there."""
    whole = sum(weights.values())
    return [
        SourceNeed(name, weight / whole, None, num_tokens * weight / whole, None, 0.0)
        for name, weight in sorted(weights.items())
    ]


def drawn_once(planned: Iterable[SourcePlan]) -> float:
    """Bytes of the documents that are drawn at all, each once."""
    return sum(min(1.0, one.epochs) * one.num_bytes for one in planned)


def most_tokens(planned: Sequence[SourcePlan], *, epochs: float) -> float:
    """Tokens of this mixture at which the first source reaches so many epochs."""
    return min(epochs * p.num_tokens / p.weight for p in planned if p.weight)


def warnings(found: Iterable[SourceNeed], *, max_epochs: float) -> list[str]:
    """A sentence for each source that goes over max_epochs."""
    return [
        f"{need.source}: {need.wanted_tokens:,.0f} tokens would be {need.epochs:.2f} epochs of its "
        f"{need.available_tokens:,.0f}, over mix.max_epochs = {max_epochs:g}; "
        f"{need.missing_tokens:,.0f} more tokens of it are missing, or give it a lower weight"
        for need in found
        if need.epochs is not None and need.epochs > max_epochs
    ]


def token_bytes(vocab_size: int) -> int:
    """Bytes of an id in the shards (corpus/shards.py)."""
    return 2 if vocab_size <= 2**16 else 4


def shard_storage(
    num_tokens: float,
    *,
    vocab_size: int,
    num_copies: float | None = None,
) -> dict[str, tuple[float, str]]:
    """Bytes of shards and what goes with them, and how each follows.

    num_copies: document copies; None: not known.
    """
    width = token_bytes(vocab_size)
    bins = num_tokens * width
    found = {"shards, ids": (bins, f"{width} bytes a token, for a vocabulary of {vocab_size:,}")}
    if num_copies is not None:
        each = INDEX_BYTES_PER_TEXT + INDEX_BYTES_PER_DOCUMENT
        found["shards, indexes"] = (
            num_copies * each,
            f"{INDEX_BYTES_PER_TEXT} bytes a text and {INDEX_BYTES_PER_DOCUMENT} a document copy, "
            "one text a document (corpus/shards.py)",
        )
        found["provenance"] = (
            num_copies * BYTES_PER_PROVENANCE_ROW,
            f"{BYTES_PER_PROVENANCE_ROW} bytes a document copy, as the recipe real_pages has",
        )
    return found


def stage_times(
    volume: Volume, *, engine: str, mixed_bytes: float, drawn_bytes: float, is_trained: bool
) -> list[StageTime]:
    """Core-seconds of the stages whose rates are measured.

    mixed_bytes: of the survivors; drawn_bytes: of those that are drawn, each once; is_trained:
    whether a vocabulary is learnt from them.
    """
    if engine not in PAGES_PER_SECOND:
        raise ConfigError(
            f"extract.engine {engine}: no rate is known; expected {', '.join(PAGES_PER_SECOND)}"
        )
    pages = PAGES_PER_SECOND[engine]
    of_dedup = (
        DEDUP_SECONDS_PER_DOCUMENT * volume.judged_documents
        + DEDUP_SECONDS_PER_BYTE * volume.judged_bytes
        + SECONDS_PER_PART * ceil(volume.num_parts)
        + SECONDS_PER_TWO_PARTS * volume.num_parts**2
    )
    return [
        StageTime("extract", volume.num_pages / pages,
                  f"captures at {pages:g} a second and core, engine {engine} "
                  "(README, Main text)"),
        StageTime("screen", volume.text_bytes / SCREEN_BYTES_PER_SECOND,
                  "text at 75 MB a second and core (README, The screen)"),
        StageTime("quality", volume.text_bytes / SCORED_BYTES_PER_SECOND,
                  "text scored at 0.5 GB a second and core (tests/benchmarks/quality.py); "
                  "without training"),
        StageTime("dedup", of_dedup,
                  "34 core-us a document, 0.043 a byte, 2.2 s a part, 0.27 ms for two parts, "
                  "parts of the size that they have here "
                  "(filters/dedup/SCALE.md)"),
        StageTime("contamination", volume.judged_bytes / SCANNED_BYTES_PER_SECOND,
                  "text at 232 MB a second and core, an index of 10^6 13-grams "
                  "(tests/benchmarks/contamination.py)"),
        StageTime("vocabulary", is_trained * mixed_bytes / COUNTED_BYTES_PER_SECOND,
                  "pre-tokens counted at 35 MB a second and core (tests/benchmarks/tokens.py); "
                  "without the merges"),
        StageTime("mix", mixed_bytes / ENCODED_BYTES_PER_SECOND,
                  "each survivor's tokens counted at 80 MB a second and core "
                  "(tests/benchmarks/tokens.py)"),
        StageTime("tokenize", drawn_bytes / ENCODED_BYTES_PER_SECOND,
                  "each drawn document once at 80 MB a second and core, from Parquet "
                  "(tests/benchmarks/tokens.py); without the shuffle"),
    ]  # fmt: skip


def hours(core_seconds: float, num_cores: int) -> float:
    """Hours on so many cores, of which PARALLEL are at work (filters/dedup/SCALE.md)."""
    return core_seconds / 3600 / (num_cores * PARALLEL)
