"""The top fraction: exactly as many as asked, the best, whatever the parts."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.identity import doc_id_of_place
from filters.quality.keep import keeps, tie_order
from filters.quality.selection import select_top


def ids(number):
    return pa.array([doc_id_of_place("s", "f", i) for i in range(number)], pa.binary(16))


def parts_of(scores, num_parts):
    """A reader of the scores in parts, and how often it was asked."""
    doc_ids, asked = ids(len(scores)), []

    def read():
        asked.append(1)
        for rows in np.array_split(np.arange(len(scores)), num_parts):
            yield scores[rows], doc_ids.take(pa.array(rows))

    return read, asked


def twin(scores, fraction, seed):
    """The definition: sort by score, then by hash, and take the first."""
    order = np.lexsort((tie_order(ids(len(scores)), seed=seed), -scores.astype(float)))
    kept = np.zeros(len(scores), bool)
    kept[order[: math.ceil(round(fraction * len(scores), 6))]] = True
    return kept


def selected(scores, fraction, seed, num_parts=1):
    rule = select_top(parts_of(scores, num_parts)[0], fraction=fraction, seed=seed)
    return keeps(scores, ids(len(scores)), rule=rule, seed=seed)


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.2500001, 0.5, 0.99999, 1.0]), min_size=1),
    st.floats(0.001, 1.0),
    st.integers(0, 3),
    st.integers(1, 4),
)
def test_the_best_stay_and_exactly_as_many_as_asked(scores, fraction, seed, num_parts):
    scores = np.array(scores, np.float32)
    assert selected(scores, fraction, seed, num_parts).tolist() == twin(
        scores, fraction, seed
    ).tolist()


@pytest.mark.parametrize("fraction", [0.1, 0.0001, 0.5, 1.0])
def test_of_many_scores_the_quantile_is_exact(fraction):
    scores = np.random.default_rng(0).beta(0.5, 2, 20_000).astype(np.float32)
    found = selected(scores, fraction, 7, 5)
    assert found.sum() == math.ceil(fraction * 20_000)
    assert found.tolist() == twin(scores, fraction, 7).tolist()


def test_pages_without_a_word_share_a_score_and_are_drawn_by_hash():
    scores = np.full(10_000, 0.3, np.float32)
    one, two = (selected(scores, 0.1, seed) for seed in (1, 2))
    assert one.sum() == two.sum() == 1000
    assert one.tolist() != two.tolist()


def test_two_passes_do_where_no_score_is_shared_at_the_cut():
    read, asked = parts_of(np.linspace(0, 1, 1000, dtype=np.float32), 3)
    select_top(read, fraction=0.1, seed=0)
    assert len(asked) == 3  # one to count, two over the scores' bits


def test_the_threshold_is_the_lowest_score_that_stays():
    scores = np.array([0.9, 0.1, 0.5, 0.7], np.float32)
    rule = select_top(parts_of(scores, 2)[0], fraction=0.5, seed=0)
    assert rule.threshold == np.float32(0.7)


def test_without_a_judged_document_there_is_nothing_to_cut():
    rule = select_top(parts_of(np.zeros(0, np.float32), 1)[0], fraction=0.1, seed=0)
    assert rule.probability(np.array([0.0, 1.0])).tolist() == [1, 1]
