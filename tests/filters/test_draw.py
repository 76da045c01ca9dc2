"""The draw: who is drawn and why not, and how near it comes to the plan."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import schemas
from corpus.errors import DataError
from corpus.identity import DOC_ID, doc_id_of_place, keyed_uniform
from filters.draw import BOUNDS, draw, judge, outcome, size_class
from filters.mixture import MixSettings, SourcePlan, add_up, plan
from filters.order import STAGE, positions
from tests.sizes import size_rows


def mixed(rows: pa.Table, settings: MixSettings, *, seed: int = 1) -> tuple[pa.Table, list]:
    """The draw of one part, and its plan."""
    sources = plan(add_up([rows])["train"], settings, known_sources={"web", "books"})
    drawn = draw(lambda: [rows], sources, seed=seed)
    return judge(rows, drawn, settings.weights, frozenset(), seed=seed), sources


def judged(rows: pa.Table, **fields) -> list[dict]:
    settings = MixSettings(**fields)
    return mixed(rows, settings)[0].to_pylist()


def test_documents_are_drawn_or_not_with_a_reason():
    rows = size_rows([("web", "train", 10)] * 50 + [("web", "validation", 10)] * 2)
    found = judged(rows, total_tokens=250)
    assert {(row["keep"], row["reason"], row["copies"]) for row in found[:50]} == {
        (True, None, 1), (False, "not_drawn", 0),
    }
    assert [row["doc_id"] for row in found] == rows["doc_id"].to_pylist()
    assert sum(row["copies"] for row in found[:50]) == 25
    assert len({row["epochs"] for row in found[:50]}) == 1
    last = found[-1]
    assert (last["keep"], last["split"], last["copies"], last["epochs"]) == (
        True, "validation", 1, 1.0,
    )


def test_a_source_left_out_is_left_out_of_both_splits():
    rows = size_rows(
        [("web", "train", 10), ("books", "train", 10), ("books", "validation", 10)]
    )
    found = judged(rows, weights={"web": 1, "books": 0})
    assert [row["reason"] for row in found] == [
        None, "source_has_no_weight", "source_has_no_weight",
    ]


def test_a_document_that_edits_and_cuts_have_emptied_is_not_drawn():
    rows = size_rows([("web", "train", 10), ("web", "train", 0), ("web", "validation", 0)])
    assert [(row["reason"], row["copies"]) for row in judged(rows)] == [
        (None, 1), ("nothing_left", 0), ("nothing_left", 0),
    ]


def test_a_source_with_held_out_documents_alone_is_validated_on():
    rows = size_rows([("web", "train", 10), ("books", "validation", 10)])
    assert [row["copies"] for row in judged(rows)] == [1, 1]


def test_the_outcome_stands_beside_the_plan():
    rows = size_rows([("web", "train", 10)] * 50 + [("web", "validation", 10)])
    mix, sources = mixed(rows, MixSettings(total_tokens=1250))
    assert outcome(sources, [mix.slice(20), mix.slice(0, 20)]).to_pylist() == [
        {
            "source": "web", "weight": 1.0, "num_documents": 50, "num_bytes": 2000,
            "num_tokens": 500, "epochs": 2.5, "planned_documents": 125.0, "planned_tokens": 1250,
            "drawn_documents": 125, "drawn_bytes": 5000, "drawn_tokens": 1250,
        }
    ]


def test_a_share_too_small_for_one_document_is_a_data_error():
    rows = size_rows([("web", "train", 10**6), ("books", "train", 1000)])
    mix, sources = mixed(rows, MixSettings(weights={"web": 1, "books": 0.1}, total_tokens=1000))
    with pytest.raises(DataError, match="no document of books"):
        outcome(sources, [mix])


def many(num: int, *, seed: int, scale: float = 600, source: str = "web") -> pa.Table:
    """Documents whose sizes are spread as those of web pages are: log-normal, sigma 1.1."""
    chance = np.random.default_rng(seed)
    sizes = np.maximum(1, chance.lognormal(np.log(scale), 1.1, num).astype(np.int64))
    ids = pa.array([doc_id_of_place(source, "f", seed << 32 | i) for i in range(num)], DOC_ID)
    columns = [ids, pa.repeat(source, num), ids, pa.repeat("train", num), sizes * 4, sizes]
    return pa.table(
        [pa.array(c) if isinstance(c, np.ndarray) else c for c in columns],
        schema=schemas.table_named("sizes").arrow,
    )


def test_a_mixture_of_a_hundred_million_tokens_is_within_a_thousandth_of_its_plan():
    rows = pa.concat_tables(
        [many(150_000, seed=1), many(4000, seed=2, source="books"),
         many(30_000, seed=3, source="news")]
    )  # fmt: skip
    weights = {"web": 60, "books": 3, "news": 37}
    sources = plan(
        add_up([rows])["train"], MixSettings(weights=weights, total_tokens=100_000_000),
        known_sources=weights,
    )
    drawn = draw(lambda: [rows], sources, seed=5)
    mix = judge(rows, drawn, weights, frozenset(), seed=5)
    for row in outcome(sources, [mix]).to_pylist():
        tokens = row["drawn_tokens"] / row["planned_tokens"]
        epochs = row["drawn_tokens"] / row["num_tokens"] / row["epochs"]
        assert abs(row["drawn_documents"] - row["planned_documents"]) <= 1.5
        assert tokens == pytest.approx(1, abs=1e-3)
        assert epochs == pytest.approx(1, abs=1e-3)


def draw_slowly(rows: pa.Table, epochs: float, *, seed: int) -> list[int]:
    """Copies by the module's docstring: of each class, those of the smallest numbers."""
    whole, share = divmod(epochs, 1)
    chance = keyed_uniform(rows["doc_id"], seed=seed, stage=STAGE, copy=int(whole)).tolist()
    sizes = rows["num_tokens"].to_pylist()
    classes: dict[int, list[int]] = {}
    for row, size in enumerate(sizes):
        classes.setdefault(sum(bound <= size for bound in BOUNDS.tolist()), []).append(row)
    copies = [int(whole)] * len(sizes)
    behind = 0.0  # tokens
    for _, its_rows in sorted(classes.items(), reverse=True):
        num, mean = len(its_rows), sum(sizes[row] for row in its_rows) / len(its_rows)
        due = share * num + behind / mean
        best = min(num, max(0, math.floor(due + 0.5)))
        behind = (due - best) * mean
        for row in sorted(its_rows, key=lambda row: chance[row])[:best]:
            copies[row] += 1
    return copies


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=60),
    epochs=st.floats(0.01, 3),
    seed=st.integers(0, 9),
    cut=st.integers(0, 60),
)
def test_copies_are_those_of_the_readable_twin_for_any_parts(sizes, epochs, seed, cut):
    rows = size_rows([("web", "train", size) for size in sizes])
    source = SourcePlan(
        source="web", weight=1, num_documents=len(sizes), num_bytes=1, num_tokens=1,
        epochs=epochs, planned_documents=1, planned_tokens=1,
    )  # fmt: skip
    halves = [rows.slice(cut), rows.slice(0, cut)]
    drawn = draw(lambda: halves, [source], seed=seed)
    mix = judge(rows, drawn, {}, frozenset(), seed=seed)
    assert mix["copies"].to_pylist() == draw_slowly(rows, epochs, seed=seed)
    assert draw(lambda: [rows], [source], seed=seed)["web"].tolist() == drawn["web"].tolist()


