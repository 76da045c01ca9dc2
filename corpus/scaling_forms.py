"""The forms of scaling laws, in coordinates in which they can be fitted, and what they ask of runs.

    chinchilla      L = E + A / N^alpha + B / D^beta           Hoffmann et al. 2022, equation 2
    kaplan          L = ((Nc / N)^(aN / aD) + Dc / D)^aD       Kaplan et al. 2020, equation 1.5
    kaplan_size     L = (Nc / N)^aN, tokens not limiting       equation 1.1
    kaplan_tokens   L = (Dc / D)^aD, size not limiting         equation 1.2

N: parameters, for Kaplan's forms those outside of the embeddings where every run says them. The
third is fitted to the longest run of each size, the fourth to the largest model of each length.
Everything is in logarithms; those of N and D are centred, so that A and alpha do not trade against
each other. Runs that cannot tell a form's constants apart are refused before they are fitted: too
few, of too few sizes or lengths, or with tokens that follow from parameters.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from corpus import scaling_designs as designs
from corpus.scaling_designs import FloatArray, Rows
from corpus.scaling_runs import FinishedRun

LEAST_EXPONENT, MOST_EXPONENT = 0.005, 3.0
LEAST_RATIO, MOST_RATIO = 0.01, 100.0  # of Kaplan's two exponents
FAR = 12.0  # logarithm of how much smaller than the loss a term may become
LOG_MOST = 700.0  # of what a float holds


class Form(Protocol):
    """A law of some unknowns, in coordinates in which it is well posed."""

    @property
    def name(self) -> str:
        """How the form is called."""

    @property
    def formula(self) -> str:
        """As it is printed."""

    @property
    def num_unknowns(self) -> int:
        """How many constants are free."""

    @property
    def exponents(self) -> tuple[int, ...]:
        """Which unknowns are exponents, or ratios of them."""

    @property
    def log_losses(self) -> FloatArray:
        """Of the runs, (num_runs,)."""

    def predict(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Logarithms of loss, (num_runs,), and their derivatives, (num_runs, num_unknowns)."""

    def shares(self, unknowns: FloatArray) -> Mapping[str, FloatArray]:
        """What share of the loss each term has in each run, by what the term depends on."""

    def starts(self) -> list[tuple[float, ...]]:
        """Where to begin."""

    def bounds(self) -> list[tuple[float, float]]:
        """Least and most of each unknown."""

    def constants(self, unknowns: FloatArray) -> dict[str, FloatArray]:
        """The printed constants of (num_fits, num_unknowns) unknowns, each (num_fits,)."""

    def missing(self, rows: Rows) -> list[str]:
        """What these runs lack for a fit of any kind, in words."""

    def confounded(self) -> list[str]:
        """Why the loss of these runs is not of what the form says, in words."""

    def note(self) -> str:
        """Which runs were taken and what for."""


@dataclass(frozen=True, slots=True)
class _Centred:
    """Logarithms of a fit's runs, of sizes and lengths without their means; all (num_runs,)."""

    sizes: FloatArray
    lengths: FloatArray
    log_losses: FloatArray
    mean_size: float
    mean_length: float
    which: str
    """Which parameters the sizes count."""


def _centred(runs: Sequence[FinishedRun], *, outside_embeddings: bool) -> _Centred:
    outside = outside_embeddings and all(run.num_outside_embeddings for run in runs)
    counts = [run.num_outside_embeddings if outside else run.num_parameters for run in runs]
    sizes = np.log(np.array(counts, np.float64))
    lengths = np.log(np.array([run.num_tokens for run in runs], np.float64))
    losses = np.log(np.array([run.loss for run in runs], np.float64))
    means = [float(values.mean()) if runs else 0.0 for values in (sizes, lengths)]
    return _Centred(
        sizes - means[0], lengths - means[1], losses, means[0], means[1],
        "parameters outside of the embeddings" if outside else "all parameters",
    )  # fmt: skip


class _Joint:
    """What both forms of N and D share."""

    outside_embeddings: bool

    def __init__(self, runs: Sequence[FinishedRun]) -> None:
        self._runs = _centred(runs, outside_embeddings=self.outside_embeddings)
        self.log_losses = self._runs.log_losses

    def missing(self, rows: Rows) -> list[str]:
        """What these runs lack for a fit of any kind, in words."""
        sizes, lengths = self._runs.sizes[rows], self._runs.lengths[rows]
        found = [*designs.too_narrow(sizes, "sizes of model"),
                 *designs.too_narrow(lengths, "numbers of tokens")]  # fmt: skip
        return found or designs.follows(sizes, lengths)

    def confounded(self) -> list[str]:
        """Both quantities are in the form."""
        return []

    def note(self) -> str:
        """Which parameters are meant."""
        return f"N: {self._runs.which}"


