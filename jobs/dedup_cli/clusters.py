"""`winnow dedup cluster`: all copies of a document, which stays, and what links them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import open_dataset, survivors
from corpus.identity import DOC_ID
from corpus.storage import Store
from jobs.dedup_cli.documents import document_of, id_scalar, printable
from jobs.options import json_option, read_settings, recipe_options, remembered


@click.command()
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
    name, _ = document_of(store, document)
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


def _cluster_rows(store: Store, name: str, settings: Any) -> list[dict[str, Any]]:
    """The members of a document's cluster in the keep policy's order; none where it has none."""
    from filters.dedup.preference import best_first, order_keys, preference
    from jobs.why import matching

    for needed in ("clusters", "pairs", "quality"):
        open_dataset(store, needed)  # raises NotBuilt with the stage to run
    own = matching(store, "clusters", "doc_id", id_scalar(name))
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


def _print_member(row: Mapping[str, Any]) -> None:
    stays = "stays" if row["kept"] else "goes"
    score = "-" if row["score"] is None else f"{row['score']:.3f}"
    click.echo(
        f"  {stays}  {row['doc_id']}  {row['source']}, score {score}, "
        f"{row['num_characters']:,} characters"
    )
    for name in ("title", "url"):
        if row[name]:
            click.echo(f"         {printable(row[name])}")
    if not row["kept"]:
        click.echo(f"         Jaccard {row['kept_jaccard']:.4f} with the kept {row['kept_doc_id']}")
    click.echo(f"         linked by {row['linked_by']}, Jaccard {row['link_jaccard']:.4f}")
