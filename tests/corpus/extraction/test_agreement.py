from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.extraction.agreement import agreement
from corpus.words import normalise

WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=12).map(" ".join)


def slow_agreement(a: str, b: str) -> float | None:
    """The definition in plain Python."""
    words = [normalise(text).split() for text in (a, b)]
    if not any(words):
        return None
    grams = [Counter(zip(*(w[i:] for i in range(4)), strict=False)) for w in words]
    if not all(grams):
        return float(words[0] == words[1])
    shared = (grams[0] & grams[1]).total()
    return 2 * shared / (grams[0].total() + grams[1].total())


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("one two three four five", "One, two\n\nthree four five!", 1.0),
        ("one two three four five", "one two three four six", 0.5),
        ("one two three four", "five six seven eight", 0.0),
        ("one two three", "one two three", 1.0),
        ("one two three", "one two three four", 0.0),
        ("one two three four", None, 0.0),
        (None, "", None),
    ],
)
def test_texts_agree_by_their_runs_of_four_words(a, b, expected):
    assert agreement(a, b) == expected


@given(WORDS, WORDS)
def test_it_is_the_f1_of_the_multisets(a, b):
    assert agreement(a, b) == pytest.approx(slow_agreement(a, b))
    assert agreement(a, b) == agreement(b, a)
