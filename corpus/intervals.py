"""Intervals of 95 % about what was measured."""

from __future__ import annotations

import math

from scipy import stats

CONFIDENCE = 0.95


def wilson_interval(num_right: int, num: int) -> tuple[float, float]:
    """Of a share, by Wilson 1927; at least one is asked."""
    found = stats.binomtest(num_right, num).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def student_half(variance: float, freedom: float) -> float:
    """Half of Student's interval of an estimate with this variance, estimated itself."""
    return float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * math.sqrt(variance)
