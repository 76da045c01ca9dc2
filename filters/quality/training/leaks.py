"""Positives that must not teach, and held-out documents that must not be measured on.

- A positive that is a near-duplicate of a drawn negative: the classifier would be told that one
  text is both (a linked page stands in the crawl as well). Left out of training and measuring.
- A positive that holds an N-gram of one of the recipe's benchmarks: what reads like a benchmark
  would count as quality, and be kept. Left out of both.
- A held-out document that is a near-duplicate of one learnt from, a mirror on another domain: it
  has been seen. Left out of measuring.

Near-duplicates are the project's own: MinHash proposes, exact Jaccard of 5-word
shingles proves from 0.8 up (filters/dedup). Compared are the texts as drawn, to `max_characters`;
in a bucket of more than 100 documents each is compared with one negative alone. Benchmarks are
looked up in the whole text, words confirmed one by one (filters/contamination/index.py).
Cost: 160 bytes a drawn document for bands, and 8 bytes a word of those that share one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.dedup import DEFAULT
from filters.dedup.bands import shingle_digests
from filters.dedup.buckets import candidate_pairs
from filters.dedup.shingles import Shingles, shingle_sets, shingles
from filters.dedup.verify import jaccard
from filters.quality.training.sampling import Examples
from filters.verdict import BoolArray

BANDING = DEFAULT  # dedup's own
MAX_BUCKET = 100  # the drawn documents are few: more is compared each with each than in dedup
BATCH_ROWS = 2000  # documents split into words at a time

NEAR_NEGATIVE, BENCHMARK = "near_duplicate_of_negative", "benchmark_text"

Int64Array = npt.NDArray[np.int64]


class Twins(NamedTuple):
    """Proved near-duplicates among the examples: rows of each pair, left < right."""

    left: Int64Array
    right: Int64Array


def find_twins(examples: Examples, *, seed: int) -> Twins:
    """Every proved pair among the drawn documents."""
    has_words, digests = _digests(examples.texts, seed)
    rows = np.flatnonzero(has_words)
    # Negatives come first, so that a crowded bucket is compared with one of them.
    order = np.lexsort((rows, examples.is_positive[rows]))
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows))
    found = candidate_pairs(digests[rows], rank, max_bucket=MAX_BUCKET)
    left, right = rows[found.left], rows[found.right]
    wanted, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    similar = jaccard(_sets(examples.texts, wanted), places[: len(left)], places[len(left) :])
    proved = similar >= BANDING.threshold
    return Twins(left[proved], right[proved])


def left_out(examples: Examples, twins: Twins) -> dict[str, BoolArray]:
    """The positives left out of everything, by cause; a document with two causes counts for both.

    Values: bool (num_examples,).
    """
    near = np.zeros(len(examples.is_positive), np.bool_)
    across = examples.is_positive[twins.left] != examples.is_positive[twins.right]
    for rows in (twins.left[across], twins.right[across]):
        near[rows] = True
    return {
        NEAR_NEGATIVE: near & examples.is_positive,
        BENCHMARK: examples.has_benchmark & examples.is_positive,
    }


def seen_in_training(twins: Twins, is_training: BoolArray, held_out: BoolArray) -> BoolArray:
    """Held-out documents with a near-duplicate among those learnt from: bool (num_examples,)."""
    seen = np.zeros(len(held_out), np.bool_)
    for one, other in ((twins.left, twins.right), (twins.right, twins.left)):
        seen[one[held_out[one] & is_training[other]]] = True
    return seen


def _digests(texts: pa.Array, seed: int) -> tuple[BoolArray, Int64Array]:
    """Which texts have words, bool (num_texts,), and their bands, int64 (num_texts, num_bands)."""
    has_words, digests = [np.zeros(0, np.bool_)], [np.zeros((0, BANDING.num_bands), np.int64)]
    for start in range(0, len(texts), BATCH_ROWS):
        found = shingles(texts.slice(start, BATCH_ROWS), ngram_size=BANDING.ngram_size)
        has_words.append(np.diff(found.offsets) > 0)
        digests.append(shingle_digests(found, BANDING, seed=seed))
    return np.concatenate(has_words), np.concatenate(digests)


def _sets(texts: pa.Array, rows: Int64Array) -> Shingles:
    """The shingle sets of some texts."""
    hashes, counts = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for start in range(0, len(rows), BATCH_ROWS):
        some = texts.take(pa.array(rows[start : start + BATCH_ROWS]))
        sets = shingle_sets(shingles(some, ngram_size=BANDING.ngram_size))
        hashes.append(sets.hashes)
        counts.append(np.diff(sets.offsets))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(counts))])
    return Shingles(np.concatenate(hashes), offsets)
