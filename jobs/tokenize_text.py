"""Token shards in global order.

One step, the pipeline's one shuffle that moves more than keys: each task encodes what the mixture
draws of a part and sends every copy's ids to the shard of its place in the global order; the
shard's task puts them in order there. So shards depend on the mixture and the seed alone, and the
ids lie nowhere else.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus import schemas
from corpus.datasets import Dataset, Part, columns_of, publish_manifest
from corpus.errors import Damaged, LedgerImbalance
from corpus.identity import DOC_ID
from corpus.ledger import TOKENS
from corpus.publishing import PartOutput, publish_file
from corpus.shards import (
    MANIFEST,
    SPLITS,
    ShardWriter,
    Split,
    TokenFormat,
    make_manifest,
    shard_info,
    shard_name,
    token_dtype,
    write_manifest,
)
from corpus.tokenizer.encoders import encode_documents
from corpus.utf8 import Int64Array
from filters.order import positions, shard_of
from jobs.encoding import Encoding, encoding
from jobs.kept import Judged, judged
from jobs.row_exchange import send_rows

if TYPE_CHECKING:
    from jobs.parts import Job

COPIES = pa.schema(
    [("doc_id", DOC_ID), ("copy", pa.int32()), ("position", pa.int64()), ("source", pa.string()),
     ("url", pa.string()), ("ids", pa.large_binary())]
)  # fmt: skip
"""Document copies on their way to their shards."""


class Totals(NamedTuple):
    """What the mixture draws, each copy counted."""

    copies: int
    tokens: dict[Split, int]


def run(job: Job) -> None:
    """Encode, and write the shards."""
    mix = job.input("mix")
    how = encoding(job)
    totals = _totals(mix)
    per_shard = job.recipe.tokenize.tokens_per_shard
    num_shards = {split: -(-num // per_shard) for split, num in totals.tokens.items()}
    names = [(split, number) for split in SPLITS for number in range(num_shards[split])]
    send = partial(_encode, how, judged(job), mix, num_shards, job.seed)
    ledger = job.receive(
        lambda: send_rows(
            job.session, send, mix.num_parts, schema=COPIES, num_targets=len(names)
        ),
        partial(_write_shard, how.form, names),
        num_parts=len(names),
        outputs=("shards", "provenance"),
        counted="provenance",
        step="shards",
    )
    _check(ledger.account().taken, totals.copies, "document copies")
    _check(ledger.account(TOKENS).taken, sum(totals.tokens.values()), "tokens")
    _publish_description(job, how.form, names)


def _check(arrived: int, sent: int, what: str) -> None:
    if arrived != sent:
        raise LedgerImbalance(
            f"tokenize: {arrived:,} {what} came to the shards, expected {sent:,} as mix draws; run "
            "the stage again with --force"
        )


def _totals(mix: Dataset) -> Totals:
    """Copies and tokens that shards will have, without the end-of-text that each begins with."""
    num_tokens: Counter[Split] = Counter()
    num_copies = 0
    for part in range(mix.num_parts):
        rows = mix.read(part, ("split", "copies", "num_tokens"))
        copies = pc.cast(rows["copies"], pa.int64())
        tokens = pc.multiply(copies, rows["num_tokens"])
        num_copies += int(pc.sum(copies).as_py() or 0)
        for split in SPLITS:
            its_own = tokens.filter(pc.equal(rows["split"], split))
            num_tokens[split] += int(pc.sum(its_own).as_py() or 0)
    return Totals(num_copies, {split: num_tokens[split] for split in SPLITS})


def _encode(
    how: Encoding,
    tables: Judged,
    mix: Dataset,
    num_shards: dict[Split, int],
    seed: int,
    part: int,
) -> Iterator[tuple[pa.RecordBatch, Int64Array]]:
    """A part's document copies with their ids, and the shard of each."""
    encoder = how.encoder()
    found: list[pa.RecordBatch] = []
    shards: list[Int64Array] = [np.zeros(0, np.int64)]
    for rows, kept in tables.turns(part, after=mix, columns=("source", "url")):
        drawn = columns_of(
            mix, part, ("split", "epochs", "copies", "num_tokens"), rows["doc_id"]
        )
        ids, num_tokens = encode_documents(
            encoder, kept.texts, kept.num_texts,
            eot_id=how.form.eot_id, vocab_size=how.form.vocab_size,
        )  # fmt: skip
        if not np.array_equal(num_tokens, drawn["num_tokens"].to_numpy()):
            raise Damaged(
                f"{mix.path(part)}: its counts of tokens are not those of these texts; run "
                "`winnow run mix --force`"
            )
        copies = drawn["copies"].to_numpy()
        places = positions(rows["doc_id"], drawn["epochs"].to_numpy(), copies, seed=seed)
        document = np.repeat(np.arange(len(copies)), copies)
        copy = np.arange(len(document)) - (np.cumsum(copies) - copies)[document]
        position = places.flatten().to_numpy()
        taken = pa.array(document)
        columns = [
            rows["doc_id"].take(taken), pa.array(copy, pa.int32()), pa.array(position),
            rows["source"].take(taken), rows["url"].take(taken), ids.take(taken),
        ]  # fmt: skip
        flat = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
        found.append(pa.record_batch(flat, schema=COPIES))
        in_train = pc.equal(drawn["split"], SPLITS[0]).to_numpy()[document]
        train, validation = (shard_of(position, num_shards[split]) for split in SPLITS)
        shards.append(np.where(in_train, train, validation + num_shards[SPLITS[0]]))
    if found:
        yield pa.concat_batches(found), np.concatenate(shards)


