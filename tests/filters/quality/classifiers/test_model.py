"""The saved model, its scores against scikit-learn's, and what it says of a text."""

import gzip
import io
import itertools
import json
import math

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

from corpus.errors import Damaged
from filters.quality.classifiers.features import features
from filters.quality.classifiers.model import Facts, QualityModel, read_about

FACTS = Facts(seed=3, training_set="ab12", sources=("crawl", "webtext"), libraries={"numpy": "2"})


def small_model(weights=(0.25, -1e-9, 0.0), intercept=-0.5, scale="length", **others):
    return QualityModel(
        weights=np.array(weights, float), intercept=intercept, scale=scale, **others
    )


def column(*texts):
    return pa.array(texts, pa.large_string())


def learnt(texts, is_positive, **options):
    """scikit-learn's classifier of these texts, and ours of the same numbers."""
    counted = features(texts, num_features=512, **options)
    learner = LogisticRegression(C=10).fit(counted, is_positive)
    model = QualityModel(
        weights=learner.coef_[0], intercept=float(learner.intercept_[0]), **options
    )
    return learner.predict_proba(counted)[:, 1], model


@pytest.mark.parametrize("scale", ["length", "counts"])
@pytest.mark.parametrize("signs", [False, True])
@pytest.mark.parametrize("ngrams", [1, 2])
def test_scores_are_scikit_learns(scale, signs, ngrams):
    words = ("bad poor", "good fine")
    texts = column(*(f"{words[i % 2]} word{i} a{i % 5}" for i in range(40)), None, "")
    is_positive = [i % 2 for i in range(42)]
    expected, model = learnt(texts, is_positive, scale=scale, signs=signs, ngrams=ngrams)
    assert model.score(texts) == pytest.approx(expected, abs=1e-12)
    assert expected.min() < 0.3 < 0.7 < expected.max()


def test_real_pages_have_scikit_learns_scores(real_data):
    found = []
    for name in ("web_gold", "nltk_misc"):
        with gzip.open(real_data / "text" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            found.append([json.loads(line)["text"] for line in itertools.islice(lines, 300)])
    texts = column(*found[0], *found[1])
    is_positive = [True] * len(found[0]) + [False] * len(found[1])
    expected, model = learnt(texts, is_positive, scale="length")
    assert model.score(texts) == pytest.approx(expected, abs=1e-6)


def test_a_text_without_words_has_the_score_of_the_intercept():
    assert small_model().score(column(None, "", "?!")).tolist() == pytest.approx(
        [1 / (1 + math.exp(0.5))] * 3
    )
    assert small_model().score(column()).tolist() == []


@pytest.mark.parametrize("scale", ["length", "counts"])
@pytest.mark.parametrize("signs", [False, True])
def test_the_words_of_an_explanation_add_up_to_the_score(scale, signs):
    weights = np.random.default_rng(0).normal(size=64)
    model = small_model(weights, 0.7, scale, signs=signs, ngrams=2)
    found = model.explain("The cat and the dog and the bird.")
    odds = found.intercept + sum(part.contribution for part in found.parts)
    assert found.score == pytest.approx(1 / (1 + math.exp(-odds)))
    assert {part.word: part.count for part in found.parts} == {
        "the": 3, "and": 2, "cat": 1, "dog": 1, "bird": 1, "the cat": 1, "cat and": 1,
        "and the": 2, "the dog": 1, "dog and": 1, "the bird": 1,
    }  # fmt: skip
    sizes = [abs(part.contribution) for part in found.parts]
    assert sizes == sorted(sizes, reverse=True)


def test_words_of_one_place_are_named_as_sharing_it():
    model = small_model((1.0, 1.0), scale="counts")
    parts = model.explain("one two three four five").parts
    for part in parts:
        for other in part.shares_with:
            (twin,) = [p for p in parts if p.word == other]
            assert part.word in twin.shares_with
    assert sum(len(part.shares_with) for part in parts) >= 8  # five words in two places


def test_an_explanation_as_plain_values_has_so_many_words_of_each_sign():
    weights = np.random.default_rng(1).normal(size=4096)
    found = small_model(weights, scale="counts").explain("a b c d e f g h i j").to_json(2)
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(found, allow_nan=False))
    assert (len(found["for"]), len(found["against"]), found["num_words"]) == (2, 2, 10)
    assert found["for"][0]["contribution"] >= found["for"][1]["contribution"] > 0
    assert found["against"][0]["contribution"] <= found["against"][1]["contribution"] < 0


