"""Scaling laws fitted to training runs, with the intervals that the runs allow.

The forms are those of corpus/scaling_forms.py. The least sum of Huber's loss (delta 1e-3) of log L
is found by L-BFGS from a grid of starts (Hoffmann et al. 2022, D.2). Theirs stopped before the
least: a mean of losses this small met the optimiser's tolerance early (Besiroglu et al. 2024). Here
it is a sum, in units of delta, of centred logarithms; 99.7 % of 1,500 starts then came to one
optimum to ten digits and none lower, so that the best NUM_STARTS of the grid are enough.

Intervals: the 2.5th and 97.5th percentile of fits to runs drawn with replacement, each beginning at
the fit to all. A draw that could not be fitted by itself (one size left, say) is drawn again and
counted. They hold what the scatter of the runs allows if the form is right, not whether it is, nor
the scatter of one more run. Measured with Epoch's constants, 0.3 % of noise and 100 draws: of 30
plantings of 30 runs they held a constant in 28 to 29 and the best size at 5.76e23 FLOPs, 50 times
the largest run, in 27; of 40 plantings of 12 runs in 39 to 40, and 39. Cost: 10 ms a draw and form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from corpus.errors import InputError
from corpus.scaling import FLOPS_PER_PARAMETER_AND_TOKEN, Parametric, training_flops
from corpus.scaling_designs import FloatArray, Rows
from corpus.scaling_forms import FORMS, Form, exp
from corpus.scaling_runs import FinishedRun

DELTA = 1e-3  # of log L, where Huber's loss turns from square to straight (Hoffmann et al., D.2)
NUM_STARTS = 10
PERCENTILES = (2.5, 97.5)
RUNS_PER_UNKNOWN = 2  # fewer leave draws with replacement too few different ones
SEEN = 1e-3  # share of the loss that a term has to have in some run
MOST_TRIES = 50  # draws for one that can be fitted


class Interval(NamedTuple):
    """An estimate with its 95 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A form with its constants."""

    form: str
    formula: str
    note: str
    """Which runs were taken and what for."""
    constants: dict[str, Interval]
    num_runs: int
    error: float
    """Root mean square of log L minus the law's: 0.01 is one percent of the loss."""
    largest_error: float
    num_resamples: int
    num_redrawn: int
    """Draws that could not have been fitted by themselves and were drawn again."""
    num_at_bounds: int
    """Fits to draws that ended at a bound: these runs hardly tell the constants."""
    draws: dict[str, FloatArray]
    """The constants of each draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Smallest and largest of the runs."""

    low: float
    high: float

    def factor(self, value: float) -> float:
        """How many times above the largest; below 1: the part of the smallest; 1 within."""
        return value / min(max(value, self.low), self.high)


class Prediction(NamedTuple):
    """What a fit says of a budget, a model, or a run."""

    num_parameters: Interval
    num_tokens: Interval
    flops: Interval
    loss: Interval


def fit(
    runs: Sequence[FinishedRun], form: str, *, num_resamples: int = 500, seed: int = 0
) -> Fit:
    """The form's constants and intervals; the order of the runs does not matter.

    Raises InputError that says what is missing where the runs cannot tell the constants apart.
    """
    if form not in FORMS:
        raise ValueError(f"form {form}: unknown; expected one of {', '.join(FORMS)}")
    ordered = sorted(runs, key=lambda run: (run.num_parameters, run.num_tokens, run.loss))
    return _fit(FORMS[form](ordered), num_resamples, seed)


def _fit(form: Form, num_resamples: int, seed: int) -> Fit:
    from threadpoolctl import threadpool_limits

    _require_design(form)
    # Threads of BLAS that wait for each other make these small products 5 to 10 times slower.
    with threadpool_limits(1):
        best = _from_the_grid(form)
        _require_seen(form, best)
        draws, num_redrawn = _resampled(form, best, num_resamples, seed)
    residuals = form.predict(best)[0] - form.log_losses
    values = form.constants(best[None])
    drawn = form.constants(draws)
    return Fit(
        form=form.name,
        formula=form.formula,
        note=form.note(),
        constants={name: _interval(values[name][0], drawn[name]) for name in values},
        num_runs=len(residuals),
        error=float(np.sqrt(np.mean(residuals**2))),
        largest_error=float(np.abs(residuals).max()),
        num_resamples=num_resamples,
        num_redrawn=num_redrawn,
        num_at_bounds=sum(_is_at_bound(form, draw) for draw in draws),
        draws=drawn,
    )


