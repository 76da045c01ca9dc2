"""What training runs have to be like for a scaling law to be told from them.

Sizes and lengths have to take three values that are 5 % apart and span a factor of 2, and lengths
have to span that factor beside what follows from the size. Where tokens are in a fixed proportion
to parameters, or all runs cost the same, any two exponents can trade against each other. These are
the least; a good design has an order of magnitude in each (Hoffmann et al. 2022: 70 M to 16 B
parameters, 5 B to 500 B tokens). All values are logarithms.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

LEVEL = 1.05  # sizes, or lengths, that are closer count as one
SPREAD = 2.0  # factor that sizes, lengths, and lengths at a size have to span
NUM_LEVELS = 3  # two points lie on every power law


def levels(values: FloatArray) -> Rows:
    """A number for each value, the same for values within LEVEL of a level's least."""
    found = np.empty(len(values), np.intp)
    number, least = -1, -np.inf
    for one in np.argsort(values, kind="stable"):
        if values[one] > least + np.log(LEVEL):
            number, least = number + 1, values[one]
        found[one] = number
    return found


def most_of_each(values: FloatArray, others: FloatArray) -> Rows:
    """Of each level of values the row with the largest other, in order."""
    of = levels(values)
    rows = [np.flatnonzero(of == level) for level in np.unique(of)]
    return np.array([at[np.argmax(others[at])] for at in rows], np.intp)


def too_narrow(values: FloatArray, what: str) -> list[str]:
    """What the values lack for a power law of them, in words."""
    num_levels = len(np.unique(levels(values)))
    if num_levels < NUM_LEVELS:
        return [f"{num_levels} {what}, expected at least {NUM_LEVELS}, {LEVEL - 1:.0%} apart"]
    if np.ptp(values) < np.log(SPREAD):
        return [f"{what} span a factor of {np.exp(np.ptp(values)):.2f}, expected {SPREAD:g}"]
    return []


def follows(sizes: FloatArray, lengths: FloatArray) -> list[str]:
    """Why lengths tell no more than sizes do, in words."""
    slope, level = np.polyfit(sizes, lengths, 1)
    span = float(np.exp(np.ptp(lengths - slope * sizes - level)))
    if span >= SPREAD:
        return []
    return [
        "tokens follow from parameters, as in a fixed proportion or a single budget: about their "
        f"trend they span a factor of {span:.2f}, expected {SPREAD:g}; train a size on fewer "
        "tokens, and on more"
    ]


def moves_along(values: FloatArray, others: FloatArray, *, what: str, others_are: str) -> list[str]:
    """Why a law of the values alone would be one of the others as well, in words."""
    slope, _ = np.polyfit(values, others, 1)
    moved = float(np.exp(abs(slope) * np.ptp(values)))
    if moved <= SPREAD:
        return []
    way = "rise" if slope > 0 else "fall"
    return [
        f"{others_are} {way} with the {what} by a factor of {moved:.3g}, so that the loss is of "
        f"both; expected {what} at the same, ample {others_are}"
    ]
