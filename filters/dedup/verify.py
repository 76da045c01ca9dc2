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


def shared_counts(a: Shingles, left: Int64Array, b: Shingles, right: Int64Array) -> Int64Array:
    """Shingles that both documents of each pair have, int64 (num_pairs,).

    a, b: from `shingle_sets`, sorted and distinct; often the same. left: int64 (num_pairs,), rows
    of a; right: rows of b.
    """
    return _shared_counts(a.hashes, a.offsets, left, b.hashes, b.offsets, right)


def similarities(
    a: Shingles, left: Int64Array, b: Shingles, right: Int64Array
) -> dict[Measure, Float64Array]:
    """Exact similarity of pairs of documents by each measure, float64 (num_pairs,).

    It is 0 where either set is empty: a text without a word is no one's duplicate.
    """
    shared = shared_counts(a, left, b, right)
    sizes = np.diff(a.offsets)[left], np.diff(b.offsets)[right]
    both = sizes[0] + sizes[1] - shared
    smaller = np.minimum(*sizes)
    return {
        "jaccard": shared / np.maximum(both, 1),
        "containment": shared / np.maximum(smaller, 1),
    }


def jaccard(sets: Shingles, left: Int64Array, right: Int64Array) -> Float64Array:
    """Exact Jaccard similarity of pairs of documents of one collection, float64 (num_pairs,)."""
    return similarities(sets, left, sets, right)["jaccard"]


def are_duplicates(found: dict[Measure, Float64Array], banding: Banding) -> npt.NDArray[np.bool_]:
    """Whether each pair reaches the threshold by the measure asked for, bool (num_pairs,)."""
    return found[banding.measure] >= banding.threshold


@njit(cache=True, nogil=True)
def _shared_counts(
    hashes_a: UInt64Array,
    offsets_a: Int64Array,
    left: Int64Array,
    hashes_b: UInt64Array,
    offsets_b: Int64Array,
    right: Int64Array,
) -> Int64Array:
    out = np.zeros(len(left), np.int64)
    for pair in range(len(left)):
        i, i_end = offsets_a[left[pair]], offsets_a[left[pair] + 1]
        j, j_end = offsets_b[right[pair]], offsets_b[right[pair] + 1]
        shared = 0
        while i < i_end and j < j_end:
            a, b = hashes_a[i], hashes_b[j]
            shared += a == b
            i += a <= b
            j += b <= a
        out[pair] = shared
    return out
