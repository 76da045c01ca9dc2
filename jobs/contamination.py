"""The contamination stage: benchmark text found, cut and measured.

Its steps resume each by itself: index the benchmarks; find their N-grams in every part; count the
documents of each N-gram (the one shuffle, of numbers); judge each part; measure (overlap.py).
`hits` and all that is cut are exact; the overlap table counts Bloom finds, as GPT-2's paper does.
Memory: the index (30 bytes a benchmark word), mapped once for all tasks of a machine.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.benchmarks import ItemField, benchmark_files, read_benchmark
from corpus.datasets import Dataset, open_dataset
from corpus.errors import ConfigError
from corpus.publishing import PartOutput
from corpus.schemas import table_named
from corpus.storage import Store
from corpus.words import split_words
from filters import contamination
from filters.contamination import ContaminationSettings
from filters.ngram_index import NgramIndex, find, from_arrays
from jobs import overlap
from jobs.benchmark_index import benchmark_index

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe

Int64Array = npt.NDArray[np.int64]


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
        partial(_write_items, settings, index, frequencies), [0],
        outputs=("benchmark_items",), counted="benchmark_items", step="items",
    )  # fmt: skip
    items = job.input("benchmark_items")
    judge = partial(_judge, settings, index, job.input("ngram_hits"), items, frequencies)
    job.judge(judge, after="dedup", columns=(), verdicts="contamination", also=("hits",))
    overlap.measure(job, settings)
    _log_items(job, items)


def _write_index(job: Job, settings: ContaminationSettings) -> None:
    with job.folder("benchmark_index") as folder:
        for name, array in benchmark_index(settings).arrays().items():
            np.save(folder / f"{name}.npy", array)


def _benchmarks(settings: ContaminationSettings) -> Iterator[tuple[str, list[ItemField]]]:
    for name, benchmark in settings.benchmarks.items():
        yield name, read_benchmark(name, benchmark)


def _scan(
    documents: Dataset, before: Dataset, index: Dataset, measured_size: int,
    out: PartOutput, part: int,
) -> None:  # fmt: skip
    """Find the N-grams in one part, and count its 8-grams by source."""
    loaded = _load(index)
    counts = []
    for batch in overlap.batches(documents, before, part) if len(loaded.sizes) else ():
        found = find(batch["text"], loaded)
        hits = {
            "doc_id": batch["doc_id"].take(pa.array(found.document)),
            "start": found.start, "end": found.end, "ngram": found.ngram,
        }  # fmt: skip
        out.write("ngram_hits", pa.table(hits, schema=table_named("ngram_hits").arrow))
        out.taken(len(found.document))
        num_words = np.diff(split_words(batch["text"]).offsets)
        num_ngrams = np.maximum(num_words - (measured_size - 1), 0)
        counts.append(batch.select(["source"]).append_column("ngrams", pa.array(num_ngrams)))
    if counts:
        by_source = pa.concat_tables(counts).group_by("source").aggregate(
            [("ngrams", "count"), ("ngrams", "sum")]
        )
        named = by_source.sort_by("source").rename_columns(table_named("source_ngrams").arrow.names)
        out.write("source_ngrams", named.cast(table_named("source_ngrams").arrow))


def _count_documents(job: Job) -> None:
    """In how many documents each N-gram is: the stage's one shuffle."""
    from pyspark.sql import functions as sql

    pairs = job.frame("ngram_hits", ["ngram", "doc_id"]).distinct()
    counts = pairs.groupBy("ngram").agg(sql.count("*").alias("num_documents"))
    job.write_frame(
        counts.withColumn("part", sql.lit(0)), "ngram_frequencies",
        part="part", num_parts=1, order_by=("ngram",), step="frequencies",
    )  # fmt: skip


def _write_items(
    settings: ContaminationSettings, index: Dataset, frequencies: Dataset, out: PartOutput, _: int
) -> None:
    loaded = _load(index)
    rows = [(name, *field) for name, fields in _benchmarks(settings) for field in fields]
    names = ("benchmark", *ItemField._fields)
    columns: dict[str, Any] = {name: [row[k] for row in rows] for k, name in enumerate(names)}
    columns |= contamination.found_in_items(loaded, _frequencies(frequencies, loaded), settings)
    out.write("benchmark_items", pa.table(columns, schema=table_named("benchmark_items").arrow))
    out.taken(len(rows))


def _judge(
    settings: ContaminationSettings, index: Dataset, hits: Dataset, items: Dataset,
    frequencies: Dataset, documents: pa.Table, out: PartOutput,
) -> pa.Table:  # fmt: skip
    loaded = _load(index)
    num_documents = _frequencies(frequencies, loaded)
    found = hits.read(out.number)
    named = items.read(0, ["benchmark", "item_id", "field"])
    ids = documents["doc_id"]
    out.write(
        "hits", contamination.matches(found, ids, loaded, named, num_documents, settings)
    )
    return contamination.judge(documents, found, num_documents > settings.max_documents, settings)


def _log_items(job: Job, items: Dataset) -> None:
    table = items.read(0, ["num_ngrams", "dirty"])
    if table.num_rows:
        num_dirty = int(np.sum(table["dirty"].to_numpy()))
        num_short = int(np.sum(table["num_ngrams"].to_numpy() == 0))
        job.log(
            f"{table.num_rows:,} benchmark texts: {num_dirty:,} found in part or whole; "
            f"{num_short:,} are shorter than their N-grams and cannot be found"
        )


@lru_cache(maxsize=1)
def _load_at(root: str, digest: str) -> NgramIndex:
    """The index, once a process; the digest keeps a later run from meeting an older one."""
    dataset = open_dataset(Store(root), "benchmark_index")
    return from_arrays({name.removesuffix(".npy"): _array(dataset, name)
                        for name in dataset.files()})  # fmt: skip


def _load(index: Dataset) -> NgramIndex:
    return _load_at(index.store.root, index.digest())


def _array(dataset: Dataset, name: str) -> npt.NDArray[Any]:
    local = dataset.store.is_local
    source = dataset.local(name) if local else io.BytesIO(dataset.store.read(dataset.name, name))
    array: npt.NDArray[Any] = np.load(source, mmap_mode="r" if local else None)
    return array


def _frequencies(dataset: Dataset, index: NgramIndex) -> Int64Array:
    """int64 (num_ngrams,): documents that hold each N-gram; 0 where it was not found."""
    table = dataset.read_all()
    counts = np.zeros(len(index.keys), np.int64)
    counts[table["ngram"].to_numpy()] = table["num_documents"].to_numpy()
    return counts


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "contamination", *sys.argv[1:]])
