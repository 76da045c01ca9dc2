"""The exact index of the N-grams of a recipe's benchmarks, each benchmark with its own N."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from corpus.benchmarks import read_benchmark
from corpus.words import split_words
from filters.contamination import ContaminationSettings, choose_ngram_size
from filters.ngram_index import NgramIndex, build_index


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
