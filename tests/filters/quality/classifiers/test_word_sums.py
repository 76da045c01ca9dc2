"""The kernel that looks words up, against a twin in plain Python."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.words import normalise
from filters.quality.classifiers.word_sums import lookup_of, mean_weights, run_bucket, word_hash

VOCABULARY = ["the", "cat", "a", "é", "中", "considerations", "antidisestablishmentarianism", "9"]
TEXT = st.text() | st.lists(st.sampled_from([*VOCABULARY, "The", "cats", "x", "-"])).map(" ".join)


def twin_hash(word):
    """FNV-1a of 32 bits, each byte as a signed char."""
    h = 2166136261
    for byte in word.encode():
        h = ((h ^ (byte | (0xFFFFFF00 if byte > 127 else 0))) * 16777619) % 2**32
    return h - 2**32 if h >= 2**31 else h


def twin_mean(text, vocabulary, weights, run_weights, ngrams, end_weight):
    """dictionary.cc's getLine and addWordNgrams, and the mean of what they find."""
    words = [*normalise(text).split(), "</s>"]
    table = dict(zip(vocabulary, weights, strict=True)) | {"</s>": end_weight}
    found = [table[word] for word in words if word in table]
    hashes = [twin_hash(word) for word in words]
    if ngrams > 1:
        for i, first in enumerate(hashes):
            h = first % 2**64
            for other in hashes[i + 1 : i + ngrams]:
                h = (h * 116049371 + other) % 2**64
                found.append(run_weights[h % len(run_weights)])
    return sum(found) / len(found)


@given(st.text(min_size=1))
def test_a_word_has_fasttexts_hash(word):
    assert word_hash(word) == twin_hash(word)


def test_known_hashes():
    # FNV-1a's published value of "a"; "é" by the sign extension of its two bytes.
    assert word_hash("a") % 2**32 == 0xE40C292C
    assert word_hash("é") == twin_hash("é")


@given(st.lists(st.none() | TEXT, max_size=6), st.integers(1, 4))
def test_means_are_those_of_the_twin(texts, ngrams):
    drawn = np.random.default_rng(0)
    weights, run_weights = drawn.normal(size=len(VOCABULARY)), drawn.normal(size=101)
    found = mean_weights(
        pa.array(texts, pa.large_string()), lookup_of(VOCABULARY), weights, run_weights,
        ngrams=ngrams, end_weight=0.25,
    )  # fmt: skip
    expected = [
        twin_mean(text or "", VOCABULARY, weights, run_weights, ngrams, 0.25) for text in texts
    ]
    assert found == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.text(alphabet="ab", min_size=1, max_size=4), unique=True, max_size=30))
def test_every_word_is_found_and_no_other(known):
    weights = np.arange(1.0, len(known) + 1)
    asked = [a + b + c for a in "ab" for b in ("", *"ab") for c in ("", *"ab")]
    found = mean_weights(
        pa.array(asked), lookup_of(known), weights, np.zeros(0), ngrams=1, end_weight=0.0
    )
    for word, mean in zip(asked, found.tolist(), strict=True):
        assert mean == (weights[known.index(word)] / 2 if word in known else 0.0)


def test_words_of_one_hash_are_told_apart():
    # Two words whose FNV-1a of 32 bits is the same (found by search).
    one, two = "costarring", "liquid"
    assert word_hash(one) == word_hash(two)
    found = mean_weights(
        pa.array([one, two]), lookup_of([one, two]), np.array([2.0, 4.0]), np.zeros(0),
        ngrams=1, end_weight=0.0,
    )  # fmt: skip
    assert found.tolist() == [1.0, 2.0]
    only = mean_weights(
        pa.array([one, two]), lookup_of([two]), np.array([4.0]), np.zeros(0),
        ngrams=1, end_weight=0.0,
    )  # fmt: skip
    assert only.tolist() == [0.0, 2.0]


def test_a_model_without_words_is_its_end_of_line():
    found = mean_weights(
        pa.array(["a b", None]), lookup_of([]), np.zeros(0), np.zeros(0), ngrams=1, end_weight=3.0
    )
    assert found.tolist() == [3.0, 3.0]


def test_the_bucket_of_a_run_is_the_kernels():
    runs = ["the cat", "é 中", "cat </s>"]
    for run in runs:
        weights = np.zeros(997)
        weights[run_bucket(run.split(), 997)] = 1.0
        text = run.removesuffix(" </s>")
        found = mean_weights(
            pa.array([text]), lookup_of([]), np.zeros(0), weights, ngrams=2, end_weight=0.0
        )
        assert found[0] > 0
