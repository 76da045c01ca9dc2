"""Quality: does this page read like the pages that people chose?

Method (GPT-3, appendix A): a logistic regression on hashed word counts tells positive documents
(pages that were linked with enough karma, and what else the recipe names) from raw crawl; every
document gets the probability s of being a positive, and a judged one is kept iff
`np.random.pareto(alpha) > 1 - s`. numpy's `pareto` is the Lomax law, whose support begins at 0:
P(keep | s) = (2 - s)^-alpha, 1 at s = 1 and 1 in 512 at s = 0 for alpha = 9. The classical Pareto
law begins at 1 and would keep everything. Other rules: keep.py.

Chosen where the paper is silent:
- words have the normal form of corpus/words.py; counts are hashed by murmur3 into 2^18 places
  (Spark's HashingTF has as many), without signs, and each document's counts are scaled to length 1:
  bare counts push long pages to 0 or 1 (log loss 0.07 for 0.05) and take four times the steps;
- both classes weigh the same: s is then the probability under equal priors, whatever the two
  samples' sizes, so that alpha means the same for every corpus;
- negatives and positives are taken after the screen (training/sampling.py says why);
- the penalty is chosen by cross-validation over domains (training/sweep.py), and positives that are
  near-duplicates of negatives, or hold benchmark text, are left out (training/leaks.py).
The held-out split is by registered domain, so that a site's template cannot pass for quality.
Limit: a faithful baseline, not the state of the art; EVALUATION.md has the figures.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.schemas import table_named
from filters.quality.classifiers import Classifier
from filters.quality.keep import Rule, keeps
from filters.verdict import verdicts

LOW_QUALITY = "low_quality"

COLUMNS = ("source", "text")
"""Columns of `documents` that scoring reads."""


def score(documents: pa.Table, model: Classifier | None, judged: Collection[str]) -> pa.Table:
    """Score every document; returns rows of the table `quality_scores`, in order.

    documents: doc_id, source, text. judged: names of the sources whose documents may be dropped.
    Without a model no document has a score.
    """
    number = documents.num_rows
    if model is None:
        scores = pa.nulls(number, pa.float32())
    else:
        scores = pa.array(model.score(documents["text"]).astype(np.float32))
    schema = table_named("quality_scores").arrow
    is_judged = pc.is_in(documents["source"], value_set=pa.array(sorted(judged), pa.string()))
    return pa.table([documents["doc_id"], is_judged, scores], schema=schema)


def judge(scored: pa.Table, rule: Rule, *, seed: int) -> pa.Table:
    """Drop judged documents by the rule; returns rows of the table `quality`, in order.

    scored: rows of `quality_scores`. Documents of positive and trusted sources, and those without
    a score, are always kept.
    """
    scores, ids = scored["score"], scored["doc_id"]
    stays = keeps(pc.fill_null(scores, 1.0).to_numpy(), ids, rule=rule, seed=seed)
    drops = pc.and_(pc.and_(scored["judged"], scores.is_valid()), pa.array(~stays))
    reasons = pc.if_else(drops, LOW_QUALITY, pa.scalar(None, pa.string()))
    return verdicts("quality", ids, reasons, score=scores)
