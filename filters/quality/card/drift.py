"""How far two runs' scores have moved apart, source by source.

- Population stability index over ten bins of equal width: sum of (b - a) ln(b / a), half a document
  added to each bin so that an empty one is no infinity. By the usual reading (Siddiqi 2006) below
  0.1 is stable and above 0.25 a shift.
- Kolmogorov-Smirnov: the largest difference of the cumulative distributions, over 10,000 bins; it
  can be too small by what stands in one of them.
- Cosine of the two weight vectors, where both are logistic over the same features.
Only counts are compared, so that a run of any size fits: 80 kB a source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from filters.quality.classifiers.features import FloatArray
from filters.quality.classifiers.model import QualityModel

FINE_BINS = 10_000
PSI_BINS = 10

Counts = npt.NDArray[np.int64]


def fine_histogram(scores: npt.NDArray[np.float32]) -> Counts:
    """Scores by ten-thousandth: int64 (10,000,); histograms of parts add up."""
    bins = np.minimum((scores.astype(np.float64) * FINE_BINS).astype(np.int64), FINE_BINS - 1)
    return np.bincount(bins, minlength=FINE_BINS).astype(np.int64)


def by_source(before: Mapping[str, Counts], after: Mapping[str, Counts]) -> list[dict[str, Any]]:
    """The drift of each source that both runs have, by name, and of `all` of both together."""
    nothing = np.zeros(FINE_BINS, np.int64)
    pairs = {
        "all": (sum(before.values(), nothing), sum(after.values(), nothing)),
        **{name: (before[name], after[name]) for name in sorted(set(before) & set(after))},
    }
    return [
        {"source": name, **_apart(one, other)}
        for name, (one, other) in pairs.items()
        if one.any() and other.any()
    ]


def cosine(one: object, other: object) -> float | None:
    """Cosine of two models' weights; None where their features are not the same."""
    if not isinstance(one, QualityModel) or not isinstance(other, QualityModel):
        return None
    same = (one.scale, one.signs, one.ngrams) == (other.scale, other.signs, other.ngrams)
    if not same or len(one.weights) != len(other.weights):
        return None
    lengths = float(np.linalg.norm(one.weights) * np.linalg.norm(other.weights))
    return float(one.weights @ other.weights) / lengths if lengths else None


def _apart(before: Counts, after: Counts) -> dict[str, Any]:
    coarse = [
        counts.reshape(PSI_BINS, -1).sum(axis=1).astype(np.float64) for counts in (before, after)
    ]
    a, b = ((counts + 0.5) / (counts.sum() + PSI_BINS / 2) for counts in coarse)
    reach = [np.cumsum(counts) / counts.sum() for counts in (before, after)]
    return {
        "num_before": int(before.sum()),
        "num_after": int(after.sum()),
        "mean_before": _mean(before),
        "mean_after": _mean(after),
        "psi": float(((b - a) * np.log(b / a)).sum()),
        "kolmogorov_smirnov": float(np.abs(reach[0] - reach[1]).max()),
    }


def _mean(counts: Counts) -> float:
    middles: FloatArray = (np.arange(FINE_BINS) + 0.5) / FINE_BINS
    return float(counts @ middles / counts.sum())
