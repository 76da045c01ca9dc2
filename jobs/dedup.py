"""Near-duplicates proposed by MinHash-LSH, proved by Jaccard, best copy kept.

Only keys go through Spark. Band digests are written part by part; Spark joins them into candidate
pairs and brings each pair to the part of its first document, where a task reads the two texts from
their parts and computes the exact similarity. One task then connects the proved pairs and chooses
the copies that stay.

Limits: verification holds the texts of two parts, and reads a part once for every part that it
shares candidates with; clustering holds all proved pairs on one machine (about 130 bytes each).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as sql

from corpus.datasets import Dataset, survivors
from corpus.publishing import PartOutput
from filters.dedup import DedupSettings
from filters.dedup.bands import band_digests, banding
from filters.dedup.clusters import cluster_rows, coarse_rank, preference, verdicts
from filters.dedup.verify import verify

if TYPE_CHECKING:
    from jobs.parts import Job

NO_WORDS = "no_words"  # a text without a word has no band, and is no one's duplicate

# Characters whose words are in memory at a time: 24 bytes a word. Larger slices leave the cache:
# measured 65-168 MB/s at 32 million, 215 at 2 million, 200 at 100,000.
MAX_CHARACTERS = 2_000_000
# Pairs that are verified at a time.
MAX_PAIRS = 20_000

_POLICY = ("source", "fetched_at")


def run(job: Job) -> None:
    """Bands, candidate pairs, proof, clusters, and the verdict on each document."""
    settings = job.recipe.dedup
    documents, quality = job.input("documents"), job.input("quality")
    parts = range(quality.num_parts)
    job.map_parts(
        partial(_write_bands, documents, quality, settings, job.seed),
        parts,
        outputs=("bands",),
        counted="bands",
        step="bands",
    )
    job.write_sorted(
        candidates(job.frame("bands"), max_bucket=settings.max_bucket),
        part="part_a",
        num_parts=quality.num_parts,
        order_by=("part_b", "row_a", "row_b"),
        task=partial(_write_pairs, documents, quality, settings),
        outputs=("pairs",),
        counted="pairs",
        step="pairs",
    )
    pairs = job.input("pairs")
    job.map_parts(
        partial(_write_clusters, documents, quality, pairs, settings),
        [0],
        outputs=("clusters",),
        counted="clusters",
        step="clusters",
    )
    clusters = job.input("clusters")
    job.judge(
        partial(_judge, clusters, settings, job.seed), after="quality", columns=(), verdicts="dedup"
    )
    _log_counts(job, pairs, clusters)


def candidates(bands: DataFrame, *, max_bucket: int) -> DataFrame:
    """Distinct pairs that share a band: places of their documents, and how many they share.

    In a bucket of more than `max_bucket` documents each is paired with the best one: `anchored`.
    """
    bucket = Window.partitionBy("band", "digest")
    best_first = bucket.orderBy("doc")
    is_large = sql.col("size") > max_bucket
    better = sql.collect_list(sql.when(~is_large, sql.col("doc"))).over(
        best_first.rowsBetween(1 - max_bucket, -1)
    )
    best = sql.first("doc").over(best_first)
    shared = (
        bands.select("band", "digest", sql.struct("rank", "doc_id", "part", "row").alias("doc"))
        .withColumn("size", sql.count("*").over(bucket))
        .where("size > 1")
    )
    with_partners = shared.select(
        sql.when(is_large, sql.array(best)).otherwise(better).alias("partners"),
        sql.col("doc").alias("b"),
        is_large.alias("anchored"),
    )
    pairs = with_partners.select(sql.explode("partners").alias("a"), "b", "anchored")
    return _distinct_pairs(pairs.where("a != b"))


def _distinct_pairs(pairs: DataFrame) -> DataFrame:
    """One row a pair, the document of the earlier place first."""
    place = "struct({0}.part AS part, {0}.row AS row)"
    first = sql.least(sql.expr(place.format("a")), sql.expr(place.format("b")))
    second = sql.greatest(sql.expr(place.format("a")), sql.expr(place.format("b")))
    placed = pairs.select(first.alias("a"), second.alias("b"), "anchored")
    return (
        placed.groupBy("a", "b")
        .agg(sql.count("*").alias("num_shared_bands"), sql.max("anchored").alias("anchored"))
        .select(
            sql.col("a.part").alias("part_a"),
            sql.col("a.row").alias("row_a"),
            sql.col("b.part").alias("part_b"),
            sql.col("b.row").alias("row_b"),
            "num_shared_bands",
            "anchored",
        )
    )


def _write_bands(
    documents: Dataset,
    quality: Dataset,
    settings: DedupSettings,
    seed: int,
    out: PartOutput,
    part: int,
) -> None:
    given = survivors(documents, quality, part, ("text", *_POLICY))
    ranks = coarse_rank(preference(_with_scores(given, quality, part), settings))
    chosen = banding(settings)
    slices = _slices(np.asarray(given["num_characters"]))
    found = [
        band_digests(given["text"].slice(first, end - first), chosen, seed=seed)
        for first, end in slices
    ]
    if not found:
        return
    digests, has_words = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    out.taken(digests.size)
    out.dropped(NO_WORDS, digests[~has_words].size)
    rows = np.repeat(np.flatnonzero(has_words), chosen.num_bands)
    columns = {
        "doc_id": given["doc_id"].combine_chunks().take(pa.array(rows)),
        "band": np.tile(np.arange(chosen.num_bands, dtype=np.int32), has_words.sum()),
        "digest": digests[has_words].reshape(-1),
        "part": np.full(len(rows), part, np.int32),
        "row": rows.astype(np.int32),
        "rank": ranks[rows],
    }
    out.write("bands", pa.table(columns))


def _write_pairs(
    documents: Dataset,
    quality: Dataset,
    settings: DedupSettings,
    out: PartOutput,
    batches: Iterator[pa.RecordBatch],
) -> None:
    """Verify the candidates whose first document lies in this part; they come by part_b."""
    chosen = banding(settings)
    here: pa.Table | None = None
    there: tuple[int, pa.Table] | None = None
    for pairs in _blocks(batches):
        if here is None:
            here = survivors(documents, quality, out.number, ("text",))
        part = pairs["part_b"][0].as_py()
        if part == out.number:
            there = part, here
        elif there is None or there[0] != part:
            there = part, survivors(documents, quality, part, ("text",))
        for first, end in _slices(_pair_characters(pairs, here, there[1])):
            block = pairs.slice(first, end - first)
            block = block.append_column("part_a", pa.array([out.number] * len(block), pa.int32()))
            verified = verify(
                block, here, there[1], ngram_size=chosen.ngram_size, threshold=chosen.threshold
            )
            out.write("pairs", verified)


def _blocks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Runs of pairs with one part_b, of about MAX_PAIRS: Spark's batches have 1,000."""
    waiting: list[pa.Table] = []
    for batch in batches:
        table = pa.Table.from_batches([batch])
        starts = np.flatnonzero(np.diff(table["part_b"].to_numpy(), prepend=-1)).tolist()
        for first, end in pairwise([*starts, table.num_rows]):
            run = table.slice(first, end - first)
            is_full = sum(map(len, waiting)) >= MAX_PAIRS
            if waiting and (is_full or waiting[0]["part_b"][0] != run["part_b"][0]):
                yield pa.concat_tables(waiting)
                waiting = []
            waiting.append(run)
    if waiting:
        yield pa.concat_tables(waiting)


