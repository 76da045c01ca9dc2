"""Benchmark files: the items whose text must not be trained on.

settings.py says what a recipe names of a benchmark, registry.toml the published fields, splits and
tasks of the usual ones. files.py finds the files, layouts.py those of a split in a folder as
Hugging Face lays it out, shards.py puts its shards in order; formats.py reads them, reading.py
takes the fields of each item, tasks.py tells which document of which lm-evaluation-harness task an
item is.
An item that cannot be read stops the stage with InputError: an unread item is not looked for.
Cost: all items are held in memory, about four times the files' size.
"""

from __future__ import annotations

from corpus.benchmarks.files import benchmark_files, benchmark_groups
from corpus.benchmarks.reading import ItemField, identified_items, num_items, read_benchmark
from corpus.benchmarks.registry import KnownBenchmark, known_benchmark, known_benchmarks
from corpus.benchmarks.settings import BenchmarkSettings
from corpus.benchmarks.shards import FileGroup
from corpus.benchmarks.tasks import TaskDocument, task_documents

__all__ = [
    "BenchmarkSettings",
    "ItemField",
    "read_benchmark",
    "identified_items",
    "num_items",
    "FileGroup",
    "benchmark_files",
    "benchmark_groups",
    "KnownBenchmark",
    "known_benchmark",
    "known_benchmarks",
    "TaskDocument",
    "task_documents",
]
