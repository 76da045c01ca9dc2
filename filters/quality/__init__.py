"""Quality: does this page read like the pages that people chose?

Method (GPT-3, appendix A): a logistic regression on hashed word counts tells positive documents
(pages that were linked with enough karma, and what else the recipe names) from raw crawl; every
document gets the probability s of being a positive, and a judged one is kept iff
`np.random.pareto(alpha) > 1 - s`. numpy's `pareto` is the Lomax law, whose support begins at 0:
P(keep | s) = (2 - s)^-alpha, 1 at s = 1 and 1 in 512 at s = 0 for alpha = 9. The classical Pareto
law begins at 1 and would keep everything.

Chosen where the paper is silent:
- words have the normal form of corpus/words.py; counts are hashed by murmur3 into 2^18 places
  (Spark's HashingTF has as many), without signs, and each document's counts are scaled to length 1:
  bare counts push long pages to 0 or 1 (log loss 0.07 for 0.05) and take four times the steps;
- class_weight "balanced": s is then the probability under equal priors, whatever the two samples'
  sizes, so that alpha means the same for every corpus;
- negatives are taken after the screen: the classifier judges nothing else, and need not learn
  again what the screen knows.
The held-out split is by registered domain, so that a site's template cannot pass for quality.
Limit: a faithful baseline, not the state of the art. Cost: 10 to 17 MB/s to score.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from corpus.sources import Source
from filters.quality.keep import keeps
from filters.quality.model import QualityModel
from filters.quality.settings import QualitySettings
from filters.verdict import verdicts

LOW_QUALITY = "low_quality"

COLUMNS = ("source", "text")
"""Columns of `documents` that scoring reads."""


def judge(
    documents: pa.Table,
    model: QualityModel | None,
    settings: QualitySettings,
    sources: Mapping[str, Source],
    *,
    seed: int,
) -> pa.Table:
    """Score every document and drop judged ones; returns rows of the table `quality`, in order.

    Documents of positive and trusted sources are scored and always kept. Without a model all are
    kept and have no score.
    """
    ids = documents["doc_id"]
    if model is None:
        nothing = pa.nulls(documents.num_rows, pa.string())
        return verdicts("quality", ids, nothing, score=pa.nulls(documents.num_rows, pa.float32()))
    scores = model.score(documents["text"])
    judged = [sources[name].quality == "judged" for name in documents["source"].to_pylist()]
    drops = np.array(judged, np.bool_) & ~keeps(scores, ids, settings=settings, seed=seed)
    reasons = [LOW_QUALITY if dropped else None for dropped in drops]
    return verdicts("quality", ids, reasons, score=scores)
