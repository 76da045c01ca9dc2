"""Texts that are the same word by word, and which of them speaks for all."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.words import normalise, split_words
from filters.dedup.copies import first_copies, text_digests
from filters.dedup.records import UInt64Array

MASK = 2**64 - 1


def digests(*texts: str | None) -> UInt64Array:
    return text_digests(split_words(pa.array(texts, pa.large_string())))


def mixed(h: int) -> int:
    h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & MASK
    return h ^ (h >> 31)


def slow_digest(text: str) -> list[int]:
    hashes = split_words(pa.array([text], pa.large_string())).hashes.tolist()
    chained, polynomial = mixed((0x8E5F1B3D9A7C2E41 + len(hashes)) & MASK), 0
    for word in hashes:
        chained = mixed(chained ^ word)
        polynomial = (polynomial * 0xA24BAED4963EE407 + word) & MASK
    return [chained, mixed(polynomial)]


@given(st.lists(st.text("ab ,.\n", max_size=12), max_size=8))
def test_texts_have_one_digest_where_their_words_are_the_same(texts: list[str]) -> None:
    found = digests(*texts).tolist()
    for text, digest in zip(texts, found, strict=True):
        assert digest == slow_digest(text)
        same = [normalise(other) == normalise(text) for other in texts]
        assert [other == digest for other in found] == same


@pytest.mark.parametrize(
    ("one", "other"),
    [("a b", "b a"), ("a", "a a"), ("ab c", "a bc"), ("", "a"), ("a b c d", "a b c")],
)
def test_other_words_another_order_or_number_give_another_digest(one: str, other: str) -> None:
    a, b = digests(one, other)
    assert a[0] != b[0]
    assert one == "" or a[1] != b[1]


def test_case_punctuation_and_lines_are_no_part_of_it() -> None:
    assert len({tuple(row) for row in digests("Go on!", "go\n\non", "GO, on.").tolist()}) == 1


ORDERS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 1), st.permutations(range(4))),
    min_size=1, max_size=9,
)  # fmt: skip


@given(ORDERS)
def test_the_best_of_each_digest_comes_first(rows: list[tuple[int, int, list[int]]]) -> None:
    found_digests = np.array([[high, low] for high, low, _ in rows], np.uint64)
    order = np.array([[*keys[:3], number] for number, (_, _, keys) in enumerate(rows)], np.uint64)
    expected = [
        min(
            (i for i, other in enumerate(rows) if other[:2] == row[:2]),
            key=lambda i: order[i].tolist(),
        )
        for row in rows
    ]
    assert first_copies(found_digests, order).tolist() == expected


def test_a_hundred_thousand_copies_of_one_text_take_no_square_of_time() -> None:
    n = 100_000
    order = np.zeros((n, 4), np.uint64)
    order[:, 3] = np.arange(n)[::-1]
    assert (first_copies(np.ones((n, 2), np.uint64), order) == n - 1).all()
