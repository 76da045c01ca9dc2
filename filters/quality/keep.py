"""The keep rules: which documents stay, given their scores."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from corpus.identity import keyed_uniform
from filters.quality.model import FloatArray
from filters.quality.settings import QualitySettings
from filters.verdict import BoolArray


def keep_probability(scores: FloatArray, *, alpha: float) -> FloatArray:
    """P(Lomax(alpha) > 1 - s) = (2 - s)^-alpha for each score."""
    return np.power(2.0 - scores, -alpha)


def keeps(
    scores: FloatArray, doc_ids: pa.Array | pa.ChunkedArray, *, settings: QualitySettings, seed: int
) -> BoolArray:
    """The keep rule's answer, drawn by (seed, doc_id): bool (num_documents,)."""
    if settings.keep == "pareto":
        drawn = keyed_uniform(doc_ids, seed=seed, stage="quality")
        return drawn < keep_probability(scores, alpha=settings.alpha)
    if settings.keep == "threshold":
        return scores >= settings.threshold
    return np.ones(len(scores), np.bool_)
