"""The four input transforms on hand-made ids: order, delimiters, and what a short context cuts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.trainer.finetuning.inputs import (
    Special,
    classification,
    entailment,
    fit,
    multiple_choice,
    similarity,
    special_ids,
)

SPECIAL = Special(100, 101, 102)  # start, delimiter, extract
S, D, E = SPECIAL


def test_the_new_ids_follow_the_vocabulary():
    assert special_ids(8192) == Special(start=8192, delimiter=8193, extract=8194)


def test_a_text_stands_between_start_and_extract():
    assert classification([1, 2, 3], SPECIAL, context=9) == ((S, 1, 2, 3, E),)


def test_a_premise_is_parted_from_its_hypothesis():
    assert entailment([1, 2], [3], SPECIAL, context=9) == ((S, 1, 2, D, 3, E),)


def test_similarity_has_both_orders():
    assert similarity([1, 2], [3], SPECIAL, context=9) == ((S, 1, 2, D, 3, E), (S, 3, D, 1, 2, E))


def test_each_choice_follows_the_context_and_the_question():
    found = multiple_choice([[1, 2], [3]], [[4], [5, 6], [7]], SPECIAL, context=20)
    assert found == ((S, 1, 2, 3, D, 4, E), (S, 1, 2, 3, D, 5, 6, E), (S, 1, 2, 3, D, 7, E))


def test_a_question_is_optional():
    found = multiple_choice([[1]], [[4], [5]], SPECIAL, context=9)
    assert found == ((S, 1, D, 4, E), (S, 1, D, 5, E))


def test_a_long_text_loses_its_end_and_keeps_the_extract_token():
    assert classification([1, 2, 3, 4], SPECIAL, context=5) == ((S, 1, 2, 3, E),)
    assert classification([1, 2, 3], SPECIAL, context=5) == ((S, 1, 2, 3, E),)


def test_a_long_premise_is_cut_for_its_hypothesis():
    assert entailment([1, 2, 3, 4, 5], [6, 7], SPECIAL, context=7) == ((S, 1, 2, D, 6, 7, E),)


def test_both_orders_of_similarity_are_cut_alike():
    found = similarity([1, 2, 3, 4], [5, 6], SPECIAL, context=7)
    assert found == ((S, 1, 2, D, 5, 6, E), (S, 5, 6, D, 1, 2, E))


def test_all_choices_have_the_context_left_that_the_longest_leaves():
    found = multiple_choice([[1, 2, 3, 4], [5]], [[6], [7, 8]], SPECIAL, context=8)
    assert found == ((S, 1, 2, 5, D, 6, E), (S, 1, 2, 5, D, 7, 8, E))


def cut_one_by_one(sizes: list[int], room: int) -> list[int]:
    """The rule as it is said: the longest loses one, of equals the last."""
    sizes = list(sizes)
    while sum(sizes) > room:
        longest = max(sizes)
        last = max(place for place, size in enumerate(sizes) if size == longest)
        sizes[last] -= 1
    return sizes


@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(0, 60))
def test_sizes_are_those_of_cutting_token_by_token(sizes, extra):
    room = len(sizes) + extra
    assert fit(sizes, room) == cut_one_by_one(sizes, room)


def test_a_context_without_room_for_each_part_is_refused():
    with pytest.raises(ValueError, match="room for 1 tokens, expected at least 1 for each of 2"):
        entailment([1], [2], SPECIAL, context=4)


TEXT = st.lists(st.integers(0, 99), min_size=1, max_size=20)


@given(TEXT, TEXT, st.lists(TEXT, min_size=2, max_size=4), st.integers(8, 30))
def test_no_length_of_the_parts_cuts_a_new_token(a, b, choices, context):
    sequences = [
        *classification(a, SPECIAL, context=context),
        *entailment(a, b, SPECIAL, context=context),
        *similarity(a, b, SPECIAL, context=context),
        *multiple_choice([a, b], choices, SPECIAL, context=context),
    ]
    for number, ids in enumerate(sequences):
        assert len(ids) <= context
        assert (ids[0], ids[-1]) == (S, E)
        assert [i for i in ids if i >= 100] == ([S, E] if number == 0 else [S, D, E])
