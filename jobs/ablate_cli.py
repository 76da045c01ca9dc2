"""`winnow ablate`: what a stage of the pipeline buys, measured on models trained with and without.

jobs/ablating/ says how the sides are made, trained and compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import click

from corpus.storage import Store
from jobs.ablating.sides import OFF, make_sides
from jobs.options import json_option, set_option
from jobs.reporting.ablation import FILE, KINDS, caution, interval, scale


@click.command()
@click.argument("recipe_a", metavar="RECIPE_A")
@click.argument("recipe_b", metavar="[RECIPE_B]", required=False)
@click.option("--without", multiple=True, type=click.Choice(list(OFF)),
              help="Compare with RECIPE_A less this stage; may be given several times.")
@set_option
@click.option("--set-a", "of_a", multiple=True, metavar="a.b=c", help="The same, of side a alone.")
@click.option("--set-b", "of_b", multiple=True, metavar="a.b=c", help="The same, of side b alone.")
@click.option("--seeds", "num_seeds", type=click.IntRange(1), default=3, show_default=True,
              help="Models of each side: of the recipe's seed, and of the numbers after it.")
@click.option("--root", default="build/ablate", show_default=True, help="Where all of it goes.")
@click.option("--base", metavar="ROOT", help="A finished run that side a begins as.")
@click.option("--max-set-bytes", "max_bytes", type=click.IntRange(1), default=200_000,
              show_default=True, help="Of a source's or benchmark's texts that are scored.")
@click.option("--own-tokenizers", is_flag=True,
              help="Each side learns its own; else all have side a's.")
@click.option("--master", help="Spark master; local[*] where not given.")
@click.option("--conf", multiple=True, metavar="KEY=VALUE", help="A Spark setting.")
@json_option
def ablate(
    recipe_a: str,
    recipe_b: str | None,
    without: tuple[str, ...],
    overrides: tuple[str, ...],
    of_a: tuple[str, ...],
    of_b: tuple[str, ...],
    root: str,
    master: str | None,
    conf: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Train the same model on corpora with and without a stage, and compare them.

    RECIPE is NAME or FILE.toml. The figures are bits per byte of the same held-out texts, with 95 %
    intervals over seeds; they go to ROOT/ablation.json and into the report of ROOT/a. What is
    finished is kept: the same command goes on after a kill.

    \b
    Example: winnow ablate real_pages --set data=DATA --without quality --without dedup
             winnow ablate c4 fineweb --set data=DATA --set train.num_tokens=10_000_000
             winnow ablate gpt3 --set data=DATA --set-b quality.alpha=3.0 --seeds 5
    """
    from jobs.ablating.ablation import ablate as run
    from jobs.session import Session

    sides = make_sides(
        recipe_a, recipe_b, of_all=overrides, of_a=of_a, of_b=of_b, without=without
    )
    place = Store(root).local()
    session = Session(master=master, conf=dict(setting.split("=", 1) for setting in conf))
    try:
        found = run(sides, place, session=session, **options)
    finally:
        session.stop()
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for line in lines(found):
        click.echo(line)
    click.echo(f"All figures: {place / FILE}")


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The comparison as it is printed."""
    yield f"{found['recipe']}, {scale(found)}; tokenizer: {found['tokenizer']}"
    yield ""
    yield f"{'side':<24} {'documents':>10} {'tokens':>12} {'epochs':>7}  corpus"
    for side in found["sides"]:
        yield (
            f"{side['name']:<24} {side['num_documents']:>10,} {side['num_tokens']:>12,} "
            f"{side['epochs']:>7.2f}  {side['title']}"
        )
    for (other, kind), rows in groupby(
        found["rows"], key=lambda row: (row["other"], row["kind"])
    ):
        yield from _table(other, kind, list(rows))
    yield ""
    yield f"Bits per byte, less is better. {caution(found)}"


def _table(other: str, kind: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    first = rows[0]["first"]
    width = max(len(row["set"]) for row in rows)
    yield ""
    yield f"{other} against {first}. {KINDS[kind]}:"
    yield (
        f"{'':<{width}} {'texts':>7} {'kB':>7} {first[:12]:>9} {'other':>9} {'other-' + first:>9}  "
        f"{'95 % interval':<22} the other is"
    )
    for row in rows:
        yield (
            f"{row['set']:<{width}} {row['num_texts']:>7,} {row['num_bytes'] / 1000:>7,.0f} "
            f"{row['mean'][first]:>9.4f} {row['mean'][other]:>9.4f} {row['difference']:>+9.4f}  "
            f"{interval(row):<22} {row['verdict']}"
        )


__all__ = ["ablate", "lines"]
