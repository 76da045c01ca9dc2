"""What an index of so many N-grams takes: bytes a key, and memory that workers share.

    python -m tests.benchmarks.ngram_memory --millions 1 10 100

The texts are words drawn from 200,000 by Zipf's law, 1,000 a text, so that an N-gram of 13 words is
hardly ever twice. The index is built, written as the stage writes it, and mapped by workers, each a
process that scans text for it. Of a worker's memory `mapped` is what it has of the files, and `own
part` its share of that, as the kernel counts (Pss: a page that two have is half of each).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from filters.contamination.index import NgramIndex, build_index, find, from_arrays
from tests.benchmarks.frame import BUILD

NGRAM_SIZE = 13
VOCABULARY = 200_000
WORDS_PER_TEXT = 1_000
NUM_SCANNED = 20_000_000  # bytes
WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 10, 100])
    parser.add_argument("--worker", type=Path, help="scan for the index in this folder")
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker)
        return
    table = Table("N-grams", "bytes a key", "held", "build s", "build GiB", "MB/s",
                  "mapped MiB", "own part")  # fmt: skip
    for millions in arguments.millions:
        table.add_row(*measure(round(millions * 1e6)))
    Console().print(table)


def measure(num_ngrams: int) -> list[str]:
    """Build, write and map an index of about so many N-grams: a row of the table."""
    folder = BUILD / "ngram_memory"
    folder.mkdir(parents=True, exist_ok=True)
    num_texts = -(-num_ngrams // (WORDS_PER_TEXT - NGRAM_SIZE + 1))
    made = texts(num_texts, seed=1)
    started = time.perf_counter()
    index = build_index(made, [NGRAM_SIZE] * num_texts)
    seconds = time.perf_counter() - started
    for name, array in index.arrays().items():
        np.save(folder / f"{name}.npy", array)
    per_key = index.num_bytes / index.num_ngrams
    held, count = index.held.nbytes / index.num_ngrams, index.num_ngrams
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    del index, made
    command = [sys.executable, "-m", "tests.benchmarks.ngram_memory", "--worker", str(folder)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(WORKERS)
    ]
    for worker in workers:  # all have scanned before any says what it holds
        answer(worker)
    found = [json.loads(answer(worker, "now\n")) for worker in workers]
    for worker in workers:
        worker.communicate()
    return [
        f"{count:,}", f"{per_key:.2f}", f"{held:.2f}", f"{seconds:.1f}", f"{peak:.1f}",
        f"{min(one['rate'] for one in found):.0f}",
        *(f"{max(one[name] for one in found) / 2**20:.0f}" for name in ("mapped", "own")),
    ]  # fmt: skip


def answer(worker: subprocess.Popen[str], question: str = "") -> str:
    """The next line of a worker."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(question)
    worker.stdin.flush()
    return worker.stdout.readline()


def work(folder: Path) -> None:
    """Scan other texts and some that are in the index, then say what memory is the index'."""
    index = mapped(folder)
    others = texts(NUM_SCANNED // (6 * WORDS_PER_TEXT), seed=2)
    column = pa.array(others, pa.large_string())
    find(column.slice(0, 10), index)
    started = time.process_time()
    for first in range(0, len(others), 1_000):
        find(column.slice(first, 1_000), index)
    rate = column.nbytes / 1e6 / (time.process_time() - started)
    known = pa.array(texts(5, seed=1), pa.large_string())
    hits = find(known, index)
    assert len(hits.document) == 5 * (WORDS_PER_TEXT - NGRAM_SIZE + 1)
    print("scanned", flush=True)
    sys.stdin.readline()
    print(json.dumps({"rate": rate, **memory_of(folder)}), flush=True)
    sys.stdin.readline()


def memory_of(folder: Path) -> dict[str, int]:
    """Bytes of the folder's files that this process has in memory, and its part of them."""
    found = {"Rss": 0, "Pss": 0}
    is_ours = False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name in found and is_ours:
            found[name] += int(value.split()[0]) * 1024
        elif " " in name:  # a mapping's first line
            is_ours = str(folder) in line
    return {"mapped": found["Rss"], "own": found["Pss"]}


def mapped(folder: Path) -> NgramIndex:
    """The index, its files mapped."""
    return from_arrays({one.stem: np.load(one, mmap_mode="r") for one in folder.glob("*.npy")})


def texts(number: int, *, seed: int) -> list[str]:
    """Texts of words by Zipf's law; the first of them do not depend on how many there are."""
    made = []
    weights = 1.0 / np.arange(1, VOCABULARY + 1)
    chances = np.cumsum(weights) / weights.sum()
    names = np.array([f"w{k:x}" for k in range(VOCABULARY)], object)
    for first in range(0, number, 1_000):
        draws = np.random.default_rng([seed, first]).random((1_000, WORDS_PER_TEXT))
        words = names[np.searchsorted(chances, draws).clip(max=VOCABULARY - 1)]
        made += [" ".join(row) for row in words[: number - first]]
    return made


if __name__ == "__main__":
    main()
