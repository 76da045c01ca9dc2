"""Figures of a ranking: scikit-learn's, for any weights and ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from filters.quality.card.ranking import Ranking


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]) | st.floats(0, 1), st.booleans(),
                  st.integers(0, 3)),
        min_size=2, max_size=60,
    ).filter(lambda rows: {p for _, p, w in rows if w} == {True, False})
)  # fmt: skip
def test_the_figures_are_scikit_learns(rows):
    scores, is_positive, weights = (np.array(column) for column in zip(*rows, strict=True))
    weights = weights.astype(float)
    found = Ranking(scores, is_positive).figures(weights)
    inside = weights > 0
    scores, is_positive, weights = scores[inside], is_positive[inside], weights[inside]
    equal = weights * np.where(
        is_positive, 0.5 / weights[is_positive].sum(), 0.5 / weights[~is_positive].sum()
    )
    assert found == pytest.approx(
        {
            "auc": roc_auc_score(is_positive, scores, sample_weight=weights),
            "average_precision": average_precision_score(
                is_positive, scores, sample_weight=weights
            ),
            "log_loss": log_loss(is_positive, np.clip(scores, 1e-15, 1 - 1e-15),
                                 sample_weight=equal),
            "brier": brier_score_loss(is_positive, scores, sample_weight=equal),
        },
        rel=1e-6,
    )  # fmt: skip


def test_without_weights_each_document_counts_once():
    found = Ranking([0.9, 0.6, 0.4, 0.1], np.array([True, False, True, False])).figures()
    assert found["auc"] == 0.75
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)


def test_scores_without_a_difference_rank_nothing():
    found = Ranking(np.full(40, 0.5), np.arange(40) % 4 == 0).figures()
    assert found["auc"] == 0.5
    assert found["average_precision"] == 0.25
    assert found["log_loss"] == pytest.approx(np.log(2))


def test_a_class_without_weight_has_no_figures():
    found = Ranking([0.1, 0.9], np.array([True, False])).figures(np.array([0.0, 1.0]))
    assert all(np.isnan(value) for value in found.values())
