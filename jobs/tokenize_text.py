"""Byte-level BPE trained on the mixture, and token shards in global order.

Three steps: the vocabulary (on the driver, over a keyed sample of the mixture), the ids of each
document (one task per part), and the shards. The last is the pipeline's one shuffle that moves more
than keys: ids go to their shard by their place in the global order and are sorted there, so that
shards depend on the mixture and the seed alone.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as sql

from corpus import schemas
from corpus.datasets import Dataset, Part, columns_of, in_turns, publish_manifest, survivors
from corpus.errors import Damaged, NotBuilt
from corpus.identity import DOC_ID, keyed_uniform
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
from corpus.tokenizer.files import (
    TOKENIZER_FILE,
    load,
    read_tokenizer,
    save,
    vocabulary_files,
)
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.report import REPORT_BYTES, measure
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import Vocabulary
from filters.edits import merged
from filters.order import POSITION_BITS, SHARD_BITS, positions
from filters.pieces import kept_texts

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe

STAGE = "tokenize"


class Tables(NamedTuple):
    """What the mixture's texts are read from."""

    documents: Dataset
    screen: Dataset
    dedup: Dataset
    contamination: Dataset
    mix: Dataset



def files(recipe: Recipe) -> list[str]:
    """The vocabulary's files, where the recipe gives one."""
    given = recipe.tokenize.vocabulary
    return vocabulary_files(given) if given else []


def run(job: Job) -> None:
    """Make the vocabulary, encode, and write the shards."""
    tables = Tables(*(job.input(name) for name in Tables._fields))
    vocabulary, token_format = _tokenizer(job, tables)
    job.map_parts(
        partial(_encode, vocabulary, tables, job.seed),
        range(tables.mix.num_parts),
        outputs=("encoded",),
        counted="encoded",
        step="encode",
        expected=[tables.mix.part_kept(part) for part in range(tables.mix.num_parts)],
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


def _tokenizer(job: Job, tables: Tables) -> tuple[Vocabulary, TokenFormat]:
    """The vocabulary, made where no attempt of this run has; and what shards say of it."""
    try:
        job.input("tokenizer")
    except NotBuilt:
        _make_tokenizer(job, tables)
    data = job.store.read("tokenizer", TOKENIZER_FILE)
    vocabulary = read_tokenizer(data, where=job.store.path("tokenizer", TOKENIZER_FILE))
    return vocabulary, TokenFormat(
        vocab_size=vocabulary.size,
        eot_id=vocabulary.eot_id,
        tokenizer_sha256=hashlib.sha256(data).hexdigest(),
    )


def _make_tokenizer(job: Job, tables: Tables) -> None:
    settings = job.recipe.tokenize
    drawn = pc.sum(job.input("mixture").read_all(["drawn_bytes"])["drawn_bytes"]).as_py() or 1
    if settings.vocabulary:
        vocabulary = load(Path(settings.vocabulary))
    else:
        texts = _sample(tables, share=settings.train_bytes / drawn, seed=job.seed)
        vocabulary = learn(*count_pretokens(pa.array(texts)), vocab_size=settings.vocab_size)
    sample = list(_sample(tables, share=REPORT_BYTES / drawn, seed=job.seed))
    report = measure(vocabulary, sample) | {"trained": not settings.vocabulary}
    with job.folder("tokenizer") as folder:
        save(vocabulary, folder, report)
    job.log(
        f"{vocabulary.size:,} tokens in the vocabulary, {report['bytes_per_token']} bytes a token"
    )
    if not settings.vocabulary and vocabulary.size < settings.vocab_size:
        job.log(
            f"{settings.vocab_size:,} tokens were asked for; the text has no more pairs that "
            "occur twice"
        )


def _sample(tables: Tables, *, share: float, seed: int) -> Iterator[str]:
    """Texts of a share of the train mixture's copies, each drawn by its own chance, in order."""
    for part in range(tables.mix.num_parts):
        mix = tables.mix.read(part, ("doc_id", "keep", "split", "copies"))
        kept = mix.filter(mix["keep"])
        in_train = pc.equal(kept["split"], "train").to_numpy()
        copies = np.where(in_train, kept["copies"].to_numpy(), 0)
        times = np.zeros(len(copies), np.int64)
        for copy in range(int(copies.max(initial=0))):
            u = keyed_uniform(kept["doc_id"], seed=seed, stage=STAGE, copy=copy)
            times += (u < share) & (copy < copies)
        if times.any():
            rows = _mixed(tables, part).append_column("times", pa.array(times))
            for slice_ in in_turns(rows.filter(pc.greater(rows["times"], 0))):
                texts = kept_texts(slice_["text"], slice_["pieces"], slice_["edits"])
                for its_texts, num in zip(texts, slice_["times"].to_pylist(), strict=True):
                    yield from its_texts * num


def _mixed(tables: Tables, part: int) -> pa.Table:
    """The documents of a part that the mixture keeps: text, pieces, edits, and row of `mix`."""
    documents, screen, dedup, contamination, mix = tables
    drawn = mix.read(part, ("doc_id", "keep", "split", "epochs", "copies"))
    cuts = contamination.read(part, ("doc_id", "keep", "pieces"))
    cuts = cuts.filter(cuts["keep"])
    if not cuts["doc_id"].combine_chunks().equals(drawn["doc_id"].combine_chunks()):
        raise Damaged(
            f"{mix.path(part)}: its documents are not those that {contamination.path(part)} "
            "keeps; run `winnow run mix --force`"
        )
    pieces = cuts.filter(drawn["keep"])["pieces"]
    drawn = drawn.filter(drawn["keep"])
    rows = survivors(documents, mix, part, ("source", "url", "text"))
    for name in ("split", "epochs", "copies"):
        rows = rows.append_column(name, drawn[name])
    screened, repeated = (
        columns_of(judge, part, ("edits",), rows["doc_id"])["edits"] for judge in (screen, dedup)
    )
    edits = merged(screened, repeated)
    return rows.append_column("pieces", pieces).append_column("edits", edits)


def _encode(vocabulary: Vocabulary, tables: Tables, seed: int, out: PartOutput, part: int) -> None:
    """Write a part of `encoded`: each document's ids once, and the places of its copies."""
    # One task a core: the encoder's own threads would only fight with the neighbours'.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    itemsize = token_dtype(vocabulary.size).itemsize
    for rows in in_turns(_mixed(tables, part)):
        ids = vocabulary.encode_documents(kept_texts(rows["text"], rows["pieces"], rows["edits"]))
        places = positions(
            rows["doc_id"], rows["epochs"].to_numpy(), rows["copies"].to_numpy(), seed=seed
        )
        num_tokens = pa.array([len(its_ids) // itemsize for its_ids in ids], pa.int64())
        columns = [
            rows["doc_id"], rows["source"], rows["url"], rows["split"], places, num_tokens,
            pa.array(ids, pa.binary()),
        ]
        out.write("encoded", pa.table(columns, schema=schemas.table_named("encoded").arrow))
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
