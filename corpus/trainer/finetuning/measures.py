"""How well a model answers: accuracy and F1 of classes and choices, correlations of scores.

F1 is of the second of two classes, by name. Intervals are of 95 %: Wilson's for accuracy, Fisher's
for Pearson's r, and Student's for a mean over seeds. The first two say what other development rows
might give, the last what other seeds might; a difference is taken seed by seed, so that what a seed
does to both sides (the order of the examples, what dropout hides) goes out of it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn.metrics import f1_score, matthews_corrcoef

from corpus.intervals import Z, student_half, wilson_interval
from corpus.trainer.finetuning.encoding import Encoded, Targets


class Interval(NamedTuple):
    """A figure and how sure it is."""

    value: float
    low: float
    high: float


class Measures(NamedTuple):
    """A model's answers against the labels of some rows."""

    name: str
    """Of the figure that counts: accuracy, or pearson."""
    main: Interval
    others: dict[str, float]
    """Further figures by name; those that are not defined are left out."""
    num_examples: int

    def words(self) -> str:
        """On one line."""
        figures = "".join(f", {name} {value:.4f}" for name, value in self.others.items())
        return (
            f"{self.name} {self.main.value:.4f} ({self.main.low:.4f} to {self.main.high:.4f}) of "
            f"{self.num_examples:,}{figures}"
        )


def measure(
    examples: Sequence[Encoded], outputs: Sequence[Sequence[float]], targets: Targets
) -> Measures:
    """Compare outputs of the model with the examples' targets; at least one example."""
    truth = [example.target for example in examples]
    if isinstance(truth[0], float):
        return _of_scores(truth, [values[0] for values in outputs], targets)
    answers = [values.index(max(values)) for values in outputs]
    return _of_answers([int(value) for value in truth], answers, len(targets.classes))


def _of_answers(truth: Sequence[int], answers: Sequence[int], num_classes: int) -> Measures:
    """num_classes: 0 for choices, which have no classes and so no F1."""
    others: dict[str, float] = {}
    if num_classes:
        every = list(range(num_classes))
        others["macro_f1"] = float(
            f1_score(truth, answers, labels=every, average="macro", zero_division=0.0)
        )
        if num_classes == 2:
            others["f1"] = float(f1_score(truth, answers, pos_label=1, zero_division=0.0))
        is_constant = len({*truth, *answers}) < 2
        others["matthews"] = 0.0 if is_constant else float(matthews_corrcoef(truth, answers))
    num_right = sum(answer == right for answer, right in zip(answers, truth, strict=True))
    return Measures("accuracy", share(num_right, len(truth)), others, len(truth))


def _of_scores(truth: Sequence[float], found: Sequence[float], targets: Targets) -> Measures:
    """A correlation with a constant is 0 here: it tells nothing."""
    squares = [(a - b) ** 2 for a, b in zip(truth, found, strict=True)]
    others = {"rmse": math.sqrt(sum(squares) / len(squares)) * targets.deviation}
    if len(set(truth)) < 2 or len(set(found)) < 2:
        return Measures("pearson", Interval(0.0, -1.0, 1.0), {"spearman": 0.0} | others, len(truth))
    others = {"spearman": float(stats.spearmanr(truth, found).statistic)} | others
    value = float(stats.pearsonr(truth, found).statistic)
    low, high = -1.0, 1.0
    if len(truth) > 3 and abs(value) < 1:
        half = Z / math.sqrt(len(truth) - 3)
        low, high = (math.tanh(math.atanh(value) + sign * half) for sign in (-1, 1))
    return Measures("pearson", Interval(value, low, high), others, len(truth))


def share(num_right: int, num: int) -> Interval:
    """A share with Wilson's interval."""
    return Interval(num_right / num, *wilson_interval(num_right, num))


def mean(values: Sequence[float]) -> Interval:
    """A mean with Student's interval; without one, NaN, where there is one value."""
    middle = float(np.mean(values))
    if len(values) < 2:
        return Interval(middle, math.nan, math.nan)
    half = student_half(float(np.var(values, ddof=1)) / len(values), len(values) - 1)
    return Interval(middle, middle - half, middle + half)


def commonest(train: Sequence[Encoded], dev: Sequence[Encoded]) -> float:
    """Share of dev that the commonest target of train is right for: what knowing nothing gives."""
    (best, _), *_ = Counter(example.target for example in train).most_common(1)
    return sum(example.target == best for example in dev) / len(dev)
