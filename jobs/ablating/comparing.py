"""Figures of two sides compared seed by seed.

The n-th model of one side has the first weights and the order of samples of the n-th of the other,
so the differences are paired; their mean has Student's interval. With one seed there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.intervals import student_half

EQUAL, WORSE, BETTER, NOT_TOLD_APART, ONE_SEED = (
    "equal", "worse", "better", "not told apart", "one seed",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The mean of paired differences, with its interval; None where one pair allows none."""

    number: int
    difference: float
    low: float | None
    high: float | None

    @property
    def verdict(self) -> str:
        """What the other side is: its figures are bits, so more of them are worse."""
        if self.low is None or self.high is None:
            return ONE_SEED
        if self.low == self.high == 0:
            return EQUAL
        if self.low > 0:
            return WORSE
        return BETTER if self.high < 0 else NOT_TOLD_APART


def paired(first: Sequence[float], other: Sequence[float]) -> Paired:
    """The other side less the first, pair by pair; raises ValueError for none or odd numbers."""
    if not first or len(first) != len(other):
        raise ValueError(f"{len(first)} and {len(other)} figures: expected as many, one at least")
    differences = np.array(other, np.float64) - np.array(first, np.float64)
    number, mean = len(differences), float(differences.mean())
    if number == 1:
        return Paired(number=1, difference=mean, low=None, high=None)
    spread = student_half(float(differences.var(ddof=1)) / number, number - 1)
    return Paired(number=number, difference=mean, low=mean - spread, high=mean + spread)
