"""Which copy stays, which go, and which clusters are held out.

A cluster is what a chain of proved pairs connects. A chain alone removes nothing: documents are
taken in the keep policy's order; one that is not removed yet stays, and removes the documents that
it was proved near to. So a cluster A ~ B ~ C with A and C far from each other keeps A and C, or B.

Laws: every removed document has a proved similarity of at least the threshold with the kept
document named for it (the best of its near ones that are kept); no two kept documents are a proved
pair; the answer depends on the pairs and the policy alone. Clusters are held out whole, so nothing
in train has been proved near a document in validation, nor is it connected to one by a chain.

Not a law: a higher threshold proves fewer pairs and never larger clusters, but it may remove a
document that a lower one keeps, because the copy that stood before it is now kept.

Cost: linear in pairs after one sort; 24 bytes a pair and about 100 a document in a cluster.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpus.identity import doc_id_words, keyed_uniform
from filters.dedup import DedupSettings
from filters.dedup.shingles import Int64Array

UInt32Array = npt.NDArray[np.uint32]

NEAR_DUPLICATE = "near_duplicate"  # a proved pair with a kept copy in train
NEAR_HELD_OUT = "near_held_out"  # a proved pair with a kept copy in validation
TRAIN = "train"
VALIDATION = "validation"

HELD_OUT_STAGE = "held_out"  # key of the hash that chooses the held-out clusters

_WORST = np.uint32(0xFFFFFFFF)
_POLICIES = {
    "best": ("score", "length", "age"),
    "longest": ("length", "score", "age"),
    "oldest": ("age", "score", "length"),
}


class Clusters(NamedTuple):
    """The answer for documents 0..n-1."""

    first: Int64Array
    """int64 (num_documents,): smallest row of the document's cluster."""
    kept: Int64Array
    """int64 (num_documents,): the kept row it was compared with; its own where it is kept."""


def preference(documents: pa.Table, settings: DedupSettings) -> UInt32Array:
    """The keep policy's keys, most important first; smaller is better.

    documents: source, score (null or NaN: worst), num_characters, fetched_at (null: youngest).
    Returns uint32 (num_documents, 4): place of the source, then the policy's three keys.
    """
    columns: dict[str, npt.NDArray[Any]] = {
        "score": _score_key(documents["score"]),
        "length": _WORST - np.minimum(_numbers(documents["num_characters"], 0), _WORST),
        "age": np.clip(_seconds(documents["fetched_at"]), 0, int(_WORST)),
    }
    sources = _source_key(documents["source"], settings)
    keys = [sources, *(columns[name] for name in _POLICIES[settings.keep])]
    return np.stack([key.astype(np.uint32) for key in keys], axis=1)


def coarse_rank(keys: UInt32Array) -> Int64Array:
    """The keys as one number, smaller is better: source, first key, and 24 bits of the second.

    Returns int64 (num_documents,), not negative. It chooses the best document of a large bucket.
    """
    source, first, second = (keys[:, i].astype(np.int64) for i in range(3))
    return (np.minimum(source, 127) << 56) | (first << 24) | (second >> 8)


def preference_order(keys: UInt32Array, doc_ids: pa.Array | pa.ChunkedArray) -> Int64Array:
    """Rows from the best to the worst; ties go to the smallest doc_id."""
    high, low = doc_id_words(doc_ids).byteswap().T  # big-endian numbers order as their bytes do
    return np.lexsort((low, high, *keys.T[::-1]))


def cluster(left: Int64Array, right: Int64Array, order: Int64Array) -> Clusters:
    """Connect documents by proved pairs, and choose the copies that stay.

    left, right: int64 (num_pairs,) rows of proved pairs, in any order. order: from
    `preference_order`, int64 (num_documents,).
    """
    num_documents = len(order)
    both = np.concatenate([left, right])
    neighbours = np.concatenate([right, left])[np.argsort(both, kind="stable")]
    offsets = np.concatenate(
        [np.zeros(1, np.int64), np.cumsum(np.bincount(both, minlength=num_documents))]
    )
    return Clusters(_components(left, right, num_documents), _keep(order, neighbours, offsets))


