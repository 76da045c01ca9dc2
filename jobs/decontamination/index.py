"""The exact index of the N-grams of a recipe's benchmarks, each benchmark with its own N."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.benchmarks import read_benchmark
from corpus.datasets import Dataset, open_dataset
from corpus.storage import Store
from corpus.words import split_words
from filters.contamination import ContaminationSettings
from filters.contamination.index import NgramIndex, build_index, from_arrays
from filters.contamination.texts import choose_ngram_sizes, looked_for

Int64Array = npt.NDArray[np.int64]


class Text(NamedTuple):
    """One text that is looked for."""

    benchmark: str
    item_id: str
    field: str
    text: str
    ngram_size: int


def texts_looked_for(settings: ContaminationSettings) -> list[Text]:
    """Every text of every benchmark that the rule looks for, with its N, in the recipe's order."""
    texts: list[Text] = []
    for name, benchmark in settings.benchmarks.items():
        fields = looked_for(name, read_benchmark(name, benchmark), settings.rule)
        column = pa.array([field.text for field in fields], pa.large_string())
        sizes = choose_ngram_sizes(fields, np.diff(split_words(column).offsets), settings.rule)
        texts += [Text(name, *field, size) for field, size in zip(fields, sizes, strict=True)]
    return texts


def benchmark_index(settings: ContaminationSettings) -> NgramIndex:
    """Index the benchmarks' texts; empty where the recipe names none."""
    texts = texts_looked_for(settings)
    return build_index([one.text for one in texts], [one.ngram_size for one in texts])


@lru_cache(maxsize=1)
def _load_at(root: str, digest: str) -> NgramIndex:
    """The index, once a process; the digest keeps a later run from meeting an older one."""
    dataset = open_dataset(Store(root), "benchmark_index")
    return from_arrays({name.removesuffix(".npy"): _array(dataset, name)
                        for name in dataset.files()})  # fmt: skip


def load(index: Dataset) -> NgramIndex:
    """The index as the stage has published it, mapped where its files are local."""
    return _load_at(index.store.root, index.digest())


def _array(dataset: Dataset, name: str) -> npt.NDArray[Any]:
    local = dataset.store.is_local
    source = dataset.local(name) if local else io.BytesIO(dataset.store.read(dataset.name, name))
    array: npt.NDArray[Any] = np.load(source, mmap_mode="r" if local else None)
    return array


def num_documents(dataset: Dataset, index: NgramIndex) -> Int64Array:
    """int64 (num_ngrams,): documents that hold each N-gram; 0 where it was not found."""
    table = dataset.read_all()
    counts = np.zeros(index.num_ngrams, np.int64)
    counts[table["ngram"].to_numpy()] = table["num_documents"].to_numpy()
    return counts
