"""How sure a figure is: bootstrap intervals over domains.

Documents of one site are alike, so that the sites are resampled, not the documents. It is the
Poisson bootstrap (Hanley and MacGibbon 2006): in each replicate a domain counts Poisson(1) times,
drawn by a keyed hash of (seed, replicate, domain), so that the interval is the same for any order
or partitioning of the documents.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from corpus.identity import keyed_uniform
from filters.quality.classifiers.features import FloatArray

KEY = "quality-bootstrap"
NUM_REPLICATES = 1000  # the ends of a 95 % interval then move by a hundredth of its width
LEVEL = 0.95
MIN_REPLICATES = 40  # fewer cannot have a 2.5 % tail: no interval is given

Interval = list[float] | None


def replicates(units: Sequence[str], *, seed: int, number: int = NUM_REPLICATES) -> FloatArray:
    """How often each document counts in each replicate: float64 (number, num_documents).

    units: what is resampled for each document, its domain as a rule.
    """
    distinct = sorted(set(units))
    place = {unit: i for i, unit in enumerate(distinct)}
    keys = pa.array([_digest(unit) for unit in distinct], pa.binary(16))
    chances = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(12)])
    column = np.array([place[unit] for unit in units], np.int64)
    out = np.empty((number, len(units)))
    for row in range(number):
        drawn = keyed_uniform(keys, seed=seed, stage=KEY, copy=row)
        out[row] = np.searchsorted(chances, drawn, side="right")[column]
    return out


def interval(values: FloatArray) -> Interval:
    """The middle 95 % of a figure's replicates; None of too few that could be reckoned."""
    found = values[np.isfinite(values)]
    if len(found) < MIN_REPLICATES:
        return None
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(found, [tail, 100 - tail])
    return [float(low), float(high)]


def _digest(unit: str) -> bytes:
    return hashlib.blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=16).digest()
