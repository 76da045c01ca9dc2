"""The keep rules: which documents stay, given their scores.

- pareto: kept iff a Lomax(alpha) draw exceeds 1 - s: P(keep | s) = (2 - s)^-alpha;
- proportional: P(keep | s) = s. The score is a probability under equal priors, so s needs no other
  scale; dividing by the run's highest would make a verdict depend on the other documents;
- threshold: s >= threshold;
- top_fraction: the `ceil(fraction * judged)` highest scores of the run, found exactly by
  selection.py; among equal scores, the smallest keyed hashes;
- all: everything.

Draws and ties are keyed by (seed, doc_id). They look at the scores as the table has them, float32,
so that the table alone shows that a verdict is right.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.identity import UInt64Array, keyed_hash, keyed_uniform
from filters.quality.classifiers.features import FloatArray
from filters.quality.settings import QualitySettings
from filters.verdict import BoolArray

Scores = FloatArray | npt.NDArray[np.float32]

DRAW, TIES = "quality", "quality-ties"  # keys of the draw, and of the order of equal scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A keep rule with its numbers filled in: what a run's documents were judged by."""

    keep: str
    """As in QualitySettings."""
    alpha: float | None = None
    """Exponent of the Pareto rule; null for the others."""
    threshold: float | None = None
    """Smallest score that stays, for threshold and top_fraction."""
    last_tie: int | None = None
    """top_fraction: of the documents that score just the threshold, those with a keyed hash up to
    this one stay."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def probability(self, scores: Scores) -> FloatArray:
        """P(keep | s) of each score, float64 (num_documents,); ties of top_fraction count as 1."""
        if self.keep == "pareto":
            return keep_probability(scores, alpha=float(self.alpha or 0))
        if self.keep == "proportional":
            return np.asarray(scores, np.float64)
        if self.threshold is not None:
            return (scores >= self.threshold).astype(np.float64)
        return np.ones(len(scores))


def rule_of(settings: QualitySettings, *, fitted_alpha: float | None = None) -> Rule:
    """The rule of the settings, but for what only the run's scores can fill in."""
    if settings.keep == "pareto":
        alpha = fitted_alpha if isinstance(settings.alpha, str) else settings.alpha
        return Rule(keep="pareto", alpha=alpha)
    if settings.keep == "threshold":
        # The least float32 that is no less, so that a score as stored compares as written.
        return Rule(keep="threshold", threshold=float(_float32_from(settings.threshold)))
    return Rule(keep=settings.keep)


def keep_probability(scores: Scores, *, alpha: float) -> FloatArray:
    """P(Lomax(alpha) > 1 - s) = (2 - s)^-alpha for each score."""
    return np.power(2.0 - np.asarray(scores, np.float64), -alpha)


def keeps(
    scores: npt.NDArray[np.float32],
    doc_ids: pa.Array | pa.ChunkedArray,
    *,
    rule: Rule,
    seed: int,
) -> BoolArray:
    """The keep rule's answer, fixed by (seed, doc_id, score): bool (num_documents,)."""
    if rule.keep in ("pareto", "proportional"):
        return keyed_uniform(doc_ids, seed=seed, stage=DRAW) < rule.probability(scores)
    if rule.keep == "top_fraction":
        is_tie = scores == np.float32(rule.threshold or 0)
        stays = tie_order(doc_ids, seed=seed) <= np.uint64(rule.last_tie or 0)
        return (scores > np.float32(rule.threshold or 0)) | (is_tie & stays)
    return rule.probability(scores) > 0


def tie_order(doc_ids: pa.Array | pa.ChunkedArray, *, seed: int) -> UInt64Array:
    """The order of documents of one score, uint64 (num_documents,): the smallest stay first."""
    return keyed_hash(doc_ids, seed=seed, stage=TIES)


def _float32_from(value: float) -> np.float32:
    near = np.float32(value)
    return near if float(near) >= value else np.nextafter(near, np.float32(np.inf))