def _write_clusters(
    documents: Dataset,
    quality: Dataset,
    pairs: Dataset,
    settings: DedupSettings,
    out: PartOutput,
    _: int,
) -> None:
    """Connect the verified pairs of all parts; documents are numbered in the order of their ids."""
    found = pairs.read_all(("part_a", "row_a", "part_b", "row_b", "verified"))
    found = found.filter(found["verified"])
    places, ends = np.unique(
        np.concatenate([_places(found, "a"), _places(found, "b")]), return_inverse=True
    )
    left, right = ends.reshape(2, -1)
    out.taken(len(places))
    if len(places):
        members = _members(documents, quality, places)
        out.write("clusters", cluster_rows(members, left, right, settings))


def _places(pairs: pa.Table, side: str) -> np.ndarray:
    """A document's part and row as one int64, (num_pairs,)."""
    part, row = pairs[f"part_{side}"].to_numpy(), pairs[f"row_{side}"].to_numpy()
    return (part.astype(np.int64) << 32) | row


def _members(documents: Dataset, quality: Dataset, places: np.ndarray) -> pa.Table:
    """What the keep policy looks at, for documents at these places (ascending)."""
    tables = []
    for part in np.unique(places >> 32).tolist():
        rows = pa.array(places[places >> 32 == part] & 0xFFFFFFFF, pa.int32())
        given = survivors(documents, quality, part, _POLICY)
        scored = _with_scores(given, quality, part).take(rows)
        parts = pa.array([part] * len(rows), pa.int32())
        tables.append(scored.append_column("part", parts).append_column("row", rows))
    return pa.concat_tables(tables)


def _with_scores(given: pa.Table, quality: Dataset, part: int) -> pa.Table:
    judged = quality.read(part, ("keep", "score"))
    return given.append_column("score", judged.filter(judged["keep"])["score"])


def _judge(
    clusters: Dataset, settings: DedupSettings, seed: int, given: pa.Table, out: PartOutput
) -> pa.Table:
    members = clusters.read(0, ("part", "row", "cluster_id", "kept_doc_id"))
    return verdicts(
        given["doc_id"].combine_chunks(),
        members.filter(pc.equal(members["part"], out.number)),
        held_out_fraction=settings.held_out_fraction,
        seed=seed,
    )


def _slices(num_characters: np.ndarray) -> Iterator[tuple[int, int]]:
    """Runs of rows of about MAX_CHARACTERS, one row at least."""
    before = np.cumsum(num_characters) - num_characters
    starts = np.flatnonzero(np.diff(before // MAX_CHARACTERS, prepend=-1))
    yield from pairwise([*starts.tolist(), len(num_characters)])


def _pair_characters(pairs: pa.Table, here: pa.Table, there: pa.Table) -> np.ndarray:
    """Characters that each pair adds to those before it; a document of many pairs counts once."""
    row_a, row_b = pairs["row_a"].to_numpy(), pairs["row_b"].to_numpy()
    is_new = np.diff(row_a, prepend=-1) != 0
    added = here["num_characters"].to_numpy()[row_a] * is_new
    return added + there["num_characters"].to_numpy()[row_b]


def _log_counts(job: Job, pairs: Dataset, clusters: Dataset) -> None:
    found = pairs.read_all(("verified", "anchored"))
    verified, anchored = (pc.sum(found[name]).as_py() or 0 for name in ("verified", "anchored"))
    job.log(
        f"{pairs.num_rows:,} candidate pairs, {verified:,} verified, {clusters.num_rows:,} "
        f"documents in clusters; {anchored:,} pairs come from buckets of more than "
        f"{job.recipe.dedup.max_bucket} documents, compared with their best one alone"
    )


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "dedup", *sys.argv[1:]])
