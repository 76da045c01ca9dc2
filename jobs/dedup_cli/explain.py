"""`winnow dedup explain`: why two documents or files are duplicates, or not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from corpus.errors import InputError
from corpus.storage import Store
from jobs.documents import document_of, id_scalar, printable
from jobs.options import json_option, read_settings, recipe_options, remembered


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@recipe_options
@json_option
@click.option("--files", is_flag=True, help="A and B are UTF-8 text files, not documents.")
@click.option("--shingles", "num_texts", default=5, show_default=True, type=click.IntRange(0),
              help="Shared shingles shown as text.")  # fmt: skip
def explain(
    first: str,
    second: str,
    recipe: str | None,
    root: str,
    overrides: tuple[str, ...],
    as_json: bool,
    files: bool,
    num_texts: int,
) -> None:
    """Compare two documents, by id or URL, or two text files: shingles, bands, and the answer.

    Documents of older corpora that the run is held against can be named as well.

    \b
    Example: winnow dedup explain https://example.com/a https://example.com/b --root build/real
             winnow dedup explain --files a.txt b.txt --recipe gpt3
    """
    from filters.dedup.bands import banding
    from filters.dedup.explain import compare

    settings = read_settings(*remembered(root, recipe, overrides))
    said: dict[str, Any] = {}
    if files:
        names, texts = (first, second), (_file_text(first), _file_text(second))
    else:
        store = Store(root)
        stores = [store, *map(Store, settings.dedup.against)]
        (name_a, text_a), (name_b, text_b) = (document_of(stores, one) for one in (first, second))
        names, texts = (name_a, name_b), (text_a, text_b)
        said = _tables_say(store, *names)
    chosen = banding(settings.dedup)
    found = compare(*texts, chosen, seed=settings.seed, num_texts=num_texts)
    row = {"documents": names, "ngram_size": chosen.ngram_size, **asdict(found), **said}
    if as_json:
        click.echo(json.dumps(row, indent=1))
        return
    _print_comparison(row, has_tables=not files)


def _file_text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: {error}; expected a text file in UTF-8: without --files, A and B are "
            "documents of a root"
        ) from error


def _tables_say(store: Store, first: str, second: str) -> dict[str, Any]:
    """The pair's row, and each document's cluster and verdict; None where a table lacks it."""
    from jobs.why import matching, plain

    pairs = [  # the document whose part is earlier is the first of a pair
        row
        for one, other in ((first, second), (second, first))
        for row in matching(store, "pairs", "doc_id_a", id_scalar(one))
        if row["doc_id_b"].hex() == other
    ]
    copies = [matching(store, "copies", "doc_id", id_scalar(name)) for name in (first, second)]
    verdicts = [matching(store, "dedup", "doc_id", id_scalar(name)) for name in (first, second)]
    return {
        "pair": plain(pairs[0]) if pairs else None,
        "copy_of": [rows[0]["first_doc_id"].hex() if rows else None for rows in copies],
        "verdicts": [plain(rows[0]) if rows else None for rows in verdicts],
    }


def _print_comparison(row: Mapping[str, Any], *, has_tables: bool) -> None:
    from filters.dedup.sketches import NUM_HASHES

    for name, words, distinct, share in zip(
        row["documents"], row["num_words"], row["num_shingles"], row["containment"], strict=True
    ):
        click.echo(
            f"{name}: {words:,} words, {distinct:,} shingles of {row['ngram_size']} words, "
            f"{share:.4f} of them in the other"
        )
    answer = "duplicates" if row["is_duplicate"] else "no duplicates"
    of = "" if row["measure"] == "jaccard" else f" of {row['measure']}"
    click.echo(
        f"{row['num_shared']:,} shingles in common: Jaccard {row['jaccard']:.4f}, threshold "
        f"{row['threshold']:g}{of}: {answer}"
    )
    if row["is_copy"]:
        click.echo("the same word by word: exact copies")
    click.echo(
        f"{row['num_shared_bands']} of {row['num_bands']} bands of {row['num_rows']} shared; a "
        f"pair this near is proposed with a chance of {row['chance']:.6f}"
    )
    if row["least_agreeing"]:
        click.echo(
            f"their sketches agree in {row['num_agreeing']} of {NUM_HASHES} hashes; below "
            f"{row['least_agreeing']} a pair is not compared"
        )
    for shingle in row["shared"]:
        click.echo(f"    {printable(shingle)}")
    if has_tables:
        _print_run(row)


def _print_run(row: Mapping[str, Any]) -> None:
    """What the run's tables say of the two documents."""
    pair = row["pair"]
    if pair:
        proved = "verified" if pair["verified"] else "not verified"
        said = f"proposed by {pair['num_shared_bands']} bands, Jaccard {pair['jaccard']:.4f}"
        click.echo(f"the run: {said}, {proved}")
    elif row["num_shared_bands"] and row["num_agreeing"] < row["least_agreeing"]:
        click.echo("the run: proposed, and ruled out by the sketches")
    else:
        click.echo("the run: not compared")
    for name, speaker in zip(row["documents"], row["copy_of"], strict=True):
        if speaker:
            click.echo(f"the run: {name} is an exact copy of {speaker}, which was compared for it")
    for name, verdict in zip(row["documents"], row["verdicts"], strict=True):
        if verdict is None:
            click.echo(f"{name}: did not come to dedup")
        elif verdict["keep"]:
            click.echo(f"{name}: kept in cluster {verdict['cluster_id']}")
        else:
            click.echo(f"{name}: {verdict['reason']} of {verdict['kept_doc_id']}")
