"""Does the stage find what its bands promise? Its answers about planted copies, counted.

Each copy (plants.py) is compared with its original by plain Python sets, which share no code with
the stage's kernels. What is as similar as the threshold asks is due: the stage must prove it a
duplicate of its original. The bands propose a pair of similarity s with the chance
1 - (1 - s^rows)^bands, and the proof takes all that is due of what is proposed; so the share found
must reach the mean chance of the copies due, within its 95 % interval (Wilson 1927). What is not
due must never be proved.

Limit: the chance is that of bands alone. A copy in a bucket larger than max_bucket is compared with
the best document there, not with its original, and may be missed for that.
Cost: 2 us a word of each text compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from corpus.intervals import wilson_interval
from corpus.words import normalise
from filters.dedup import Banding, Measure
from filters.dedup.bands import Float64Array, detection_probability
from filters.dedup.plants import KINDS
from filters.quality.classifiers.features import hashed
from filters.tallies import aligned, plain

NUM_BINS = 20  # of the scale of similarity, each 0.05 wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the stage said of one plant and its original."""

    kind: str
    """One of plants.KINDS."""
    similarity: float
    """What the threshold is held against, by `plain_similarity`, 0..1."""
    jaccard: float
    """What the bands see, 0..1: the same number where the threshold is one of Jaccard."""
    is_proposed: bool
    """Whether the two were compared: they shared a band, or were exact copies."""
    is_proved: bool
    """Whether they were proved duplicates, so that one would go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Plants of one kind, or of all."""

    kind: str
    """One of plants.KINDS, or "all"."""
    num_planted: int
    mean_similarity: float
    num_due: int
    """Plants at the threshold or above."""
    num_found: int
    """Plants due that were proved."""
    num_unproved: int
    """Plants due that were proposed and not proved: errors of the proof."""
    recall: float | None
    """Found over due; None where nothing was due."""
    interval: tuple[float, float]
    """Wilson's 95 % interval of the recall; 0..1 where nothing was due."""
    expected_recall: float | None
    """Mean chance of the plants due to be proposed."""
    num_not_due: int
    num_false: int
    """Plants not due that were proved: false removals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Plants of one stretch of Jaccard similarity, due or not: a point beside the curve."""

    low: float
    high: float
    """Not in it itself, but for 1."""
    num_planted: int
    num_proposed: int
    share: float
    """Proposed over planted."""
    interval: tuple[float, float]
    """Wilson's 95 % interval of that share."""
    expected: float
    """Mean chance of just these plants to be proposed, so that the width does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What became of all plants of a run."""

    threshold: float
    num_bands: int
    num_rows: int
    """Hashes a band."""
    kinds: tuple[Tally, ...]
    """Kinds that were planted, in the order of plants.KINDS."""
    total: Tally
    bins: tuple[Bin, ...]
    """Bins that have plants, ascending."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, a sentence each; empty where the stage did as its bands promise.

        Of 40 sound runs that miss copies by chance, one may be told of its recall.
        """
        total, found = self.total, []
        if total.expected_recall is None or total.recall is None:
            found.append("No plant was due, so that nothing is known of recall: plant more.")
        elif total.expected_recall > total.interval[1]:
            found.append(
                f"Recall is {total.recall:.4f} and at most {total.interval[1]:.4f}, "
                f"the bands promise {total.expected_recall:.4f}."
            )
        if total.num_unproved:
            found.append(f"Compared and not proved though due: {total.num_unproved:,}.")
        if total.num_false:
            found.append(f"Taken for duplicates though not due: {total.num_false:,}.")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**plain(asdict(self)), "faults": list(self.faults)}

    def lines(self) -> list[str]:
        """A table for the terminal: a row a kind, one of all, and what is wrong."""
        rows = [_HEAD, *(_cells(tally) for tally in (*self.kinds, self.total))]
        return [
            f"Due: similarity of {self.threshold:g} and more. Promised: 1 - (1 - s^"
            f"{self.num_rows})^{self.num_bands} at each one's s.",
            *aligned(rows),
            *(self.faults or ("The stage found what its bands promise, and nothing else.",)),
        ]


