"""The keep rules, the scores and the saved model."""

import io
import json
import math
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from corpus.errors import Damaged
from corpus.identity import doc_id_of_place
from corpus.schemas import check
from corpus.sources import Source
from filters.quality import LOW_QUALITY, judge
from filters.quality.features import features
from filters.quality.keep import keep_probability, keeps
from filters.quality.model import QualityModel
from filters.quality.settings import QualitySettings

SOURCES = {
    "crawl": Source(kind="warc", files=(), quality="judged"),
    "webtext": Source(kind="reddit", files=(), quality="positive"),
    "books": Source(kind="text", files=(), quality="trusted"),
}


def ids(number, first=0):
    return pa.array([doc_id_of_place("s", "f", first + i) for i in range(number)], pa.binary(16))


def small_model(weights=(0.0, 0.0), intercept=0.0, scale="counts"):
    return QualityModel(weights=np.array(weights, float), intercept=intercept, scale=scale)


def test_the_pareto_rule_keeps_by_the_lomax_law():
    # Arithmetic of (2 - s)^-9, whose support begins at 0.
    scores = np.array([1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.1, 0])
    expected = [1.000, 0.6446, 0.4241, 0.1938, 0.0943, 0.0484, 0.0260, 0.0084, 0.0031, 0.00195]
    assert keep_probability(scores, alpha=9.0) == pytest.approx(expected, abs=5e-5)
    assert keep_probability(np.zeros(1), alpha=9.0)[0] == 1 / 512


def test_the_law_is_that_of_numpys_pareto():
    drawn = np.random.default_rng(0).pareto(9.0, 200_000)
    for score in (0.0, 0.5, 0.9):
        kept = (drawn > 1 - score).mean()
        expected = keep_probability(np.array([score]), alpha=9.0)[0]
        assert abs(kept - expected) < 4 * math.sqrt(expected / 200_000)


def test_the_classical_pareto_law_would_keep_everything():
    drawn = np.random.default_rng(0).pareto(9.0, 10_000) + 1
    assert (drawn > 1 - 0.0).all()
    assert keep_probability(np.zeros(1), alpha=9.0)[0] < 0.002


@pytest.mark.parametrize("score", [0.2, 0.5, 0.9, 1.0])
def test_as_many_are_kept_as_the_law_says(score):
    n = 40_000
    kept = keeps(np.full(n, score), ids(n), settings=QualitySettings(alpha=3.0), seed=1)
    expected = (2 - score) ** -3.0
    assert abs(kept.mean() - expected) <= 4 * math.sqrt(expected * (1 - expected) / n)


def test_the_draw_belongs_to_the_document_and_the_seed():
    scores = np.full(1000, 0.8)
    settings = QualitySettings()
    whole = keeps(scores, ids(1000), settings=settings, seed=1)
    half = keeps(scores[:500], ids(500, 500), settings=settings, seed=1)
    assert whole[500:].tolist() == half.tolist()
    assert whole.tolist() != keeps(scores, ids(1000), settings=settings, seed=2).tolist()


def test_a_higher_score_never_loses_a_document():
    low, high = (
        keeps(np.full(2000, score), ids(2000), settings=QualitySettings(), seed=0)
        for score in (0.6, 0.9)
    )
    assert (low <= high).all()
    assert low.sum() < high.sum()


def test_the_other_keep_rules():
    scores = np.array([0.0, 0.49, 0.5, 1.0])
    by_threshold = QualitySettings(keep="threshold", threshold=0.5)
    kept = keeps(scores, ids(4), settings=by_threshold, seed=0)
    assert kept.tolist() == [False, False, True, True]
    assert keeps(scores, ids(4), settings=QualitySettings(keep="all"), seed=0).all()


def table(rows):
    texts, sources = zip(*rows, strict=True)
    text = pa.array(texts, pa.large_string())
    return pa.table({"doc_id": ids(len(rows)), "source": list(sources), "text": text})


