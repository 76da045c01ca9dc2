"""Which documents are validated on, and never trained on.

Dedup puts whole clusters of duplicates into validation by a keyed hash. Where that leaves too
little, as in a tiny corpus, more clusters are held out here in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from corpus.identity import DOC_ID, keyed_hash

if TYPE_CHECKING:
    from filters.mixture import SourceTotal

TRAIN = "train"
VALIDATION = "validation"
HELD_OUT_STAGE = "mix-held-out"

MAX_HELD_OUT_SHARE = 0.1  # of a source's tokens
CANDIDATES_KEPT = 4096  # clusters remembered while looking for some to hold out


def split_of(rows: pa.Table, held_out: Collection[bytes]) -> pa.ChunkedArray:
    """Dedup's split of each row, validation where its cluster is held out here."""
    if not held_out:
        return rows["split"]
    moved = pc.is_in(rows["cluster_id"], value_set=pa.array(sorted(held_out), DOC_ID))
    return pc.if_else(moved, VALIDATION, rows["split"])


def choose_held_out(
    sizes: Iterable[pa.Table],
    totals: Mapping[str, Sequence[SourceTotal]],
    weights: Mapping[str, float],
    *,
    min_tokens: int,
    seed: int,
) -> frozenset[bytes]:
    """Clusters to hold out where dedup's split holds out fewer than min_tokens, else none.

    sizes: parts as for add_up, read only where needed; totals: what add_up found in them. Whole
    clusters go, in the order of a keyed hash, out of the source with most tokens, until there is
    enough or a tenth of the source has gone (but one at least, of two and more). So copies of a
    text never stand in both splits, and no source is emptied.
    """
    drawn = {
        split: [t for t in totals[split] if not weights or weights.get(t.source)]
        for split in (TRAIN, VALIDATION)
    }
    missing = min_tokens - sum(t.num_tokens for t in drawn[VALIDATION])
    if missing <= 0 or not drawn[TRAIN]:
        return frozenset()
    largest = max(drawn[TRAIN], key=lambda t: (t.num_tokens, t.source))
    clusters = _first_clusters(sizes, largest.source, seed=seed)
    room = int(largest.num_tokens * MAX_HELD_OUT_SHARE)
    chosen: list[bytes] = []
    for cluster, num_tokens in clusters:
        if missing > 0 and num_tokens <= room:
            chosen.append(cluster)
            missing -= num_tokens
            room -= num_tokens
    if not chosen and len(clusters) > 1:
        chosen = [clusters[0][0]]
    return frozenset(chosen)


def _first_clusters(
    sizes: Iterable[pa.Table], source: str, *, seed: int
) -> list[tuple[bytes, int]]:
    """The source's train clusters with the smallest keyed hashes, and their tokens."""
    best: pa.Table | None = None
    for part in sizes:
        is_its_own = pc.equal(part["source"], source)
        rows = part.filter(pc.and_(is_its_own, pc.equal(part["split"], TRAIN)))
        hashes = keyed_hash(rows["cluster_id"], seed=seed, stage=HELD_OUT_STAGE)
        found = pa.table(
            {"cluster": rows["cluster_id"], "hash": pa.array(hashes), "tokens": rows["num_tokens"]}
        )
        both = found if best is None else pa.concat_tables([best, found])
        merged = both.group_by(["cluster", "hash"]).aggregate([("tokens", "sum")])
        ordered = merged.sort_by([("hash", "ascending"), ("cluster", "ascending")])
        best = ordered.slice(0, CANDIDATES_KEPT).rename_columns({"tokens_sum": "tokens"})
    if best is None:
        return []
    return list(zip(best["cluster"].to_pylist(), best["tokens"].to_pylist(), strict=True))
