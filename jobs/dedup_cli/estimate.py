"""`winnow dedup estimate`: what a run will take, before it is submitted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from corpus.datasets import open_dataset
from corpus.storage import Store
from jobs.options import json_option, read_settings, recipe_options, remembered

if TYPE_CHECKING:
    from filters.dedup.estimate import Estimate, Sample

UNITS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@click.command()
@recipe_options
@json_option
@click.option("--share", default=0.01, show_default=True, type=click.FloatRange(0, 1),
              help="Share of the parts that are looked at; two at the least.")  # fmt: skip
@click.option("--cores", "num_cores", default=2, show_default=True, type=click.IntRange(1),
              help="Cores that the run will have.")  # fmt: skip
def estimate(
    recipe: str | None,
    root: str,
    overrides: tuple[str, ...],
    as_json: bool,
    share: float,
    num_cores: int,
) -> None:
    """Estimate rows, bytes shuffled, edges, time and memory from a sample of the parts.

    \b
    Example: winnow dedup estimate --root build/real --cores 1000
    """
    from jobs.deduping import estimating

    settings = read_settings(*remembered(root, recipe, overrides))
    store = Store(root)
    documents, quality = open_dataset(store, "documents"), open_dataset(store, "quality")
    sample, found = estimating.estimate(
        documents, quality, settings.dedup, seed=settings.seed, share=share, num_cores=num_cores
    )
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=1))
        return
    for line in _lines(sample, found, quality.num_parts):
        click.echo(line)


def _lines(sample: Sample, found: Estimate, num_parts: int) -> Iterator[str]:
    yield (
        f"from {sample.num_parts} of {num_parts} parts: {sample.num_documents:,} documents, "
        f"{_size(sample.text_bytes)} of text"
    )
    rows = {
        "documents": f"{found.num_documents:,}, {_size(found.text_bytes)} of text",
        "band keys": f"{found.band_records:,}",
        "candidate pairs": _counted(found.candidate_pairs, found.candidate_pairs_interval),
        "edges": _counted(found.edges, found.edges_interval),
        "records between tasks": _size(found.record_bytes),
        "of them shuffled, packed": _size(found.shuffled_bytes),
        "shingles lent": _size(found.loan_bytes),
        "index that stays": _size(found.signature_bytes),
        "time": f"{found.core_hours:,.2f} core-hours: {_time(found.hours)} on {found.num_cores:,} "
                "cores",
        "memory of a task": f"{_size(found.task_bytes)} ({found.largest_task})",
    }  # fmt: skip
    for name, said in rows.items():
        yield f"  {name:<26} {said}"


def _counted(number: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{number:,.0f} at most ({low:,.0f} to {high:,.0f})"


def _size(num_bytes: float) -> str:
    for size, unit in UNITS:
        if num_bytes >= size:
            return f"{num_bytes / size:.1f} {unit}"
    return f"{num_bytes:.0f} bytes"


def _time(hours: float) -> str:
    if hours >= 1:
        return f"{hours:,.1f} h"
    return f"{hours * 60:.1f} min" if hours >= 1 / 60 else f"{hours * 3600:.0f} s"
