"""Scanning texts for benchmarks' 13-grams, against rbloom's Bloom filter and a Python set.

The index is every 13-gram of the benchmarks of the recipe real_pages, built beforehand on each
side. Each scan looks every 13-gram of every text up. The set is exact and must name the documents
that ours names; the Bloom filter may name more (0.1 % a 13-gram) but none less. Ours confirms each
find by its words and says where it stands; the peers only say that it is there.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from corpus.benchmarks import read_benchmark
from filters.contamination.index import build_index, find
from jobs.recipe import read_recipe
from tests.benchmarks.frame import Peer, Row, in_turn, peer_input, require, sample_texts

NGRAM_SIZE = 13  # GPT-3 appendix C


def rows(data: Path) -> list[Row]:
    benchmarks = read_recipe("real_pages", [f"data={data}"]).contamination.benchmarks
    known = [f.text for name, b in benchmarks.items() for f in read_benchmark(name, b)]
    index = build_index(known, [NGRAM_SIZE] * len(known))
    sample = sample_texts(data, num_bytes=10_000_000)
    texts = pa.array(sample.texts, pa.large_string())

    def ours() -> list[int]:
        return sorted(set(find(texts, index).document.tolist()))

    compared = []
    for method, name in (("rbloom", "rbloom"), ("set", "Python set")):
        with Peer("ngrams_found.py", method, sample.path, peer_input("benchmarks", known)) as peer:
            found = in_turn(sample.megabytes, ours, peer)
        mine, theirs = set(found.our_result), set(found.peer_result)
        require(
            mine <= theirs if method == "rbloom" else mine == theirs,
            f"{name}: documents {sorted(mine ^ theirs)[:10]} found by one side only",
        )
        compared.append(
            found.row("contamination", f"13-gram scan / {name}", unit="MB/s", target=10.0)
        )
    return compared
