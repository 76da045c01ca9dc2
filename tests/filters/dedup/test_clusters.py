"""Which copy stays, and what is held out."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import schemas
from corpus.identity import DOC_ID, keyed_uniform
from filters.dedup import DedupSettings
from filters.dedup.clusters import (
    HELD_OUT_STAGE,
    NEAR_DUPLICATE,
    NEAR_HELD_OUT,
    cluster,
    cluster_rows,
    coarse_rank,
    preference,
    preference_order,
    verdicts,
)

Pairs = list[tuple[int, int]]
GRAPHS = st.integers(1, 9).flatmap(
    lambda n: st.tuples(
        st.permutations(range(n)),
        st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] != p[1]),
            max_size=14,
        ),
    )
)


def doc_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def of_documents(*rows: dict[str, object]) -> pa.Table:
    """Documents as the keep policy sees them."""
    default = {"source": "web", "score": 0.5, "num_characters": 100, "fetched_at": None}
    full = [{**default, "doc_id": doc_id(i), **row} for i, row in enumerate(rows)]
    types = {
        "doc_id": DOC_ID,
        "source": pa.string(),
        "score": pa.float32(),
        "num_characters": pa.int64(),
        "fetched_at": pa.timestamp("s", "UTC"),
    }
    table = pa.table({k: pa.array([row[k] for row in full], t) for k, t in types.items()})
    times = table["fetched_at"].cast(
        schemas.table_named("documents").arrow.field("fetched_at").type
    )
    return table.set_column(4, "fetched_at", times)


def best_first(*rows: dict[str, object], **settings: object) -> list[int]:
    documents = of_documents(*rows)
    keys = preference(documents, DedupSettings(**settings))
    return preference_order(keys, documents["doc_id"]).tolist()


def run(pairs: Pairs, order: list[int]) -> tuple[list[int], list[int]]:
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    found = cluster(left, right, np.array(order))
    return found.first.tolist(), found.kept.tolist()


def slow_cluster(pairs: Pairs, order: list[int]) -> tuple[list[int], list[int]]:
    near: dict[int, set[int]] = {i: {i} for i in order}
    for a, b in pairs:
        near[a].add(b)
        near[b].add(a)
    reach = {i: set(near[i]) for i in order}
    for _ in order:
        reach = {i: set().union(*(reach[j] for j in reach[i])) for i in order}
    kept: dict[int, int] = {}
    for i in order:
        if i not in kept:
            for j in near[i] - kept.keys():
                kept[j] = i
    return [min(reach[i]) for i in sorted(order)], [kept[i] for i in sorted(order)]


def test_the_best_quality_score_stays_first() -> None:
    rows = ({"score": 0.2}, {"score": 0.9}, {"score": None}, {"score": 0.90001}, {"score": 0.0})
    assert best_first(*rows) == [3, 1, 0, 4, 2]


def test_among_equal_scores_the_longest_then_the_oldest_then_the_smallest_id() -> None:
    rows = (
        {"num_characters": 5},
        {"num_characters": 9, "fetched_at": None},
        {"num_characters": 9, "fetched_at": 2_000},
        {"num_characters": 9, "fetched_at": 1_000, "doc_id": doc_id(300)},
        {"num_characters": 9, "fetched_at": 1_000, "doc_id": doc_id(4)},
    )
    assert best_first(*rows) == [4, 3, 2, 1, 0]


def test_ids_are_ordered_as_bytes() -> None:
    ids = [b"\x00" * 15 + b"\x02", b"\x01" + b"\x00" * 15, b"\x00" * 7 + b"\x01" + b"\xff" * 8]
    order = best_first(*({"doc_id": i} for i in ids))
    assert [ids[i] for i in order] == sorted(ids)


@pytest.mark.parametrize(
    ("keep", "expected"), [("best", [0, 1, 2]), ("longest", [1, 2, 0]), ("oldest", [2, 0, 1])]
)
def test_the_policy_names_what_comes_first(keep: str, expected: list[int]) -> None:
    rows = (
        {"score": 0.9, "num_characters": 10, "fetched_at": 20},
        {"score": 0.8, "num_characters": 30, "fetched_at": 30},
        {"score": 0.7, "num_characters": 20, "fetched_at": 10},
    )
    assert best_first(*rows, keep=keep) == expected


def test_listed_sources_stay_before_all_others() -> None:
    rows = ({"source": "crawl", "score": 1.0}, {"source": "books"}, {"source": "wikipedia"})
    assert best_first(*rows, source_order=("wikipedia", "books")) == [2, 1, 0]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "source": st.sampled_from(["a", "b"]),
                "score": st.none() | st.floats(0, 1, width=32),
                "num_characters": st.integers(0, 2**40),
                "fetched_at": st.none() | st.integers(0, 2**32),
            }
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["best", "longest", "oldest"]),
)
def test_the_rank_in_one_number_never_contradicts_the_order(
    rows: list[dict[str, object]], keep: str
) -> None:
    documents = of_documents(*rows)
    keys = preference(documents, DedupSettings(keep=keep, source_order=("b",)))
    ranks = coarse_rank(keys)[preference_order(keys, documents["doc_id"])]
    assert (ranks >= 0).all()
    assert (np.diff(ranks) >= 0).all()


def test_a_chain_does_not_remove_what_is_far_from_the_kept_copy() -> None:
    """A ~ B ~ C, A and C far apart: transitive closure would remove C on the word of B."""
    assert run([(0, 1), (1, 2)], [0, 1, 2]) == ([0, 0, 0], [0, 0, 2])
    assert run([(0, 1), (1, 2)], [1, 0, 2]) == ([0, 0, 0], [1, 1, 1])


def test_a_long_chain_is_one_cluster_with_every_second_copy_kept() -> None:
    """A recursive `find` would overflow the stack here."""
    n = 200_001
    left = np.arange(n - 1)
    found = cluster(left[::-1], left[::-1] + 1, np.arange(n))
    assert not found.first.any()
    assert (found.kept == np.arange(n) // 2 * 2).all()


def test_documents_without_a_pair_stay() -> None:
    assert run([], [1, 0]) == ([0, 1], [0, 1])


@given(GRAPHS)
def test_clusters_are_those_of_plain_python(graph: tuple[list[int], Pairs]) -> None:
    order, pairs = graph
    assert run(pairs, order) == slow_cluster(pairs, order)


@given(GRAPHS)
def test_every_removal_is_a_proved_pair_and_no_two_kept_are(graph: tuple[list[int], Pairs]) -> None:
    order, pairs = graph
    proved = {frozenset(pair) for pair in pairs}
    _, kept = run(pairs, order)
    for document, copy in enumerate(kept):
        assert kept[copy] == copy
        assert document == copy or frozenset((document, copy)) in proved
    assert not any(kept[a] == a and kept[b] == b for a, b in pairs)


@given(GRAPHS, st.randoms(use_true_random=False))
def test_the_order_and_direction_of_pairs_change_nothing(
    graph: tuple[list[int], Pairs], rng: random.Random
) -> None:
    order, pairs = graph
    turned = [pair if rng.random() < 0.5 else pair[::-1] for pair in pairs]
    assert run(rng.sample(turned, len(turned)), order) == run(pairs, order)


@given(GRAPHS, st.integers(0, 14))
def test_fewer_pairs_never_make_larger_clusters(
    graph: tuple[list[int], Pairs], num_pairs: int
) -> None:
    """A higher threshold proves fewer pairs; each of its clusters lies within one of before."""
    order, pairs = graph
    before, _ = run(pairs, order)
    after, _ = run(pairs[:num_pairs], order)
    assert all(before[document] == before[first] for document, first in enumerate(after))


def test_rows_of_clusters_do_not_depend_on_the_order_of_members() -> None:
    members = of_documents(*({"score": score} for score in (0.1, 0.9, 0.3, 0.7, 0.2)))
    members = members.append_column("part", pa.array([0, 0, 1, 1, 2], pa.int32()))
    members = members.append_column("row", pa.array([3, 5, 0, 2, 9], pa.int32()))
    left, right = np.array([0, 1, 3]), np.array([1, 2, 4])
    expected = cluster_rows(members, left, right, DedupSettings())
    schemas.check("clusters", expected.schema, where="test")
    columns = ("doc_id", "cluster_id", "kept_doc_id", "part", "row")
    assert [tuple(row[c] for c in columns) for row in expected.to_pylist()] == [
        (doc_id(0), doc_id(0), doc_id(1), 0, 3),
        (doc_id(1), doc_id(0), doc_id(1), 0, 5),
        (doc_id(2), doc_id(0), doc_id(1), 1, 0),
        (doc_id(3), doc_id(3), doc_id(3), 1, 2),
        (doc_id(4), doc_id(3), doc_id(3), 2, 9),
    ]
    shuffled = np.array([3, 0, 4, 2, 1])
    place = np.argsort(shuffled)
    again = cluster_rows(
        members.take(pa.array(shuffled)), place[right], place[left], DedupSettings()
    )
    assert again.equals(expected)


def judged(held_out_fraction: float) -> pa.Table:
    members = pa.table(
        {
            "row": pa.array([2, 0], pa.int32()),
            "cluster_id": pa.array([doc_id(0), doc_id(0)], DOC_ID),
            "kept_doc_id": pa.array([doc_id(2), doc_id(2)], DOC_ID),
        }
    )
    ids = pa.array([doc_id(0), doc_id(1), doc_id(2)], DOC_ID)
    return verdicts(ids, members, held_out_fraction=held_out_fraction, seed=3)


@pytest.mark.parametrize(
    ("held_out_fraction", "reason", "split"),
    [(0.0, NEAR_DUPLICATE, "train"), (1.0, NEAR_HELD_OUT, "validation")],
)
def test_each_document_has_one_verdict_in_order(
    held_out_fraction: float, reason: str, split: str
) -> None:
    found = judged(held_out_fraction)
    schemas.check("dedup", found.schema, where="test")
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (doc_id(0), False, reason, doc_id(0), doc_id(2), split),
        (doc_id(1), True, None, doc_id(1), doc_id(1), split),
        (doc_id(2), True, None, doc_id(0), doc_id(2), split),
    ]


def test_a_part_without_documents_has_no_verdict() -> None:
    none = judged(0.5).slice(0, 0)
    members = none.select(["cluster_id", "kept_doc_id"]).append_column(
        "row", pa.array([], pa.int32())
    )
    ids = pa.array([], DOC_ID)
    assert verdicts(ids, members, held_out_fraction=0.5, seed=3).num_rows == 0


def test_the_held_out_share_is_drawn_by_cluster_and_key() -> None:
    ids = pa.array([doc_id(i * 2**70) for i in range(20_000)], DOC_ID)
    members = pa.table(
        {
            "row": pa.array([], pa.int32()),
            "cluster_id": pa.array([], DOC_ID),
            "kept_doc_id": pa.array([], DOC_ID),
        }
    )
    splits = verdicts(ids, members, held_out_fraction=0.05, seed=1)["split"].to_numpy(
        zero_copy_only=False
    )
    chance = keyed_uniform(ids, seed=1, stage=HELD_OUT_STAGE)
    assert ((splits == "validation") == (chance < 0.05)).all()
    assert 900 < (splits == "validation").sum() < 1100
    other = verdicts(ids, members, held_out_fraction=0.05, seed=2)["split"].to_numpy(
        zero_copy_only=False
    )
    assert (splits != other).any()