def test_copies_keep_to_their_epochs_and_are_spread_evenly():
    rows = many(20_000, seed=4)
    source = plan(
        add_up([rows])["train"],
        MixSettings(total_tokens=round(2.4 * sum(rows["num_tokens"].to_pylist()))),
        known_sources={"web"},
    )
    mix = judge(rows, draw(lambda: [rows], source, seed=1), {}, frozenset(), seed=1)
    epochs, copies = mix["epochs"].to_numpy(), mix["copies"].to_numpy()
    assert set(copies.tolist()) == {2, 3}
    places = positions(mix["doc_id"], epochs, copies, seed=1)
    counts, _ = np.histogram(places.flatten().to_numpy(), bins=20, range=(0, 2.0**63))
    expected = copies.sum() / 20
    assert ((counts - expected) ** 2 / expected).sum() < 50.8  # chi-square, 19 degrees, p = 1e-4


def test_size_classes_part_sizes_by_an_eighth_of_an_octave():
    assert size_class(np.array([0, 1, 2, 3])).tolist() == [0, 1, 2, 3]
    sizes = np.arange(1, 100_000)
    classes = size_class(sizes)
    assert (np.diff(classes) >= 0).all()
    for its_class in np.unique(classes):
        own = sizes[classes == its_class]
        assert len(own) == 1 or own[-1] / own[0] < 2 ** (1 / 8)
