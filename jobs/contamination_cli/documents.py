"""`winnow contamination doc`: what of benchmarks a document holds, and what is cut from it."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from corpus.errors import InputError
from corpus.storage import Store
from jobs.contamination_cli.items import headline, matching, texts_of
from jobs.contamination_cli.text import excerpt, lines_of, terminal
from jobs.documents import document_of
from jobs.options import json_option, root_option

ID = re.compile("[0-9a-fA-F]{32}")
AROUND = 200
"""Characters shown on either side of a match: the window that goes with it (GPT-3 appendix C)."""


@click.command()
@click.argument("document", metavar="DOC_ID|URL")
@root_option
@json_option
def doc(document: str, root: str, as_json: bool) -> None:
    """Show each match of a document with the items that it is of, and the pieces that stay.

    \b
    Example: winnow contamination doc https://example.com/a --root build/real
    """
    store = Store(root)
    verdict = _verdict(store, document)
    hits = list(matching(store, "hits", doc_id=verdict["doc_id"]))
    if as_json:
        told = [{name: value for name, value in hit.items() if name != "doc_id"} for hit in hits]
        row = {**verdict, "doc_id": verdict["doc_id"].hex(), "hits": told}
        click.echo(json.dumps(row, indent=1))
        return
    (found,) = texts_of(store, {verdict["doc_id"]}).values()
    _print_document(found, verdict, hits)


def _verdict(store: Store, document: str) -> dict[str, Any]:
    """What the stage decided on a document; raises InputError where there is no such one."""
    name = document
    if not ID.fullmatch(document):
        name, _ = document_of([store], document)
    for row in matching(store, "contamination", doc_id=bytes.fromhex(name)):
        return row
    name, _ = document_of([store], name)
    raise InputError(
        f"document {name}: the stage contamination did not see it; `winnow why` tells what became "
        "of it"
    )


def _print_document(
    document: dict[str, Any], verdict: dict[str, Any], hits: list[dict[str, Any]]
) -> None:
    width, colour = terminal()
    text = document["text"]
    kept = sum(piece["end"] - piece["start"] for piece in verdict["pieces"])
    stays = (
        f"{kept:,} of {len(text):,} characters stay in {len(verdict['pieces'])} pieces"
        if verdict["keep"] else f"goes: {verdict['reason']}"
    )  # fmt: skip
    click.echo(headline(document))
    click.echo(f"{verdict['num_matches']:,} matches; {stays}")
    places: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for hit in hits:
        places.setdefault((hit["start"], hit["end"]), []).append(hit)
    for (start, end), own in sorted(places.items()):
        click.echo(f"\ncharacters {start:,} to {end:,}")
        for hit in own:
            exempt = ", too frequent: not removed" if hit["exempt"] else ""
            click.echo(
                f"  {hit['benchmark']}:{hit['item_id']} {hit['field']}, {hit['num_ngrams']:,} "
                f"N-grams, the first in {hit['document_frequency']:,} documents{exempt}"
            )
        shown, span = excerpt(text, (start, end), AROUND)
        for line in lines_of(shown, [span], width - 4, colour=colour):
            click.echo(f"    {line.text}")

