"""A plan as `winnow plan` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

UNITS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def lines(found: Mapping[str, Any], *, explain: bool) -> Iterator[str]:
    """A plan line by line; explain: with the formula and source of each figure."""

    def how(text: str) -> Iterator[str]:
        if explain:
            yield f"      = {text}"

    aim, training = found["target"], found["training"]
    yield f"recipe {found['recipe']}, counted in {found['counted_in']}"
    model = f" ({aim['model']}, vocabulary of {aim['vocab_size']:,})" if aim["model"] else ""
    yield f"  {'parameters':<26} {_number(aim['num_parameters'])}{model}"
    yield f"  {'tokens to train on':<26} {_number(aim['num_tokens'])}"
    yield from how(aim["how"])
    yield f"  {'training FLOPs':<26} {training['flops']:.3g}"
    if "flops_with_attention" in training:
        yield f"  {'with attention':<26} {training['flops_with_attention']:.3g}"
    if "device_hours" in training:
        yield f"  {'device hours':<26} {training['device_hours']:,.1f}"
    yield from how(training["how"])
    yield "laws: parameters, tokens, predicted loss of this target"
    yield from _law_lines(found["laws"], explain=explain)
    width = found["bytes_per_token"]
    yield f"sources, at {width['value']:.3f} bytes a token"
    yield from how(width["how"])
    yield from (_source_line(need) for need in found["sources"])
    yield from how("weight x tokens, by filters/mixture.py; epochs: wanted / there")
    for epochs, tokens in found.get("most_tokens", {}).items():
        yield f"  at {epochs} epochs of its scarcest source it has {_number(tokens)} tokens"
    yield from how("epochs x the source's tokens / its weight; up to 4 epochs repeating is nearly "
                   "as good as new text (Muennighoff et al. 2023, section 6)")  # fmt: skip
    yield from (f"  warning: {warning}" for warning in found["warnings"])
    yield "storage"
    for name, size in found["storage"].items():
        yield f"  {name:<26} {_size(size['bytes'])}"
        yield from how(size["how"])
    yield from _hour_lines(found, explain=explain)
    if not explain:
        yield "--explain prints the formula and the source of each figure"


def _law_lines(laws: Mapping[str, Mapping[str, float]], *, explain: bool) -> Iterator[str]:
    from corpus.scaling import LAWS

    for name, said in laws.items():
        yield (
            f"  {name:<26} {_number(said['num_parameters']):>10} "
            f"{_number(said['num_tokens']):>10}  {said['loss_of_the_target']:.3f}"
        )
        if explain:
            yield f"      = {LAWS[name].formula} ({LAWS[name].source})"
    if explain:
        yield "      losses in nats a token of the law's own tokenizer, as if no text were repeated"


def _source_line(need: Mapping[str, Any]) -> str:
    line = f"  {need['source']:<26} {need['weight']:>6.1%}  wanted {_number(need['wanted_tokens'])}"
    if need["epochs"] is None:
        return line
    return f"{line}, there {_number(need['available_tokens'])}: {need['epochs']:.2f} epochs"


def _hour_lines(found: Mapping[str, Any], *, explain: bool) -> Iterator[str]:
    if not found["hours"]:
        return
    cores = found["cores"]
    rows = found["hours"]
    yield "hours of the pipeline, projected" + (f" on {cores:,} cores" if cores else "")
    total = {
        "stage": "sum",
        "core_hours": sum(row["core_hours"] for row in rows),
        "hours": sum(row["hours"] for row in rows) if cores else None,
        "how": "rates of texts in memory: expect two to three times as long; links, fetch, mix, "
        "training and the report have no measured rate and are not in it"
        + ("; 80 % of the cores at work (filters/dedup/SCALE.md)" if cores else ""),
    }
    for row in (*rows, total):
        on_cores = f", {row['hours']:,.3g} h" if cores else ""
        yield f"  {row['stage']:<26} {row['core_hours']:,.3g} core-hours{on_cores}"
        if explain:
            yield f"      = {row['how']}"


def _number(value: float) -> str:
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if value >= size:
            return f"{value / size:,.2f} {unit}"
    return f"{value:,.0f}"


def _size(num_bytes: float) -> str:
    for size, unit in UNITS:
        if num_bytes >= size:
            return f"{num_bytes / size:,.1f} {unit}"
    return f"{num_bytes:.0f} bytes"