def judge(outcomes: Iterable[Outcome], banding: Banding) -> SelfTest:
    """Count what was found of the plants, and what the bands promise of them.

    Raises ValueError where a kind is not one of plants.KINDS.
    """
    rows = list(outcomes)
    by_kind: dict[str, list[Outcome]] = {kind: [] for kind in KINDS}
    for row in rows:
        if row.kind not in by_kind:
            raise ValueError(f"kind of plant is {row.kind!r}, expected one of {', '.join(KINDS)}")
        by_kind[row.kind].append(row)
    return SelfTest(
        threshold=banding.threshold,
        num_bands=banding.num_bands,
        num_rows=banding.num_rows,
        kinds=tuple(tally(kind, own, banding) for kind, own in by_kind.items() if own),
        total=tally("all", rows, banding),
        bins=_bins(rows, banding),
    )


def tally(kind: str, outcomes: Sequence[Outcome], banding: Banding) -> Tally:
    """Count the plants of one kind."""
    due = [row for row in outcomes if row.similarity >= banding.threshold]
    num_found = sum(row.is_proved for row in due)
    num_proved = sum(row.is_proved for row in outcomes)
    return Tally(
        kind=kind,
        num_planted=len(outcomes),
        mean_similarity=sum(row.similarity for row in outcomes) / max(len(outcomes), 1),
        num_due=len(due),
        num_found=num_found,
        num_unproved=sum(row.is_proposed and not row.is_proved for row in due),
        recall=num_found / len(due) if due else None,
        interval=wilson_interval(num_found, len(due)),
        expected_recall=float(_chances(due, banding).mean()) if due else None,
        num_not_due=len(outcomes) - len(due),
        num_false=num_proved - num_found,
    )


def plain_similarity(
    first: str,
    second: str,
    *,
    ngram_size: int,
    measure: Measure = "jaccard",
    num_features: int = 0,
) -> float:
    """Similarity of two texts' sets of shingles; 0 where one has no word.

    What both have, over all that either has (jaccard) or over the smaller set (containment).
    """
    a, b = (
        plain_shingles(text, ngram_size=ngram_size, num_features=num_features)
        for text in (first, second)
    )
    if not a or not b:
        return 0.0
    return len(a & b) / (len(a | b) if measure == "jaccard" else min(len(a), len(b)))


def plain_shingles(
    text: str, *, ngram_size: int, num_features: int = 0
) -> set[tuple[str | int, ...]]:
    """The distinct runs of ngram_size words of a text, or all its words where they are fewer.

    With num_features, each word's place among them. Slow and simple on purpose: it is what the
    kernels are judged by.
    """
    words = normalise(text).split()
    if num_features:
        return {hashed(word, num_features)[:1] for word in words}
    last = max(len(words) - ngram_size, 0)
    return {tuple(words[i : i + ngram_size]) for i in range(last + 1)} if words else set()


def _bins(outcomes: Sequence[Outcome], banding: Banding) -> tuple[Bin, ...]:
    by_bin: dict[int, list[Outcome]] = {}
    for row in outcomes:
        by_bin.setdefault(min(int(row.jaccard * NUM_BINS), NUM_BINS - 1), []).append(row)
    return tuple(_bin(number, own, banding) for number, own in sorted(by_bin.items()))


def _bin(number: int, outcomes: Sequence[Outcome], banding: Banding) -> Bin:
    num_proposed = sum(row.is_proposed for row in outcomes)
    return Bin(
        low=number / NUM_BINS,
        high=(number + 1) / NUM_BINS,
        num_planted=len(outcomes),
        num_proposed=num_proposed,
        share=num_proposed / len(outcomes),
        interval=wilson_interval(num_proposed, len(outcomes)),
        expected=float(_chances(outcomes, banding).mean()),
    )


def _chances(outcomes: Sequence[Outcome], banding: Banding) -> Float64Array:
    """Chance of each plant to be proposed: float64 (num_plants,)."""
    return detection_probability(
        np.array([row.jaccard for row in outcomes]),
        num_bands=banding.num_bands,
        num_rows=banding.num_rows,
    )


_HEAD = (
    "kind", "planted", "similar", "due", "found", "recall", "95 % interval", "promised",
    "not due", "false",
)  # fmt: skip


def _cells(row: Tally) -> tuple[str, ...]:
    interval = "{:.4f}..{:.4f}".format(*row.interval) if row.num_due else "-"
    return (
        row.kind,
        f"{row.num_planted:,}",
        f"{row.mean_similarity:.3f}",
        f"{row.num_due:,}",
        f"{row.num_found:,}",
        _share(row.recall),
        interval,
        _share(row.expected_recall),
        f"{row.num_not_due:,}",
        f"{row.num_false:,}",
    )


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.4f}"