def parametric(found: Fit) -> Parametric:
    """A fit of `chinchilla` as a law that plans."""
    of = {name: value.estimate for name, value in found.constants.items()}
    return Parametric(
        name="fit", source=f"fitted to {found.num_runs} runs",
        entropy=of["E"], a=of["A"], b=of["B"], alpha=of["alpha"], beta=of["beta"],
    )  # fmt: skip


def of_budget(found: Fit, flops: float) -> Prediction:
    """The model and tokens of the least loss for so many FLOPs, by a fit of `chinchilla`."""
    best = parametric(found).optimum(flops)
    both = found.draws["alpha"] + found.draws["beta"]
    product = np.log(flops / FLOPS_PER_PARAMETER_AND_TOKEN)
    sizes = (_log_weights(found.draws) + found.draws["beta"] * product) / both
    said = _predict(found, best.num_parameters, best.num_tokens, sizes, product - sizes)
    return said._replace(flops=_exactly(flops))


def of_model(found: Fit, num_parameters: float) -> Prediction:
    """The tokens at which no other size would have used the compute better."""
    tokens = parametric(found).tokens_for(num_parameters)
    size = np.log(num_parameters)
    both = found.draws["alpha"] + found.draws["beta"]
    lengths = (both * size - _log_weights(found.draws)) / found.draws["beta"] - size
    said = _predict(found, num_parameters, tokens, np.full_like(lengths, size), lengths)
    return said._replace(num_parameters=_exactly(num_parameters))


def of_run(found: Fit, num_parameters: float, num_tokens: float) -> Prediction:
    """The loss of a model after so many tokens."""
    flat = np.zeros_like(found.draws["alpha"])
    sizes, lengths = flat + np.log(num_parameters), flat + np.log(num_tokens)
    said = _predict(found, num_parameters, num_tokens, sizes, lengths)
    return said._replace(
        num_parameters=_exactly(num_parameters),
        num_tokens=_exactly(num_tokens),
        flops=_exactly(training_flops(num_parameters, num_tokens)),
    )


def reach(runs: Sequence[FinishedRun]) -> dict[str, Reach]:
    """The range of parameters, tokens and FLOPs that a fit to these runs was made in."""
    of = {
        "num_parameters": [run.num_parameters for run in runs],
        "num_tokens": [run.num_tokens for run in runs],
        "flops": [training_flops(run.num_parameters, run.num_tokens) for run in runs],
    }
    return {name: Reach(low=min(values), high=max(values)) for name, values in of.items()}


def _log_weights(draws: Mapping[str, FloatArray]) -> FloatArray:
    """Logarithm of alpha A / (beta B): how parameters weigh against tokens."""
    return np.log(draws["alpha"] * draws["A"]) - np.log(draws["beta"] * draws["B"])


def _predict(
    found: Fit, num_parameters: float, num_tokens: float, sizes: FloatArray, lengths: FloatArray
) -> Prediction:
    """An estimate, and the logarithms of parameters and tokens of each draw."""
    draws = found.draws
    losses = (
        draws["E"]
        + exp(np.log(draws["A"]) - draws["alpha"] * sizes)
        + exp(np.log(draws["B"]) - draws["beta"] * lengths)
    )
    times = FLOPS_PER_PARAMETER_AND_TOKEN
    loss = parametric(found).loss(num_parameters, num_tokens)
    return Prediction(
        num_parameters=_interval(num_parameters, exp(sizes)),
        num_tokens=_interval(num_tokens, exp(lengths)),
        flops=_interval(times * num_parameters * num_tokens, times * exp(sizes + lengths)),
        loss=_interval(loss, losses),
    )


def _exactly(value: float) -> Interval:
    return Interval(value, value, value)


