"""The exact cut of the top-fraction rule, in bounded memory.

Each judged document is ordered by (score descending, keyed hash ascending): a total order without
any regard to parts. Which key stands at place k is found by radix selection: the 96 bits of (score,
hash) are counted 16 at a time, and each pass looks only at the keys that begin as the answer does.
A pass adds the counts of the parts, in any order: 65,536 counters, 0.5 MB, whatever the run's size.
Cost: two passes over doc_id and score where no two documents share the score at the cut, else six.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.quality.keep import Rule, tie_order

DIGIT = 16  # bits counted a pass
PASSES_OF_SCORE, PASSES_OF_HASH = 2, 4

Scored = tuple[npt.NDArray[np.float32], pa.Array | pa.ChunkedArray]
"""Scores and doc_ids of the judged documents of one part."""


def select_top(parts: Callable[[], Iterable[Scored]], *, fraction: float, seed: int) -> Rule:
    """The rule that keeps the best `fraction` of all judged documents, rounded up.

    parts: reads every part anew, once a pass. Of no document, the rule keeps all.
    """
    number = sum(len(scores) for scores, _ in parts())
    place = math.ceil(round(fraction * number, 6))
    if not number:
        return Rule(keep="top_fraction", threshold=0.0, last_tie=2**64 - 1)
    prefix, num_equal = 0, number
    for level in range(PASSES_OF_SCORE + PASSES_OF_HASH):
        if level == PASSES_OF_SCORE and place == num_equal:
            return _rule(prefix, 2**64 - 1)  # every document of the score at the cut stays
        counts = np.zeros(1 << DIGIT, np.int64)
        for scores, doc_ids in parts():
            digits = _digits(scores, doc_ids, level, prefix, seed)
            counts += np.bincount(digits, minlength=len(counts))
        ends = np.cumsum(counts)
        digit = int(np.searchsorted(ends, place))
        place -= int(ends[digit - 1]) if digit else 0
        prefix, num_equal = (prefix << DIGIT) | digit, int(counts[digit])
    return _rule(prefix >> 64, prefix & (2**64 - 1))


def _digits(
    scores: npt.NDArray[np.float32],
    doc_ids: pa.Array | pa.ChunkedArray,
    level: int,
    prefix: int,
    seed: int,
) -> npt.NDArray[np.int64]:
    """The 16 bits at this level of the keys that begin with the prefix."""
    # Scores are 0..1: their bits as integers are in their order; the highest score comes first.
    keys = np.uint32(0xFFFFFFFF) - (scores + np.float32(0.0)).view(np.uint32)
    if level < PASSES_OF_SCORE:
        shift = DIGIT * (PASSES_OF_SCORE - 1 - level)
        own = keys[(keys.astype(np.uint64) >> np.uint64(shift + DIGIT)) == np.uint64(prefix)]
        return ((own >> np.uint32(shift)) & np.uint32(0xFFFF)).astype(np.int64)
    shift = DIGIT * (PASSES_OF_SCORE + PASSES_OF_HASH - 1 - level)
    done = 64 - shift - DIGIT  # bits of the hash that are settled
    ties = np.flatnonzero(keys == np.uint32(prefix >> done))
    hashes = tie_order(doc_ids, seed=seed)[ties]
    if done:
        hashes = hashes[(hashes >> np.uint64(64 - done)) == np.uint64(prefix & ((1 << done) - 1))]
    return ((hashes >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)


def _rule(score_key: int, last_tie: int) -> Rule:
    bits = np.uint32(0xFFFFFFFF - score_key)
    return Rule(
        keep="top_fraction", threshold=float(bits.view(np.float32)), last_tie=int(last_tie)
    )
