"""GPT-2's measure: the share of each benchmark's 8-grams that each source holds (section 4).

A Bloom filter of each source's 8-grams is built by groups of parts and merged by OR; then every
8-gram of every benchmark is looked up. The filters share the rate: over all sources together a
find is wrong at most at 1e-8, which filters.json certifies from their bits. They are sized for the
distinct 8-grams of a source, which the search has estimated by a sketch of each part (distinct.py).
Memory: about 5 bytes a distinct 8-gram of a source, in each of its at most 4 tasks.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import Dataset, in_turns, survivors
from corpus.errors import DataError
from corpus.publishing import PartOutput
from corpus.words import ngram_hashes, split_words
from filters import bloom, distinct
from filters.contamination import ContaminationSettings

if TYPE_CHECKING:
    from jobs.parts import Job

ALL = "all"  # the overlap table's row over all sources
# A filter is built by a few tasks, each over many parts, because each holds one of full size.
_MAX_TASKS_PER_FILTER = 4
_MIN_PARTS_PER_TASK = 8
CATALOGUE = "filters.json"

Task = tuple[str, list[int]]  # a source, and parts that hold documents of it


def measure(job: Job, settings: ContaminationSettings) -> None:
    """Build a filter of each source in `source_ngrams`, and look the benchmarks up in them."""
    parts_of, capacity = _sources(job.input("source_ngrams"))
    rate = settings.false_positive_rate / max(len(capacity), 1)
    tasks: list[Task] = [(name, group) for name in capacity for group in _groups(parts_of[name])]
    job.map_parts(
        partial(_build, job.input("documents"), job.input("dedup"), settings, capacity, rate),
        tasks, outputs=("filter_parts",), counted="filter_parts", step="filters",
    )  # fmt: skip
    _merge(job, settings, tasks, capacity, rate)
    job.map_parts(
        partial(_look_up, settings, job.input("benchmark_texts"), job.input("benchmark_filter")),
        [0], outputs=("overlap",), counted="overlap", step="overlap",
    )  # fmt: skip


def _merge(
    job: Job, settings: ContaminationSettings, tasks: Sequence[Task], capacity: dict[str, int],
    rate: float,
) -> None:  # fmt: skip
    """Merge each source's filters, and write the catalogue with what their bits certify."""
    built = job.input("filter_parts")
    described = []
    with job.folder("benchmark_filter") as folder:
        for number, name in enumerate(capacity):
            merged = bloom.BloomFilter(capacity=capacity[name], rate=rate)
            for task, (source, _) in enumerate(tasks):
                if source == name:
                    with _sized_by_the_scan(name):
                        merged.merge(_open(built, _file_name(task)))
            _save(merged, folder / _file_name(number))
            described.append({"source": name, "file": _file_name(number), **merged.describe()})
        certified = sum(one["certified_rate"] for one in described)
        catalogue = {
            "ngram_size": settings.measured_ngram_size,
            "certified_rate": certified,
            "filters": described,
        }
        text = json.dumps(catalogue, indent=1, sort_keys=True)
        (folder / CATALOGUE).write_text(text + "\n", encoding="utf-8")
    job.log(
        f"{len(described)} Bloom filters of {sum(capacity.values()):,} "
        f"{settings.measured_ngram_size}-grams; a find in the overlap table is wrong with a chance "
        f"of {certified:.1e} or less"
    )


class NgramCounts:
    """A part's 8-grams by source, counted while its texts pass: rows of `source_ngrams`."""

    def __init__(self, ngram_size: int) -> None:
        self._ngram_size = ngram_size
        self._documents: Counter[str] = Counter()
        self._ngrams: Counter[str] = Counter()
        self._sketches: dict[str, distinct.Registers] = {}

    def add(self, batch: pa.Table) -> None:
        """Count the texts of a batch, which has their sources."""
        for source in pc.unique(batch["source"]).to_pylist():
            texts = _texts_of(batch, source)
            hashes = ngram_hashes(split_words(texts), self._ngram_size)[0]
            self._documents[source] += len(texts)
            self._ngrams[source] += len(hashes)
            distinct.add(hashes, self._sketches.setdefault(source, distinct.empty()))

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row a source, in order."""
        for source, sketch in sorted(self._sketches.items()):
            yield {
                "source": source, "num_documents": self._documents[source],
                "num_ngrams": self._ngrams[source], "sketch": sketch.tobytes(),
            }  # fmt: skip


def batches(documents: Dataset, before: Dataset, part: int) -> Iterator[pa.Table]:
    """The part's survivors in turns of bounded text: doc_id, num_characters, source, text."""
    table = survivors(documents, before, part, ("source", "text"))
    return in_turns(table)


