"""Reads what the report says of duplicates: copies, pairs, clusters, and the run's test of itself.

Narrow columns, part by part; of the documents, the addresses and titles of the clusters shown.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import Dataset, open_dataset
from corpus.identity import DOC_ID, doc_id_words, keyed_hash
from corpus.storage import Store
from filters.dedup import Banding, DedupSettings
from filters.dedup.bands import banding
from filters.dedup.explain import curve
from jobs.reporting.facts import SIMILARITY_BINS, Cluster, DuplicateFacts, Member

STAGE = "report-clusters"  # key of the hash that draws the clusters shown

Key = tuple[int, bytes]
"""What clusters are chosen by, smallest first, and their id."""


def gather_duplicates(
    store: Store, settings: DedupSettings, *, num_clusters: int, num_members: int, seed: int
) -> DuplicateFacts:
    """The facts of a root whose stage dedup has finished; raises NotBuilt."""
    chosen = banding(settings)
    facts = DuplicateFacts(curve=curve(chosen), bands=_said(chosen))
    facts.self_test = json.loads(store.read("self_test", "self_test.json"))
    clusters = open_dataset(store, "clusters")
    facts.num_candidates = _num_candidates(open_dataset(store, "candidates"), clusters)
    _add_pairs(facts, open_dataset(store, "pairs"))
    _add_sizes(facts, clusters)
    largest, drawn = _choose(clusters, num_clusters, seed)
    shown = _members(clusters, {*largest, *drawn}, num_members)
    named = _named(store, shown)
    facts.largest = [named[cluster] for cluster in largest]
    facts.drawn = [named[cluster] for cluster in drawn if cluster not in largest]
    return facts


def _said(chosen: Banding) -> str:
    kind = f"{chosen.num_features:,} places of words" if chosen.num_features else ""
    shingles = kind or f"shingles of {chosen.ngram_size} words"
    measure = "Jaccard similarity" if chosen.measure == "jaccard" else chosen.measure
    return (
        f"{chosen.num_bands} bands of {chosen.num_rows} hashes over {shingles}; "
        f"a {measure} of {chosen.threshold:g} and more is a duplicate"
    )


def _num_candidates(candidates: Dataset, clusters: Dataset) -> int:
    """Those of the corpus: its parts are the last ones, after those of planted copies."""
    first = candidates.num_parts - clusters.num_parts
    return sum(candidates.part_rows(part) for part in range(first, candidates.num_parts))


def _add_pairs(facts: DuplicateFacts, pairs: Dataset) -> None:
    counts = np.zeros(SIMILARITY_BINS, np.int64)
    edges = np.linspace(0, 1, SIMILARITY_BINS + 1)
    for table in _parts(pairs, ("jaccard", "verified", "anchored")):
        facts.num_compared += table.num_rows
        facts.num_verified += int(pc.sum(table["verified"]).as_py() or 0)
        facts.num_anchored += int(pc.sum(table["anchored"]).as_py() or 0)
        counts += np.histogram(table["jaccard"].to_numpy(), edges)[0]
    facts.jaccards = counts.tolist()


def _add_sizes(facts: DuplicateFacts, clusters: Dataset) -> None:
    """Clusters by size: each of its members tells of it, so a cluster is their number's share."""
    members: Counter[int] = Counter()
    for table in _parts(clusters, ("num_members", "reason")):
        sizes, counts = np.unique(table["num_members"].to_numpy(), return_counts=True)
        members.update(dict(zip(sizes.tolist(), counts.tolist(), strict=True)))
        reasons = pc.value_counts(table["reason"].drop_null()).to_pylist()
        for row in reasons:
            facts.reasons[row["values"]] = facts.reasons.get(row["values"], 0) + row["counts"]
    facts.sizes = [(size, count // size) for size, count in sorted(members.items())]


def _choose(clusters: Dataset, num: int, seed: int) -> tuple[list[bytes], list[bytes]]:
    """The largest clusters, and as many drawn by a keyed hash, in order."""
    largest: list[Key] = []
    drawn: list[Key] = []
    for table in _parts(clusters, ("cluster_id", "num_members")):
        each = table.group_by("cluster_id").aggregate([("num_members", "max")])
        ids = each["cluster_id"].combine_chunks()
        sizes = each["num_members_max"].to_numpy()
        largest = _smallest(largest, -sizes, ids, num)
        drawn = _smallest(drawn, keyed_hash(ids, seed=seed, stage=STAGE), ids, num)
    return [cluster for _, cluster in largest], [cluster for _, cluster in drawn]


def _smallest(before: list[Key], keys: np.ndarray, ids: pa.Array, num: int) -> list[Key]:
    """The `num` smallest of those before and these, each cluster once."""
    high, low = doc_id_words(ids).byteswap().T
    first = np.lexsort((low, high, keys))[:num]
    found = {(int(keys[row]), ids[row].as_py()) for row in first.tolist()}
    return heapq.nsmallest(num, {*before, *found})


def _members(
    clusters: Dataset, wanted: set[bytes], num: int
) -> dict[bytes, tuple[int, bytes, list[bytes]]]:
    """Of each cluster its size, the best kept copy, and some of the others."""
    value_set = pa.array(sorted(wanted), DOC_ID)
    found: dict[bytes, list[dict[str, Any]]] = defaultdict(list)
    for table in _parts(clusters, ("doc_id", "cluster_id", "kept_doc_id", "num_members")):
        for row in table.filter(pc.is_in(table["cluster_id"], value_set=value_set)).to_pylist():
            found[row["cluster_id"]].append(row)
    shown = {}
    for cluster, rows in found.items():
        named = Counter(row["kept_doc_id"] for row in rows)
        kept = min(named, key=lambda each: (-named[each], each))
        others = sorted(row["doc_id"] for row in rows if row["doc_id"] != kept)
        shown[cluster] = (rows[0]["num_members"], kept, others[:num])
    return shown


def _named(
    store: Store, shown: dict[bytes, tuple[int, bytes, list[bytes]]]
) -> dict[bytes, Cluster]:
    wanted = {doc_id for _, kept, others in shown.values() for doc_id in (kept, *others)}
    names = names_of(open_dataset(store, "documents"), wanted)
    alike = _similarities(open_dataset(store, "pairs"), wanted)

    def member(doc_id: bytes, kept: bytes) -> Member:
        title, url = names.get(doc_id, ("", ""))
        jaccard = alike.get(frozenset((kept, doc_id)))
        name = title or url or doc_id.hex()
        return Member(title=name, url=url if title else "", jaccard=jaccard)

    return {
        cluster: Cluster(
            size=size, kept=member(kept, kept), others=[member(other, kept) for other in others]
        )
        for cluster, (size, kept, others) in shown.items()
    }


def names_of(documents: Dataset, wanted: set[bytes]) -> dict[bytes, tuple[str, str]]:
    """(title, url) of the wanted documents."""
    ids = pa.array(sorted(wanted), DOC_ID)
    names: dict[bytes, tuple[str, str]] = {}
    for table in _parts(documents, ("doc_id", "title", "url")):
        for row in table.filter(pc.is_in(table["doc_id"], value_set=ids)).to_pylist():
            names[row["doc_id"]] = (row["title"] or "", row["url"] or "")
    return names


def _similarities(pairs: Dataset, wanted: set[bytes]) -> dict[frozenset[bytes], float]:
    ids = pa.array(sorted(wanted), DOC_ID)
    found: dict[frozenset[bytes], float] = {}
    for table in _parts(pairs, ("doc_id_a", "doc_id_b", "jaccard")):
        is_a = pc.is_in(table["doc_id_a"], value_set=ids)
        is_b = pc.is_in(table["doc_id_b"], value_set=ids)
        for row in table.filter(pc.and_(is_a, is_b)).to_pylist():
            found[frozenset((row["doc_id_a"], row["doc_id_b"]))] = row["jaccard"]
    return found


def _parts(dataset: Dataset, columns: Sequence[str]) -> Iterator[pa.Table]:
    return (dataset.read(part, columns) for part in range(dataset.num_parts))
