"""What two documents are compared by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.words import normalise, split_words
from filters.dedup.shingles import shingle_sets, shingles

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
