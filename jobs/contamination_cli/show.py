"""`winnow contamination show`: an item, and every document that has it, side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from corpus.storage import Store
from jobs.contamination_cli.items import headline, item_named, matching, texts_of
from jobs.contamination_cli.text import Span, excerpt, lines_of, side_by_side, terminal
from jobs.options import json_option, root_option

AROUND = 120
"""Characters shown on either side of a match."""


NAMED_ELSEWHERE = (
    "which are too frequent to be removed, and listed for another item: see `winnow contamination "
    "ngrams --exempt`"
)


@click.command()
@click.argument("item", metavar="[BENCHMARK:]ITEM_ID")
@click.option("--documents", type=click.IntRange(1), default=5, show_default=True,
              help="So many documents at most, those with the longest matches first.")
@root_option
@json_option
def show(item: str, documents: int, root: str, as_json: bool) -> None:
    """Show an item beside the documents that have it, with what was found marked.

    \b
    Example: winnow contamination show boolq:117 --root build/real | less -R
    """
    store = Store(root)
    row = item_named(store, item)
    hits = sorted(
        matching(store, "hits", benchmark=row["benchmark"], item_id=row["item_id"]),
        key=lambda hit: (-hit["num_ngrams"], hit["doc_id"]),
    )
    chosen = list(dict.fromkeys(hit["doc_id"] for hit in hits))  # longest matches first
    if not as_json:
        click.echo(_verdict(row, len(chosen)))
    fields, sizes = _fields(store, row)
    found_texts = texts_of(store, set(chosen[:documents]))
    texts = {key: found_texts[key] for key in chosen[:documents]}
    if as_json:
        found = [_plain(hit, texts.get(hit["doc_id"])) for hit in hits]
        click.echo(json.dumps({**row, "texts": fields, "documents": found}, indent=1))
        return
    _print_item(fields, sizes, hits, texts, len(chosen))


def _verdict(row: dict[str, Any], num_documents: int) -> str:
    name = f"{row['benchmark']}:{row['item_id']}"
    if not row["dirty"]:
        return f"{name}: clean"
    way = f"{row['how']}, {row['num_found']:,} of {row['num_ngrams']:,} {row['ngram_size']}-grams"
    where = f"in {num_documents:,} documents" if num_documents else NAMED_ELSEWHERE
    return f"{name}: {way} {where}"


def _print_item(
    fields: dict[str, str],
    sizes: dict[str, int],
    hits: Sequence[dict[str, Any]],
    texts: dict[bytes, dict[str, Any]],
    num_documents: int,
) -> None:
    width, colour = terminal()
    if not texts:
        for field, text in fields.items():
            click.echo(f"  {field}:")
            for line in lines_of(text, (), width - 4, colour=colour):
                click.echo(f"    {line.text}")
        return
    found = {
        field: _found_in(
            text,
            [texts[h["doc_id"]]["text"][h["start"] : h["end"]] for h in hits
             if h["field"] == field and h["doc_id"] in texts],
            sizes[field],
        )
        for field, text in fields.items()
    }  # fmt: skip
    half = (width - 3) // 2
    for key, document in texts.items():
        click.echo()
        click.echo(headline(document))
        for hit in (hit for hit in hits if hit["doc_id"] == key):
            _print_match(hit, document["text"], fields, found, half, colour=colour)
    if num_documents > len(texts):
        click.echo(f"\nand {num_documents - len(texts):,} documents more: see --documents")


def _print_match(
    hit: dict[str, Any],
    text: str,
    fields: dict[str, str],
    found: dict[str, list[Span]],
    half: int,
    *,
    colour: bool,
) -> None:
    frequency = f"in {hit['document_frequency']:,} documents"
    kept = ", too frequent: not removed" if hit["exempt"] else ""
    click.echo(
        f"{hit['field']}, characters {hit['start']:,} to {hit['end']:,}: {hit['num_ngrams']:,} "
        f"N-grams, the first {frequency}{kept}"
    )
    shown, span = excerpt(text, (hit["start"], hit["end"]), AROUND)
    left = lines_of(fields[hit["field"]], found[hit["field"]], half, colour=colour)
    right = lines_of(shown, [span], half, colour=colour)
    for line in side_by_side(left, right, half):
        click.echo(line)


def _fields(store: Store, row: dict[str, Any]) -> tuple[dict[str, str], dict[str, int]]:
    """Text and N of each field of an item."""
    where = {"benchmark": row["benchmark"], "item_id": row["item_id"]}
    own = list(matching(store, "benchmark_texts", **where))
    sizes = {one["field"]: one["ngram_size"] for one in own}
    return {one["field"]: one["text"] for one in own}, sizes


def _found_in(text: str, matches: Sequence[str], size: int) -> list[Span]:
    """Where an item's text has the N-grams of what was found in documents."""
    from corpus.words import normalise, normalised, word_spans  # brings compiled kernels

    known = set()
    for match in matches:
        there = normalise(match).split()
        known |= {tuple(there[k : k + size]) for k in range(len(there) - size + 1)}
    spans = word_spans(text)
    own = list(normalised(text, spans))
    return [
        (spans[k][0], spans[k + size - 1][1])
        for k in range(len(own) - size + 1)
        if tuple(own[k : k + size]) in known
    ]


def _plain(hit: dict[str, Any], document: dict[str, Any] | None) -> dict[str, Any]:
    names = ("start", "end", "field", "num_ngrams", "ngram", "document_frequency", "exempt")
    about = {} if document is None else {
        "source": document["source"], "url": document["url"],
        "match": document["text"][hit["start"] : hit["end"]],
    }  # fmt: skip
    return {"doc_id": hit["doc_id"].hex(), **{name: hit[name] for name in names}, **about}
