"""`winnow dedup scan`: the duplicates of any files, on one machine, without the pipeline."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import click
import numpy as np
import pyarrow as pa

from jobs.options import read_settings, recipe_options, remembered
from jobs.text_files import Text, texts_of_file


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@recipe_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a removed text.")
def scan(
    files: tuple[str, ...],
    recipe: str | None,
    root: str,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find the duplicates among the texts of JSON lines (packed or not), Parquet or .txt files.

    Of duplicates the longest stays, then the first. All texts are in memory: for more, `winnow run
    dedup`. What is removed is printed, with what stays for it; counts go to standard error.

    \b
    Example: winnow dedup scan a.jsonl.gz b.parquet --recipe fineweb --json | head
    """
    from filters.dedup import DedupSettings
    from filters.dedup.decide import decide_documents

    settings = DedupSettings(keep="longest")
    seed = 0
    if recipe is not None or overrides:
        chosen = read_settings(*remembered(root, recipe or "webtext", overrides))
        settings, seed = chosen.dedup, chosen.seed
    left_out: Counter[str] = Counter()
    texts = [text for path in files for text in texts_of_file(path, left_out)]
    table = _table(texts)
    found = decide_documents(table, settings, seed=seed)
    alike = _similarities(found.pairs)
    removed = np.flatnonzero(found.clusters.reason).tolist()
    for row in removed:
        click.echo(_line(texts, row, int(found.kept[row]), found.copy_of, alike, as_json))
    lost = "".join(f", {count:,} {reason}" for reason, count in sorted(left_out.items()))
    click.echo(
        f"{len(texts):,} texts, {len(texts) - len(removed):,} stay, {len(removed):,} go{lost}",
        err=True,
    )


def _table(texts: list[Text]) -> pa.Table:
    n = len(texts)
    return pa.table(
        {
            "doc_id": pa.array([row.to_bytes(16, "big") for row in range(n)], pa.binary(16)),
            "source": pa.nulls(n, pa.string()),
            "score": pa.nulls(n, pa.float32()),
            "num_characters": pa.array([len(text.text) for text in texts], pa.int64()),
            "fetched_at": pa.nulls(n, pa.timestamp("us", "UTC")),
            "text": pa.array([text.text for text in texts], pa.large_string()),
        }
    )


def _similarities(pairs: dict[str, Any]) -> dict[tuple[int, int], float]:
    ends = (pairs[side][pairs["verified"]].tolist() for side in ("left", "right"))
    return dict(
        zip(zip(*ends, strict=True), pairs["jaccard"][pairs["verified"]].tolist(), strict=True)
    )


def _line(
    texts: list[Text],
    row: int,
    kept: int,
    copy_of: np.ndarray,
    alike: dict[tuple[int, int], float],
    as_json: bool,
) -> str:
    """What is removed, what stays for it, and how alike the two are."""
    speaker = int(copy_of[row])
    is_copy = speaker == kept
    jaccard = 1.0 if is_copy else alike.get((min(speaker, kept), max(speaker, kept)))
    gone, stays = texts[row], texts[kept]
    if as_json:
        value = {
            "file": gone.file, "line": gone.number, "kept_file": stays.file,
            "kept_line": stays.number, "is_copy": is_copy, "jaccard": jaccard,
        }  # fmt: skip
        return json.dumps(value)
    said = "exact copy" if is_copy else f"Jaccard {jaccard:.4f}" if jaccard else "by a chain"
    return f"{gone.file}:{gone.number}  {said} of  {stays.file}:{stays.number}"