def cluster_rows(
    members: pa.Table, left: Int64Array, right: Int64Array, settings: DedupSettings
) -> pa.Table:
    """Rows of the table `clusters`, by cluster_id and doc_id.

    members: doc_id, part, row and the columns of `preference`, of the documents that are in a
    proved pair. left, right: int64 (num_pairs,), rows of it.
    """
    halves = doc_id_words(members["doc_id"]).byteswap()
    by_id = np.lexsort((halves[:, 1], halves[:, 0]))
    place = np.empty(len(by_id), np.int64)
    place[by_id] = np.arange(len(by_id))
    members = members.take(pa.array(by_id))  # numbered by doc_id, a cluster's first is its smallest
    order = preference_order(preference(members, settings), members["doc_id"])
    found = cluster(place[left], place[right], order)
    doc_ids = members["doc_id"].combine_chunks()
    rows = pa.table(
        {
            **{name: members[name] for name in ("doc_id", "part", "row")},
            "cluster_id": doc_ids.take(pa.array(found.first)),
            "kept_doc_id": doc_ids.take(pa.array(found.kept)),
        }
    )
    return rows.take(pa.array(np.argsort(found.first, kind="stable")))


def verdicts(
    doc_ids: pa.Array, members: pa.Table, *, held_out_fraction: float, seed: int
) -> pa.Table:
    """Rows of the table `dedup` for the documents of one part.

    members: rows of `clusters` for this part: row (into doc_ids), cluster_id, kept_doc_id. A
    document that is no member is a cluster of its own.
    """
    where = np.full(len(doc_ids), -1, np.int64)
    where[members["row"].to_numpy()] = np.arange(members.num_rows)
    at = pa.array(where, mask=where < 0)
    cluster_ids, kept_ids = (
        pc.coalesce(members[name].combine_chunks().take(at), doc_ids)
        for name in ("cluster_id", "kept_doc_id")
    )
    keep = pc.equal(kept_ids, doc_ids)
    chance = keyed_uniform(cluster_ids, seed=seed, stage=HELD_OUT_STAGE)
    held_out = pa.array(chance < held_out_fraction)
    reason = pc.if_else(held_out, NEAR_HELD_OUT, NEAR_DUPLICATE)
    return pa.table(
        {
            "doc_id": doc_ids,
            "keep": keep,
            "reason": pc.if_else(keep, pa.scalar(None, pa.string()), reason),
            "cluster_id": cluster_ids,
            "kept_doc_id": kept_ids,
            "split": pc.if_else(held_out, VALIDATION, TRAIN),
        }
    )


def _numbers(column: pa.ChunkedArray, missing: int) -> Int64Array:
    return np.asarray(pc.fill_null(column, missing).combine_chunks(), np.int64)


def _seconds(times: pa.ChunkedArray) -> Int64Array:
    """Seconds since 1970, up to the year 2106."""
    seconds = times.cast(pa.timestamp("s", times.type.tz), safe=False)
    return _numbers(seconds.cast(pa.int64()), int(_WORST))


def _score_key(scores: pa.ChunkedArray) -> UInt32Array:
    """Bits of a float32 that is not negative order as the number does: exact, best first."""
    values = np.nan_to_num(
        np.asarray(pc.fill_null(scores, float("nan")).combine_chunks(), np.float32), nan=-1.0
    )
    bits = (np.maximum(values, 0) + np.float32(0)).view(np.uint32)  # -0.0 becomes 0.0
    return np.where(values < 0, _WORST, _WORST - np.uint32(1) - bits)


def _source_key(sources: pa.ChunkedArray, settings: DedupSettings) -> Int64Array:
    places = pc.index_in(sources.combine_chunks(), pa.array(settings.source_order, pa.string()))
    return _numbers(pa.chunked_array([places]), len(settings.source_order))


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
def _keep(order: Int64Array, neighbours: Int64Array, offsets: Int64Array) -> Int64Array:
    """The best document stays and removes its neighbours; then the best of the rest."""
    kept = np.full(len(order), -1, np.int64)
    for i in order:
        if kept[i] >= 0:
            continue
        kept[i] = i
        for n in range(offsets[i], offsets[i + 1]):
            if kept[neighbours[n]] < 0:
                kept[neighbours[n]] = i
    return kept
