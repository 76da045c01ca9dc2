"""Which copy stays, and what is held out."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filters.dedup.clusters import (
    HAS_DUPLICATES,
    KEPT,
    NEAR,
    NEAR_HELD_OUT,
    OLDER,
    PROTECTED,
    REASONS,
    Graph,
    answers,
    cluster,
    components,
)
from filters.dedup.records import ids_of

Pairs = list[tuple[int, int]]


def graph_of(
    pairs: Pairs, order: list[int], copies: Pairs = (), flags: dict[int, int] | None = None
) -> Graph:
    """order: documents from the best to the worst; ids count up with the documents.

    copies: (copy, first of its copies). As by preference.py, what is older comes first.
    """
    n = len(order)
    keys = np.zeros((n, 4), np.uint64)
    keys[order, 1] = np.arange(n)
    keys[:, 3] = np.arange(n)
    given_flags = np.zeros(n, np.int64)
    for document, flag in (flags or {}).items():
        given_flags[document] = flag
    keys[:, 0] = np.where(given_flags & OLDER, 0, np.where(given_flags & PROTECTED, 1, 2))
    left, right = np.array([*pairs, *copies], np.int64).reshape(-1, 2).T
    is_copy = np.repeat([False, True], [len(pairs), len(copies)])
    return Graph(keys, given_flags, left, right, is_copy)


def run(pairs: Pairs, order: list[int], **more: object) -> tuple[list[int], list[int]]:
    found = cluster(graph_of(pairs, order, **more))
    return found.first.tolist(), found.kept.tolist()


def said(pairs: Pairs, order: list[int], **more: object) -> list[tuple[int, str | None]]:
    """What each is named by, and why it goes."""
    found = cluster(graph_of(pairs, order, **more))
    return [(kept, REASONS[reason]) for kept, reason in zip(found.kept, found.reason, strict=True)]


def slow_cluster(
    pairs: Pairs, order: list[int], copies: Pairs, older: set[int]
) -> tuple[list[int], list[int]]:
    near: dict[int, set[int]] = {i: {i} for i in order}
    for a, b in pairs:
        near[a].add(b)
        near[b].add(a)
    reach = {i: set(near[i]) for i in order}
    for a, b in copies:
        reach[a].add(b)
        reach[b].add(a)
    for _ in order:
        reach = {i: set().union(*(reach[j] for j in reach[i])) for i in order}
    first_of = dict(copies)
    kept: dict[int, int] = {}
    for i in sorted(order, key=lambda i: (i not in older, order.index(i))):
        if i in first_of or (i in kept and i not in older):
            continue
        kept[i] = i
        for j in near[i] - kept.keys():
            kept[j] = i
    for copy, first in copies:
        kept[copy] = copy if copy in older else kept[first]
    return [min(reach[i]) for i in sorted(order)], [kept[i] for i in sorted(order)]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[int], Pairs, Pairs, set[int]]:
    """An order, pairs among first copies, exact copies that come after their firsts, older ones."""
    n = draw(st.integers(1, 9))
    order = draw(st.permutations(range(n)))
    older = draw(st.sets(st.sampled_from(order), max_size=3))
    ranked = sorted(order, key=lambda i: (i not in older, order.index(i)))
    copies: Pairs = []
    firsts = [ranked[0]]
    for document in ranked[1:]:
        if draw(st.integers(0, 3)) == 0:
            copies.append((document, draw(st.sampled_from(firsts))))
        else:
            firsts.append(document)
    ends = st.sampled_from(firsts)
    pairs = draw(st.lists(st.tuples(ends, ends).filter(lambda p: p[0] != p[1]), max_size=14))
    return order, pairs, copies, older


GRAPHS = graphs()
Drawn = tuple[list[int], Pairs, Pairs, set[int]]


def test_a_chain_does_not_remove_what_is_far_from_the_kept_copy() -> None:
    """A ~ B ~ C, A and C far apart: transitive closure would remove C on the word of B."""
    assert run([(0, 1), (1, 2)], [0, 1, 2]) == ([0, 0, 0], [0, 0, 2])
    assert run([(0, 1), (1, 2)], [1, 0, 2]) == ([0, 0, 0], [1, 1, 1])


def test_an_exact_copy_shares_the_fate_of_the_first_of_its_copies() -> None:
    """Of 0 ~ 1, with 2 a copy of 1, and 3 a copy of 0: all but 0 go, each named by 0."""
    found = said([(0, 1)], [0, 1, 2, 3], copies=[(2, 1), (3, 0)])
    assert found == [
        (0, None), (0, "near_duplicate"), (0, "near_duplicate"), (0, "exact_duplicate"),
    ]  # fmt: skip


def test_a_long_chain_is_one_cluster_with_every_second_copy_kept() -> None:
    """A recursive `find` would overflow the stack here."""
    n = 200_001
    left = np.arange(n - 1)
    assert not components(left[::-1], left[::-1] + 1, n).any()
    graph = graph_of([], list(range(n)))
    found = cluster(graph._replace(left=left, right=left + 1, is_copy=np.zeros(n - 1, bool)))
    assert not found.first.any()
    assert (found.kept == np.arange(n) // 2 * 2).all()


def test_documents_without_a_pair_stay() -> None:
    assert run([], [1, 0]) == ([0, 1], [0, 1])


@given(GRAPHS)
def test_clusters_are_those_of_plain_python(graph: Drawn) -> None:
    order, pairs, copies, older = graph
    found = run(pairs, order, copies=copies, flags=dict.fromkeys(older, OLDER))
    assert found == slow_cluster(pairs, order, copies, older)


@given(GRAPHS)
def test_every_removal_is_a_proved_pair_and_no_two_kept_are(graph: Drawn) -> None:
    order, pairs, copies, _ = graph
    first_of = dict(copies)
    proved = {frozenset(pair) for pair in pairs}
    _, kept = run(pairs, order, copies=copies)
    for document, copy in enumerate(kept):
        assert kept[copy] == copy
        speaker = first_of.get(document, document)
        assert copy in (document, speaker) or frozenset((speaker, copy)) in proved
    assert not any(kept[a] == a and kept[b] == b for a, b in [*pairs, *copies])


@given(GRAPHS, st.randoms(use_true_random=False))
def test_the_order_and_direction_of_pairs_change_nothing(graph: Drawn, rng: random.Random) -> None:
    order, pairs, copies, _ = graph
    turned = [pair if rng.random() < 0.5 else pair[::-1] for pair in pairs]
    shuffled = rng.sample(turned, len(turned))
    again = run(shuffled, order, copies=rng.sample(copies, len(copies)))
    assert again == run(pairs, order, copies=copies)


@given(GRAPHS, st.integers(0, 14))
def test_fewer_pairs_never_make_larger_clusters(graph: Drawn, num_pairs: int) -> None:
    """A higher threshold proves fewer pairs; each of its clusters lies within one of before."""
    order, pairs, copies, _ = graph
    before, _ = run(pairs, order, copies=copies)
    after, _ = run(pairs[:num_pairs], order, copies=copies)
    assert all(before[document] == before[first] for document, first in enumerate(after))


def test_a_new_document_does_not_replace_an_older_one() -> None:
    """0 is better than 1, which an older corpus has kept; so is 2, that is near both."""
    found = said([(0, 1), (1, 2)], [0, 2, 1], flags={1: OLDER})
    assert found == [(1, "near_duplicate"), (1, None), (1, "near_duplicate")]


def test_older_documents_stay_though_they_are_near_each_other() -> None:
    found = said([(0, 1), (1, 2)], [0, 1, 2], flags={0: OLDER, 1: OLDER})
    assert [kept for kept, _ in found] == [0, 1, 1]


def test_nothing_stays_that_a_chain_connects_to_a_protected_document() -> None:
    """3 is the held-out source's; 1 is near it, 0 near 1, and 2 near 0 alone."""
    found = said([(3, 1), (1, 0), (0, 2), (4, 5)], [0, 1, 2, 3, 4, 5], flags={3: PROTECTED})
    held = "near_held_out"
    assert found == [(3, held), (3, held), (3, held), (3, None), (4, None), (4, "near_duplicate")]


