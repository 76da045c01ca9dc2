"""What an evaluation gives: figures, with what each item adds to them. Needs no torch.

A figure is a ratio of sums over items: right answers by questions, nats by words, bits by bytes; a
perplexity is its exponential. So the same figure of any part of the items, clean ones say, follows
from the items. Its standard error is that of a ratio estimate (linearised; Cochran 1977, section
2.11), which for a mean is the usual one. Rows are drawn, not their questions: those of one row,
such as an article of RACE, count as one draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measure of a benchmark: sum of amounts by sum of units, or the exponential of it."""

    name: str
    amounts: tuple[float, ...]
    """Of each item: 1 where it is right, nats, or bits."""
    units: tuple[float, ...] = ()
    """Of each item: its words, tokens or bytes; empty: 1 each."""
    is_exponential: bool = False
    """Whether it is a perplexity."""

    @property
    def is_mean(self) -> bool:
        """Whether each item counts as much as another."""
        return not self.units

    def value(self, items: BoolArray | None = None) -> float:
        """The figure of all items, or of some; NaN where they have no unit."""
        amounts, units = self._arrays(items)
        return self._shown(_ratio(amounts, units))

    def error(self, rows: Sequence[str], items: BoolArray | None = None) -> float:
        """Its standard error; NaN below two rows. rows: the row that each item is of."""
        amounts, units = self._arrays(items)
        ratio = _ratio(amounts, units)
        own = np.array([*rows], object) if items is None else np.array([*rows], object)[items]
        row = np.unique(own, return_inverse=True)[1] if len(own) else np.zeros(0, np.int64)
        residuals = np.bincount(row, amounts - ratio * units)
        number = len(residuals)
        if number < 2 or math.isnan(ratio):
            return math.nan
        spread = float((residuals**2).sum()) * number / (number - 1)
        error = math.sqrt(spread) / float(units.sum())
        return error * self._shown(ratio) if self.is_exponential else error

    def _arrays(
        self, items: BoolArray | None
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        amounts = np.array(self.amounts, np.float64)
        units = np.array(self.units, np.float64) if self.units else np.ones(len(amounts))
        return (amounts, units) if items is None else (amounts[items], units[items])

    def _shown(self, ratio: float) -> float:
        if not self.is_exponential:
            return ratio
        return math.exp(ratio) if ratio < 700 else math.inf


def _ratio(amounts: npt.NDArray[np.float64], units: npt.NDArray[np.float64]) -> float:
    whole = float(units.sum())
    return math.fsum(amounts.tolist()) / whole if whole else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """What a model makes of a benchmark."""

    benchmark: str
    task: str
    """Its entry in the table of tasks."""
    num_shots: int
    item_ids: tuple[str, ...]
    """Of the row that each question, or line, is of."""
    figures: tuple[Figure, ...]
    """The one that the papers give first."""
    chance: float | None
    """What guessing gives of the first figure; None where that is not known."""
    bad_rows: dict[str, int]
    """Rows that could not be asked, by reason."""
    num_cut: int = 0
    """Questions that did not fit the model's context, so that their beginning was not read."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures must know."""


def chance_of(num_options: Sequence[int]) -> float | None:
    """What guessing gives on average; None of no question."""
    return math.fsum(1 / n for n in num_options) / len(num_options) if num_options else None
