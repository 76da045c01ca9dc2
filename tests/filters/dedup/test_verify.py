"""The exact similarity of proposed pairs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filters.dedup import DEFAULT
from filters.dedup.shingles import Shingles
from filters.dedup.verify import are_duplicates, jaccard, similarities

SETS = st.lists(st.sets(st.integers(0, 12), max_size=10), min_size=2, max_size=5)


def sorted_sets(sets: list[set[int]]) -> Shingles:
    hashes = np.array([h for s in sets for h in sorted(s)], np.uint64)
    return Shingles(hashes, np.cumsum([0, *map(len, sets)]))


def slow_jaccard(a: set[int], b: set[int]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


@given(SETS)
def test_similarity_is_that_of_plain_sets_and_symmetric(sets: list[set[int]]) -> None:
    left, right = (grid.reshape(-1) for grid in np.indices((len(sets), len(sets))))
    found = jaccard(sorted_sets(sets), left, right)
    expected = [slow_jaccard(sets[i], sets[j]) for i, j in zip(left, right, strict=True)]
    assert found.tolist() == expected
    assert (found == jaccard(sorted_sets(sets), right, left)).all()


@given(SETS)
def test_containment_is_the_share_of_the_smaller_set(sets: list[set[int]]) -> None:
    left, right = (grid.reshape(-1) for grid in np.indices((len(sets), len(sets))))
    both = sorted_sets(sets)
    found = similarities(both, left, both, right)["containment"]
    expected = [
        len(sets[i] & sets[j]) / max(min(len(sets[i]), len(sets[j])), 1)
        for i, j in zip(left, right, strict=True)
    ]
    assert found.tolist() == expected
    assert (found >= jaccard(sorted_sets(sets), left, right)).all()


def test_two_texts_without_words_are_not_alike() -> None:
    sets = sorted_sets([set(), set()])
    for found in similarities(sets, np.array([0]), sets, np.array([1])).values():
        assert found.tolist() == [0.0]


def test_a_pair_at_the_threshold_is_one_and_just_below_is_none() -> None:
    """2 of 4 shingles, 2 of the smaller set's 2."""
    one, other = sorted_sets([{1, 2}]), sorted_sets([{9}, {1, 2, 3, 4}])
    found = similarities(one, np.array([0]), other, np.array([1]))
    for measure, threshold, expected in (
        ("jaccard", 0.5, True), ("jaccard", 0.500001, False), ("containment", 1.0, True),
    ):  # fmt: skip
        banding = DEFAULT._replace(measure=measure, threshold=threshold)
        assert are_duplicates(found, banding).tolist() == [expected]
