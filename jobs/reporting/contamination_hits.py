"""How often documents hold each benchmark item, and which of the passages are shown.

Of each field those that are removed before those that are exempt, a document's second only after
every document's first, the longest first; the fields take turns. That order is one of the rows
alone, so parts may be read in any order.
Cost: `hits` once, a part at a time; of each field no more rows stay than are shown.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from operator import itemgetter
from typing import Any

from corpus.datasets import Dataset

HIT = ("doc_id", "start", "end", "benchmark", "item_id", "field", "num_ngrams",
       "document_frequency", "exempt")  # fmt: skip

LONGEST = [("exempt", "ascending"), ("num_ngrams", "descending"), ("doc_id", "ascending"),
           ("start", "ascending")]  # fmt: skip

Item = tuple[str, str]
"""Benchmark and item id."""
Ranked = tuple[tuple[bool, int, int, bytes, int], dict[str, Any]]
"""A hit, after its place among those of its field: exempt, again, N-grams, document, start."""


class Hits:
    """What `hits` says of each item."""

    def __init__(self, hits: Dataset, limit: int) -> None:
        """Read every part; limit: hits shown of an item."""
        self.num_hits: Counter[Item] = Counter()
        self.num_documents: Counter[Item] = Counter()
        best: dict[Item, dict[str, list[Ranked]]] = defaultdict(lambda: defaultdict(list))
        for part in range(hits.num_parts):
            seen: Counter[tuple[Item, str, bytes]] = Counter()
            documents = set()
            for row in hits.read(part, HIT).sort_by(LONGEST).to_pylist():
                item = (row["benchmark"], row["item_id"])
                self.num_hits[item] += 1
                documents.add((item, row["doc_id"]))
                again = seen[item, row["field"], row["doc_id"]]
                seen[item, row["field"], row["doc_id"]] += 1
                if again < limit:
                    rank = (row["exempt"], again, -row["num_ngrams"], row["doc_id"], row["start"])
                    own = best[item][row["field"]]
                    own[:] = heapq.nsmallest(limit, [*own, (rank, row)], key=itemgetter(0))
            self.num_documents.update(item for item, _ in documents)
        self.shown = {item: _in_turns(fields, limit) for item, fields in best.items()}


def _in_turns(fields: dict[str, list[Ranked]], limit: int) -> list[dict[str, Any]]:
    """So many hits of an item: the first of each field, the second of each, and so on."""
    turns = [
        ((turn, rank[0], rank[2], field), row)
        for field, own in fields.items()
        for turn, (rank, row) in enumerate(own)
    ]
    return [row for _, row in sorted(turns, key=itemgetter(0))[:limit]]