def test_held_out_copies_are_deduplicated_and_the_best_names_the_rest() -> None:
    found = said([(0, 1), (2, 1)], [0, 1, 2], flags={0: PROTECTED, 1: PROTECTED})
    assert found == [(0, None), (0, "near_duplicate"), (0, "near_held_out")]


def test_the_older_ones_stay_in_a_protected_cluster() -> None:
    """0 is in the older corpus' train, 2 in its validation; 1 connects them and goes."""
    found = said([(0, 1), (1, 2)], [0, 1, 2], flags={0: OLDER, 2: OLDER | PROTECTED})
    assert found == [(0, None), (0, "near_held_out"), (2, None)]


def test_none_of_several_copies_stays_where_none_is_to() -> None:
    graph = graph_of([(0, 1), (1, 2)], [0, 1, 2, 3], copies=[(3, 2)])
    found = cluster(graph, keeps_none=True)
    assert (found.reason > KEPT).all()
    assert found.reason.tolist()[:3] == [HAS_DUPLICATES, NEAR, HAS_DUPLICATES]
    older = graph_of([(0, 1), (2, 3)], [0, 1, 2, 3], flags={0: OLDER, 2: PROTECTED})
    found = cluster(older, keeps_none=True)
    assert found.reason.tolist() == [KEPT, NEAR, KEPT, NEAR_HELD_OUT]


