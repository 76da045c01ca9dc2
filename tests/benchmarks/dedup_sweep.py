"""The sweeps that chose dedup's defaults: bands and rows, and the largest bucket that is squared.

    python -m tests.benchmarks.dedup_sweep --data DATA [--documents 1000000]

Bands are swept on the 15,000 real texts whose near pairs are all known (near_duplicates.py), and on
synthetic documents with page templates (synthetic.py), where false candidates are what costs; the
largest bucket on the latter. A row a setting: keys and candidate pairs a document, the share of the
near pairs found (of the synthetic ones, of those that any setting finds), what is removed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from filters.dedup import DedupSettings
from filters.dedup.decide import Decision, decide_documents
from tests.benchmarks.near_duplicates import dedup_set, exact_pairs, score
from tests.benchmarks.synthetic import part_tables, plan

BANDS = ((10, 4), (14, 8), (16, 4), (18, 5), (20, 4), (20, 5), (20, 6), (24, 5), (25, 6), (28, 4))
BUCKETS = (2, 4, 8, 16, 32, 64, 128, 512)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=1_000_000)
    arguments = parser.parse_args()
    texts = dedup_set(arguments.data)
    _sweep_bands_on_real_texts(texts)
    documents = synthetic(arguments.documents)
    _sweep(documents, "bands of rows", {
        f"{bands} of {rows}": DedupSettings(num_bands=bands, num_rows=rows)
        for bands, rows in BANDS
    })  # fmt: skip
    _sweep(documents, "largest bucket", {
        f"{size}": DedupSettings(max_bucket=size) for size in BUCKETS
    })  # fmt: skip


def synthetic(num_documents: int) -> pa.Table:
    """Documents as `decide_documents` takes them."""
    documents, quality = part_tables(plan(num_documents), 0, num_parts=1)
    names = ("doc_id", "source", "num_characters", "fetched_at", "text")
    return documents.select(names).append_column("score", quality["score"])


def _sweep_bands_on_real_texts(texts: list[str]) -> None:
    pairs = exact_pairs(texts)
    column = pa.array(texts, pa.large_string())
    n = len(texts)
    documents = pa.table(
        {
            "doc_id": pa.array([row.to_bytes(16, "big") for row in range(n)], pa.binary(16)),
            "source": pa.nulls(n, pa.string()),
            "score": pa.nulls(n, pa.float32()),
            "num_characters": pa.array([len(text) for text in texts], pa.int64()),
            "fetched_at": pa.nulls(n, pa.timestamp("us", "UTC")),
            "text": column,
        }
    )
    table = Table("real texts", "candidates", "recall", "false removals", "seconds")
    for bands, rows in BANDS:
        found, seconds = _decided(documents, DedupSettings(num_bands=bands, num_rows=rows))
        removed = np.flatnonzero(found.kept != np.arange(n)).tolist()
        judged = score(removed, pairs)
        table.add_row(
            f"{bands} of {rows}", f"{len(found.pairs['left']):,}", f"{judged.recall:.4f}",
            f"{judged.false_removals}", f"{seconds:.2f}",
        )  # fmt: skip
    Console().print(table)


def _sweep(documents: pa.Table, what: str, settings: dict[str, DedupSettings]) -> None:
    found = {name: _decided(documents, one) for name, one in settings.items()}
    proved = {name: _proved(decision) for name, (decision, _) in found.items()}
    known = np.unique(np.concatenate(list(proved.values())))
    table = Table(what, "keys a document", "candidates a document", "near pairs found", "removed",
                  "removed as by the last", "seconds")  # fmt: skip
    kept = [decision.kept == np.arange(len(decision.kept)) for decision, _ in found.values()]
    for (name, (decision, seconds)), its_kept in zip(found.items(), kept, strict=True):
        n = documents.num_rows
        table.add_row(
            name, f"{settings[name].num_bands}", f"{len(decision.pairs['left']) / n:.3f}",
            f"{len(proved[name]) / len(known):.5f}", f"{n - its_kept.sum():,}",
            f"{1 - (its_kept != kept[-1]).sum() / (n - kept[-1].sum()):.5f}", f"{seconds:.1f}",
        )  # fmt: skip
    Console(width=120).print(table)


def _decided(documents: pa.Table, settings: DedupSettings) -> tuple[Decision, float]:
    started = time.process_time()
    found = decide_documents(documents, settings, seed=1)
    return found, time.process_time() - started


def _proved(decision: Decision) -> np.ndarray:
    pairs = decision.pairs
    left, right = (pairs[side][pairs["verified"]].astype(np.int64) for side in ("left", "right"))
    return left << 32 | right


if __name__ == "__main__":
    main()
