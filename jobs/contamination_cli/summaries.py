"""`winnow contamination summary` and `diff`: the benchmarks of a run, and of two."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import click

from corpus.datasets import open_dataset
from corpus.storage import Store
from jobs.contamination_cli.text import table
from jobs.options import json_option, root_option

SHOWN = 20
"""Items of a benchmark that `diff` names."""


@click.command()
@root_option
@json_option
def summary(root: str, as_json: bool) -> None:
    """Show each benchmark: items clean and dirty, in what way, and the share of its 8-grams.

    Dirty and clean are GPT-3's (an N-gram in any document), the last column is GPT-2's Table 6.

    \b
    Example: winnow contamination summary --root build/real
    """
    store = Store(root)
    rows = open_dataset(store, "benchmarks").read_all().to_pylist()
    documents = _documents(store)
    certified = json.loads(store.read("benchmark_filter", "filters.json"))["certified_rate"]
    if as_json:
        found = {"benchmarks": rows, "documents": documents, "certified_rate": certified}
        click.echo(json.dumps(found, indent=1))
        return
    head = ("benchmark", "N", "items", "dirty", "", "near whole", "quote", "template",
            "too short", "8-grams")  # fmt: skip
    lines = [head]
    for row in rows:
        lines.append((
            row["benchmark"], f"{row['ngram_size']}", f"{row['num_items']:,}",
            f"{row['num_dirty']:,}", _percent(row["num_dirty"], row["num_items"]),
            f"{row['num_near_whole']:,}", f"{row['num_quote']:,}", f"{row['num_template']:,}",
            f"{row['num_too_short']:,}", _percent(row["num_ngrams_found"], row["num_ngrams"]),
        ))  # fmt: skip
    for line in table(lines, numbers=range(1, len(head))):
        click.echo(line)
    click.echo(
        f"{documents['taken']:,} documents: {documents['cut']:,} cut, {documents['dropped']:,} "
        f"dropped{_reasons(documents['reasons'])}; a wrong 8-gram has a chance of {certified:.1e}"
    )


@click.command()
@click.argument("run_a", metavar="RUN_A")
@click.argument("run_b", metavar="RUN_B")
@json_option
def diff(run_a: str, run_b: str, as_json: bool) -> None:
    """Show the items that are clean in one run and dirty in the other, or found in another way.

    \b
    Example: winnow contamination diff build/before build/after
    """
    before, after = (_ways(Store(root)) for root in (run_a, run_b))
    changes = [
        {"benchmark": key[0], "item_id": key[1], "before": before.get(key, "absent"),
         "after": after.get(key, "absent")}
        for key in sorted({*before, *after})
        if before.get(key, "absent") != after.get(key, "absent")
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps(changes, indent=1))
        return
    by_benchmark: dict[str, list[dict[str, str]]] = {}
    for one in changes:
        by_benchmark.setdefault(one["benchmark"], []).append(one)
    for name, own in by_benchmark.items():
        kinds = Counter(f"{one['before']} -> {one['after']}" for one in own)
        click.echo(f"{name}: {', '.join(f'{kind}: {n:,}' for kind, n in sorted(kinds.items()))}")
        for one in own[:SHOWN]:
            click.echo(f"  {name}:{one['item_id']}  {one['before']} -> {one['after']}")
        if len(own) > SHOWN:
            click.echo(f"  and {len(own) - SHOWN:,} more: see --json")
    same = len({*before, *after}) - len(changes)
    click.echo(f"{same:,} items are the same in both, {len(changes):,} differ")


def _ways(store: Store) -> dict[tuple[str, str], str]:
    """How each item is found, `clean` where it is not."""
    columns = ["benchmark", "item_id", "how"]
    rows = open_dataset(store, "benchmark_items").read_all(columns).to_pylist()
    return {(row["benchmark"], row["item_id"]): row["how"] or "clean" for row in rows}


def _documents(store: Store) -> dict[str, Any]:
    """What became of the documents."""
    judged = open_dataset(store, "contamination").read_all(["keep", "reason", "num_matches"])
    reasons = Counter(reason for reason in judged["reason"].to_pylist() if reason)
    matched = zip(judged["keep"].to_pylist(), judged["num_matches"].to_pylist(), strict=True)
    return {
        "taken": judged.num_rows, "cut": sum(keep and num > 0 for keep, num in matched),
        "dropped": sum(reasons.values()), "reasons": dict(sorted(reasons.items())),
    }  # fmt: skip


def _reasons(reasons: dict[str, int]) -> str:
    said = ", ".join(f"{name} {count:,}" for name, count in reasons.items())
    return f" ({said})" if said else ""


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"
