"""The strength of the penalty, chosen by cross-validation.

The training side is cut into folds of domains (splits.py); for each candidate C the classifier
learns from all folds but one and is measured on that one, by log loss under equal priors: what the
keep rules need is a probability, not a ranking. The candidate with the least mean over the folds is
taken; of equal ones the strongest penalty. The held-out side has no say in it.
Cost: candidates x folds fits, each started from the one before of the same fold: all together less
than six fits from nothing.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from filters.quality.card.ranking import Ranking
from filters.quality.settings import QualitySettings
from filters.verdict import BoolArray


def choose_regularisation(
    counted: Any,
    is_positive: BoolArray,
    folds: npt.NDArray[np.int64],
    settings: QualitySettings,
) -> tuple[float, list[dict[str, Any]]]:
    """The best C among the candidates, and each one's log loss and AUC over the folds.

    counted: scipy CSR (num_documents, num_features). Folds in which a side lacks a class are
    passed over; where all are, the figures are empty and the strongest penalty is taken.
    """
    candidates = settings.candidates()
    if len(candidates) == 1:
        return candidates[0], []
    losses: dict[float, list[float]] = {c: [] for c in candidates}
    aucs: dict[float, list[float]] = {c: [] for c in candidates}
    for fold in range(settings.num_folds):
        inside = folds == fold
        if not (_has_both(is_positive[inside]) and _has_both(is_positive[~inside])):
            continue
        learner = None
        for c in candidates:
            learner = fit(counted[~inside], is_positive[~inside], settings, c, start=learner)
            scores = learner.predict_proba(counted[inside])[:, 1]
            figures = Ranking(scores, is_positive[inside]).figures()
            losses[c].append(figures["log_loss"])
            aucs[c].append(figures["auc"])
    rows = [
        {
            "regularisation": c,
            "log_loss": float(np.mean(losses[c])) if losses[c] else None,
            "auc": float(np.mean(aucs[c])) if aucs[c] else None,
            "folds": losses[c],
        }
        for c in candidates
    ]
    best = min(candidates, key=lambda c: (float(np.mean(losses[c])) if losses[c] else 0.0, c))
    return best, rows


def fit(
    counted: Any,
    is_positive: BoolArray,
    settings: QualitySettings,
    regularisation: float,
    *,
    start: LogisticRegression | None = None,
) -> LogisticRegression:
    """scikit-learn's classifier with balanced classes; from another's weights where given."""
    learner = LogisticRegression(
        C=regularisation,
        class_weight="balanced",
        max_iter=settings.max_iterations,
        warm_start=start is not None,
    )
    if start is not None:
        learner.coef_, learner.intercept_ = start.coef_.copy(), start.intercept_.copy()
        learner.classes_ = start.classes_
    # One thread: the last bits of a sum of BLAS depend on how many share it.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the card says it
        learner.fit(counted, is_positive)
    return learner


def _has_both(is_positive: BoolArray) -> bool:
    return bool(is_positive.any() and not is_positive.all())
