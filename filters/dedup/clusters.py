"""Which copy stays, which go, and which are held out.

A cluster is what a chain of proved pairs connects. A chain alone removes nothing: documents are
taken in the keep policy's order; one that is not removed yet stays, and removes the documents that
it was proved near to. So a cluster is cut into stars: in A ~ B ~ C, with A and C far from each
other, A and C stay, or B alone. An exact copy shares the fate of the best copy of its text.

Laws: every removed document has a proved similarity of at least the threshold with the kept
document named for it (the best of its near ones that are kept); no two kept documents are a proved
pair; the answer depends on the pairs and the policy alone.

Held out are whole clusters, by a keyed hash of the smallest doc_id, so that nothing in train has
been proved near a document in validation, nor is connected to one by a chain. **Protected** are the
documents of held-out sources and those that an older corpus holds out: of a cluster with one of
them nothing else stays, and what a chain alone connects to them names the best of them.
Documents of older corpora always stay, and come first.

Not a law: a higher threshold proves fewer pairs and never larger clusters, but it may remove a
document that a lower one keeps, because the copy that stood before it is now kept.

Cost: linear in pairs after one sort; 32 bytes a pair and about 120 a document in a cluster.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.identity import keyed_uniform
from filters.dedup.preference import best_first
from filters.dedup.records import ANSWER, Int64Array, UInt64Array, ids_of, records

Int32Array = npt.NDArray[np.int32]

REASONS = (None, "exact_duplicate", "near_duplicate", "near_held_out", "has_duplicates")
"""By their numbers: kept; a copy of the kept document, word by word; a proved pair with it; near a
document that is held out, or connected to one; and one of several copies, where none is to stay."""
KEPT, EXACT, NEAR, NEAR_HELD_OUT, HAS_DUPLICATES = range(5)

TRAIN, VALIDATION = "train", "validation"
SPLITS = (TRAIN, VALIDATION)

OLDER, PROTECTED = 1, 2
"""Flags of a node: of an older corpus; of a held-out source, or held out by an older corpus."""

HELD_OUT_STAGE = "held_out"  # key of the hash that chooses the held-out clusters


class Graph(NamedTuple):
    """Documents 0..n-1 that are in proved pairs, and those pairs."""

    order: UInt64Array
    """uint64 (n, 4): from `order_keys`."""
    flags: Int64Array
    """int64 (n,): OLDER, PROTECTED."""
    left: Int64Array
    """int64 (num_edges,): one end of each proved pair."""
    right: Int64Array
    """int64 (num_edges,): the other; of an exact copy, the first of its copies."""
    is_copy: npt.NDArray[np.bool_]
    """bool (num_edges,): whether it is a pair of exact copies."""


class Clusters(NamedTuple):
    """The answer for documents 0..n-1."""

    first: Int64Array
    """int64 (n,): the document of smallest doc_id in each one's cluster."""
    kept: Int64Array
    """int64 (n,): the document that each is named by; its own where it is kept."""
    reason: Int32Array
    """int32 (n,): number in REASONS."""


def cluster(graph: Graph, *, keeps_none: bool = False, keeps_all: bool = False) -> Clusters:
    """Connect the documents, and choose the copies that stay.

    keeps_none: of documents that have a copy none stays, but where held-out sources are concerned.
    keeps_all: all stay, but where held-out sources are concerned.
    """
    n = len(graph.order)
    copy_of = np.arange(n)
    copy_of[graph.left[graph.is_copy]] = graph.right[graph.is_copy]
    left, right = graph.left[~graph.is_copy], graph.right[~graph.is_copy]
    labels = components(graph.left, graph.right, n)
    ranking = best_first(graph.order)
    is_older = (graph.flags & OLDER) > 0
    kept = _keep(ranking, *_neighbours(left, right, n), copy_of, is_older)
    reason = np.where(kept == copy_of, EXACT, NEAR).astype(np.int32)
    reason[kept == np.arange(n)] = KEPT
    if keeps_none:
        has_copy = np.zeros(n, bool)
        has_copy[graph.left] = has_copy[graph.right] = True
        goes = has_copy & ~is_older & (reason == KEPT) & ((graph.flags & PROTECTED) == 0)
        reason[goes] = HAS_DUPLICATES
    if keeps_all:
        kept, reason = np.arange(n), np.full(n, KEPT, np.int32)
    kept, reason = _protected(graph, labels, ranking, kept, reason)
    return Clusters(_smallest_ids(graph.order, labels), kept, reason)


