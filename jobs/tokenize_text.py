"""Token shards in global order.

Two steps: the ids of each document that the mixture draws, once (one task per part), and the
shards. The second is the pipeline's one shuffle that moves more than keys: ids go to their shard by
their place in the global order and are sorted there, so that shards depend on the mixture and the
seed alone.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as sql

from corpus import schemas
from corpus.datasets import Dataset, Part, columns_of, publish_manifest
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
from filters.order import POSITION_BITS, SHARD_BITS, positions
from jobs.encoding import Encoding, encoding
from jobs.kept import Judged, judged

if TYPE_CHECKING:
    from jobs.parts import Job


def run(job: Job) -> None:
    """Encode, and write the shards."""
    mix = job.input("mix")
    how, token_format = encoding(job)
    job.map_parts(
        partial(_encode, how, judged(job), mix, job.seed),
        range(mix.num_parts),
        outputs=("encoded",),
        counted="encoded",
        step="encode",
        expected=[mix.part_kept(part) for part in range(mix.num_parts)],
    )
    num_shards, num_copies = _count(job.input("encoded"), job.recipe.tokenize.tokens_per_shard)
    names = [(split, number) for split in SPLITS for number in range(num_shards[split])]
    job.write_sorted(
        _placed(job.frame("encoded"), num_shards),
        part="part",
        num_parts=len(names),
        order_by=("position", "doc_id", "copy"),
        task=partial(_write_shard, token_format, names),
        outputs=("shards", "provenance"),
        counted="provenance",
        step="shards",
        expected_rows=num_copies,
    )
    _publish_description(job, token_format, names)


def _encode(
    how: Encoding, tables: Judged, mix: Dataset, seed: int, out: PartOutput, part: int
) -> None:
    """Write a part of `encoded`: each document's ids once, and the places of its copies."""
    encoder = how.encoder()
    schema = schemas.table_named("encoded").arrow
    for rows, kept in tables.turns(part, after=mix, columns=("source", "url")):
        drawn = columns_of(mix, part, ("split", "epochs", "copies"), rows["doc_id"])
        ids, num_tokens = encode_documents(
            encoder, kept.texts, kept.num_texts,
            eot_id=how.vocabulary.eot_id, vocab_size=how.vocabulary.size,
        )  # fmt: skip
        places = positions(
            rows["doc_id"], drawn["epochs"].to_numpy(), drawn["copies"].to_numpy(), seed=seed
        )
        columns = [
            rows["doc_id"], rows["source"], rows["url"], drawn["split"], places,
            pa.array(num_tokens), ids.cast(pa.binary()),
        ]
        out.write("encoded", pa.table(columns, schema=schema))
        out.taken(rows.num_rows)


def _count(encoded: Dataset, tokens_per_shard: int) -> tuple[dict[Split, int], int]:
    """Shards of each split, and copies of all documents."""
    num_tokens: Counter[str] = Counter()
    num_copies = 0
    for part in range(encoded.num_parts):
        rows = encoded.read(part, ("split", "positions", "num_tokens"))
        copies = pc.cast(pc.list_value_length(rows["positions"]), pa.int64())
        tokens = pc.multiply(copies, rows["num_tokens"])
        num_copies += int(pc.sum(copies).as_py() or 0)
        for split in SPLITS:
            its_own = tokens.filter(pc.equal(rows["split"], split))
            num_tokens[split] += int(pc.sum(its_own).as_py() or 0)
    return {split: -(-num_tokens[split] // tokens_per_shard) for split in SPLITS}, num_copies


def _placed(encoded: DataFrame, num_shards: dict[Split, int]) -> DataFrame:
    """A row for each copy, with the part that writes its shard: those of train come first."""
    rows = encoded.select(
        "doc_id", "source", "url", "split", "ids",
        sql.posexplode("positions").alias("copy", "position"),
    )
    high = sql.shiftright("position", POSITION_BITS - SHARD_BITS)
    train, validation = (
        sql.shiftright(high * sql.lit(num_shards[split]).cast("long"), SHARD_BITS)
        for split in SPLITS
    )
    part = sql.when(sql.col("split") == SPLITS[0], train).otherwise(
        validation + sql.lit(num_shards[SPLITS[0]])
    )
    return rows.withColumn("part", part)


def _write_shard(
    token_format: TokenFormat,
    names: Sequence[tuple[Split, int]],
    out: PartOutput,
    batches: Iterator[pa.RecordBatch],
) -> None:
    """Write one shard from its documents in order, and their rows of `provenance`."""
    split, number = names[out.number]
    name = shard_name(split, number)
    files = (out.file("shards", f"{name}.bin"), out.file("shards", f"{name}.idx"))
    ordinal = 0
    tokens = out.ledger.account(TOKENS)
    itemsize = token_dtype(token_format.vocab_size).itemsize
    with ShardWriter(*files, token_format) as shard:
        for batch in batches:
            ranges = np.array([shard.add(ids.as_py()) for ids in batch["ids"]], np.int64)
            size = batch.num_rows
            tokens.taken += pc.sum(pc.binary_length(batch["ids"])).as_py() // itemsize
            tokens.kept += int((ranges[:, 1] - ranges[:, 0]).sum())
            columns = [
                pa.repeat(split, size), pa.repeat(pa.scalar(number, pa.int32()), size),
                pa.array(np.arange(ordinal, ordinal + size)), batch["doc_id"].cast(DOC_ID),
                batch["copy"], batch["source"], batch["url"],
                pa.array(ranges[:, 0]), pa.array(ranges[:, 1]),
            ]
            schema = schemas.table_named("provenance").arrow
            out.write("provenance", pa.table(columns, schema=schema))
            ordinal += size


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
    manifest = make_manifest(token_format, described, seed=job.seed)
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
