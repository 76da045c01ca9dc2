"""`winnow dedup`: why two documents are duplicates, who is in a cluster, what the bands find."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import open_dataset, survivors
from corpus.errors import InputError
from corpus.identity import DOC_ID
from corpus.storage import Store
from jobs.options import json_option, read_settings, recipe_options, remembered

BAR = 40
"""Characters of a bar that stands for certainty."""


@click.group()
def dedup() -> None:
    """Explain a pair, show a cluster, draw the detection curve.

    \b
    Example: winnow dedup explain https://example.com/a https://example.com/b --root build/real
             winnow dedup cluster https://example.com/a --root build/real
             winnow dedup curve --all
    """


@dedup.command()
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
        (name_a, text_a), (name_b, text_b) = _document(store, first), _document(store, second)
        names, texts = (name_a, name_b), (text_a, text_b)
        said = _tables_say(store, *names)
    chosen = banding(settings.dedup)
    found = compare(*texts, chosen, seed=settings.seed, num_texts=num_texts)
    row = {"documents": names, "ngram_size": chosen.ngram_size, **asdict(found), **said}
    if as_json:
        click.echo(json.dumps(row, indent=1))
        return
    _print_comparison(row, has_tables=not files)


@dedup.command()
@click.argument("document", metavar="DOC_ID|URL")
@recipe_options
@json_option
def cluster(
    document: str, recipe: str | None, root: str, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Show all copies of a document in the keep policy's order, what stays, and what links them.

    \b
    Example: winnow dedup cluster https://example.com/a --root build/real
    """
    settings = read_settings(*remembered(root, recipe, overrides)).dedup
    store = Store(root)
    name, _ = _document(store, document)
    rows = _cluster_rows(store, name, settings)
    if as_json:
        policy = {"keep": settings.keep, "source_order": settings.source_order}
        click.echo(json.dumps({"document": name, **policy, "members": rows}, indent=1))
        return
    if not rows:
        click.echo(f"document {name}: in no cluster; `winnow why` tells what became of it")
        return
    click.echo(
        f"document {name}: {len(rows)} in its cluster, {sum(row['kept'] for row in rows)} kept; "
        f"keep = {settings.keep}, best first"
    )
    for row in rows:
        _print_member(row)


@dedup.command()
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


def _file_text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: {error}; expected a text file in UTF-8: without --files, A and B are "
            "documents of a root"
        ) from error


def _document(store: Store, document: str) -> tuple[str, str]:
    """Id and text of the one document meant; raises InputError."""
    from jobs.why import lives

    found = {life.name: life.text for life in lives(store, document) if life.text is not None}
    if len(found) == 1:
        return next((name, text) for name, text in found.items() if text is not None)
    if not found:
        raise InputError(
            f"{document}: no document of {store.root} has this id or address, and a text; expected "
            "32 hexadecimal digits or a URL: `winnow why` tells what became of it"
        )
    raise InputError(
        f"{document}: {len(found)} documents of {store.root} have this address; expected one: "
        f"name it by its id, of {', '.join(sorted(found))}"
    )


def _tables_say(store: Store, first: str, second: str) -> dict[str, Any]:
    """The pair's row, and each document's cluster and verdict; None where a table lacks it."""
    from jobs.why import matching, plain

    low, high = sorted((first, second))
    pairs = matching(store, "pairs", "doc_id_a", _scalar(low))
    pair = next((row for row in pairs if row["doc_id_b"].hex() == high), None)
    verdicts = [matching(store, "dedup", "doc_id", _scalar(name)) for name in (first, second)]
    return {
        "pair": plain(pair) if pair else None,
        "verdicts": [plain(rows[0]) if rows else None for rows in verdicts],
    }


def _cluster_rows(store: Store, name: str, settings: Any) -> list[dict[str, Any]]:
    """The members of a document's cluster in the keep policy's order; none where it has none."""
    from filters.dedup.preference import best_first, order_keys, preference
    from jobs.why import matching

    for needed in ("clusters", "pairs", "quality"):
        open_dataset(store, needed)  # raises NotBuilt with the stage to run
    own = matching(store, "clusters", "doc_id", _scalar(name))
    if not own:
        return []
    members = matching(store, "clusters", "cluster_id", pa.scalar(own[0]["cluster_id"], DOC_ID))
    given = _members(store, members)
    order = best_first(order_keys(preference(given, settings), given["doc_id"]))
    kept_of = {row["doc_id"]: row["kept_doc_id"] for row in members}
    links = _links(store, list(kept_of))
    rows = []
    for row in given.take(pa.array(order)).to_pylist():
        key = row["doc_id"]
        kept = kept_of[key]
        linked_by, link = min(links[key].items(), key=lambda item: (-item[1], item[0]))
        rows.append(
            {
                **{at: row[at] for at in ("source", "score", "num_characters", "title", "url")},
                "doc_id": key.hex(),
                "kept": kept == key,
                "kept_doc_id": kept.hex(),
                "kept_jaccard": None if kept == key else links[key][kept],
                "linked_by": linked_by.hex(),
                "link_jaccard": link,
            }
        )
    return rows


