"""`winnow shards head` and `cat`: documents of the shards, decoded."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import numpy as np

from corpus.errors import InputError
from corpus.shards import SPLITS, Split
from jobs.documents import printable, visible
from jobs.options import json_option, root_option
from jobs.shards_cli.places import Row, Shards, open_shards, texts_of, the_document


@click.command()
@click.option(
    "-n", "num", type=click.IntRange(1), default=5, show_default=True, help="Documents to show."
)
@click.option("--split", type=click.Choice(SPLITS), default="train", show_default=True)
@click.option(
    "--shard",
    "number",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Number of the shard in its split.",
)
@click.option(
    "--characters",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    help="Characters of each document to show.",
)
@root_option
@json_option
def head(num: int, split: Split, number: int, characters: int, root: str, as_json: bool) -> None:
    """Show the first documents of a shard, decoded.

    \b
    Example: winnow shards head -n 3 --split validation --root build/real
    """
    shards = open_shards(root)
    part = _part(shards, split, number)
    rows = shards.rows(part).slice(0, num).to_pylist()
    for row in rows:
        told = _told(shards, part, row, most=characters)
        if as_json:
            click.echo(json.dumps(told))
            continue
        click.echo(_headline(row))
        for text in told["texts"]:
            click.echo(f"    {printable(text)}")


@click.command()
@click.argument("document", metavar="DOC_ID|URL")
@click.option("--ids", "with_ids", is_flag=True, help="Print its ids, not its text.")
@root_option
@json_option
def cat(document: str, with_ids: bool, root: str, as_json: bool) -> None:
    """Print the text of a document as the shards have it, or its ids.

    A document that was cut into pieces has a line `<|endoftext|>` between them. Where the output is
    no terminal, the text is printed as it is; --json keeps the pieces apart.

    \b
    Example: winnow shards cat https://example.com/a --root build/real
             winnow shards cat 0f2b... --ids --root build/real
    """
    shards = open_shards(root)
    part, row = the_document(shards, document)
    ids = shards.tokens(shards.manifest.shards[part])[row["start"] : row["end"]]
    if as_json:
        told = _told(shards, part, row)
        click.echo(json.dumps({**told, "ids": ids.tolist()} if with_ids else told, indent=1))
        return
    if with_ids:
        click.echo(" ".join(map(str, ids.tolist())))
        return
    joined = "\n<|endoftext|>\n".join(texts_of(shards.vocabulary, ids))
    is_terminal = sys.stdout.isatty()
    shown = "\n".join(map(visible, joined.split("\n"))) if is_terminal else joined
    click.echo(shown, nl=is_terminal)


def _part(shards: Shards, split: Split, number: int) -> int:
    """Place of a shard in the manifest; raises InputError."""
    for part, shard in enumerate(shards.manifest.shards):
        if (shard.split, shard.number) == (split, number):
            return part
    names = ", ".join(shard.name for shard in shards.manifest.shards)
    raise InputError(f"{split} shard {number}: there is none; expected one of {names}")


def _told(shards: Shards, part: int, row: Row, *, most: int | None = None) -> dict[str, Any]:
    """Where a copy lies, and its texts, or the beginnings of them."""
    shard = shards.manifest.shards[part]
    end = row["end"] if most is None else min(row["end"], row["start"] + most)
    ids = shards.tokens(shard)[row["start"] : end]
    cut = len(ids) and ids[-1] != shards.manifest.eot_id
    whole = np.append(ids, np.array([shards.manifest.eot_id], ids.dtype)) if cut else ids
    texts = texts_of(shards.vocabulary, whole)
    if most is not None:  # a token has a byte or more: so many tokens are enough
        texts = _beginning(texts, most)
    return {**row, "doc_id": row["doc_id"].hex(), "shard": shard.name, "texts": texts}


def _beginning(texts: list[str], most: int) -> list[str]:
    """The first characters of all texts together."""
    shown = []
    for text in texts:
        if most <= 0:
            break
        shown.append(text[:most])
        most -= len(text)
    return shown


def _headline(row: Row) -> str:
    return (
        f"{row['doc_id'].hex()} {row['source']} {printable(row['url'] or '')}: tokens "
        f"{row['start']:,} to {row['end']:,}"
    )
