"""Leaks: near-duplicates across the classes, benchmark text, and mirrors of what was learnt."""

import numpy as np
import pytest

from filters.quality.training.leaks import (
    BENCHMARK,
    NEAR_NEGATIVE,
    find_twins,
    left_out,
    seen_in_training,
)
from tests.filters.quality.pages import made

WORDS = [f"word{i}" for i in range(3000)]


def text(number, length=100):
    return " ".join(np.random.default_rng(number).choice(WORDS, length))


def edited(given, num_changes):
    words = given.split()
    for k in range(num_changes):
        words[10 + 15 * k] = f"changed{k}"
    return " ".join(words)


def pairs(examples, seed=0):
    twins = find_twins(examples, seed=seed)
    return list(zip(twins.left.tolist(), twins.right.tolist(), strict=True))


def test_copies_and_near_copies_are_found_and_others_are_not():
    base = text(1)
    texts = [text(0), base, edited(base, 1), text(2), base.upper(), edited(base, 5)]
    examples = made(texts, [True, False, True, True, True, True])
    # One word of a hundred changes 5 of 96 shingles: 91 / 101 = 0.90; five change 25: 0.59.
    assert pairs(examples) == [(1, 2), (1, 4), (2, 4)]


def test_the_threshold_is_four_fifths():
    base = text(1)
    # Two words change 10 shingles of 96: 86 / 106 = 0.811; three change 15: 81 / 111 = 0.73.
    near, far = (made([base, edited(base, k)], [True, False]) for k in (2, 3))
    assert pairs(near) == [(0, 1)]
    assert pairs(far) == []


def test_a_positive_that_is_like_a_negative_is_left_out_and_the_negative_stays():
    base, other = text(1), text(2)
    texts = [base, edited(base, 1), other, other, text(3)]
    examples = made(texts, [True, False, True, True, False])
    causes = left_out(examples, find_twins(examples, seed=0))
    assert causes[NEAR_NEGATIVE].tolist() == [True, False, False, False, False]
    assert not causes[BENCHMARK].any()


def test_a_positive_with_benchmark_text_is_left_out_and_a_negative_stays():
    examples = made([text(i) for i in range(3)], [True, False, True], has_benchmark=[1, 1, 0])
    causes = left_out(examples, find_twins(examples, seed=0))
    assert causes[BENCHMARK].tolist() == [True, False, False]


def test_a_held_out_mirror_of_a_page_learnt_from_has_been_seen():
    base = text(1)
    examples = made([base, text(2), base, base, text(3)], [True] * 5)
    held_out = np.array([False, False, True, True, True])
    seen = seen_in_training(find_twins(examples, seed=0), ~held_out, held_out)
    assert seen.tolist() == [False, False, True, True, False]


def test_two_mirrors_that_are_both_held_out_have_not_been_seen():
    examples = made([text(1), text(1), text(2)], [True] * 3)
    held_out = np.array([True, True, False])
    assert not seen_in_training(find_twins(examples, seed=0), ~held_out, held_out).any()


def test_in_a_crowd_of_one_template_every_positive_is_still_compared_with_a_negative():
    examples = made([text(1)] * 300, [i != 170 for i in range(300)])
    causes = left_out(examples, find_twins(examples, seed=0))
    assert causes[NEAR_NEGATIVE].sum() == 299


def test_texts_without_words_are_no_ones_twins():
    assert pairs(made(["", "?!", "", text(1)], [True, False, False, True])) == []


@pytest.mark.parametrize("seed", [0, 1])
def test_the_pairs_do_not_depend_on_the_seed(seed):
    base = text(9)
    examples = made([text(0), base, edited(base, 1)], [True, False, True])
    assert pairs(examples, seed) == [(1, 2)]
