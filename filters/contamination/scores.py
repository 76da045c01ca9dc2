"""A model's scores on the clean items, on the dirty ones, and on all (GPT-3 section 4).

Scores that are much lower on clean items than on all say that a model remembers; those that are
higher say that easy items were flagged. With few items either is chance: hence the intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.intervals import student_half, wilson_interval


class Mean(NamedTuple):
    """A mean with its interval; NaN where there is nothing to say."""

    number: int
    value: float
    low: float
    high: float


class Comparison(NamedTuple):
    """Scores of the items of one benchmark."""

    clean: Mean
    dirty: Mean
    all: Mean
    difference: Mean
    """Clean less dirty."""
    relative: float
    """Clean against all, as a share of all: the last column of GPT-3's Table C.1."""


def compare(scores: Sequence[float], dirty: Sequence[bool]) -> Comparison:
    """Compare the scores of clean and dirty items, one of each per item."""
    values, is_dirty = np.array(scores, np.float64), np.array(dirty, np.bool_)
    clean, other, everything = mean(values[~is_dirty]), mean(values[is_dirty]), mean(values)
    return Comparison(
        clean=clean,
        dirty=other,
        all=everything,
        difference=_difference(values[~is_dirty], values[is_dirty]),
        relative=clean.value / everything.value - 1 if everything.value else float("nan"),
    )


def mean(values: npt.NDArray[np.float64]) -> Mean:
    """The mean of scores: Wilson's interval where each is 0 or 1, Student's else."""
    number = len(values)
    if not number:
        return Mean(0, float("nan"), float("nan"), float("nan"))
    value = float(values.mean())
    if np.isin(values, (0.0, 1.0)).all():
        low, high = wilson_interval(int(values.sum()), number)
        return Mean(number, value, low, high)
    if number == 1:
        return Mean(number, value, float("nan"), float("nan"))
    spread = student_half(float(np.var(values, ddof=1)) / number, number - 1)
    return Mean(number, value, value - spread, value + spread)


def _difference(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> Mean:
    """Difference of two means, with Welch's interval."""
    number = len(first) + len(second)
    if min(len(first), len(second)) < 2:
        value = float(first.mean() - second.mean()) if len(first) and len(second) else float("nan")
        return Mean(number, value, float("nan"), float("nan"))
    value = float(first.mean() - second.mean())
    shares = [float(np.var(one, ddof=1)) / len(one) for one in (first, second)]
    numbers = (len(first) - 1, len(second) - 1)
    below = sum(share**2 / n for share, n in zip(shares, numbers, strict=True))
    freedom = sum(shares) ** 2 / below if below else float(number - 2)
    spread = student_half(sum(shares), freedom)
    return Mean(number, value, value - spread, value + spread)
