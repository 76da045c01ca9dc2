"""`winnow scale`: scaling laws fitted to one's own training runs, instead of published ones.

corpus/scaling_runs.py reads the runs, corpus/scaling_fits.py fits, and scale_text.py has the words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from corpus.errors import ConfigError, InputError
from jobs.options import json_option
from jobs.scale_text import lines

if TYPE_CHECKING:
    from corpus.scaling_fits import Fit, Interval, Prediction, Reach
    from corpus.scaling_runs import FinishedRun

FORM_NAMES = ("chinchilla", "kaplan", "kaplan_size", "kaplan_tokens")


@click.group()
def scale() -> None:
    """Fit scaling laws to training runs.

    \b
    Example: winnow scale fit runs/*
             winnow scale fit runs.jsonl --flops 1e21
    """


@scale.command()
@click.argument("places", nargs=-1, required=True, metavar="RUN...")
@click.option("--form", "forms", multiple=True, type=click.Choice(FORM_NAMES),
              help="Fit this form alone, or refuse; all that the runs allow where not given.")
@click.option("--flops", multiple=True, type=float,
              help="Predict the best model and its tokens for so many training FLOPs.")
@click.option("--params", "sizes", multiple=True, type=float,
              help="Predict the best number of tokens of a model, or its loss after --tokens.")
@click.option("--tokens", "num_tokens", type=float, help="Tokens that --params is trained on.")
@click.option("--resamples", "num_resamples", type=click.IntRange(40), default=500,
              show_default=True, help="Fits to redrawn runs that the intervals come from.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Key of the redrawing.")
@json_option
def fit(places: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Fit L(N, D) to finished runs, with 95 % intervals, and predict from it.

    RUN is a root with a model, a folder that training wrote, or FILE.jsonl with lines of
    num_parameters, num_tokens and loss.

    \b
    Example: winnow scale fit runs/* --flops 1e21
             winnow scale fit runs.jsonl --params 1.3e9 --tokens 3e10 --json
    """
    found = make_fits(places, **options)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for line in lines(found):
        click.echo(line)


def make_fits(
    places: Sequence[str],
    *,
    forms: Sequence[str],
    flops: Sequence[float],
    sizes: Sequence[float],
    num_tokens: float | None,
    num_resamples: int,
    seed: int,
) -> dict[str, Any]:
    """The fits and predictions as plain values; raises InputError where the runs allow none."""
    _check(forms, flops, sizes, num_tokens)
    from corpus import scaling_fits
    from corpus.scaling_runs import read_runs

    read = read_runs(places)
    if not read.runs:
        reasons = "; ".join(f"{place}: {why}" for place, why in read.left_out[:3])
        raise InputError(f"{', '.join(places)}: no finished run: {reasons or 'empty files'}")
    fits, not_fitted = _fits(read.runs, forms, num_resamples, seed)
    predictions = []
    if flops or sizes:
        ranges = scaling_fits.reach(read.runs)
        predictions = _predictions(fits["chinchilla"], ranges, flops, sizes, num_tokens)
    return {
        "num_runs": len(read.runs),
        "left_out": [{"run": place, "reason": reason} for place, reason in read.left_out],
        "warnings": list(read.warnings),
        "range": {name: {"low": one.low, "high": one.high}
                  for name, one in scaling_fits.reach(read.runs).items()},
        "num_resamples": num_resamples,
        "seed": seed,
        "fits": [_plain_fit(one) for one in fits.values()],
        "not_fitted": not_fitted,
        "predictions": predictions,
    }  # fmt: skip


def _check(
    forms: Sequence[str], flops: Sequence[float], sizes: Sequence[float], num_tokens: float | None
) -> None:
    """Refuse what contradicts itself, and what cannot be a number of anything."""
    tokens = [] if num_tokens is None else [num_tokens]
    for option, values in (("--flops", flops), ("--params", sizes), ("--tokens", tokens)):
        for value in values:
            if not 0 < value < float("inf"):
                raise ConfigError(f"{option} is {value:g}, expected a number above 0")
    if tokens and not sizes:
        raise ConfigError("--tokens: of which model? expected --params as well")
    if (flops or sizes) and forms and "chinchilla" not in forms:
        raise ConfigError(
            f"--form {' and '.join(forms)} with --flops or --params: predictions come from "
            "chinchilla; expected --form chinchilla as well, or no --form"
        )


def _fits(
    runs: Sequence[FinishedRun], forms: Sequence[str], num_resamples: int, seed: int
) -> tuple[dict[str, Fit], dict[str, str]]:
    """Each form's fit, and why others have none; only Kaplan's may lack where none is asked for."""
    from corpus.scaling_fits import fit as fit_form

    fits, not_fitted = {}, {}
    for name in dict.fromkeys(forms or FORM_NAMES):
        try:
            fits[name] = fit_form(runs, name, num_resamples=num_resamples, seed=seed)
        except InputError as error:
            if forms or name == "chinchilla":
                raise
            not_fitted[name] = str(error)
    return fits, not_fitted


def _predictions(
    found: Fit,
    ranges: Mapping[str, Reach],
    flops: Sequence[float],
    sizes: Sequence[float],
    num_tokens: float | None,
) -> list[dict[str, Any]]:
    from corpus.scaling_fits import of_budget, of_model, of_run

    said = [(f"{one:g} FLOPs", of_budget(found, one)) for one in flops]
    for one in sizes:
        if num_tokens is None:
            said.append((f"{one:g} parameters", of_model(found, one)))
        else:
            asked = f"{one:g} parameters, {num_tokens:g} tokens"
            said.append((asked, of_run(found, one, num_tokens)))
    return [{"of": asked, **_plain_prediction(one, ranges)} for asked, one in said]


def _plain_prediction(said: Prediction, ranges: Mapping[str, Reach]) -> dict[str, Any]:
    values = said._asdict()
    return {
        **{name: _plain_interval(value) for name, value in values.items()},
        "beyond_the_runs": {
            name: one.factor(values[name].estimate) for name, one in ranges.items()
        },
    }


def _plain_fit(found: Fit) -> dict[str, Any]:
    return {
        "form": found.form,
        "formula": found.formula,
        "note": found.note,
        "num_runs": found.num_runs,
        "constants": {name: _plain_interval(value) for name, value in found.constants.items()},
        "error": found.error,
        "largest_error": found.largest_error,
        "num_redrawn": found.num_redrawn,
        "num_at_bounds": found.num_at_bounds,
    }


def _plain_interval(value: Interval) -> dict[str, float]:
    return {"estimate": value.estimate, "low": value.low, "high": value.high}


__all__ = ["make_fits", "scale"]