def test_only_judged_sources_lose_documents_and_all_are_scored():
    rows = table([("bad", "crawl"), ("bad", "webtext"), ("bad", "books"), ("", "crawl")])
    model = small_model(np.full(64, -9.0), 1.0)
    settings = QualitySettings(keep="threshold")
    found = judge(rows, model, settings, SOURCES, seed=0)
    check("quality", found.schema, where="test")
    assert found["keep"].to_pylist() == [False, True, True, True]
    assert found["reason"].to_pylist() == [LOW_QUALITY, None, None, None]
    low, prior = 1 / (1 + math.exp(8)), 1 / (1 + math.exp(-1))
    assert found["score"].to_pylist() == pytest.approx([low, low, low, prior])


def test_without_a_model_all_are_kept_and_none_has_a_score():
    found = judge(table([("bad", "crawl")]), None, QualitySettings(), SOURCES, seed=0)
    check("quality", found.schema, where="test")
    assert found.to_pylist() == [
        {"doc_id": ids(1)[0].as_py(), "keep": True, "reason": None, "score": None}
    ]


def test_features_are_counts_of_lower_cased_words():
    counted = features(
        pa.array(["The the THE cat_sat", None, "!?"]), num_features=2**18, scale="counts"
    )
    assert sorted(counted[0].data.tolist()) == [1, 1, 3]
    assert counted[1].nnz == counted[2].nnz == 0
    same = features(pa.array(["cat the sat the the"]), num_features=2**18, scale="counts")
    assert (counted[0] != same[0]).nnz == 0


def test_scaled_features_do_not_grow_with_the_text():
    scaled = features(pa.array(["a b", "a b a b"]), num_features=2**10, scale="length")
    assert (scaled[0] != scaled[1]).nnz == 0
    assert np.linalg.norm(scaled[0].toarray()) == pytest.approx(1)


def test_scores_are_scikit_learns():
    words = ("bad poor", "good fine")
    texts = pa.array([f"{words[i % 2]} word{i}" for i in range(40)])
    counted = features(texts, num_features=512, scale="length")
    learner = LogisticRegression().fit(counted, [i % 2 for i in range(40)])
    model = QualityModel(
        weights=learner.coef_[0], intercept=float(learner.intercept_[0]), scale="length"
    )
    expected = learner.predict_proba(counted)[:, 1]
    assert model.score(texts) == pytest.approx(expected, abs=1e-12)


def test_a_model_comes_back_as_it_was_saved_and_always_in_the_same_bytes():
    model = small_model((0.25, -1e-9, 0.0), -0.5, "length")
    data = model.to_bytes()
    back = QualityModel.from_bytes(data, where="here")
    assert back.weights.tolist() == model.weights.tolist()
    assert (back.intercept, back.scale) == (-0.5, "length")
    assert back.to_bytes() == data == small_model((0.25, -1e-9, 0.0), -0.5, "length").to_bytes()


def saved(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


ABOUT = json.dumps({"format": 1, "scale": "length"})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an archive",
        small_model().to_bytes()[:-40],
        saved(weights=np.zeros(2), about=np.str_(ABOUT)),
        saved(weights=np.array([np.nan]), intercept=0.0, about=np.str_(ABOUT)),
        saved(weights=np.zeros(2, np.float32), intercept=0.0, about=np.str_(ABOUT)),
        saved(weights=np.zeros(2), intercept=np.inf, about=np.str_(ABOUT)),
        saved(weights=np.zeros(2), intercept=0.0, about=np.str_('{"format": 99}')),
        saved(weights=np.zeros(2), intercept=0.0, about=np.str_("no json")),
        saved(weights=np.array([print], object), intercept=0.0, about=np.str_(ABOUT)),
    ],
)
def test_a_damaged_or_foreign_model_is_refused(data):
    with pytest.raises(Damaged, match=r"here: .*quality model.*run the stage quality again"):
        QualityModel.from_bytes(data, where="here")


def test_a_saved_model_holds_no_pickle():
    with zipfile.ZipFile(io.BytesIO(small_model().to_bytes())) as archive:
        assert archive.namelist() == ["weights.npy", "intercept.npy", "about.npy"]
        for name in archive.namelist():
            np.load(io.BytesIO(archive.read(name)), allow_pickle=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": 0.0}, {"held_out": 0.0}, {"held_out": 1.0}, {"threshold": 1.5},
        {"min_documents": 0}, {"max_documents": 5}, {"num_features": 1}, {"regularisation": 0.0},
    ],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(changes):
    with pytest.raises(ValueError, match=r"expected|positive"):
        QualitySettings(**changes)
