"""What two texts share, against sets made by hand."""

from __future__ import annotations

import pytest

from filters.dedup import PUBLISHED, Banding
from filters.dedup.explain import CURVE, compare, curve

TWO = Banding(2, 0.5, 4, 2)


def said(first: str, second: str, banding: Banding = TWO, num_texts: int = 9):
    return compare(first, second, banding, seed=1, num_texts=num_texts)


def test_shared_shingles_are_counted_and_given_as_the_first_text_has_them():
    # {a b, b c, c d} and {b c, c d, d e, e f}: 2 of 5
    found = said("A b, C d", "b c d e f")
    assert found.num_words == (4, 5)
    assert found.num_shingles == (3, 4)
    assert found.num_shared == 2
    assert found.shared == ("b, C", "C d")
    assert found.jaccard == 2 / 5
    assert found.containment == (2 / 3, 2 / 4)
    assert found.chance == pytest.approx(1 - (1 - 0.4**2) ** 4)
    assert not found.is_duplicate


def test_a_shingle_that_is_repeated_counts_and_is_shown_once():
    found = said("a b a b", "a b")
    assert found.num_shingles == (2, 1)
    assert found.shared == ("a b",)
    assert found.jaccard == 0.5
    assert found.is_duplicate  # at the threshold
    assert said("a b c d", "a b c d", num_texts=2).shared == ("a b", "b c")


def test_equal_texts_share_every_band_and_strangers_none():
    assert said("a b c", "A, b. c!").num_shared_bands == 4
    assert said("a b c", "A, b. c!").chance == 1
    assert said("a b c", "A, b. c!").num_agreeing == 96
    other = said("a b c", "x y z")
    assert (other.num_shared_bands, other.jaccard, other.chance) == (0, 0, 0)
    assert 0 < other.num_agreeing < other.least_agreeing < 96  # 1 in 16 by chance


def test_a_short_text_is_one_shingle_and_one_without_words_none():
    five = TWO._replace(ngram_size=5)
    short = said("één twee", "één twee", five)
    assert (short.num_shingles, short.shared, short.jaccard) == ((1, 1), ("één twee",), 1)
    empty = said("...", "", five)
    assert (empty.num_words, empty.num_shingles, empty.containment) == ((0, 0), (0, 0), (0, 0))
    assert (empty.num_shared_bands, empty.jaccard, empty.is_duplicate) == (0, 0, False)
    assert said("...", "a b").num_shared_bands == 0


def test_a_curve_rises_to_certainty():
    points = dict(curve(PUBLISHED["fineweb"]))
    assert tuple(points) == CURVE
    assert points[0.75] == pytest.approx(1 - (1 - 0.75**8) ** 14)
    assert sorted(points.values()) == list(points.values())
    assert points[1] == 1
