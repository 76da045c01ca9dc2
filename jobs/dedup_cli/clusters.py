"""`winnow dedup cluster`: all copies of a document, which stays, and what links them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import click
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import open_dataset, survivors
from corpus.identity import DOC_ID
from corpus.storage import Store
from jobs.documents import document_of, id_scalar, printable
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
    name, _ = document_of([store], document)
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

    for needed in ("clusters", "pairs", "copies", "quality"):
        open_dataset(store, needed)  # raises NotBuilt with the stage to run
    own = matching(store, "clusters", "doc_id", id_scalar(name))
    if not own:
        return []
    members = matching(store, "clusters", "cluster_id", pa.scalar(own[0]["cluster_id"], DOC_ID))
    given = _members(store, members)
    order = best_first(order_keys(preference(given, settings), given["doc_id"]))
    said_of = {row["doc_id"]: row for row in members}
    speakers = _speakers(store, list(said_of))
    links = _links(store, [*said_of, *speakers.values()])
    return [
        _row(row, said_of[row["doc_id"]], speakers, links)
        for row in given.take(pa.array(order)).to_pylist()
    ]


def _row(
    document: Mapping[str, Any],
    said: Mapping[str, Any],
    speakers: Mapping[bytes, bytes],
    links: Mapping[bytes, Mapping[bytes, float]],
) -> dict[str, Any]:
    """What is told of one member: an exact copy has the similarities of the copy that speaks."""
    key, kept = document["doc_id"], said["kept_doc_id"]
    speaker = speakers.get(key, key)
    near = links.get(speaker, {})
    linked_by, link = (speaker, 1.0) if speaker != key else _nearest(key, near, speakers)
    kept_jaccard = 1.0 if speaker == kept else near.get(kept)
    return {
        **{at: document[at] for at in ("source", "score", "num_characters", "title", "url")},
        "doc_id": key.hex(),
        "kept": said["reason"] is None,
        "reason": said["reason"],
        "kept_doc_id": kept.hex(),
        "kept_jaccard": None if said["reason"] is None else kept_jaccard,
        "is_copy": speaker != key,
        "linked_by": linked_by.hex(),
        "link_jaccard": link,
    }


def _nearest(
    key: bytes, near: Mapping[bytes, float], speakers: Mapping[bytes, bytes]
) -> tuple[bytes, float]:
    """The document most like this one: a copy of it, or the nearest of its proved pairs."""
    copies = sorted(copy for copy, speaker in speakers.items() if speaker == key)
    if copies:
        return copies[0], 1.0
    return min(near.items(), key=lambda item: (-item[1], item[0]))


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


def _speakers(store: Store, members: Sequence[bytes]) -> dict[bytes, bytes]:
    """Of each member that is an exact copy the first of its copies."""
    copies = open_dataset(store, "copies")
    wanted = pa.array(members, DOC_ID)
    found: dict[bytes, bytes] = {}
    for part in range(copies.num_parts):
        table = copies.read(part, ("doc_id", "first_doc_id"))
        for row in table.filter(pc.is_in(table["doc_id"], value_set=wanted)).to_pylist():
            found[row["doc_id"]] = row["first_doc_id"]
    return found


def _links(store: Store, members: Sequence[bytes]) -> dict[bytes, dict[bytes, float]]:
    """Each member's proved pairs: the other document, and their similarity."""
    pairs = open_dataset(store, "pairs")
    wanted = pa.array(members, DOC_ID)
    links: dict[bytes, dict[bytes, float]] = defaultdict(dict)
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
        alike = row["kept_jaccard"]
        said = "connected by a chain" if alike is None else f"Jaccard {alike:.4f}"
        click.echo(f"         {row['reason']}: {said} with {row['kept_doc_id']}")
    how = "an exact copy of" if row["is_copy"] else "linked by"
    click.echo(f"         {how} {row['linked_by']}, Jaccard {row['link_jaccard']:.4f}")