def _write_shard(
    token_format: TokenFormat,
    names: Sequence[tuple[Split, int]],
    out: PartOutput,
    batches: list[pa.RecordBatch],
) -> None:
    """Write one shard from its documents, put in order, and their rows of `provenance`."""
    split, number = names[out.number]
    name = shard_name(split, number)
    files = (out.file("shards", f"{name}.bin"), out.file("shards", f"{name}.idx"))
    keys = pa.Table.from_batches(batches, COPIES).drop_columns(["ids"])
    keys = keys.set_column(0, "doc_id", keys["doc_id"].cast(pa.binary()))
    order = pc.sort_indices(
        keys, sort_keys=[(key, "ascending") for key in ("position", "doc_id", "copy")]
    )
    firsts = np.cumsum([0, *(batch.num_rows for batch in batches)])
    ranges = np.zeros((len(order), 2), np.int64)
    tokens = out.ledger.account(TOKENS)
    with ShardWriter(*files, token_format) as shard:
        for i, row in enumerate(order.to_numpy().tolist()):
            batch = int(np.searchsorted(firsts, row, side="right")) - 1
            ids = batches[batch]["ids"][row - int(firsts[batch])].as_py()
            tokens.taken += len(ids) // token_dtype(token_format.vocab_size).itemsize
            ranges[i] = shard.add(ids)
    tokens.kept += int((ranges[:, 1] - ranges[:, 0]).sum())
    rows, size = keys.take(order), len(order)
    out.taken(size)
    columns = [
        pa.repeat(split, size), pa.repeat(pa.scalar(number, pa.int32()), size),
        pa.array(np.arange(size)), rows["doc_id"].cast(DOC_ID), rows["copy"], rows["source"],
        rows["url"], pa.array(ranges[:, 0]), pa.array(ranges[:, 1]),
    ]  # fmt: skip
    out.write("provenance", pa.table(columns, schema=schemas.table_named("provenance").arrow))


def _publish_description(
    job: Job, token_format: TokenFormat, names: Sequence[tuple[Split, int]]
) -> None:
    """Add shards.json to the shards, as a part of its own after theirs."""
    shards, provenance = job.input("shards"), job.input("provenance")
    described = []
    for part, (split, number) in enumerate(names):
        rows = provenance.read(part, ("source", "start", "end"))
        sizes = pa.table(
            {"source": rows["source"], "tokens": pc.subtract(rows["end"], rows["start"])}
        )
        summed = sizes.group_by("source").aggregate([("tokens", "sum")])
        source_tokens = {row["source"]: row["tokens_sum"] for row in summed.to_pylist()}
        described.append(
            shard_info(
                token_format, split, number,
                num_documents=rows.num_rows, source_tokens=source_tokens,
                files=[(file.num_bytes, file.sha256) for file in shards.parts[part].files],
            )
        )
    manifest = make_manifest(
        token_format, described, seed=job.seed, recipe=job.recipe.name
    )
    with job.store.scratch() as scratch:
        write_manifest(scratch / MANIFEST, manifest)
        published = publish_file(job.store, scratch / MANIFEST, "shards", MANIFEST)
    own = Part(number=len(names), num_rows=0, num_kept=0, files=(published,))
    publish_manifest(job.store, "shards", [*shards.parts[: len(names)], own])
    for split in SPLITS:
        num = sum(1 for its_split, _ in names if its_split == split)
        job.log(f"{split}: {manifest.num_tokens[split]:,} tokens in {num} shards")


if __name__ == "__main__":  # spark-submit jobs/tokenize_text.py --recipe tiny --root out
    from jobs.cli import main

    main(["run", "tokenize", *sys.argv[1:]])
