"""The contamination stage: benchmark text found, cut and measured.

Its steps resume each by itself: index the benchmarks; find their N-grams in every part; count the
documents of each N-gram (the one shuffle, of numbers); judge items and N-grams; judge each part;
measure (overlap.py); sum up by benchmark; test itself on planted items (planting.py).
`hits` and all that is cut are exact; the overlap table counts Bloom finds, as GPT-2's paper does.
Memory: the index (13 bytes a benchmark word), mapped once for all tasks of a machine.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from corpus.benchmarks import benchmark_files
from corpus.datasets import Dataset
from corpus.errors import ConfigError
from corpus.publishing import PartOutput
from corpus.schemas import table_named
from filters.contamination import ContaminationSettings, Rule
from filters.contamination.cuts import judge
from filters.contamination.index import find
from filters.contamination.matches import matches
from jobs.decontamination import overlap
from jobs.decontamination.index import benchmark_index, load, num_documents
from jobs.decontamination.planting import plant_items
from jobs.decontamination.tables import write_benchmarks, write_items

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe


def files(recipe: Recipe) -> list[str]:
    """The benchmark files; raises InputError where one is missing."""
    if overlap.ALL in recipe.sources:
        raise ConfigError(
            f"sources.{overlap.ALL}: the overlap table keeps this name for the sum over all "
            "sources; choose another"
        )
    settings = recipe.contamination
    return [path for one in settings.benchmarks.values() for path in benchmark_files(one)]


def run(job: Job) -> None:
    """Find, judge and measure."""
    settings = job.recipe.contamination
    if not settings.benchmarks:
        job.log("the recipe names no benchmark: nothing is looked for, every document stays whole")
    _write_index(job, settings)
    documents, before, index = (job.input(n) for n in ("documents", "dedup", "benchmark_index"))
    job.map_parts(
        partial(_scan, documents, before, index, settings.measured_ngram_size),
        range(before.num_parts),
        outputs=("source_ngrams", "ngram_hits"), counted="ngram_hits", step="scan",
    )  # fmt: skip
    _count_documents(job)
    frequencies = job.input("ngram_frequencies")
    job.map_parts(
        partial(write_items, settings, index, frequencies), [0],
        outputs=("benchmark_texts", "benchmark_items", "benchmark_ngrams"),
        counted="benchmark_texts", step="items",
    )  # fmt: skip
    texts = job.input("benchmark_texts")
    rule = settings.rule
    judging = partial(_judge, rule, index, job.input("ngram_hits"), texts, frequencies)
    columns = ("text",) if rule.reads_text else ()
    job.judge(judging, after="dedup", columns=columns, verdicts="contamination", also=("hits",))
    overlap.measure(job, settings)
    job.map_parts(
        partial(write_benchmarks, settings, job.input("benchmark_items"), job.input("overlap")),
        [0], outputs=("benchmarks",), counted="benchmarks", step="benchmarks",
    )  # fmt: skip
    _log_benchmarks(job)
    plant_items(job, settings)


def _write_index(job: Job, settings: ContaminationSettings) -> None:
    with job.folder("benchmark_index") as folder:
        for name, array in benchmark_index(settings).arrays().items():
            np.save(folder / f"{name}.npy", array)


def _scan(
    documents: Dataset, before: Dataset, index: Dataset, measured_size: int,
    out: PartOutput, part: int,
) -> None:  # fmt: skip
    """Find the N-grams in one part, and count its 8-grams by source."""
    loaded = load(index)
    counts = overlap.NgramCounts(measured_size)
    for batch in overlap.batches(documents, before, part) if len(loaded.sizes) else ():
        found = find(batch["text"], loaded)
        hits = {
            "doc_id": batch["doc_id"].take(pa.array(found.document)),
            "start": found.start, "end": found.end, "ngram": found.ngram,
        }  # fmt: skip
        out.write("ngram_hits", pa.table(hits, schema=table_named("ngram_hits").arrow))
        out.taken(len(found.document))
        counts.add(batch)
    out.write_rows("source_ngrams", counts.rows())


def _count_documents(job: Job) -> None:
    """In how many documents each N-gram is: the stage's one shuffle."""
    from pyspark.sql import functions as sql

    pairs = job.frame("ngram_hits", ["ngram", "doc_id"]).distinct()
    counts = pairs.groupBy("ngram").agg(sql.count("*").alias("num_documents"))
    job.write_frame(
        counts.withColumn("part", sql.lit(0)), "ngram_frequencies",
        part="part", num_parts=1, order_by=("ngram",), step="frequencies",
    )  # fmt: skip


def _judge(
    rule: Rule, index: Dataset, hits: Dataset, texts: Dataset, frequencies: Dataset,
    documents: pa.Table, out: PartOutput,
) -> pa.Table:  # fmt: skip
    loaded = load(index)
    counts = num_documents(frequencies, loaded)
    found = hits.read(out.number)
    named = texts.read(0, ["benchmark", "item_id", "field"])
    out.write("hits", matches(found, documents["doc_id"], loaded, named, counts, rule))
    return judge(documents, found, counts > rule.max_documents, rule, loaded)


def _log_benchmarks(job: Job) -> None:
    for row in job.input("benchmarks").read(0).to_pylist():
        job.log(
            f"{row['benchmark']}: {row['num_dirty']:,} of {row['num_items']:,} items found by "
            f"{row['ngram_size']} words ({row['num_near_whole']:,} near whole, "
            f"{row['num_quote']:,} quoted, {row['num_template']:,} template); "
            f"{row['num_too_short']:,} are too short to be found"
        )


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "contamination", *sys.argv[1:]])