class _Chinchilla(_Joint):
    """Unknowns: log of A's, B's and E's term at the mean run, alpha, beta."""

    name = "chinchilla"
    formula = "L = E + A / N^alpha + B / D^beta"
    num_unknowns = 5
    exponents = (3, 4)
    outside_embeddings = False

    def predict(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Logarithms of loss and their derivatives."""
        log_losses, shares = self._terms(unknowns)
        of_size, of_length, of_entropy = shares
        slopes = (-self._runs.sizes * of_size, -self._runs.lengths * of_length)
        return log_losses, np.stack((of_size, of_length, of_entropy, *slopes), axis=1)

    def shares(self, unknowns: FloatArray) -> Mapping[str, FloatArray]:
        """Share of each term in each run."""
        of_size, of_length, _ = self._terms(unknowns)[1]
        return {"parameters": of_size, "tokens": of_length}

    def starts(self) -> list[tuple[float, ...]]:
        """The grid of Hoffmann et al., D.2: 4,500 points."""
        exponents, scales = (0, 0.5, 1, 1.5, 2), range(0, 26, 5)
        size, length = self._runs.mean_size, self._runs.mean_length
        return [
            (a - alpha * size, b - beta * length, e, alpha, beta)
            for alpha, beta, e, a, b in itertools.product(
                exponents, exponents, (-1, -0.5, 0, 0.5, 1), scales, scales
            )
        ]

    def bounds(self) -> list[tuple[float, float]]:
        """No term above e^2 times the loss, nor below e^-12 of it, at the mean run."""
        scale = (float(self.log_losses.min()) - FAR, float(self.log_losses.max()) + 2)
        return [scale] * 3 + [(LEAST_EXPONENT, MOST_EXPONENT)] * 2

    def constants(self, unknowns: FloatArray) -> dict[str, FloatArray]:
        """E, A, B, alpha, beta, and the exponents of the optimum."""
        a, b, e, alpha, beta = unknowns.T
        return {
            "E": np.exp(e),
            "A": exp(a + alpha * self._runs.mean_size),
            "B": exp(b + beta * self._runs.mean_length),
            "alpha": alpha,
            "beta": beta,
            "a": beta / (alpha + beta),
            "b": alpha / (alpha + beta),
        }

    def _terms(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray]:
        a, b, e, alpha, beta = unknowns
        terms = np.empty((3, len(self.log_losses)))
        terms[0], terms[1] = a - alpha * self._runs.sizes, b - beta * self._runs.lengths
        terms[2] = e
        return _log_sum(terms)


class _Kaplan(_Joint):
    """Unknowns: log L at the mean run, log of the terms' ratio there, aN / aD, aD."""

    name = "kaplan"
    formula = "L = ((Nc / N)^(aN / aD) + Dc / D)^aD"
    num_unknowns = 4
    exponents = (2, 3)
    outside_embeddings = True

    def predict(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Logarithms of loss and their derivatives."""
        log_loss, balance, _, exponent = unknowns
        log_sums, (of_size, of_length) = self._terms(unknowns)
        at_mean = np.exp(_log_share(balance))
        slopes = (
            np.ones_like(log_sums),
            exponent * (of_size * (1 - at_mean) - of_length * at_mean),
            -exponent * self._runs.sizes * of_size,
            log_sums,
        )
        return log_loss + exponent * log_sums, np.stack(slopes, axis=1)

    def shares(self, unknowns: FloatArray) -> Mapping[str, FloatArray]:
        """Share of each term in each run."""
        of_size, of_length = self._terms(unknowns)[1]
        return {"parameters": of_size, "tokens": of_length}

    def starts(self) -> list[tuple[float, ...]]:
        """The mean loss, with either term the larger there: 125 points."""
        mean = float(self.log_losses.mean())
        return [
            (mean, balance, ratio, exponent)
            for balance, ratio, exponent in itertools.product(
                (-2, -1, 0, 1, 2), (0.3, 0.6, 1, 1.5, 2.5), (0.03, 0.06, 0.1, 0.2, 0.4)
            )
        ]

    def bounds(self) -> list[tuple[float, float]]:
        """The loss has none; the ratio of the terms at the mean run, the exponents'."""
        return [
            (-LOG_MOST, LOG_MOST), (-4 * FAR, 4 * FAR), (LEAST_RATIO, MOST_RATIO),
            (LEAST_EXPONENT, MOST_EXPONENT),
        ]  # fmt: skip

    def constants(self, unknowns: FloatArray) -> dict[str, FloatArray]:
        """Nc, Dc, aN, aD."""
        log_loss, balance, ratio, exponent = unknowns.T
        size = log_loss / exponent + _log_share(balance)
        length = log_loss / exponent + _log_share(-balance)
        return {
            "Nc": exp(size / ratio + self._runs.mean_size),
            "Dc": exp(length + self._runs.mean_length),
            "aN": ratio * exponent,
            "aD": exponent,
        }

    def _terms(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """As parts of their sum at the mean run."""
        _, balance, ratio, _ = unknowns
        terms = np.empty((2, len(self.log_losses)))
        terms[0] = _log_share(balance) - ratio * self._runs.sizes
        terms[1] = _log_share(-balance) - self._runs.lengths
        return _log_sum(terms)


class _Line:
    """log L against a logarithm; unknowns: log L at the mean run, the exponent."""

    name: str
    formula: str
    symbols: tuple[str, str]
    levels: str
    others: str
    chosen: str
    num_unknowns = 2
    exponents = (1,)

    def __init__(self, of: _Centred, at: FloatArray, mean: float, held: FloatArray) -> None:
        kept = designs.most_of_each(at, held)
        self._at, self._held, self._mean = at[kept], held[kept], mean
        self.log_losses, self._which = of.log_losses[kept], f"N: {of.which}"

    def predict(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Logarithms of loss and their derivatives."""
        slopes = np.stack((np.ones_like(self._at), -self._at), axis=1)
        return unknowns[0] - unknowns[1] * self._at, slopes

    def shares(self, unknowns: FloatArray) -> Mapping[str, FloatArray]:
        """There is one term."""
        return {}

    def starts(self) -> list[tuple[float, ...]]:
        """The problem is convex: one will do."""
        return [(float(self.log_losses.mean()), 0.1)]

    def bounds(self) -> list[tuple[float, float]]:
        """The exponent alone has any."""
        return [(-LOG_MOST, LOG_MOST), (LEAST_EXPONENT, MOST_EXPONENT)]

    def constants(self, unknowns: FloatArray) -> dict[str, FloatArray]:
        """The scale and the exponent."""
        level, exponent = unknowns.T
        scale, power = self.symbols
        return {scale: exp(level / exponent + self._mean), power: exponent}

    def missing(self, rows: Rows) -> list[str]:
        """What these runs lack for a fit of any kind, in words."""
        return designs.too_narrow(self._at[rows], self.levels)

    def confounded(self) -> list[str]:
        """Why the loss is not of the form's quantity alone."""
        return designs.moves_along(self._at, self._held, what=self.levels,
                                   others_are=self.others)  # fmt: skip

    def note(self) -> str:
        """Which runs were taken and what for."""
        low, high = np.exp(self._held.min()), np.exp(self._held.max())
        return (
            f"{self.chosen}, with {self.others} of {low:.3g} to {high:.3g} taken as not "
            f"limiting; {self._which}"
        )


class _KaplanSize(_Line):
    name = "kaplan_size"
    formula = "L = (Nc / N)^aN"
    symbols = ("Nc", "aN")
    levels, others = "sizes of model", "numbers of tokens"
    chosen = "the longest run of each size"

    def __init__(self, runs: Sequence[FinishedRun]) -> None:
        of = _centred(runs, outside_embeddings=True)
        super().__init__(of, of.sizes, of.mean_size, of.lengths + of.mean_length)


class _KaplanTokens(_Line):
    name = "kaplan_tokens"
    formula = "L = (Dc / D)^aD"
    symbols = ("Dc", "aD")
    levels, others = "numbers of tokens", "sizes of model"
    chosen = "the largest model of each number of tokens"

    def __init__(self, runs: Sequence[FinishedRun]) -> None:
        of = _centred(runs, outside_embeddings=True)
        super().__init__(of, of.lengths, of.mean_length, of.sizes + of.mean_size)


FORMS: dict[str, Callable[[Sequence[FinishedRun]], Form]] = {
    form.name: form for form in (_Chinchilla, _Kaplan, _KaplanSize, _KaplanTokens)
}


def _log_sum(terms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Logarithm of the sum of e^terms, and the share of each; terms: (num_terms, num_runs)."""
    most = terms.max(axis=0)
    powers = np.exp(terms - most)
    total = powers.sum(axis=0)
    return most + np.log(total), powers / total


def _log_share(balance: FloatArray) -> FloatArray:
    """Logarithm of the share that a term e^balance times the other has."""
    return -np.logaddexp(0, -balance)


def exp(values: FloatArray) -> FloatArray:
    """e^values, kept within what a float holds."""
    return np.exp(np.clip(values, -LOG_MOST, LOG_MOST))
