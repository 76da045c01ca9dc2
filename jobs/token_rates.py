"""How many bytes a token of the root stands for: table `token_rates`, which mix wrote."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from corpus.datasets import MANIFEST, open_dataset
from corpus.storage import Store


def bytes_per_token(store: Store) -> float | None:
    """Over all survivors, every end-of-text counted; None before mix, or where nothing survives."""
    if not store.exists("token_rates", MANIFEST):
        return None
    rates = open_dataset(store, "token_rates").read_all(("num_bytes", "num_tokens"))
    num_tokens = sum(rates["num_tokens"].to_pylist())
    return sum(rates["num_bytes"].to_pylist()) / num_tokens if num_tokens else None


def rates_by(rates: pa.Table, keys: Sequence[str]) -> list[dict[str, object]]:
    """Rows of `token_rates` added up by source, language or both, with bytes_per_token."""
    names = ("num_documents", "num_bytes", "num_tokens")
    summed = rates.group_by(list(keys)).aggregate([(name, "sum") for name in names])
    rows = []
    for row in summed.sort_by([(key, "ascending") for key in keys]).to_pylist():
        counts = {name: row[f"{name}_sum"] for name in names}
        rate = counts["num_bytes"] / counts["num_tokens"] if counts["num_tokens"] else None
        rows.append({key: row[key] for key in keys} | counts | {"bytes_per_token": rate})
    return rows
