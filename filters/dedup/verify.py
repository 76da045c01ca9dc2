"""Is a proposed pair a duplicate? By the exact similarity of the two shingle sets.

The sets are sorted, so one walk through both counts what they share. Jaccard similarity is what
they share over all that either has; containment, what they share over the smaller one. No pair is
merged on the word of its signatures: a pair that shares a band has been seen to be anything from
equal to unrelated.
Cost: 1.5 ns a shingle of the pair; splitting and sorting the texts in hand outweighs it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from filters.dedup import Banding, Measure
from filters.dedup.shingles import Int64Array, Shingles, UInt64Array

Float64Array = npt.NDArray[np.float64]


def shared_counts(sets: Shingles, left: Int64Array, right: Int64Array) -> Int64Array:
    """Shingles that both documents of each pair have, int64 (num_pairs,).

    sets: from `shingle_sets`, sorted and distinct. left, right: int64 (num_pairs,), rows of it.
    """
    return _shared_counts(sets.hashes, sets.offsets, left, right)


def similarities(
    sets: Shingles, left: Int64Array, right: Int64Array
) -> dict[Measure, Float64Array]:
    """Exact similarity of pairs of documents by each measure, float64 (num_pairs,).

    It is 0 where either set is empty: a text without a word is no one's duplicate.
    """
    shared = shared_counts(sets, left, right)
    sizes = np.diff(sets.offsets)
    both = sizes[left] + sizes[right] - shared
    smaller = np.minimum(sizes[left], sizes[right])
    return {
        "jaccard": shared / np.maximum(both, 1),
        "containment": shared / np.maximum(smaller, 1),
    }


def jaccard(sets: Shingles, left: Int64Array, right: Int64Array) -> Float64Array:
    """Exact Jaccard similarity of pairs of documents, float64 (num_pairs,)."""
    return similarities(sets, left, right)["jaccard"]


def are_duplicates(
    found: dict[Measure, Float64Array], banding: Banding
) -> npt.NDArray[np.bool_]:
    """Whether each pair reaches the threshold by the measure asked for, bool (num_pairs,)."""
    return found[banding.measure] >= banding.threshold


@njit(cache=True, nogil=True)
def _shared_counts(
    hashes: UInt64Array, offsets: Int64Array, left: Int64Array, right: Int64Array
) -> Int64Array:
    out = np.zeros(len(left), np.int64)
    for pair in range(len(left)):
        i, i_end = offsets[left[pair]], offsets[left[pair] + 1]
        j, j_end = offsets[right[pair]], offsets[right[pair] + 1]
        shared = 0
        while i < i_end and j < j_end:
            a, b = hashes[i], hashes[j]
            shared += a == b
            i += a <= b
            j += b <= a
        out[pair] = shared
    return out
