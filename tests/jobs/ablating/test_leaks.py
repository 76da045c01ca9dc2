"""Which held-out texts stand in training texts."""

from __future__ import annotations

import random

import pyarrow as pa

from filters.contamination.index import build_index
from jobs.ablating.leaks import Found, held_texts, near_copies, scan

RNG = random.Random(5)


def words(count: int) -> list[str]:
    return [f"w{RNG.randrange(10**6)}" for _ in range(count)]


HELD = [words(100), words(100), words(60)]
INDEX = build_index([" ".join(text) for text in HELD], [8] * len(HELD))


def texts(*given: list[str]) -> pa.Array:
    return pa.array([" ".join(text) for text in given], pa.large_string())


def test_a_copy_and_an_edited_copy_are_near_whatever_stands_around_them():
    edited = [*HELD[0]]
    for place in (20, 50, 80):
        edited[place] = "other"
    longer = [*words(900), *HELD[2], *words(500)]
    assert near_copies(texts(words(50), edited, longer), INDEX) == {0, 2}


def test_half_of_the_ngrams_is_near_and_less_is_not():
    # 93 N-grams of 8 words: 54 words hold 47 of them, 53 hold 46.
    assert near_copies(texts(HELD[1][:54]), INDEX) == {1}
    assert near_copies(texts(HELD[1][:53]), INDEX) == set()


def test_halves_in_two_texts_are_no_copy():
    assert near_copies(texts(HELD[1][:50], HELD[1][50:]), INDEX) == set()


def test_one_ngram_of_a_benchmark_text_is_enough():
    assert held_texts(texts([*words(5), *HELD[0][30:38], *words(5)]), INDEX) == {0}
    assert held_texts(texts(HELD[0][30:37]), INDEX) == set()


def test_a_text_that_two_items_share_is_found_of_both():
    index = build_index([" ".join(HELD[0]), " ".join(HELD[0][:40])], [13, 13])
    assert held_texts(texts(HELD[0][:20]), index) == {0, 1}


def test_nothing_to_look_for_is_not_found():
    none = build_index([], [])
    assert scan(texts(HELD[0]), none, none) == Found(set(), set())
