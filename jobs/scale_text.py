"""Fits as `winnow scale fit` prints them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NUM_SHOWN = 5  # runs that were left out are named one by one so far
NIL = 1e-3  # nats; an E below it is none
UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"))


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Line by line: the runs, each form with its constants, and what follows."""
    yield f"{found['num_runs']:,} runs: {_range(found['range'])}"
    yield from _left_out(found["left_out"])
    yield from (f"  warning: {warning}" for warning in found["warnings"])
    drawn = f"{found['num_resamples']:,} fits to redrawn runs, seed {found['seed']}"
    yield f"intervals: 95 %, of {drawn}"
    for one in found["fits"]:
        yield from _fit_lines(one)
    yield from (f"not fitted: {reason}" for reason in found["not_fitted"].values())
    for one in found["predictions"]:
        yield from _prediction_lines(one)


def _range(ranges: Mapping[str, Mapping[str, float]]) -> str:
    sizes, lengths, flops = (ranges[name] for name in ("num_parameters", "num_tokens", "flops"))
    return (
        f"{_number(sizes['low'])} to {_number(sizes['high'])} parameters, "
        f"{_number(lengths['low'])} to {_number(lengths['high'])} tokens, "
        f"{flops['low']:.3g} to {flops['high']:.3g} FLOPs"
    )


def _left_out(left_out: list[Mapping[str, str]]) -> Iterator[str]:
    if left_out:
        yield f"  left out: {len(left_out):,}"
    yield from (f"    {one['run']}: {one['reason']}" for one in left_out[:NUM_SHOWN])
    if len(left_out) > NUM_SHOWN:
        yield f"    and {len(left_out) - NUM_SHOWN:,} more; --json names all"


def _fit_lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['form']}: {found['formula']}"
    yield f"  {found['note']}"
    for name, value in found["constants"].items():
        yield f"  {name:<8} {value['estimate']:>10.4g}   {value['low']:.4g} to {value['high']:.4g}"
    yield (
        f"  error of the loss over {found['num_runs']:,} runs: {found['error']:.2%} (root mean "
        f"square), at most {found['largest_error']:.2%}"
    )
    entropy = found["constants"].get("E")
    if entropy and entropy["estimate"] < NIL:
        yield "  warning: E ends at nothing: no limit of the loss is seen in these runs"
    if found["num_redrawn"]:
        yield f"  {found['num_redrawn']:,} draws were of too few sizes or lengths, and drawn again"
    if found["num_at_bounds"]:
        yield (
            f"  warning: {found['num_at_bounds']:,} fits to redrawn runs ended at a bound: these "
            "runs hardly tell the constants"
        )


def _prediction_lines(said: Mapping[str, Any]) -> Iterator[str]:
    yield f"of {said['of']}"
    for name, word in (("num_parameters", "parameters"), ("num_tokens", "tokens")):
        value = said[name]
        shown = [_number(value[key]) for key in ("estimate", "low", "high")]
        yield f"  {word:<12} {_with_interval(value, shown)}"
    flops, loss = said["flops"], said["loss"]
    yield f"  {'FLOPs':<12} {_with_interval(flops, [f'{one:.3g}' for one in flops.values()])}"
    yield f"  {'loss':<12} {_with_interval(loss, [f'{one:.4f}' for one in loss.values()])}"
    yield f"  {'range':<12} {_beyond(said['beyond_the_runs'])}"


def _with_interval(value: Mapping[str, float], shown: list[str]) -> str:
    exact = value["low"] == value["high"]
    return f"{shown[0]:>10}" + ("" if exact else f"   {shown[1]} to {shown[2]}")


def _beyond(factors: Mapping[str, float]) -> str:
    """How far outside of the runs a prediction is."""
    words = {"num_parameters": "parameters", "num_tokens": "tokens", "flops": "FLOPs"}
    outside = [
        f"{factor:.3g} times the largest {words[name]}" if factor > 1
        else f"{factor:.3g} of the smallest {words[name]}"
        for name, factor in factors.items() if factor != 1
    ]  # fmt: skip
    return f"extrapolates to {', '.join(outside)} of the runs" if outside else "within the runs"


def _number(value: float) -> str:
    for size, unit in UNITS:
        if value >= size:
            return f"{value / size:,.3g} {unit}" if value < 1e15 else f"{value:.3g}"
    return f"{value:,.0f}"
