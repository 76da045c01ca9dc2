"""Which documents are proposed as duplicates: those that share a band of their signatures.

A signature is cut into bands of a few hashes; a band's number and hashes become one 64-bit key
(Indyk and Motwani 1998; Leskovec et al., Mining of Massive Datasets, section 3.4). Two documents of
similarity s share a band with a chance of 1 - (1 - s^rows)^bands. Bands and rows are the settings',
or datasketch's optimum for the threshold and the weights of the two errors; that optimum reckons
without a proof to come, so it misses many pairs at the threshold (128 hashes: 0.40 found at 0.8).

Cost: 8 bytes a band and document. buckets.py makes pairs of documents that share a key.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.utf8 import mix
from filters.dedup import PUBLISHED, Banding, DedupSettings
from filters.dedup.minhash import UInt32Array, signatures
from filters.dedup.shingles import Int64Array, Shingles
from filters.dedup.sketches import num_hashes

Float64Array = npt.NDArray[np.float64]


def banding(settings: DedupSettings) -> Banding:
    """What the settings compare, with bands and rows filled in."""
    own = Banding(
        settings.ngram_size, settings.threshold, settings.num_bands, settings.num_rows,
        num_features=settings.num_features,
    )  # fmt: skip
    chosen = PUBLISHED.get(settings.published, own)
    chosen = chosen._replace(scheme=settings.scheme, measure=settings.measure)
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
    from datasketch.lsh import _optimal_param  # brings scipy: 0.6 s, which few tasks need

    weights = (1.0 - false_negative_weight, false_negative_weight)
    num_bands, num_rows = _optimal_param(threshold, num_hashes, *weights)
    return int(num_bands), int(num_rows)


def detection_probability(
    similarity: Float64Array, *, num_bands: int, num_rows: int
) -> Float64Array:
    """Chance that two documents of this Jaccard similarity become candidates."""
    return 1.0 - (1.0 - similarity**num_rows) ** num_bands


def shingle_digests(found: Shingles, banding: Banding, *, seed: int) -> Int64Array:
    """Keys of the bands of each document's shingles: int64 (num_documents, num_bands).

    A document without a shingle has keys as well, which are not to be used.
    """
    length = num_hashes(banding)
    hashes = signatures(found, num_hashes=length, seed=seed, scheme=banding.scheme)
    return digest_bands(hashes, banding)


def digest_bands(hashes: UInt32Array, banding: Banding) -> Int64Array:
    """One 64-bit key for each band of each signature: int64 (num_documents, num_bands).

    hashes: uint32 (num_documents, num_hashes); those beyond the bands are left alone.
    """
    out = np.empty((len(hashes), banding.num_bands), np.uint64)
    _digest(hashes, banding.num_rows, out)
    return out.view(np.int64)


@njit(cache=True, nogil=True)
def _digest(hashes: UInt32Array, num_rows: int, out: npt.NDArray[np.uint64]) -> None:
    """Fold a band's number and values by splitmix64's finaliser (Steele et al. 2014)."""
    for i in range(out.shape[0]):
        for band in range(out.shape[1]):
            h = mix(np.uint64(0x9E3779B97F4A7C15) + np.uint64(band))
            for k in range(band * num_rows, (band + 1) * num_rows):
                h = mix(h ^ np.uint64(hashes[i, k]))
            out[i, band] = h
