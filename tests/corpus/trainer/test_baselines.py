"""Unigrams and bigrams against plain counting, and hand-made cases."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from corpus.trainer.baselines import baselines


def plain(train: list[int], validation: list[int], vocab_size: int) -> tuple[float, float]:
    counts, pairs = Counter(train), Counter(pairwise(train))
    share = {t: (counts[t] + 1) / (len(train) + vocab_size) for t in range(vocab_size)}
    unigram = bigram = 0.0
    for before, after in pairwise(validation):
        n = sum(count for (first, _), count in pairs.items() if first == before)
        r = sum(first == before for first, _ in pairs)
        chance = (pairs[before, after] + r * share[after]) / (n + r) if n else share[after]
        unigram -= math.log(share[after])
        bigram -= math.log(chance)
    return unigram / (len(validation) - 1), bigram / (len(validation) - 1)


def test_counted_in_one_go_they_are_those_counted_one_by_one():
    draw = np.random.default_rng(0)
    train, validation = draw.integers(0, 12, 300), draw.integers(0, 14, 60)  # 12, 13 are unseen
    assert baselines(train, validation, 14) == pytest.approx(
        plain(train.tolist(), validation.tolist(), 14)
    )


def test_a_text_of_one_pair_by_hand():
    """Train 0 1 0 1: shares 3/7, 3/7, 1/7 with one added; after 0 (2 places, 1 kind) comes 1."""
    found = baselines(np.array([0, 1, 0, 1]), np.array([0, 1]), 3)
    assert found.unigram == pytest.approx(-math.log(3 / 7))
    assert found.bigram == pytest.approx(-math.log((2 + 3 / 7) / 3))


def test_probabilities_after_a_token_sum_to_one():
    train = np.array([0, 1, 2, 0, 1, 1, 3, 0, 2])
    for before in range(5):  # 4 was never seen
        chances = [math.exp(-baselines(train, np.array([before, after]), 5).bigram)
                   for after in range(5)]  # fmt: skip
        assert sum(chances) == pytest.approx(1.0)
