"""The exponent of the Pareto rule, fitted as GPT-3 says that it was chosen.

GPT-3, appendix A: alpha was chosen "in order to match the distribution of scores from our
classifier on WebText". The rule keeps a negative of score s with chance (2 - s)^-alpha, so that the
kept ones are distributed as the negatives weighted by it. Fitted is the alpha at which that
distribution is nearest to the held-out positives': least area between the two cumulative
distributions (the 1-Wasserstein distance, in units of score). The Kolmogorov-Smirnov distance is
reported beside it; as an objective it moves in steps.

Both samples are held-out documents: scores of documents that were learnt from would flatter the
classifier and bend alpha up.
Range: 0 (nothing dropped) to 64 (one in 10^19 at s = 0). A fit at an end is used, said in the log
and marked `at_bound` on the card. At 0 the positives score no higher than the crawl, and the rule
keeps all; at 64 too few negatives score high for any weighting to look like positives, and only
those very near 1 stay.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.quality.card.bootstrap import interval
from filters.quality.classifiers.features import FloatArray
from filters.verdict import BoolArray

RANGE = (0.0, 64.0)
NUM_STEPS = 33  # of a pass over the range: 2 apart, then 1/8, then 1/128
NUM_PASSES = 3  # each looks at the neighbourhood of the best step before
CURVE = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)


def fit_alpha(
    scores: FloatArray, is_positive: BoolArray, replicates: FloatArray | None = None
) -> dict[str, Any]:
    """Fit alpha on held-out scores; returns it with its interval and the objective's curve.

    scores, is_positive: (num_documents,), both classes present. replicates: float64
    (num_replicates, num_documents), each row a bootstrap sample as weights of the documents.
    """
    fit = _Fit(scores, is_positive)
    once = np.ones(len(scores))
    alpha = fit.best(once)
    rows = [] if replicates is None else [row for row in replicates if fit.has_both(row)]
    at_bound = {RANGE[0]: "low", RANGE[1]: "high"}.get(alpha)
    return {
        "alpha": alpha,
        "interval": interval(np.array([fit.best(row) for row in rows])),
        "at_bound": at_bound,
        "objective": "Wasserstein-1 of kept negatives' and positives' scores, held out",
        "distance": fit.distances(np.array([alpha]), once)[0],
        "kolmogorov_smirnov": fit.kolmogorov_smirnov(alpha, once),
        "range": list(RANGE),
        "curve": [[a, d] for a, d in zip(CURVE, fit.distances(np.array(CURVE), once), strict=True)],
    }


class _Fit:
    """Distances between positives and weighted negatives over one sorting of the scores."""

    def __init__(self, scores: FloatArray, is_positive: BoolArray) -> None:
        self.order = np.argsort(scores, kind="stable")
        self.scores = np.asarray(scores, np.float64)[self.order]
        self.is_positive = is_positive[self.order]
        self.gaps = np.diff(self.scores)
        self.log_odds = np.log(2.0 - self.scores)

    def has_both(self, weights: FloatArray) -> bool:
        """Whether a sample has documents of both classes."""
        ordered = weights[self.order]
        return bool(ordered[self.is_positive].any() and ordered[~self.is_positive].any())

    def best(self, weights: FloatArray) -> float:
        """The alpha with the least distance; of equal ones the smallest, which drops least."""
        low, high = RANGE
        best = low
        for _ in range(NUM_PASSES):
            grid = np.linspace(low, high, NUM_STEPS)
            best = float(grid[np.argmin(self.distances(grid, weights))])
            step = grid[1] - grid[0]
            low, high = max(RANGE[0], best - step), min(RANGE[1], best + step)
        return best

    def distances(self, alphas: FloatArray, weights: FloatArray) -> list[float]:
        """The 1-Wasserstein distance at each alpha."""
        return [float(np.abs(self._apart(a, weights)) @ self.gaps) for a in alphas]

    def kolmogorov_smirnov(self, alpha: float, weights: FloatArray) -> float:
        """The largest difference of the two cumulative distributions."""
        apart = np.abs(self._apart(alpha, weights))[self.gaps > 0]
        return float(apart.max(initial=0.0))

    def _apart(self, alpha: float, weights: FloatArray) -> FloatArray:
        """Difference of the cumulative distributions after each score but the last."""
        own = weights[self.order]
        positives = np.cumsum(own * self.is_positive)
        # Scaled so that the highest score weighs 1: (2 - s)^-64 would fall below what floats hold.
        scaled = np.exp(-alpha * (self.log_odds - self.log_odds[-1]))
        negatives = np.cumsum(own * ~self.is_positive * scaled)
        return positives[:-1] / positives[-1] - negatives[:-1] / negatives[-1]
