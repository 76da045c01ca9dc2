"""`winnow shards verify`: every byte of the shards against all that is said of them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import numpy as np
import pyarrow.compute as pc

from corpus import redo
from corpus.datasets import MANIFEST as DATASET_MANIFEST
from corpus.datasets import open_dataset
from corpus.errors import DataError
from corpus.shards import (
    MANIFEST,
    ShardInfo,
    file_sha256,
    range_faults,
    read_index,
    shard_faults,
)
from jobs.options import json_option, root_option
from jobs.shards_cli.places import CUT_OFF, Shards, open_shards
from jobs.shards_cli.redact import standing_again


@click.command()
@root_option
@json_option
def verify(root: str, as_json: bool) -> None:
    """Read every shard, and say what is wrong with each; status 1 where anything is.

    Checked are header and sizes, ids below the vocabulary, the index against the tokens, SHA-256
    and counts of both manifests, and the ranges of `provenance`: one after another, each ending
    with end-of-text, and their sums by source; that no other file looks like a shard, and that
    nothing of redactions.json stands again.

    \b
    Example: winnow shards verify --root build/real
    """
    shards = open_shards(root, half_moved=True)
    rows = []
    for part, shard in enumerate(shards.manifest.shards):
        faults = list(_faults(shards, part, shard))
        rows.append({"shard": shard.name, "num_tokens": shard.num_tokens, "faults": faults})
        if not as_json:
            said = "damaged" if faults else "as published"
            click.echo(
                f"{shard.name}: {shard.num_tokens:,} tokens, {shard.num_documents:,} documents, "
                f"{said}"
            )
            for fault in faults:
                click.echo(f"    {fault}")
    general = list(_manifest_faults(shards))
    if redo.is_pending(shards.store):
        general.insert(0, f"{shards.store.path('shards')}: {CUT_OFF}")
    elif not general and not any(row["faults"] for row in rows):
        general = standing_again(shards)
    if as_json:
        click.echo(json.dumps({"shards": rows, "faults": general}, indent=1))
    else:
        for fault in general:
            click.echo(fault)
    if general or any(row["faults"] for row in rows):
        raise SystemExit(1)


def _faults(shards: Shards, part: int, shard: ShardInfo) -> Iterator[str]:
    """What is wrong with a shard, its index, and its part of `provenance`."""
    folder = shards.store.local("shards")
    yield from shard_faults(folder, shard, shards.manifest)
    where = shards.provenance.path(part)
    try:
        index = read_index(folder / f"{shard.name}.idx")
        rows = shards.rows(part, ["split", "shard", "ordinal", "source", "start", "end"])
    except DataError as error:
        if not str(error).startswith(str(folder)):  # those are said by shard_faults
            yield str(error)
        return
    starts, ends = rows["start"].to_numpy(), rows["end"].to_numpy()
    for fault in range_faults(starts, ends, index):
        yield f"{where}: {fault}; run `winnow run tokenize --force`"
    is_own = (
        rows["split"].unique().to_pylist() in ([], [shard.split])
        and rows["shard"].unique().to_pylist() in ([], [shard.number])
        and np.array_equal(rows["ordinal"].to_numpy(), np.arange(rows.num_rows))
    )
    if not is_own:
        yield (
            f"{where}: split, shard and ordinal are not those of {shard.name}, documents from 0 "
            "on; run `winnow run tokenize --force`"
        )
    sizes = rows.select(["source"]).append_column("tokens", pc.subtract(rows["end"], rows["start"]))
    summed = sizes.group_by("source").aggregate([("tokens", "sum")]).to_pylist()
    found = {row["source"]: row["tokens_sum"] for row in summed}
    if found != shard.source_tokens:
        yield (
            f"{where}: tokens of each source are {found}, but {MANIFEST} says "
            f"{shard.source_tokens}; run `winnow run tokenize --force`"
        )


def _manifest_faults(shards: Shards) -> Iterator[str]:
    """Where the dataset's manifest and shards.json differ."""
    listed = {
        file.name: file.sha256
        for part in open_dataset(shards.store, "shards").parts for file in part.files
    }  # fmt: skip
    folder = shards.store.path("shards")
    if MANIFEST not in listed:
        yield (
            f"{folder}/{DATASET_MANIFEST}: does not list {MANIFEST}, so that tokenize was cut off; "
            "run `winnow run tokenize`"
        )
    elif (found := file_sha256(shards.store.local("shards", MANIFEST))) != listed[MANIFEST]:
        yield (
            f"{folder}/{MANIFEST}: SHA-256 {found}, but {DATASET_MANIFEST} says "
            f"{listed[MANIFEST]}; run `winnow run tokenize --force`"
        )
    for shard in shards.manifest.shards:
        for name, sha256 in (
            (f"{shard.name}.bin", shard.sha256), (f"{shard.name}.idx", shard.index_sha256)
        ):  # fmt: skip
            if listed.get(name) != sha256:
                yield (
                    f"{folder}/{DATASET_MANIFEST}: {name} has SHA-256 {listed.get(name)}, but "
                    f"{MANIFEST} says {sha256}; run `winnow run tokenize --force`"
                )
    for name in shards.store.names("shards"):
        if name.endswith((".bin", ".idx")) and name not in listed:
            yield (
                f"{folder}/{name}: no shard that {DATASET_MANIFEST} lists, but trainers that take "
                "all of train-*.bin would read it; remove it"
            )
    totals = dict.fromkeys(shards.manifest.num_tokens, 0)
    for shard in shards.manifest.shards:
        totals[shard.split] = totals.get(shard.split, 0) + shard.num_tokens
    if totals != shards.manifest.num_tokens:
        yield (
            f"{folder}/{MANIFEST}: num_tokens is {shards.manifest.num_tokens}, but its shards have "
            f"{totals}; run `winnow run tokenize --force`"
        )