def components(left: Int64Array, right: Int64Array, num_documents: int) -> Int64Array:
    """Smallest document that a chain of pairs connects each one to: int64 (num_documents,)."""
    return _components(left, right, num_documents)


def answers(
    graph: Graph, found: Clusters, places: Int64Array, *, held_out_fraction: float, seed: int
) -> npt.NDArray[np.void]:
    """ANSWER records of the documents, in their order. places: int64 (n,)."""
    clusters = graph.order[found.first, 2:]
    chance = keyed_uniform(ids_of(clusters), seed=seed, stage=HELD_OUT_STAGE)
    has_older, has_protected = (
        _any_in(found.first, (graph.flags & flag) > 0) for flag in (OLDER, PROTECTED)
    )
    drawn = (chance < held_out_fraction) & ~has_older
    is_held_out = drawn | has_protected
    is_near = (found.reason == EXACT) | (found.reason == NEAR)
    reason = np.where(is_held_out & is_near, NEAR_HELD_OUT, found.reason)
    return records(
        ANSWER,
        place=places,
        cluster=clusters,
        kept=graph.order[found.kept, 2:],
        size=np.bincount(found.first, (graph.flags & OLDER) == 0, len(places))[found.first],
        reason=reason.astype(np.int32),
        split=is_held_out.astype(np.int32),
    )


def _neighbours(left: Int64Array, right: Int64Array, n: int) -> tuple[Int64Array, Int64Array]:
    """The documents near each, one after the other, and where each one's begin."""
    both = np.concatenate([left, right])
    neighbours = np.concatenate([right, left])[np.argsort(both, kind="stable")]
    counts = np.bincount(both, minlength=n)
    return neighbours, np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _protected(
    graph: Graph, labels: Int64Array, ranking: Int64Array, kept: Int64Array, reason: Int32Array
) -> tuple[Int64Array, Int32Array]:
    """Remove what is connected to a protected document, but those and what is older."""
    is_protected = (graph.flags & PROTECTED) > 0
    best = np.full(len(labels), -1, np.int64)
    ordered = ranking[is_protected[ranking]][::-1]
    best[labels[ordered]] = ordered  # the last one written is the first in order
    goes = (best[labels] >= 0) & ~is_protected & ((graph.flags & OLDER) == 0)
    stays = is_protected | ((graph.flags & OLDER) > 0)
    kept = np.where(goes & ~stays[kept], best[labels], kept)
    return kept, np.where(goes, NEAR_HELD_OUT, reason).astype(np.int32)


def _smallest_ids(order: UInt64Array, labels: Int64Array) -> Int64Array:
    """The document of smallest doc_id in each one's component."""
    by_id = np.lexsort((order[:, 3], order[:, 2]))[::-1]
    first = np.empty(len(labels), np.int64)
    first[labels[by_id]] = by_id
    return first[labels]


def _any_in(groups: Int64Array, flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether any document of each one's group has the flag."""
    found = np.zeros(len(groups), bool)
    found[groups[flags]] = True
    return found[groups]


@njit(cache=True, nogil=True)
def _components(left: Int64Array, right: Int64Array, num_documents: int) -> Int64Array:
    """Union-find: the larger root is linked to the smaller, paths are halved, nothing recurses."""
    parent = np.arange(num_documents)
    for pair in range(len(left)):
        a, b = left[pair], right[pair]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a < b:
            parent[b] = a
        else:
            parent[a] = b
    for i in range(num_documents):  # a parent is never larger, so it is final already
        parent[i] = parent[parent[i]]
    return parent


@njit(cache=True, nogil=True)
def _keep(
    ranking: Int64Array,
    neighbours: Int64Array,
    offsets: Int64Array,
    copy_of: Int64Array,
    is_older: npt.NDArray[np.bool_],
) -> Int64Array:
    """The best document stays and removes its neighbours; then the best of the rest.

    Those of older corpora stay whatever is near them. Exact copies follow the first of their text.
    """
    kept = np.full(len(ranking), -1, np.int64)
    for i in ranking:
        if copy_of[i] != i or (kept[i] >= 0 and not is_older[i]):
            continue
        kept[i] = i
        for n in range(offsets[i], offsets[i + 1]):
            if kept[neighbours[n]] < 0:
                kept[neighbours[n]] = i
    for i in range(len(kept)):
        if copy_of[i] != i:
            kept[i] = i if is_older[i] else kept[copy_of[i]]
    return kept