def test_all_copies_stay_where_all_are_to_but_near_what_is_held_out() -> None:
    graph = graph_of([(0, 1), (1, 2)], [0, 1, 2, 3], copies=[(3, 2)])
    found = cluster(graph, keeps_all=True)
    assert found.reason.tolist() == [KEPT] * 4
    assert found.kept.tolist() == [0, 1, 2, 3]
    assert found.first.tolist() == [0] * 4
    for fraction, split in ((0.0, 0), (1.0, 1)):
        told = answers(graph, found, np.arange(4), held_out_fraction=fraction, seed=3)
        assert told["split"].tolist() == [split] * 4
        assert told["reason"].tolist() == [KEPT] * 4
    held_out = graph_of([(0, 1), (2, 3)], [0, 1, 2, 3], flags={0: PROTECTED})
    found = cluster(held_out, keeps_all=True)
    assert found.reason.tolist() == [KEPT, NEAR_HELD_OUT, KEPT, KEPT]


def test_an_answer_names_the_smallest_id_the_kept_one_and_the_split() -> None:
    graph = graph_of([(1, 2), (3, 4)], [2, 1, 0, 3, 4], flags={3: OLDER})
    places = np.arange(5) * 10
    for fraction, split in ((0.0, 0), (1.0, 1)):
        found = answers(graph, cluster(graph), places, held_out_fraction=fraction, seed=3)
        assert found["place"].tolist() == [0, 10, 20, 30, 40]
        numbers = [int.from_bytes(i, "big") for i in ids_of(found["cluster"]).to_pylist()]
        assert numbers == [0, 1, 1, 3, 3]
        kept = [int.from_bytes(i, "big") for i in ids_of(found["kept"]).to_pylist()]
        assert kept == [0, 2, 2, 3, 3]
        assert found["size"].tolist() == [1, 2, 2, 1, 1]  # the older one is not counted
        assert found["split"].tolist() == [split, split, split, 0, 0]  # an older one has its own
        reasons = [REASONS[number] for number in found["reason"].tolist()]
        near = "near_held_out" if split else "near_duplicate"
        assert reasons == [None, near, None, None, "near_duplicate"]


def test_a_cluster_with_a_protected_document_is_held_out() -> None:
    graph = graph_of([(0, 1)], [0, 1, 2], flags={1: PROTECTED})
    found = answers(graph, cluster(graph), np.arange(3), held_out_fraction=0.0, seed=3)
    assert found["split"].tolist() == [1, 1, 0]
