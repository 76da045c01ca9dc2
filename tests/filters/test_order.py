"""The global order: how many copies are drawn, and that they are spread as promised."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from corpus.identity import DOC_ID, doc_id_of_place, keyed_uniform
from filters.order import num_copies, positions, shard_of

NUM = 4000
IDS = pa.array([doc_id_of_place("web", "file", i) for i in range(NUM)], DOC_ID)
WHOLE = 2.0**63


def draw(epochs: float, ids: pa.Array = IDS) -> tuple[np.ndarray, list[list[int]]]:
    """Copies of each document, and their positions."""
    each = np.full(len(ids), epochs)
    copies = num_copies(ids, each, seed=1)
    return copies, positions(ids, each, copies, seed=1).to_pylist()


def draw_slowly(epochs: float, index: int) -> list[int]:
    """A document's positions as the module's docstring has them."""
    found = []
    for copy in range(10):
        one = IDS.slice(index, 1)
        place = (copy + float(keyed_uniform(one, seed=1, stage="mix", copy=copy)[0])) / epochs
        if place < 1:
            found.append(int(place * WHOLE))
    return found


@pytest.mark.parametrize("epochs", [0.3, 1.0, 2.5, 3.0])
def test_copies_and_positions_equal_their_readable_twin(epochs):
    copies, places = draw(epochs)
    expected = [draw_slowly(epochs, index) for index in range(100)]
    assert places[:100] == expected
    assert copies[:100].tolist() == list(map(len, expected))


@pytest.mark.parametrize("epochs", [0.44, 1.0, 2.9, 4.0])
def test_the_copies_come_to_the_epochs_asked_for(epochs):
    copies, _ = draw(epochs)
    assert set(copies.tolist()) <= {int(epochs), int(np.ceil(epochs))}
    assert copies.sum() == pytest.approx(epochs * NUM, abs=4 * np.sqrt(NUM) / 2)


@pytest.mark.parametrize("epochs", [0.44, 1.0, 2.9])
def test_positions_are_spread_evenly(epochs):
    places = np.array([p for ps in draw(epochs)[1] for p in ps]) / WHOLE
    counts, _ = np.histogram(places, bins=20, range=(0, 1))
    expected = len(places) / 20
    assert ((counts - expected) ** 2 / expected).sum() < 50.8  # chi-square, 19 degrees, p = 1e-4


def test_no_document_comes_twice_within_an_epoch():
    _, places = draw(3.4)
    for ps in places:
        epochs = [int(p / WHOLE * 3.4) for p in ps]
        assert epochs == list(range(len(ps)))


def test_each_epoch_has_an_order_of_its_own():
    _, places = draw(2.0)
    first, second = np.array(places).T
    ranks = np.argsort(np.argsort(first)), np.argsort(np.argsort(second))
    assert abs(np.corrcoef(*ranks)[0, 1]) < 0.06  # 4 standard deviations of independent orders


def test_sources_of_different_epochs_are_mixed_all_along():
    half = NUM // 2
    epochs = np.where(np.arange(NUM) < half, 2.5, 0.5)
    copies = num_copies(IDS, epochs, seed=1)
    places = positions(IDS, epochs, copies, seed=1).to_pylist()
    rows = [(p / WHOLE, i < half) for i, ps in enumerate(places) for p in ps]
    for start in np.arange(0, 1, 0.1):
        inside = [is_first for place, is_first in rows if start <= place < start + 0.1]
        assert np.mean(inside) == pytest.approx(2.5 / 3, abs=0.07)


def test_a_document_s_draw_does_not_depend_on_its_company():
    copies, places = draw(1.7)
    chosen = [9, 3, 1000]
    few = draw(1.7, IDS.take(pa.array(chosen)))
    assert few[0].tolist() == copies[chosen].tolist()
    assert few[1] == [places[i] for i in chosen]


def test_another_seed_is_another_order():
    each = np.ones(NUM)
    copies = num_copies(IDS, each, seed=1)
    assert positions(IDS, each, copies, seed=1) != positions(IDS, each, copies, seed=2)


def test_no_documents_have_no_positions():
    empty = pa.array([], DOC_ID)
    assert draw(2.0, empty)[1] == []


def test_epochs_of_zero_draw_nothing():
    copies, places = draw(0.0)
    assert copies.sum() == 0
    assert places == [[]] * NUM


def test_shards_are_stretches_of_the_order():
    half, last = 2**62, 2**63 - 1
    assert shard_of(np.array([0, half - 1, half, last]), 2).tolist() == [0, 0, 1, 1]
    assert shard_of(np.array([0, last]), 1).tolist() == [0, 0]
    places = np.sort(np.array([p for ps in draw(1.0)[1] for p in ps]))
    shards = shard_of(places, 7)
    assert (np.diff(shards) >= 0).all()
    assert np.bincount(shards) == pytest.approx(NUM / 7, rel=0.2)
