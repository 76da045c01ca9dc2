"""What two documents are compared by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import HashingVectorizer

from corpus.words import normalise, split_words
from filters.dedup import PUBLISHED
from filters.dedup.shingles import (
    Shingles,
    feature_shingles,
    joined,
    sets_of,
    shingle_sets,
    shingles,
    shingles_of,
)

TEXTS = st.lists(st.text(alphabet="abc ,\n", max_size=30) | st.none(), max_size=6)


def slow_shingles(text: str | None, n: int) -> list[str]:
    words = normalise(text or "").split()
    if 0 < len(words) < n:
        return [" ".join(words)]
    return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]


def fast_shingles(texts: list[str | None], n: int) -> list[list[int]]:
    found = shingles(pa.array(texts, pa.large_string()), ngram_size=n)
    return [part.tolist() for part in np.split(found.hashes, found.offsets[1:-1])]


def fast_sets(texts: list[str | None], n: int) -> list[list[int]]:
    found = shingle_sets(shingles(pa.array(texts, pa.large_string()), ngram_size=n))
    return [part.tolist() for part in np.split(found.hashes, found.offsets[1:-1])]


def test_a_text_has_a_shingle_for_each_run_of_words() -> None:
    assert [len(s) for s in fast_shingles(["one two three four five six"], 5)] == [2]


def test_a_text_of_n_words_has_one_shingle_and_so_has_a_shorter_one() -> None:
    assert [len(s) for s in fast_shingles(["a b c d e", "a b c d", "a", "", None, "?!"], 5)] == [
        1, 1, 1, 0, 0, 0,
    ]  # fmt: skip


def test_short_texts_are_alike_only_where_all_their_words_are() -> None:
    same, upper, other, longer = fast_shingles(["go on", "Go, ON!", "on go", "go on now"], 5)
    assert same == upper
    assert len({*same, *other, *longer}) == 3


def test_single_words_are_shingles_too() -> None:
    assert fast_shingles(["b a b"], 1) == [split_words(pa.array(["b a b"])).hashes.tolist()]


@given(TEXTS, st.integers(1, 4))
def test_shingles_are_those_of_plain_python(texts: list[str | None], n: int) -> None:
    if not texts:
        return
    expected = [slow_shingles(text, n) for text in texts]
    found = fast_shingles(texts, n)
    assert [len(s) for s in found] == [len(s) for s in expected]
    names = {
        h: name for s, e in zip(found, expected, strict=True) for h, name in zip(s, e, strict=True)
    }
    assert [[names[h] for h in s] for s in found] == expected


@given(TEXTS, st.integers(1, 4))
def test_sets_are_sorted_and_distinct(texts: list[str | None], n: int) -> None:
    if not texts:
        return
    assert fast_sets(texts, n) == [sorted(set(s)) for s in fast_shingles(texts, n)]


@pytest.mark.parametrize("texts", [[], [None], ["", ""]])
def test_texts_without_a_word_have_no_shingle(texts: list[str | None]) -> None:
    found = shingle_sets(shingles(pa.array(texts, pa.string()), ngram_size=5))
    assert (found.hashes.tolist(), found.offsets.tolist()) == ([], [0] * (len(texts) + 1))


@pytest.mark.parametrize("num_features", [1 << 20, 97])
def test_hashed_words_are_the_places_of_scikit_learns_vectorizer(num_features: int) -> None:
    """As sets: equal places are equal shingles, other places others, and nothing is counted."""
    texts = ["One fish two fish", "red FISH, blue fish", "", "zwölf 漢字", "two one"]
    found = feature_shingles(pa.array(texts, pa.large_string()), num_features=num_features)
    vectorizer = HashingVectorizer(
        n_features=num_features, token_pattern=r"\S+", lowercase=False, norm=None,
        alternate_sign=False, binary=True,
    )  # fmt: skip
    matrix = vectorizer.transform([normalise(text) for text in texts])
    expected = [set(matrix[row].indices.tolist()) for row in range(len(texts))]
    sets = [set(part.tolist()) for part in np.split(found.hashes, found.offsets[1:-1])]
    assert [len(each) for each in sets] == [len(each) for each in expected]
    for one, places in zip(sets, expected, strict=True):
        for other, others in zip(sets, expected, strict=True):
            assert len(one & other) == len(places & others)


def test_the_settings_say_what_shingles_are() -> None:
    texts = pa.array(["one two three four five six", "one"], pa.large_string())
    for name, num_shingles in (("gpt3", 7), ("fineweb", 3)):
        banding = PUBLISHED[name]
        found = shingles_of(texts, split_words(texts), banding)
        assert len(found.hashes) == num_shingles
        sets = sets_of(texts, banding)
        assert sets.hashes.tolist() == shingle_sets(found).hashes.tolist()


def test_parts_are_joined_in_order() -> None:
    parts = [
        Shingles(np.array([1, 2, 3], np.uint64), np.array([0, 2, 3])),
        Shingles(np.array([], np.uint64), np.array([0])),
        Shingles(np.array([4], np.uint64), np.array([0, 0, 1])),
    ]
    both = joined(parts)
    assert both.hashes.tolist() == [1, 2, 3, 4]
    assert both.offsets.tolist() == [0, 2, 3, 3, 4]
    assert joined([]).offsets.tolist() == [0]
