"""Hashed counts against scikit-learn's HashingVectorizer, to the bit; sums against the matrix."""

import gzip
import itertools
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import HashingVectorizer

from corpus.words import normalise
from filters.quality.classifiers.features import features, grams, hashed, runs, weighted_sums

TEXT = st.text() | st.text(alphabet="aB9é中 -", max_size=200)
TEXTS = st.lists(st.none() | TEXT, max_size=6)
OPTIONS = st.fixed_dictionaries(
    {
        "num_features": st.sampled_from([2, 7, 1000, 2**18]),
        "scale": st.sampled_from(["length", "counts"]),
        "signs": st.booleans(),
        "ngrams": st.integers(1, 3),
    }
)


def column(texts):
    return pa.array(texts, pa.large_string())


def reference(texts, *, num_features, scale, signs, ngrams):
    """scikit-learn's matrix of the same words."""
    vectorizer = HashingVectorizer(
        n_features=num_features,
        alternate_sign=signs,
        norm="l2" if scale == "length" else None,
        analyzer=lambda text: runs(normalise(text).split(), ngrams),
    )
    matrix = vectorizer.transform([*(text or "" for text in texts), ""])[:-1]  # it refuses none
    matrix.sort_indices()
    return matrix


def check_equal(found, expected):
    assert found.shape == expected.shape
    assert found.indptr.tolist() == expected.indptr.tolist()
    assert found.indices.tolist() == expected.indices.tolist()
    assert found.dtype == np.float64
    assert found.data.tolist() == expected.data.tolist()


def test_counts_are_of_lower_cased_words():
    counted = features(column(["The the THE cat_sat", None, "!?"]), num_features=2**18,
                       scale="counts")  # fmt: skip
    assert sorted(counted[0].data.tolist()) == [1, 1, 3]
    assert counted[1].nnz == counted[2].nnz == 0
    same = features(column(["cat the sat the the"]), num_features=2**18, scale="counts")
    assert (counted[0] != same[0]).nnz == 0


def test_scaled_features_do_not_grow_with_the_text():
    scaled = features(column(["a b", "a b a b"]), num_features=2**10, scale="length")
    assert (scaled[0] != scaled[1]).nnz == 0
    assert np.linalg.norm(scaled[0].toarray()) == pytest.approx(1)


def test_runs_of_words_are_counted_beside_the_words():
    counted = features(column(["one two one two"]), num_features=2**18, scale="counts", ngrams=2)
    places = {run: hashed(run, 2**18)[0] for run in ("one", "two", "one two", "two one")}
    assert {run: counted[0, place] for run, place in places.items()} == {
        "one": 2, "two": 2, "one two": 2, "two one": 1,
    }  # fmt: skip


def test_with_signs_words_that_share_a_place_cancel_out():
    words = [f"w{i}" for i in range(50)]
    at = {sign: [w for w in words if hashed(w, 2, signs=True) == (0, sign)] for sign in (1, -1)}
    text = f"{at[1][0]} {at[-1][0]}"
    signed = features(column([text]), num_features=2, scale="counts", signs=True)
    assert (signed.nnz, signed.data.tolist()) == (1, [0.0])  # as scikit-learn leaves it
    check_equal(signed, reference([text], num_features=2, scale="counts", signs=True, ngrams=1))
    assert weighted_sums(column([text]), np.array([5.0, 5.0]), scale="length", signs=True) == [0.0]


@given(TEXTS, OPTIONS)
def test_features_are_scikit_learns_to_the_bit(texts, options):
    check_equal(features(column(texts), **options), reference(texts, **options))


@given(st.lists(st.text(alphabet=[chr(c) for c in range(128)])))
def test_of_ascii_they_are_those_of_scikit_learns_own_words(texts):
    own = HashingVectorizer(alternate_sign=False, n_features=2**18, token_pattern=r"[^\W_]+")
    expected = own.transform([*texts, ""])[:-1]
    expected.sort_indices()
    check_equal(features(column(texts), num_features=2**18, scale="length"), expected)


@given(TEXTS, OPTIONS)
def test_sums_are_the_product_with_the_weights(texts, options):
    weights = np.random.default_rng(0).normal(size=options["num_features"])
    others = {name: value for name, value in options.items() if name != "num_features"}
    expected = features(column(texts), **options) @ weights
    assert weighted_sums(column(texts), weights, **others) == pytest.approx(expected, abs=1e-9)


def test_how_a_column_is_cut_changes_nothing():
    texts = [f"word{i} other{i % 7} and the rest" if i % 11 else None for i in range(4500)]
    whole = column(texts)
    cut = pa.chunked_array([whole.slice(0, 1), whole.slice(1, 2998), whole.slice(2999)])
    weights = np.random.default_rng(0).normal(size=512)
    options = {"scale": "length", "signs": True, "ngrams": 2}
    assert (
        weighted_sums(cut, weights, **options).tolist()
        == weighted_sums(whole, weights, **options).tolist()
        == [weighted_sums(whole.slice(i, 1), weights, **options)[0] for i in range(4500)]
    )
    check_equal(
        features(cut, num_features=512, **options), features(whole, num_features=512, **options)
    )


def test_the_python_hash_of_a_run_is_the_kernels():
    for run in ("a", "the cat", "naïve", "中"):
        counted = features(column([run]), num_features=1000, scale="counts", signs=True,
                           ngrams=len(run.split()))  # fmt: skip
        place, sign = hashed(run, 1000, signs=True)
        assert sign in (1, -1)
        assert counted[0, place] != 0
    assert list(grams("The cat, the", 2)) == ["the", "cat", "the", "the cat", "cat the"]
    assert list(grams("", 2)) == list(grams("?", 2)) == []


def test_real_text_has_scikit_learns_features(real_data):
    with gzip.open(real_data / "text" / "web_gold.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in itertools.islice(lines, 400)]
    for options in (
        {"num_features": 2**18, "scale": "length", "signs": False, "ngrams": 1},
        {"num_features": 2**18, "scale": "counts", "signs": True, "ngrams": 3},
    ):
        check_equal(features(column(texts), **options), reference(texts, **options))