def _interval(estimate: float, draws: FloatArray) -> Interval:
    low, high = np.percentile(draws, PERCENTILES)
    return Interval(float(estimate), float(low), float(high))


def _loss_and_slope(
    unknowns: FloatArray, form: Form, weights: FloatArray
) -> tuple[float, FloatArray]:
    """Sum of Huber's loss in units of DELTA^2, each run as often as its weight says."""
    log_losses, slopes = form.predict(unknowns)
    errors = (log_losses - form.log_losses) / DELTA
    sizes = np.abs(errors)
    losses = np.where(sizes <= 1, errors**2 / 2, sizes - 0.5)
    return float(weights @ losses), slopes.T @ (weights * np.clip(errors, -1, 1)) / DELTA


def _minimise(form: Form, start: FloatArray, weights: FloatArray) -> tuple[float, FloatArray]:
    from scipy.optimize import minimize

    found = minimize(
        _loss_and_slope, start, args=(form, weights), jac=True, method="L-BFGS-B",
        bounds=form.bounds(),
        options={"ftol": 1e-15, "gtol": 1e-8, "maxiter": 5000, "maxfun": 20_000},
    )  # fmt: skip
    return float(found.fun), found.x


def _from_the_grid(form: Form) -> FloatArray:
    low, high = np.array(form.bounds()).T
    starts = np.clip(np.array(form.starts(), np.float64), low, high)
    weights = np.ones(len(form.log_losses))
    at_start = np.array([_loss_and_slope(start, form, weights)[0] for start in starts])
    best = np.argsort(at_start, kind="stable")[:NUM_STARTS]
    found = [_minimise(form, starts[one], weights) for one in best]
    return min(found, key=lambda one: one[0])[1]


def _resampled(
    form: Form, best: FloatArray, num_resamples: int, seed: int
) -> tuple[FloatArray, int]:
    """Unknowns of each draw, (num_resamples, num_unknowns), and how many draws were redrawn."""
    random = np.random.default_rng(seed)
    size = len(form.log_losses)
    draws, num_drawn = np.empty((num_resamples, len(best))), 0
    for number in range(num_resamples):
        weights = np.zeros(size)
        while not (weights.any() and _can_be_fitted(form, np.flatnonzero(weights))):
            if num_drawn >= MOST_TRIES * num_resamples:
                raise InputError(
                    f"{form.name}: {size} runs, of which hardly any draw with replacement can be "
                    "fitted, so that no interval can be told; expected more runs of each size and "
                    "length"
                )
            weights = np.bincount(random.integers(size, size=size), minlength=size).astype(float)
            num_drawn += 1
        draws[number] = _minimise(form, best, weights)[1]
    return draws, num_drawn - num_resamples


def _can_be_fitted(form: Form, rows: Rows) -> bool:
    return len(rows) >= form.num_unknowns and not form.missing(rows)


def _is_at_bound(form: Form, unknowns: FloatArray) -> bool:
    low, high = np.array(form.bounds()).T
    return bool(np.any((unknowns <= low) | (unknowns >= high)))


def _require_design(form: Form) -> None:
    size = len(form.log_losses)
    least = RUNS_PER_UNKNOWN * form.num_unknowns
    found = [] if size >= least else [f"{size} runs, expected at least {least}"]
    if size:
        found += form.missing(np.arange(size)) or form.confounded()
    if found:
        raise InputError(
            f"{form.name}: these runs do not tell the constants of {form.formula}: "
            + "; ".join(found)
        )


def _require_seen(form: Form, unknowns: FloatArray) -> None:
    """Refuse a fit in which the loss does not fall with what it should fall with."""
    unseen = [name for name, shares in form.shares(unknowns).items() if shares.max() < SEEN]
    bounds = form.bounds()
    stuck = any(not bounds[i][0] < unknowns[i] < bounds[i][1] for i in form.exponents)
    if unseen or stuck:
        what = " and ".join(unseen) or "parameters or tokens"
        raise InputError(
            f"{form.name}: the loss of these {len(form.log_losses)} runs does not fall with "
            f"{what} as in {form.formula}: no such law is told by them; expected runs further "
            "apart, or longer, and losses of one setting of everything else"
        )
