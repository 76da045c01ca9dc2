"""`winnow shards redact`: documents taken out of the shards, without tokenizing again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus import redo
from corpus.datasets import MANIFEST as DATASET_MANIFEST
from corpus.datasets import Dataset, Part, PublishedFile, open_dataset, part_name
from corpus.errors import Damaged
from corpus.identity import DOC_ID
from corpus.shards import (
    MANIFEST,
    ShardInfo,
    ShardWriter,
    TokenFormat,
    file_sha256,
    make_manifest,
    shard_faults,
    shard_info,
    write_manifest,
)
from corpus.storage import Store, storage_errors
from jobs.options import root_option
from jobs.shards_cli.places import (
    REDACTIONS,
    Row,
    Shards,
    not_in_shards,
    open_shards,
    redactions,
    was_redacted,
)
from jobs.shards_cli.remains import remains


@click.command()
@click.argument("doc_ids", nargs=-1, metavar="[DOC_ID]...")
@click.option("--url", "urls", multiple=True, help="Every document at this address.")
@click.option(
    "--mask/--rewrite",
    "mask",
    default=True,
    show_default=True,
    help="Write end-of-text over the tokens, or drop them.",
)
@root_option
def redact(doc_ids: tuple[str, ...], urls: tuple[str, ...], mask: bool, root: str) -> None:
    """Take documents out of the shards, in every copy; no other token changes.

    --mask keeps the place of every token: a masked document is as many texts without a token.
    --rewrite drops the documents, and later ranges move up. Index, provenance and both manifests
    follow, all or none: what a killed redaction left is finished by the next one, with or without
    documents. What was taken out is kept in ROOT/redactions.json, and `winnow shards verify` tells
    where a document of that list stands again. One redaction works in a root at a time. Other
    tables keep the text: the last lines name them, and how to keep it out of the next shards.

    \b
    Example: winnow shards redact --url https://example.com/a --root build/real
             winnow shards redact 0f2b... 77a1... --rewrite --root build/real
    """
    store = Store(root)
    with redo.alone(store, "winnow shards redact") as killed:
        if killed is not None:
            click.echo(f"an earlier redaction was killed: {killed}")
        is_finished = redo.is_pending(store)
        if is_finished:
            redo.finish(store)
            click.echo("finished a redaction that was cut off")
        if doc_ids or urls:
            _redact(store, (*doc_ids, *urls), mask=mask)
        elif not is_finished:
            raise click.UsageError("name documents: DOC_ID... or --url URL")


def _redact(store: Store, wanted: Sequence[str], *, mask: bool) -> None:
    shards = open_shards(store.root)
    found = _found(shards, wanted, mask=mask)
    if not found:
        click.echo("nothing to do: all of it is redacted already")
        return
    with storage_errors(store.path(redo.FOLDER)):
        redo.begin(store)
        _stage(shards, found, mask=mask)
        redo.commit(store)
        redo.finish(store)
    rows = [row for rows in found.values() for row in rows]
    num_tokens = sum(row["end"] - row["start"] for row in rows)
    click.echo(
        f"{'masked' if mask else 'dropped'} {len({row['doc_id'] for row in rows})} documents, "
        f"{len(rows)} copies, {num_tokens:,} tokens in {len(found)} shards; recorded in "
        f"{store.path(REDACTIONS)}. What was trained on these shards is stale."
    )
    for line in remains({row["doc_id"]: row["url"] for row in rows}, store):
        click.echo(line)


def _found(shards: Shards, wanted: Sequence[str], *, mask: bool) -> dict[int, list[Row]]:
    """The copies to redact, by the place of their shard; raises InputError for an unknown name."""
    found: dict[int, dict[int, Row]] = {}
    for document in wanted:
        places = list(shards.find(document))
        if not places and not was_redacted(shards.store, document):
            raise not_in_shards(shards, document)
        for part, row in places:
            ids = shards.tokens(shards.manifest.shards[part])[row["start"] : row["end"]]
            if not mask or (ids != shards.manifest.eot_id).any():
                found.setdefault(part, {})[row["ordinal"]] = row
    return {part: [rows[i] for i in sorted(rows)] for part, rows in sorted(found.items())}


def _stage(shards: Shards, found: dict[int, list[Row]], *, mask: bool) -> None:
    """Write all new files to where they wait for the commit."""
    store, old = shards.store, shards.manifest
    form = TokenFormat(
        vocab_size=old.vocab_size, eot_id=old.eot_id, tokenizer_sha256=old.tokenizer_sha256
    )
    infos = list(old.shards)
    listed = open_dataset(store, "shards")
    shard_parts, row_parts = list(listed.parts), list(shards.provenance.parts)
    for part, redacted in found.items():
        shard = old.shards[part]
        for fault in shard_faults(store.local("shards"), shard, old):
            raise Damaged(fault)
        pair, table = _write_pair(shards, part, redacted, form, mask=mask)
        infos[part] = _described(form, shard, table, pair)
        shard_parts[part] = Part(number=part, num_rows=0, num_kept=0, files=pair)
        row_parts[part] = _write_rows(store, part, table)
    path = redo.staged(store, "shards", MANIFEST)
    write_manifest(path, make_manifest(form, infos, seed=old.seed, recipe=old.recipe))
    last = shard_parts[-1]
    shard_parts[-1] = Part(number=last.number, num_rows=0, num_kept=0, files=(_published(path),))
    for name, parts in (("shards", shard_parts), ("provenance", row_parts)):
        dataset = Dataset(store, name, tuple(parts))
        redo.staged(store, name, DATASET_MANIFEST).write_bytes(_manifest(dataset))
    record = [*redactions(store), *_records(shards, found, mask=mask)]
    redo.staged(store, REDACTIONS).write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def _write_pair(
    shards: Shards, part: int, redacted: list[Row], form: TokenFormat, *, mask: bool
) -> tuple[tuple[PublishedFile, PublishedFile], pa.Table]:
    """The shard without these documents, and its rows of provenance."""
    shard = shards.manifest.shards[part]
    tokens, rows = shards.tokens(shard), shards.rows(part)
    starts, ends = rows["start"].to_pylist(), rows["end"].to_pylist()
    gone = {row["ordinal"] for row in redacted}
    pair = [redo.staged(shards.store, "shards", f"{shard.name}.{end}") for end in ("bin", "idx")]
    kept, ranges = [], []
    with ShardWriter(pair[0], pair[1], form) as writer:
        for ordinal, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if ordinal not in gone:
                ids = tokens[start:end].tobytes()
            elif mask:
                ids = np.full(end - start, form.eot_id, form.dtype).tobytes()
            else:
                continue
            ranges.append(writer.add(ids))
            kept.append(ordinal)
    table = rows.take(pa.array(kept, pa.int64()))
    moved = np.array(ranges, np.int64).reshape(-1, 2)
    for name, values in (
        ("ordinal", np.arange(len(kept))), ("start", moved[:, 0]), ("end", moved[:, 1])
    ):  # fmt: skip
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), pa.array(values, pa.int64()))
    return (_published(pair[0]), _published(pair[1])), table


def _described(
    form: TokenFormat, shard: ShardInfo, rows: pa.Table, pair: tuple[PublishedFile, ...]
) -> ShardInfo:
    sizes = rows.select(["source"]).append_column("tokens", pc.subtract(rows["end"], rows["start"]))
    summed = sizes.group_by("source").aggregate([("tokens", "sum")]).to_pylist()
    return shard_info(
        form, shard.split, shard.number,
        num_documents=rows.num_rows,
        source_tokens={row["source"]: row["tokens_sum"] for row in summed},
        files=[(file.num_bytes, file.sha256) for file in pair],
    )  # fmt: skip


def _write_rows(store: Store, part: int, table: pa.Table) -> Part:
    import pyarrow.parquet as pq

    path = redo.staged(store, "provenance", part_name(part))
    pq.write_table(table, path, compression="zstd")
    num = table.num_rows
    return Part(number=part, num_rows=num, num_kept=num, files=(_published(path),))


def _manifest(dataset: Dataset) -> bytes:
    """As publish_manifest writes it."""
    parts = [part.to_json() for part in dataset.parts]
    value = {"dataset": dataset.name, "format": 1, "parts": parts}
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def _published(path: Path) -> PublishedFile:
    return PublishedFile(name=path.name, num_bytes=path.stat().st_size, sha256=file_sha256(path))


def _records(shards: Shards, found: dict[int, list[Row]], *, mask: bool) -> list[dict[str, Any]]:
    """What redactions.json says of these copies: where they lay before."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return [
        {
            "doc_id": row["doc_id"].hex(), "url": row["url"], "source": row["source"],
            "copy": row["copy"], "shard": shards.manifest.shards[part].name,
            "start": row["start"], "end": row["end"],
            "how": "masked" if mask else "dropped", "redacted_at": now,
        }
        for part, rows in found.items() for row in rows
    ]  # fmt: skip


def standing_again(shards: Shards) -> list[str]:
    """Documents of redactions.json whose text the shards hold, as faults."""
    names = sorted({bytes.fromhex(row["doc_id"]) for row in redactions(shards.store)})
    value_set = pa.array(names, DOC_ID)
    faults = []
    for part, shard in enumerate(shards.manifest.shards if names else ()):
        rows = shards.rows(part, ["doc_id", "start", "end"])
        for row in rows.filter(pc.is_in(rows["doc_id"], value_set=value_set)).to_pylist():
            if (shards.tokens(shard)[row["start"] : row["end"]] != shards.manifest.eot_id).any():
                faults.append(
                    f"{shard.name}: document {row['doc_id'].hex()} of {REDACTIONS} stands again at "
                    f"tokens {row['start']:,} to {row['end']:,}; run `winnow shards redact "
                    f"{row['doc_id'].hex()}`"
                )
    return faults
