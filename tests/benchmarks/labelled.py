"""Which pairs are found of sets whose near pairs are known.

- articles_100 and articles_1000: texts of 250 words, put together from news, of which 5 and 10
  pairs are labelled as plagiarism by the collection itself. One has a word more than the other.
- Reuters-21578: a news wire, which sent many reports twice, corrected or grown. The truth is exact
  similarity at 0.8, over all pairs (near_duplicates.py).

`python -m tests.benchmarks.labelled --data DATA` prints the table for the default settings, and
how far apart the labelled pairs and all others lie.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from corpus.identity import DOC_ID
from filters.dedup import DedupSettings
from filters.dedup.decide import decide_documents
from tests.benchmarks.near_duplicates import THRESHOLD, exact_pairs

RowPairs = set[tuple[int, int]]
"""Pairs of rows, the smaller first."""


class LabelledSet(NamedTuple):
    """Texts, and which of them are near-duplicates of each other."""

    name: str
    texts: list[str]
    pairs: RowPairs


class Found(NamedTuple):
    """How many of a set's pairs were found, and how many others."""

    name: str
    num_texts: int
    num_pairs: int
    precision: float
    """Share of the found pairs that are labelled."""
    recall: float
    """Share of the labelled pairs that are found."""


class Separation(NamedTuple):
    """A threshold above `others` and up to `labelled` finds the labelled pairs and no other."""

    ngram_size: int
    labelled: float
    """Least Jaccard similarity of a labelled pair."""
    others: float
    """Greatest of any other pair."""


def labelled(data: Path, decide_pairs: Callable[[list[str]], RowPairs]) -> list[Found]:
    """What a decision finds of each set. decide_pairs: the near pairs of rows of the texts."""
    return [judged(known, decide_pairs(known.texts)) for known in labelled_sets(data)]


def judged(known: LabelledSet, found: RowPairs) -> Found:
    """What these pairs are of the labelled ones."""
    num_right = len(found & known.pairs)
    return Found(
        known.name, len(known.texts), len(known.pairs),
        num_right / len(found) if found else 1.0,
        num_right / len(known.pairs) if known.pairs else 1.0,
    )  # fmt: skip


def labelled_sets(data: Path) -> Iterator[LabelledSet]:
    for name in ("articles_100", "articles_1000"):
        yield articles(data, name)
    texts = [row["text"] for row in _rows(data / "text" / "reuters21578.jsonl.gz")]
    left, right, _ = exact_pairs(texts)
    yield LabelledSet(f"Reuters-21578 at {THRESHOLD}", texts, _row_pairs(left, right))


def articles(data: Path, name: str) -> LabelledSet:
    """A set of articles with the pairs that its collection labels."""
    rows = _rows(data / "dedup" / f"{name}.jsonl.gz")
    row_of = {row["id"]: i for i, row in enumerate(rows)}
    lines = (data / "dedup" / f"{name}.truth.tsv").read_text("utf-8").splitlines()
    ends = np.array([[row_of[doc] for doc in line.split("\t")] for line in lines])
    return LabelledSet(name, [row["text"] for row in rows], _row_pairs(ends[:, 0], ends[:, 1]))


def separation(known: LabelledSet, ngram_size: int) -> Separation:
    """How near the labelled pairs are, and how near others come."""
    left, right, jaccard = exact_pairs(known.texts, ngram_size=ngram_size, threshold=1e-9)
    similarity = dict(zip(zip(left.tolist(), right.tolist(), strict=True), jaccard, strict=True))
    near = [similarity.pop(pair, 0.0) for pair in sorted(known.pairs)]
    return Separation(ngram_size, float(min(near)), float(max(similarity.values(), default=0.0)))


def winnow_pairs(texts: Sequence[str]) -> RowPairs:
    """The near pairs that Winnow's default settings find; exact copies are near what each is."""
    n = len(texts)
    documents = pa.table(
        {
            "doc_id": pa.array([row.to_bytes(16, "big") for row in range(n)], DOC_ID),
            "source": pa.nulls(n, pa.string()),
            "score": pa.nulls(n, pa.float32()),
            "num_characters": pa.array([len(text) for text in texts], pa.int64()),
            "fetched_at": pa.nulls(n, pa.timestamp("us", "UTC")),
            "text": pa.array(texts, pa.large_string()),
        }
    )
    found = decide_documents(documents, DedupSettings(), seed=1)
    copies: dict[int, list[int]] = {}
    for row, first in enumerate(found.copy_of.tolist()):
        copies.setdefault(first, []).append(row)
    near = {pair for rows in copies.values() for pair in combinations(rows, 2)}
    left, right = (found.pairs[end][found.pairs["verified"]].tolist() for end in ("left", "right"))
    for i, j in zip(left, right, strict=True):
        near |= {(min(pair), max(pair)) for pair in product(copies[i], copies[j])}
    return near


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _row_pairs(left: np.ndarray, right: np.ndarray) -> RowPairs:
    smaller, larger = np.minimum(left, right).tolist(), np.maximum(left, right).tolist()
    return set(zip(smaller, larger, strict=True))


def main() -> None:
    """Print what the default settings find, and how far the articles lie apart."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.labelled")
    parser.add_argument("--data", type=Path, required=True, help="folder of real data")
    data = parser.parse_args().data
    for found in labelled(data, winnow_pairs):
        print(
            f"{found.name}: {found.num_texts:,} texts, {found.num_pairs:,} pairs, "
            f"precision {found.precision:.4f}, recall {found.recall:.4f}"
        )
    for name in ("articles_100", "articles_1000"):
        known = articles(data, name)
        for n, near, others in (separation(known, size) for size in (5, 3, 1)):
            print(f"{name}, n = {n}: labelled from {near:.3f} on, others to {others:.3f}")


if __name__ == "__main__":
    main()