def _sources(counts: Dataset) -> tuple[dict[str, list[int]], dict[str, int]]:
    """Each source's parts, and the distinct 8-grams that it has at most, by name."""
    parts_of: dict[str, list[int]] = {}
    num_ngrams: Counter[str] = Counter()
    sketches: dict[str, distinct.Registers] = {}
    for part in range(counts.num_parts):
        for row in counts.read(part).to_pylist():
            source = row["source"]
            parts_of.setdefault(source, []).append(part)
            num_ngrams[source] += row["num_ngrams"]
            sketches[source] = distinct.merged(
                sketches.get(source, distinct.empty()), row["sketch"]
            )
    return parts_of, {
        source: min(distinct.at_most(sketches[source]), num_ngrams[source])
        for source in sorted(sketches)
    }


@contextmanager
def _sized_by_the_scan(source: str) -> Iterator[None]:
    """Say of a filter that is too small, or of another size than the rest, what sized it."""
    try:
        yield
    except DataError as error:
        raise DataError(
            f"source {source}: {error}. The stage sizes it by source_ngrams, which must be of the "
            "documents as they are: run `winnow run contamination --force`"
        ) from error


def _texts_of(batch: pa.Table, source: str) -> pa.ChunkedArray:
    return batch.filter(pc.equal(batch["source"], source))["text"]


def _groups(parts: Sequence[int]) -> list[list[int]]:
    """The parts of one source by task: the same for any number of cores."""
    num_tasks = min(_MAX_TASKS_PER_FILTER, max(len(parts) // _MIN_PARTS_PER_TASK, 1))
    return [group.tolist() for group in np.array_split(np.array(parts), num_tasks)]


def _build(
    documents: Dataset, before: Dataset, settings: ContaminationSettings,
    capacity: dict[str, int], rate: float, out: PartOutput, task: Task,
) -> None:  # fmt: skip
    """Add the 8-grams of some parts of one source to a filter of the source's full size."""
    source, parts = task
    built = bloom.BloomFilter(capacity=capacity[source], rate=rate)
    for part in parts:
        for batch in batches(documents, before, part):
            texts = _texts_of(batch, source)
            with _sized_by_the_scan(source):
                built.add(ngram_hashes(split_words(texts), settings.measured_ngram_size)[0])
    _save(built, out.file("filter_parts", _file_name(out.number)))


def _look_up(
    settings: ContaminationSettings, items: Dataset, filters: Dataset, out: PartOutput, _: int
) -> None:
    """Look every 8-gram of every benchmark up in every source's filter, one at a time."""
    table = items.read(0, ["benchmark", "text"])
    names = list(settings.benchmarks)
    hashes, offsets = ngram_hashes(split_words(table["text"]), settings.measured_ngram_size)
    number = pc.index_in(table["benchmark"], value_set=pa.array(names, pa.string()))
    benchmark = np.repeat(number.to_numpy(), np.diff(offsets))
    num_ngrams = np.bincount(benchmark, minlength=len(names))
    found = {
        source: np.bincount(benchmark[is_in], minlength=len(names))
        for source, is_in in found_in(open_filters(filters, read_catalogue(filters)), hashes)
    }
    rows = [
        {
            "benchmark": name, "source": source,
            "num_ngrams": int(num_ngrams[k]), "num_found": int(counts[k]),
        }
        for k, name in enumerate(names)
        for source, counts in found.items()
    ]  # fmt: skip
    out.write_rows("overlap", rows)
    out.taken(len(rows))


def read_catalogue(filters: Dataset) -> dict[str, Any]:
    """What filters.json says of `benchmark_filter`."""
    catalogue: dict[str, Any] = json.loads(filters.store.read(filters.name, CATALOGUE))
    return catalogue


def open_filters(
    filters: Dataset, catalogue: Mapping[str, Any]
) -> Iterator[tuple[str, bloom.BloomFilter]]:
    """Each source and its filter, one at a time; raises Damaged."""
    for one in catalogue["filters"]:
        yield one["source"], _open(filters, one["file"])


def found_in(
    filters: Iterable[tuple[str, bloom.BloomFilter]], hashes: npt.NDArray[np.uint64]
) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Each source and which hashes its filter holds; last `all`, and which any filter does."""
    anywhere = np.zeros(len(hashes), np.bool_)
    for source, one in filters:
        is_in = one.contains(hashes)
        anywhere |= is_in
        yield source, is_in
    yield ALL, anywhere


def _open(dataset: Dataset, name: str) -> bloom.BloomFilter:
    where = dataset.store.path(dataset.name, name)
    if dataset.store.is_local:
        return bloom.from_bytes(np.memmap(dataset.local(name), np.uint8, "r").data, where=where)
    return bloom.from_bytes(dataset.store.read(dataset.name, name), where=where)


def _save(built: bloom.BloomFilter, path: Path) -> None:
    with path.open("wb") as handle:
        handle.write(built.header())
        handle.write(built.bits.astype("<u8", copy=False).data)


def _file_name(number: int) -> str:
    return f"{number:05d}.bloom"
