"""The vocabulary: BPE learnt from the counts of the whole weighted mixture, or given.

Each task counts the distinct pre-tokens of its part, Spark adds them up in 64 bits, each source's
as often as its weight asks for, and the driver learns the merges from the sums. So the vocabulary
is that of the mixture without a sample, and depends on neither parts nor order.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from math import ceil, gcd, lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as sql

from corpus import schemas
from corpus.datasets import Dataset
from corpus.publishing import PartOutput
from corpus.tokenizer.character_training import WordCounter, learn_characters
from corpus.tokenizer.files import load, save, vocabulary_files
from corpus.tokenizer.pretokens import PretokenCounter
from corpus.tokenizer.report import describe
from corpus.tokenizer.settings import VocabularySettings
from corpus.tokenizer.training import MIN_PAIR_COUNT, learn
from corpus.tokenizer.vocabulary import Vocabulary
from corpus.utf8 import Int64Array
from filters.held_out import TRAIN
from filters.mixture import source_shares
from jobs.kept import Judged, judged

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe

MAX_COUNT_PARTS = 64  # of the summed counts, which one machine reads
EPOCH_BITS = 20
SUM_BITS = 60


def files(recipe: Recipe) -> list[str]:
    """The vocabulary's files, where the recipe gives one."""
    given = recipe.vocabulary.path
    return vocabulary_files(given) if given else []


def run(job: Job) -> None:
    """Learn the vocabulary, or take the one given, and save it in all forms."""
    settings = job.recipe.vocabulary
    tables = judged(job)
    parts = range(0 if settings.path else tables.contamination.num_parts)
    job.map_parts(
        partial(_count_part, tables, settings),
        parts,
        outputs=("source_pretokens",),
        counted="source_pretokens",
        step="count",
    )
    vocabulary, facts = (
        (load(Path(settings.path)), {}) if settings.path else _learnt(job, settings)
    )
    if settings.path:
        job.map_parts(_nothing, [], outputs=("pretokens",), counted="pretokens", step="sum")
    with job.folder("tokenizer") as folder:
        save(vocabulary, folder, describe(vocabulary) | {"trained": not settings.path} | facts)
    asked = settings.size if settings.kind == "bytes" else settings.num_merges
    got = vocabulary.size if settings.kind == "bytes" else len(vocabulary.merges)
    job.log(f"{vocabulary.size:,} tokens in the vocabulary, {len(vocabulary.merges):,} merges")
    if not settings.path and got < asked:
        job.log(f"{asked:,} were asked for; the text has no more pairs that occur twice")


def _count_part(
    tables: Judged, settings: VocabularySettings, out: PartOutput, part: int
) -> None:
    """Write a part of `source_pretokens`: counts of each source's documents in train."""
    counters: dict[str, PretokenCounter | WordCounter] = {}
    turns = tables.turns(
        part, after=tables.contamination, columns=("source",), of_dedup=("split",)
    )
    for rows, kept in turns:
        in_train = pc.equal(rows["split"], TRAIN)
        for source in pc.unique(rows["source"].filter(in_train)).to_pylist():
            is_own = pc.and_(in_train, pc.equal(rows["source"], source)).to_numpy()
            texts = kept.texts.filter(pa.array(np.repeat(is_own, kept.num_texts)))
            if source not in counters:
                counters[source] = (
                    PretokenCounter(settings.splitting)
                    if settings.kind == "bytes"
                    else WordCounter()
                )
            counters[source].add(texts)
    for source in sorted(counters):
        pretokens, counts = counters[source].counts()
        rows = pa.table(
            [pa.repeat(source, len(counts)), pretokens, pa.array(counts)],
            schema=schemas.table_named("source_pretokens").arrow,
        )
        out.write("source_pretokens", rows)
        out.taken(rows.num_rows)


def _nothing(_: PartOutput, __: Any) -> None:
    """No part is counted where the vocabulary is given."""


