"""Scoring and judging: who is scored, who may be dropped, and by what."""

import math

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from corpus.schemas import check
from filters.quality import LOW_QUALITY, judge, score
from filters.quality.classifiers.features import features
from filters.quality.classifiers.model import QualityModel
from filters.quality.keep import Rule
from tests.filters.quality.test_keep import ids

JUDGED = ["crawl"]
HALF = Rule(keep="threshold", threshold=0.5)


def small_model(weights=(0.0, 0.0), intercept=0.0, scale="counts"):
    return QualityModel(weights=np.array(weights, float), intercept=intercept, scale=scale)


def table(rows):
    texts, sources = zip(*rows, strict=True)
    text = pa.array(texts, pa.large_string())
    return pa.table({"doc_id": ids(len(rows)), "source": list(sources), "text": text})


def test_only_judged_sources_lose_documents_and_all_are_scored():
    rows = table([("bad", "crawl"), ("bad", "webtext"), ("bad", "books"), ("", "crawl")])
    scored = score(rows, small_model(np.full(64, -9.0), 1.0), JUDGED)
    check("quality_scores", scored.schema, where="test")
    assert scored["judged"].to_pylist() == [True, False, False, True]
    found = judge(scored, HALF, seed=0)
    check("quality", found.schema, where="test")
    assert found["keep"].to_pylist() == [False, True, True, True]
    assert found["reason"].to_pylist() == [LOW_QUALITY, None, None, None]
    low, prior = 1 / (1 + math.exp(8)), 1 / (1 + math.exp(-1))
    assert found["score"].to_pylist() == pytest.approx([low, low, low, prior])


def test_without_a_model_all_are_kept_and_none_has_a_score():
    found = judge(score(table([("bad", "crawl")]), None, JUDGED), HALF, seed=0)
    check("quality", found.schema, where="test")
    assert found.to_pylist() == [
        {"doc_id": ids(1)[0].as_py(), "keep": True, "reason": None, "score": None}
    ]


def test_no_document_gives_no_row():
    empty = table([("x", "crawl")]).slice(0, 0)
    assert judge(score(empty, small_model(), JUDGED), HALF, seed=0).num_rows == 0


def test_scores_are_scikit_learns():
    texts = [f"good fine word{i}" if i % 2 else f"bad poor word{i}" for i in range(40)]
    column = pa.array(texts, pa.large_string())
    counted = features(column, num_features=512, scale="length")
    learner = LogisticRegression().fit(counted, [i % 2 for i in range(40)])
    model = small_model(learner.coef_[0], float(learner.intercept_[0]), "length")
    expected = learner.predict_proba(counted)[:, 1]
    found = score(table([(text, "crawl") for text in texts]), model, JUDGED)
    assert found["score"].to_pylist() == pytest.approx(expected, abs=1e-6)  # as stored, float32
