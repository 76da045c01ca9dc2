"""What mutations are made of: letters recased, texts cut and joined, numbers drawn.

What each kind does to a text is held in tests/filters/dedup/test_plants.py.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from corpus.words import normalise
from filters.mutations import Draws, _each, cut, joined


def test_no_letter_is_recased_into_another_word():
    recases = (str.upper, str.lower, str.swapcase)
    letters = [c for c in map(chr, range(0x110000)) if any(f(c) != c for f in recases)]
    assert len(letters) > 2000
    for letter in letters:
        for recase in recases:
            assert normalise(_each("x" + letter, recase)) == normalise("x" + letter)


def test_draws_are_even_and_bounded():
    draws = Draws(b"key")
    counts = Counter(draws.below(3) for _ in range(3000))
    assert set(counts) == {0, 1, 2}
    assert min(counts.values()) > 900
    values = [draws.between(0.3, 0.5) for _ in range(3000)]
    assert 0.3 <= min(values) < 0.301
    assert 0.499 < max(values) < 0.5
    assert sorted(draws.sample(9, end=9)) == list(range(9))
    assert len(set(draws.sample(4, end=9))) == 4
    assert Draws(b"key").sample(9, end=30) == Draws(b"key").sample(9, end=30)
    assert Draws(b"key").sample(9, end=30) != Draws(b"other").sample(9, end=30)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_text_is_cut_at_its_words_and_joined_again(text):
    pieces = cut(text)
    assert joined(*pieces) == text
    assert normalise(text).split() == [normalise(word) for word in pieces.words]
