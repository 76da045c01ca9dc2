"""The exact index of the N-grams of a recipe's benchmarks, each benchmark with its own N."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.benchmarks import read_benchmark
from corpus.datasets import Dataset, open_dataset
from corpus.storage import Store
from corpus.words import split_words
from filters.contamination import ContaminationSettings
from filters.contamination.index import NgramIndex, build_index, from_arrays
from filters.contamination.items import choose_ngram_size

Int64Array = npt.NDArray[np.int64]


def benchmark_index(settings: ContaminationSettings) -> NgramIndex:
    """Read every benchmark and index its texts; empty where the recipe names none."""
    texts: list[str] = []
    sizes: list[int] = []
    for name, benchmark in settings.benchmarks.items():
        own = [field.text for field in read_benchmark(name, benchmark)]
        num_words = np.diff(split_words(pa.array(own, pa.large_string())).offsets)
        texts += own
        sizes += [choose_ngram_size(num_words, settings)] * len(own)
    return build_index(texts, sizes)


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
