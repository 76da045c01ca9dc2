"""How well scores rank and how far they can be believed, for many weightings of the documents.

AUC, average precision, log loss and Brier score equal scikit-learn's with `sample_weight`; here the
documents are sorted once, and each bootstrap replicate is a walk over them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from filters.quality.classifiers.features import FloatArray
from filters.verdict import BoolArray

METRICS = ("auc", "average_precision", "log_loss", "brier")
SMALLEST = 1e-15  # a score is held this far from 0 and 1, as scikit-learn's log loss does


class Ranking:
    """Scores of documents whose class is known, sorted from the highest down."""

    def __init__(self, scores: npt.ArrayLike, is_positive: BoolArray) -> None:
        given = np.asarray(scores, np.float64)
        self.order = np.argsort(-given, kind="stable")
        self.scores = given[self.order]
        self.is_positive = np.asarray(is_positive, np.bool_)[self.order]
        # The last document of each run of equal scores.
        self.ends = np.flatnonzero(np.append(np.diff(self.scores) != 0, True))
        inside = np.clip(self.scores, SMALLEST, 1 - SMALLEST)
        self.losses = -np.log(np.where(self.is_positive, inside, 1 - inside))
        self.squares = (self.scores - self.is_positive) ** 2

    def figures(self, weights: FloatArray | None = None) -> dict[str, float]:
        """AUC and average precision of the weighted documents; losses under equal priors.

        weights: float64 (num_documents,), 1 each where not given. NaN where a class has no weight.
        """
        own = np.ones(len(self.order)) if weights is None else weights[self.order]
        positives = np.cumsum(own * self.is_positive)
        negatives = np.cumsum(own * ~self.is_positive)
        if not positives[-1] or not negatives[-1]:
            return dict.fromkeys(METRICS, float("nan"))
        hits, alarms = positives[self.ends], negatives[self.ends]
        gained = np.diff(hits, prepend=0.0)
        above = alarms - np.diff(alarms, prepend=0.0) / 2  # equal scores count half
        equal = own * np.where(self.is_positive, 0.5 / positives[-1], 0.5 / negatives[-1])
        seen = np.maximum(hits + alarms, 1e-300)
        return {
            "auc": float(1 - (gained @ above) / (hits[-1] * alarms[-1])),
            "average_precision": float((gained / hits[-1]) @ (hits / seen)),
            "log_loss": float(equal @ self.losses),
            "brier": float(equal @ self.squares),
        }
