"""Intervals of 95 % about what was measured."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

CONFIDENCE = 0.95
Z = 1.959963984540054  # of the normal law, for the same


def wilson(
    num_hits: npt.ArrayLike, num_trials: npt.ArrayLike, *, z: float = Z
) -> tuple[FloatArray, FloatArray]:
    """Wilson's interval of a share (1927), 95 % by default; 0..1 of no trial.

    It holds for shares near 0 and of few trials, where the usual one is a point.
    """
    hits = np.asarray(num_hits, np.float64)
    trials = np.asarray(num_trials, np.float64)
    misses = trials - hits
    middle = (hits + z * z / 2) / (trials + z * z)
    half = z / (trials + z * z) * np.sqrt(hits * misses / np.maximum(trials, 1) + z * z / 4)
    # Without rounding where it would pass an end, or fall short of one.
    return np.where(hits == 0, 0.0, middle - half), np.where(misses == 0, 1.0, middle + half)


def wilson_interval(num_hits: int, num_trials: int) -> tuple[float, float]:
    """Wilson's of one share."""
    low, high = wilson(num_hits, num_trials)
    return float(low), float(high)


def student_half(variance: float, freedom: float) -> float:
    """Half of Student's interval of an estimate with this variance, estimated itself."""
    from scipy.special import stdtrit  # 0.4 s to import, which tasks of other intervals save

    return float(stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * math.sqrt(variance)