def _members(store: Store, members: Sequence[Mapping[str, Any]]) -> pa.Table:
    """What is told of the members, read from their parts alone, without the texts."""
    documents, quality = (open_dataset(store, name) for name in ("documents", "quality"))
    tables = []
    for part in sorted({row["part"] for row in members}):
        at = pa.array([row["row"] for row in members if row["part"] == part], pa.int64())
        given = survivors(documents, quality, part, ("source", "url", "title", "fetched_at"))
        judged = quality.read(part, ("keep", "score"))
        given = given.append_column("score", judged.filter(judged["keep"])["score"])
        tables.append(given.take(at))
    return pa.concat_tables(tables)


def _links(store: Store, members: Sequence[bytes]) -> dict[bytes, dict[bytes, float]]:
    """Each member's proved pairs: the other document, and their similarity."""
    pairs = open_dataset(store, "pairs")
    wanted = pa.array(members, DOC_ID)
    links: dict[bytes, dict[bytes, float]] = {member: {} for member in members}
    for part in range(pairs.num_parts):
        table = pairs.read(part, ("doc_id_a", "doc_id_b", "jaccard", "verified"))
        ours = pc.and_(pc.is_in(table["doc_id_a"], value_set=wanted), table["verified"])
        for row in table.filter(ours).to_pylist():
            links[row["doc_id_a"]][row["doc_id_b"]] = row["jaccard"]
            links[row["doc_id_b"]][row["doc_id_a"]] = row["jaccard"]
    return links


def _print_comparison(row: Mapping[str, Any], *, has_tables: bool) -> None:
    for name, words, distinct, share in zip(
        row["documents"], row["num_words"], row["num_shingles"], row["containment"], strict=True
    ):
        click.echo(
            f"{name}: {words:,} words, {distinct:,} shingles of {row['ngram_size']} words, "
            f"{share:.4f} of them in the other"
        )
    answer = "duplicates" if row["is_duplicate"] else "no duplicates"
    click.echo(
        f"{row['num_shared']:,} shingles in common: Jaccard {row['jaccard']:.4f}, threshold "
        f"{row['threshold']:g}: {answer}"
    )
    click.echo(
        f"{row['num_shared_bands']} of {row['num_bands']} bands of {row['num_rows']} shared; a "
        f"pair this near is proposed with a chance of {row['chance']:.6f}"
    )
    for shingle in row["shared"]:
        click.echo(f"    {_printable(shingle)}")
    if not has_tables:
        return
    pair = row["pair"]
    if pair:
        proved = "verified" if pair["verified"] else "not verified"
        said = f"proposed by {pair['num_shared_bands']} bands, Jaccard {pair['jaccard']:.4f}"
        click.echo(f"the run: {said}, {proved}")
    else:
        click.echo("the run: not a candidate pair")
    for name, verdict in zip(row["documents"], row["verdicts"], strict=True):
        if verdict is None:
            click.echo(f"{name}: did not come to dedup")
        elif verdict["keep"]:
            click.echo(f"{name}: kept in cluster {verdict['cluster_id']}")
        else:
            click.echo(f"{name}: {verdict['reason']} of {verdict['kept_doc_id']}")


def _print_member(row: Mapping[str, Any]) -> None:
    stays = "stays" if row["kept"] else "goes"
    score = "-" if row["score"] is None else f"{row['score']:.3f}"
    click.echo(
        f"  {stays}  {row['doc_id']}  {row['source']}, score {score}, "
        f"{row['num_characters']:,} characters"
    )
    for name in ("title", "url"):
        if row[name]:
            click.echo(f"         {_printable(row[name])}")
    if not row["kept"]:
        click.echo(f"         Jaccard {row['kept_jaccard']:.4f} with the kept {row['kept_doc_id']}")
    click.echo(f"         linked by {row['linked_by']}, Jaccard {row['link_jaccard']:.4f}")


def _print_curve(row: Mapping[str, Any]) -> None:
    click.echo(
        f"{row['name']}: {row['num_bands']} bands of {row['num_rows']}, shingles of "
        f"{row['ngram_size']} words, threshold {row['threshold']:g}"
    )
    for similarity, chance in row["curve"]:
        mark = " <- threshold" if abs(similarity - row["threshold"]) < 1e-9 else ""
        bar = "#" * round(chance * BAR)
        click.echo(f"  {similarity:.2f}  {chance:.6f}  {bar:<{BAR}}{mark}".rstrip())


def _scalar(name: str) -> pa.Scalar:
    return pa.scalar(bytes.fromhex(name), DOC_ID)


def _printable(text: str) -> str:
    """A text in one line without what a terminal would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