def test_a_text_without_words_is_explained_by_the_intercept():
    found = small_model().explain("")
    assert (found.parts, found.intercept) == ((), -0.5)
    assert found.to_json(5)["num_words"] == 0


def test_a_model_comes_back_as_it_was_saved_and_always_in_the_same_bytes():
    model = small_model(signs=True, ngrams=3, facts=FACTS)
    files = model.to_files()
    back = QualityModel.from_files(files, where="here")
    assert back.weights.tolist() == model.weights.tolist()
    assert (back.intercept, back.scale, back.signs, back.ngrams) == (-0.5, "length", True, 3)
    assert back.facts == FACTS
    assert back.to_files() == files == small_model(signs=True, ngrams=3, facts=FACTS).to_files()
    assert set(files) == {"model.json", "weights.npy"}


def test_a_saved_model_says_what_it_is():
    about = json.loads(small_model(facts=FACTS).to_files()["model.json"])
    assert about == {
        "format": 2, "kind": "logistic", "num_features": 3, "intercept": -0.5, "scale": "length",
        "signs": False, "ngrams": 1,
        "facts": {"seed": 3, "training_set": "ab12", "sources": ["crawl", "webtext"],
                  "libraries": {"numpy": "2"}},
    }  # fmt: skip


def array(numbers, **options):
    file = io.BytesIO()
    np.save(file, numbers, **options)
    return file.getvalue()


GOOD = small_model().to_files()["weights.npy"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, "no such file"),
        (b"", "expected an array of 3"),
        (b"not an array", "expected an array of 3"),
        (GOOD[:-1], "expected an array of 3"),
        (GOOD + b"x", "nothing after it"),
        (array(np.zeros(2)), r"float64 \(2,\), expected float64 \(3,\)"),
        (array(np.zeros((1, 3))), r"float64 \(1, 3\), expected float64 \(3,\)"),
        (array(np.zeros(3, np.float32)), "float32"),
        (array(np.array([0, 1, np.nan])), "nan at 2, expected finite"),
        (array(np.array([0, -np.inf, 0])), "-inf at 1, expected finite"),
        (array(np.array([print, 0, 0], object), allow_pickle=True), "expected an array of 3"),
    ],
)
def test_damaged_weights_are_refused(data, expected):
    files = small_model().to_files()
    files.pop("weights.npy")
    with pytest.raises(Damaged, match=rf"^here/weights.npy: .*{expected}.*; train .* again$"):
        QualityModel.from_files(files | ({"weights.npy": data} if data is not None else {}),
                                where="here")  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": 1}, "format 1 and kind logistic, expected format 2"),
        ({"kind": "fasttext"}, "kind fasttext, expected .* logistic"),
        ({"intercept": math.nan}, "intercept is nan, expected float"),
        ({"intercept": -math.inf}, "intercept is -inf, expected float"),
        ({"intercept": "0"}, "intercept is '0', expected float"),
        ({"num_features": None}, "num_features is None, expected int"),
        ({"signs": 1}, "signs is 1, expected bool"),
        ({"scale": "other"}, "scale 'other'"),
        ({"ngrams": 0}, "ngrams 0"),
        ({"facts": None}, "facts are None"),
        ({"facts": {"author": "x"}}, "facts are .*author"),
        ({"facts": {"libraries": [1]}}, "facts are"),
    ],
)
def test_a_description_that_is_no_models_is_refused(changes, expected):
    files = small_model().to_files()
    about = json.loads(files["model.json"]) | changes
    files["model.json"] = json.dumps(about).encode()
    with pytest.raises(Damaged, match=rf"^here/model.json: .*{expected}.*; train .* again$"):
        QualityModel.from_files(files, where="here")


@pytest.mark.parametrize("data", [b"", b"no json", b"[]", b"1", b"\xff", None])
def test_what_is_no_description_is_refused(data):
    with pytest.raises(Damaged, match=r"^here/model.json: .*expected.*again$"):
        read_about({} if data is None else {"model.json": data}, where="here")
