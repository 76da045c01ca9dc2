"""`winnow contamination items` and `ngrams`: lists to filter, sort, and page through."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import click

from corpus.datasets import open_dataset
from corpus.storage import Store
from jobs.contamination_cli.items import checked, items_of
from jobs.contamination_cli.text import table
from jobs.options import json_option, root_option

SORTS = ("share", "found", "words", "id")
PAGE = 100
"""Lines printed at once."""
HOW = ("clean", "dirty", "near_whole", "quote", "template", "too_short")


@click.command()
@click.argument("benchmark")
@click.option("--how", type=click.Choice(HOW), help="Those found in this way, or not at all.")
@click.option("--field", help="Those of which this field was found.")
@click.option("--sort", type=click.Choice(SORTS), default="share", show_default=True,
              help="share: of its words that are in a found N-gram.")
@click.option("--limit", type=click.IntRange(0), help="So many alone.")
@root_option
@json_option
def items(
    benchmark: str,
    how: str | None,
    field: str | None,
    sort: str,
    limit: int | None,
    root: str,
    as_json: bool,
) -> None:
    """List a benchmark's items, the most contaminated first; with --json an object a line.

    \b
    Example: winnow contamination items boolq --how near_whole --root build/real
             winnow contamination items boolq --how clean --json | jq -r .item_id
    """
    rows = [
        row for row in items_of(Store(root), benchmark)
        if _is_found(row, how) and (field is None or field in row["fields"])
    ]  # fmt: skip
    rows = _sorted(rows, sort)[:limit]
    if as_json:
        _print_json(rows)
        return
    head = ("item", "found in", "how", "N-grams", "exempt", "words", "share")
    lines = [head]
    for row in rows:
        lines.append((
            f"{benchmark}:{row['item_id']}", ",".join(row["fields"]) or "-", row["how"] or "clean",
            f"{row['num_found']:,} of {row['num_ngrams']:,}", f"{row['num_exempt']:,}",
            f"{row['num_words']:,}", f"{_share(row):.0%}",
        ))  # fmt: skip
    _print(table(lines, numbers=range(3, len(head))))


@click.command()
@click.option("--benchmark", help="Those of which an item of this benchmark is the first.")
@click.option("--exempt/--removed", default=None, help="Too frequent to be removed, or removed.")
@click.option("--limit", type=click.IntRange(0), help="So many alone.")
@root_option
@json_option
def ngrams(
    benchmark: str | None, exempt: bool | None, limit: int | None, root: str, as_json: bool
) -> None:
    """List the N-grams that were found, the most frequent first; with --json an object a line.

    \b
    Example: winnow contamination ngrams --exempt --root build/real | head
    """
    store = Store(root)
    if benchmark is not None:
        checked(store, benchmark)
    rows = [
        row for row in open_dataset(store, "benchmark_ngrams").read_all().to_pylist()
        if benchmark in (None, row["benchmark"]) and exempt in (None, row["exempt"])
    ][:limit]  # fmt: skip
    if as_json:
        _print_json(rows)
        return
    lines = [("documents", "items", "", "first item", "N-gram")]
    for row in rows:
        lines.append((
            f"{row['num_documents']:,}", f"{row['num_items']:,}",
            "exempt" if row["exempt"] else "", f"{row['benchmark']}:{row['item_id']}", row["ngram"],
        ))  # fmt: skip
    _print(table(lines, numbers=(0, 1)))


def _is_found(row: dict[str, Any], how: str | None) -> bool:
    if how == "too_short":
        return bool(row["num_ngrams"] == 0)
    if how in ("clean", "dirty"):
        return bool(row["dirty"] == (how == "dirty"))
    return how in (None, row["how"])


def _sorted(rows: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
    """Largest first, ties and `id` in the benchmark's own order."""
    keys = {
        "share": _share, "found": lambda row: row["num_found"],
        "words": lambda row: row["num_words"], "id": lambda row: 0,
    }  # fmt: skip
    return sorted(rows, key=keys[sort], reverse=True)


def _share(row: dict[str, Any]) -> float:
    return float(row["num_covered"] / max(row["num_words"], 1))


def _print_json(rows: Sequence[dict[str, Any]]) -> None:
    _print(json.dumps(row) for row in rows)


def _print(lines: Iterable[str]) -> None:
    """Print a page at a time: a write a line would take most of the time."""
    for page in _pages(iter(lines)):
        click.echo("\n".join(page))


def _pages(lines: Iterator[str]) -> Iterator[list[str]]:
    while page := list(islice(lines, PAGE)):
        yield page