def _learnt(job: Job, settings: VocabularySettings) -> tuple[Vocabulary, dict[str, Any]]:
    """The vocabulary of the summed counts, and what they came to."""
    epoch, times = _times(job)
    counted = job.frame("source_pretokens")
    by_source = sql.create_map(*(sql.lit(value) for pair in times.items() for value in pair))
    weighted = counted.withColumn("times", by_source[sql.col("source")])
    summed = (
        weighted.where("times IS NOT NULL")
        .groupBy("pretoken")
        .agg(sql.sum(sql.col("count") * sql.col("times")).alias("count"))
    )
    num_parts = min(MAX_COUNT_PARTS, max(1, job.input("source_pretokens").num_parts))
    job.write_frame(
        summed.withColumn("part", sql.pmod(sql.xxhash64("pretoken"), sql.lit(num_parts))),
        "pretokens",
        part="part",
        num_parts=num_parts,
        order_by=("pretoken",),
        step="sum",
    )
    pretokens = job.input("pretokens")
    floor = _floor(pretokens, settings.max_pretokens)
    tokens, counts, share = _at_least(pretokens, floor)
    job.log(
        f"{pretokens.num_rows:,} distinct pre-tokens, {len(counts):,} of them learnt from: "
        f"{share:.2%} of the text's"
    )
    least = ceil(MIN_PAIR_COUNT * epoch)
    vocabulary = (
        learn(
            tokens, counts, vocab_size=settings.size, min_pair_count=least,
            splitting=settings.splitting, whitespace_runs=settings.whitespace_runs,
        )
        if settings.kind == "bytes"
        else learn_characters(
            tokens, counts, num_merges=settings.num_merges, min_pair_count=least
        )
    )  # fmt: skip
    return vocabulary, {
        "distinct_pretokens": pretokens.num_rows,
        "learnt_from": len(counts),
        "share_learnt_from": share,
    }


def _times(job: Job) -> tuple[Fraction, dict[str, int]]:
    """How much an epoch is, and how often each source's counts count: its epochs times that.

    Epochs are those where as many bytes are drawn as there are: only their proportions matter.
    """
    length = sql.col("count") * sql.octet_length("pretoken")
    counted = job.frame("source_pretokens").groupBy("source").agg(sql.sum(length).alias("bytes"))
    sizes = {row["source"]: row["bytes"] for row in sorted(counted.collect())}
    shares = source_shares(job.recipe.mix, sizes, known_sources=job.recipe.sources)
    whole = sum(sizes[name] for name in sizes if shares[name])
    epochs = {name: share * whole / max(sizes[name], 1) for name, share in shares.items() if share}
    return in_integers(epochs, whole)


def in_integers(epochs: Mapping[str, Fraction], num_bytes: int) -> tuple[Fraction, dict[str, int]]:
    """Integers in the proportions of the epochs, and what one epoch is among them.

    Exact where they are small, so that pairs that come equally often stay equal: all 1 where all
    epochs are. Else an epoch is 2^20, or less where sums over num_bytes might not fit.
    """
    common = lcm(*(one.denominator for one in epochs.values()))
    exact = {name: int(one * common) for name, one in epochs.items()}
    divisor = gcd(*exact.values())
    if max(exact.values()) // divisor <= 2**EPOCH_BITS:
        unit = Fraction(common, divisor)
        return unit, {name: one // divisor for name, one in exact.items()}
    unit = Fraction(2 ** max(0, min(EPOCH_BITS, SUM_BITS - num_bytes.bit_length())))
    return unit, {name: max(1, round(one * unit)) for name, one in epochs.items()}


def _floor(pretokens: Dataset, most: int) -> int:
    """The least count that no more than `most` pre-tokens reach."""
    if pretokens.num_rows <= most:
        return 1
    counts = np.concatenate([c for _, c in _parts(pretokens, ("count",))])
    return int(np.partition(counts, len(counts) - most - 1)[len(counts) - most - 1]) + 1


def _at_least(pretokens: Dataset, floor: int) -> tuple[pa.Array, Int64Array, float]:
    """Pre-tokens that come so often, their counts, and the share that they are of all."""
    tokens, counts = [pa.array([], pa.large_binary())], [np.zeros(0, np.int64)]
    total = 0.0
    for part, its_counts in _parts(pretokens, ("pretoken", "count")):
        total += float(its_counts.sum())
        is_in = its_counts >= floor
        tokens += part["pretoken"].filter(pa.array(is_in)).chunks
        counts.append(its_counts[is_in])
    found = np.concatenate(counts)
    return pa.concat_arrays(tokens), found, float(found.sum()) / total if total else 0.0


def _parts(pretokens: Dataset, columns: tuple[str, ...]) -> Iterator[tuple[pa.Table, Int64Array]]:
    for part in range(pretokens.num_parts):
        rows = pretokens.read(part, columns)
        yield rows, rows["count"].to_numpy()


if __name__ == "__main__":  # spark-submit jobs/vocabulary.py --recipe tiny --root out
    from jobs.cli import main

    main(["run", "vocabulary", *sys.argv[1:]])
