"""The benchmarks' index: every text, each benchmark with its own N."""

from __future__ import annotations

import json

import pyarrow as pa

from corpus.benchmarks import BenchmarkSettings
from filters.contamination import ContaminationSettings
from filters.contamination.index import find
from jobs.decontamination.index import benchmark_index


def words(prefix, number):
    return " ".join(f"{prefix}{k}" for k in range(number))


def test_each_benchmark_is_indexed_with_its_own_size(tmp_path):
    benchmarks = {}
    for name, length in (("long", 40), ("short", 9)):
        path = tmp_path / f"{name}.jsonl"
        rows = [{"q": words(f"{name}{i}x", length)} for i in range(5)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        benchmarks[name] = BenchmarkSettings(files=(str(path),), fields={"question": ("q",)})
    index = benchmark_index(ContaminationSettings(benchmarks=benchmarks))
    assert index.sizes.tolist() == [13] * 5 + [9] * 5
    texts = [words("long3x", 13), words("long3x", 12), words("short2x", 9), "none of them"]
    found = find(pa.array(texts, pa.large_string()), index)
    assert found.document.tolist() == [0, 2]


def test_without_benchmarks_nothing_is_found():
    index = benchmark_index(ContaminationSettings())
    assert len(find(pa.array([words("a", 30)], pa.large_string()), index).document) == 0
