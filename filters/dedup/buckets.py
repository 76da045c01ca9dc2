"""From band keys to candidate pairs: documents whose key is the same are a bucket.

A bucket of up to `max_bucket` documents is compared each with each. In a larger one (a page
template, a licence) each is compared with the best one alone, by the coarse rank of preference.py;
should several be equal in that, with each of those. So pairs depend on the documents alone.

Two documents of older corpora are never paired: they have been judged. Planted copies do not count
in a bucket's size, are no one's best, and are not paired with each other, so that a run with plants
decides what it decides without.
Cost: 60 ns a key for sorting, and 24 bytes a pair and shared band.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from filters.dedup.records import BAND, PAIR, Int64Array, records

Pairs = npt.NDArray[np.void]
_NOWHERE = np.iinfo(np.int64).max


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


def candidate_pairs(digests: Int64Array, order: Int64Array, *, max_bucket: int) -> Candidates:
    """Pairs of rows that share a band, all in memory.

    digests: int64 (num_documents, num_bands), of documents that have shingles. order: int64
    (num_documents,), each document's place in the keep policy's order, 0 the best.
    """
    num_documents, num_bands = digests.shape
    keys = records(
        BAND,
        key=digests.reshape(-1),
        rank=np.repeat(order, num_bands),
        place=np.repeat(np.arange(num_documents), num_bands),
    )
    found = bucket_pairs(keys, max_bucket=max_bucket)
    return Candidates(
        found["a"].copy(), found["b"].copy(), found["num_bands"].astype(np.int64),
        found["anchored"] > 0,
    )  # fmt: skip


def bucket_pairs(
    bands: npt.NDArray[np.void],
    *,
    max_bucket: int,
    first_own: int = 0,
    first_older: int = _NOWHERE,
) -> Pairs:
    """Distinct pairs of these bands (BAND records, in any order), as PAIR records by a, then b.

    Places before first_own are planted copies, those from first_older on of older corpora.
    """
    keys = np.ascontiguousarray(bands["key"])
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys)) + 1
    edges = np.concatenate([[0], starts, [len(keys)]]).astype(np.int64)
    shared = np.flatnonzero(np.diff(edges) > 1)
    ranks, places = (np.ascontiguousarray(bands[name])[order] for name in ("rank", "place"))
    bounds = (max_bucket, first_own, first_older)
    total = _pair(edges, shared, ranks, places, *bounds, np.empty((0, 3), np.int64))
    found = np.empty((total, 3), np.int64)
    _pair(edges, shared, ranks, places, *bounds, found)
    a, b, anchored = found.T
    return added_up(records(PAIR, a=a, b=b, num_bands=1, anchored=anchored))


def added_up(pairs: Pairs) -> Pairs:
    """One record a pair, by a, then b: shared bands summed, anchored where one of them was."""
    order = np.lexsort((pairs["b"], pairs["a"]))
    a, b = pairs["a"][order], pairs["b"][order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    starts = np.flatnonzero(is_first)
    if not len(starts):
        return pairs
    return records(
        PAIR,
        a=a[starts],
        b=b[starts],
        num_bands=np.add.reduceat(pairs["num_bands"][order], starts),
        anchored=np.maximum.reduceat(pairs["anchored"][order], starts),
    )


@njit(cache=True, nogil=True)
def _pair(
    edges: Int64Array,
    shared: Int64Array,
    ranks: Int64Array,
    places: Int64Array,
    max_bucket: int,
    first_own: int,
    first_older: int,
    out: Int64Array,
) -> int:
    """Write each bucket's pairs (smaller place, larger place, is anchored); returns their number.

    Where `out` has no room it only counts.
    """
    n = 0
    is_counting = len(out) == 0
    for s in shared:
        first, end = edges[s], edges[s + 1]
        size, best = 0, np.int64(-1)
        for i in range(first, end):
            if places[i] >= first_own:
                size += 1
                best = ranks[i] if best < 0 else min(best, ranks[i])
        is_large = size > max_bucket
        for i in range(first, end):
            is_best = places[i] >= first_own and ranks[i] == best
            if is_large and not is_best:
                continue
            for j in range(first if is_large else i + 1, end):
                if is_large and j <= i and places[j] >= first_own and ranks[j] == best:
                    continue  # the document itself, or one as good: that pair has been written
                a, b = min(places[i], places[j]), max(places[i], places[j])
                if a >= first_older or b < first_own or a == b:
                    continue
                if not is_counting:
                    out[n, 0], out[n, 1], out[n, 2] = a, b, is_large
                n += 1
    return n
