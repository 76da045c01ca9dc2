"""What is measured on the held-out documents: the numbers of the classifier card.

Ranking, losses and calibration are under equal priors, as the classifier was trained: each class
weighs one half whatever its size. Intervals are 95 % bootstrap intervals over domains
(bootstrap.py); those of the calibration curve too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from filters.quality.alpha import fit_alpha
from filters.quality.card.bootstrap import interval, replicates
from filters.quality.card.ranking import METRICS, Ranking
from filters.quality.classifiers.features import FloatArray
from filters.quality.keep import keep_probability
from filters.quality.settings import QualitySettings
from filters.verdict import BoolArray

NUM_BINS = 20  # of the histograms
NUM_CALIBRATION_BINS = 10
ALPHA_REPLICATES = 200  # a fit each: 2 s for 8,000 documents


def measure(
    scores: FloatArray,
    is_positive: BoolArray,
    units: Sequence[str],
    settings: QualitySettings,
    *,
    seed: int,
) -> dict[str, Any]:
    """Ranking, calibration, histograms and the fitted alpha of scores against the truth.

    units: what the bootstrap resamples for each document, its domain as a rule.
    """
    edges = np.linspace(0, 1, NUM_BINS + 1)
    samples = replicates(units, seed=seed)
    ranking = Ranking(scores, is_positive)
    drawn = [ranking.figures(row) for row in samples]
    alpha = settings.alpha if not isinstance(settings.alpha, str) else None
    fitted = fit_alpha(scores, is_positive, samples[:ALPHA_REPLICATES])
    law = fitted["alpha"] if alpha is None else alpha
    return {
        "num_positives": int(is_positive.sum()),
        "num_negatives": int((~is_positive).sum()),
        "num_units": len(set(units)),
        **ranking.figures(),
        "intervals": {
            name: interval(np.array([figures[name] for figures in drawn])) for name in METRICS
        },
        "histogram_edges": edges.tolist(),
        "histogram_positives": np.histogram(scores[is_positive], edges)[0].tolist(),
        "histogram_negatives": np.histogram(scores[~is_positive], edges)[0].tolist(),
        **calibration(scores, is_positive, samples),
        "alpha": fitted,
        "pareto_keeps_positives": float(keep_probability(scores[is_positive], alpha=law).mean()),
        "pareto_keeps_negatives": float(keep_probability(scores[~is_positive], alpha=law).mean()),
    }


def calibration(
    scores: FloatArray, is_positive: BoolArray, samples: FloatArray
) -> dict[str, Any]:
    """The calibration curve, and its error: the mean distance of score and share of positives.

    For each tenth of the scale with documents in it: their number, mean score, and share of
    positives with its interval. The error is weighted by the bins' weight (Naeini et al. 2015).
    """
    weights = np.where(is_positive, 0.5 / is_positive.sum(), 0.5 / (~is_positive).sum())
    bins = np.minimum((scores * NUM_CALIBRATION_BINS).astype(np.int64), NUM_CALIBRATION_BINS - 1)
    curve, error = [], 0.0
    for number in np.unique(bins):
        inside = np.flatnonzero(bins == number)
        own = weights[inside]
        shares = _shares(samples, is_positive, inside)
        row = {
            "low": float(number / NUM_CALIBRATION_BINS),
            "num": len(inside),
            "mean_score": float(np.average(scores[inside], weights=own)),
            "positive_share": float(np.average(is_positive[inside], weights=own)),
        }
        error += float(own.sum()) * abs(row["mean_score"] - row["positive_share"])
        curve.append({**row, "interval": interval(shares)})
    return {"calibration": curve, "calibration_error": error}


def _shares(
    samples: FloatArray, is_positive: BoolArray, inside: npt.NDArray[np.int64]
) -> FloatArray:
    """The share of positives among some documents in each replicate; NaN where it has none."""
    totals = {
        side: np.maximum(samples[:, is_positive == side].sum(axis=1), 1e-300)
        for side in (True, False)
    }
    own = samples[:, inside]
    mine = is_positive[inside]
    positives = own[:, mine].sum(axis=1) / totals[True]
    negatives = own[:, ~mine].sum(axis=1) / totals[False]
    both = positives + negatives
    return np.divide(positives, both, out=np.full(len(both), np.nan), where=both > 0)
