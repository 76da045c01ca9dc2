"""`winnow dedup curve`: the chance that bands propose a pair, by its similarity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from jobs.options import json_option, read_settings, recipe_options, remembered

BAR = 40
"""Characters of a bar that stands for certainty."""


@click.command()
@recipe_options
@json_option
@click.option("--all", "published", is_flag=True, help="Every published setting.")
def curve(
    recipe: str | None, root: str, overrides: tuple[str, ...], as_json: bool, published: bool
) -> None:
    """Show the chance that a pair is proposed, by its similarity s: 1 - (1 - s^rows)^bands.

    \b
    Example: winnow dedup curve --recipe gpt3 --set dedup.published=fineweb
             winnow dedup curve --all
    """
    from filters.dedup import PUBLISHED, DedupSettings
    from filters.dedup import explain as explaining
    from filters.dedup.bands import banding

    if published:
        all_of = {name: banding(DedupSettings(published=name)) for name in PUBLISHED}  # type: ignore[arg-type]
    else:
        name, laid_over = remembered(root, recipe, overrides)
        all_of = {Path(name).stem: banding(read_settings(name, laid_over).dedup)}
    rows = [
        {"name": name, **chosen._asdict(), "curve": explaining.curve(chosen)}
        for name, chosen in all_of.items()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        _print_curve(row)


def _print_curve(row: Mapping[str, Any]) -> None:
    click.echo(
        f"{row['name']}: {row['num_bands']} bands of {row['num_rows']}, shingles of "
        f"{row['ngram_size']} words, threshold {row['threshold']:g}"
    )
    for similarity, chance in row["curve"]:
        mark = " <- threshold" if abs(similarity - row["threshold"]) < 1e-9 else ""
        bar = "#" * round(chance * BAR)
        click.echo(f"  {similarity:.2f}  {chance:.6f}  {bar:<{BAR}}{mark}".rstrip())
