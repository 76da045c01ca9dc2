"""Which documents are proposed as duplicates: those that share a band of their signatures.

A signature is cut into bands of a few hashes; a band's hashes become one 64-bit digest (Indyk and
Motwani 1998; Leskovec et al., Mining of Massive Datasets, section 3.4). Two documents of
similarity s share a band with a chance of 1 - (1 - s^rows)^bands. Bands and rows are the settings',
or datasketch's optimum for the threshold and the weights of the two errors; that optimum reckons
without a proof to come, so it misses many pairs at the threshold (128 hashes: 0.40 found at 0.8).

Buckets larger than `max_bucket` are not squared: each member is paired with the best one alone.
Cost: 8 bytes a band and document, and at most max_bucket / 2 pairs a document and band.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datasketch.lsh import _optimal_param
from numba import njit

from filters.dedup import PUBLISHED, Banding, DedupSettings
from filters.dedup.minhash import UInt32Array, signatures
from filters.dedup.shingles import Int64Array, Shingles, shingles

Float64Array = npt.NDArray[np.float64]


class Candidates(NamedTuple):
    """Proposed pairs of rows, left < right, ascending."""

    left: Int64Array
    """int64 (num_pairs,)."""
    right: Int64Array
    """int64 (num_pairs,)."""
    num_shared_bands: Int64Array
    """int64 (num_pairs,): bands that proposed the pair."""
    anchored: npt.NDArray[np.bool_]
    """bool (num_pairs,): whether one of them was too large to be compared each with each."""


def banding(settings: DedupSettings) -> Banding:
    """What the settings compare, with bands and rows filled in."""
    chosen = PUBLISHED.get(
        settings.published,
        Banding(settings.ngram_size, settings.threshold, settings.num_bands, settings.num_rows),
    )._replace(scheme=settings.scheme)
    if chosen.num_bands:
        return chosen
    num_bands, num_rows = optimal_bands(
        chosen.threshold, settings.num_hashes, settings.false_negative_weight
    )
    return chosen._replace(num_bands=num_bands, num_rows=num_rows)


@cache
def optimal_bands(
    threshold: float, num_hashes: int, false_negative_weight: float
) -> tuple[int, int]:
    """Bands and rows with the least weighted error, by datasketch's own search."""
    weights = (1.0 - false_negative_weight, false_negative_weight)
    num_bands, num_rows = _optimal_param(threshold, num_hashes, *weights)
    return int(num_bands), int(num_rows)


def detection_probability(
    similarity: Float64Array, *, num_bands: int, num_rows: int
) -> Float64Array:
    """Chance that two documents of this Jaccard similarity become candidates."""
    return 1.0 - (1.0 - similarity**num_rows) ** num_bands


def band_digests(
    texts: pa.Array | pa.ChunkedArray, banding: Banding, *, seed: int
) -> tuple[Int64Array, npt.NDArray[np.bool_]]:
    """Digests of each text's bands: int64 (num_documents, num_bands), and which texts have any.

    A text without a word has none: its row is not to be used.
    """
    found = shingles(texts, ngram_size=banding.ngram_size)
    return shingle_digests(found, banding, seed=seed), np.diff(found.offsets) > 0


def shingle_digests(found: Shingles, banding: Banding, *, seed: int) -> Int64Array:
    """Digests of the bands of each document's shingles: int64 (num_documents, num_bands)."""
    num_hashes = banding.num_bands * banding.num_rows
    hashes = signatures(found, num_hashes=num_hashes, seed=seed, scheme=banding.scheme)
    return digest_bands(hashes, num_bands=banding.num_bands)


def digest_bands(hashes: UInt32Array, *, num_bands: int) -> Int64Array:
    """One 64-bit digest for each band of each signature: int64 (num_documents, num_bands)."""
    out = np.empty((len(hashes), num_bands), np.uint64)
    _digest(hashes, hashes.shape[1] // num_bands, out)
    return out.view(np.int64)


def candidate_pairs(digests: Int64Array, order: Int64Array, *, max_bucket: int) -> Candidates:
    """Pairs that share a band, on one machine: what jobs/dedup.py does by Spark.

    digests: int64 (num_documents, num_bands), of documents that have shingles. order: int64
    (num_documents,), each document's place in the keep policy's order, 0 the best.
    """
    num_documents = len(digests)
    pairs: list[Int64Array] = []
    for band in digests.T:
        by_digest = np.lexsort((order, band))
        starts = np.flatnonzero(np.diff(band[by_digest], prepend=~band[by_digest[:1]]))
        pairs.append(_bucket_pairs(by_digest, np.append(starts, num_documents), max_bucket))
    both = np.concatenate(pairs, axis=0) if pairs else np.empty((0, 3), np.int64)
    key = both[:, 0] * num_documents + both[:, 1]
    distinct, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    anchored = np.zeros(len(distinct), bool)
    np.logical_or.at(anchored, inverse, both[:, 2] == 1)
    left, right = np.divmod(distinct, max(num_documents, 1))
    return Candidates(left, right, counts, anchored)


@njit(cache=True, nogil=True)
def _digest(hashes: UInt32Array, num_rows: int, out: npt.NDArray[np.uint64]) -> None:
    """Fold a band's values by splitmix64's finaliser (Steele et al. 2014)."""
    for i in range(out.shape[0]):
        for band in range(out.shape[1]):
            h = np.uint64(0x9E3779B97F4A7C15)
            for k in range(band * num_rows, (band + 1) * num_rows):
                h = h ^ np.uint64(hashes[i, k])
                h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                h = h ^ (h >> np.uint64(31))
            out[i, band] = h


@njit(cache=True, nogil=True)
def _bucket_pairs(by_digest: Int64Array, starts: Int64Array, max_bucket: int) -> Int64Array:
    """Pairs of each bucket, smaller row first, and 1 where it was too large to be squared."""
    total = 0
    for s in range(len(starts) - 1):
        size = starts[s + 1] - starts[s]
        total += size * (size - 1) // 2 if size <= max_bucket else size - 1
    out = np.empty((total, 3), np.int64)
    n = 0
    for s in range(len(starts) - 1):
        first, end = starts[s], starts[s + 1]
        is_large = end - first > max_bucket
        for i in range(first, first + 1 if is_large else end):
            for j in range(i + 1, end):
                a, b = by_digest[i], by_digest[j]
                out[n, 0], out[n, 1], out[n, 2] = min(a, b), max(a, b), is_large
                n += 1
    return out
