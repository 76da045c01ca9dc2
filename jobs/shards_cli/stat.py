"""`winnow shards stat`: how many tokens, of what, in documents of what length."""

from __future__ import annotations

import json
from typing import Any

import click
import numpy as np
import pyarrow.compute as pc

from corpus.shards import SPLITS
from jobs.options import json_option, root_option
from jobs.shards_cli.places import Shards, open_shards
from jobs.token_rates import bytes_per_token

PERCENTILES = (1, 10, 50, 90, 99)


@click.command()
@root_option
@json_option
def stat(root: str, as_json: bool) -> None:
    """Count tokens, documents and sources of each split, and the lengths of documents.

    \b
    Example: winnow shards stat --root build/real
    """
    shards = open_shards(root)
    manifest = shards.manifest
    told = {
        "recipe": manifest.recipe,
        "seed": manifest.seed,
        "vocab_size": manifest.vocab_size,
        "dtype": manifest.dtype,
        "tokenizer_sha256": manifest.tokenizer_sha256,
        "bytes_per_token": bytes_per_token(shards.store),
        "splits": {split: _split(shards, split) for split in SPLITS},
    }
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    _print(told)


def _split(shards: Shards, split: str) -> dict[str, Any]:
    own = [(i, shard) for i, shard in enumerate(shards.manifest.shards) if shard.split == split]
    lengths, sources = [np.empty(0, np.int64)], dict[str, dict[str, int]]()
    for part, _ in own:
        rows = shards.rows(part, ["source", "start", "end"])
        rows = rows.append_column("tokens", pc.subtract(rows["end"], rows["start"]))
        lengths.append(rows["tokens"].to_numpy())
        counted = rows.group_by("source").aggregate([("tokens", "sum"), ("tokens", "count")])
        for row in counted.to_pylist():
            into = sources.setdefault(row["source"], {"num_documents": 0, "num_tokens": 0})
            into["num_documents"] += row["tokens_count"]
            into["num_tokens"] += row["tokens_sum"]
    all_lengths = np.concatenate(lengths)
    percentiles = {}
    if len(all_lengths):
        found = np.percentile(all_lengths, PERCENTILES, method="inverted_cdf").tolist()
        percentiles = dict(zip(map(str, PERCENTILES), map(int, found), strict=True))
    return {
        "num_shards": len(own),
        "num_tokens": sum(shard.num_tokens for _, shard in own),
        "num_documents": sum(shard.num_documents for _, shard in own),
        "num_texts": sum(shard.num_texts for _, shard in own),
        "sources": dict(sorted(sources.items())),
        "length_percentiles": percentiles,
    }


def _print(told: dict[str, Any]) -> None:
    if told["recipe"]:
        click.echo(f"made by the recipe {told['recipe']}, seed {told['seed']}")
    click.echo(f"{told['vocab_size']:,} ids in {told['dtype']}, tokenizer "
               f"{told['tokenizer_sha256'][:16]}")  # fmt: skip
    rate = told["bytes_per_token"]
    for split, counts in told["splits"].items():
        about = f", about {counts['num_tokens'] * rate:,.0f} bytes of text" if rate else ""
        click.echo(
            f"{split}: {counts['num_tokens']:,} tokens, {counts['num_documents']:,} document "
            f"copies, {counts['num_texts']:,} texts in {counts['num_shards']} shards{about}"
        )
        for name, source in counts["sources"].items():
            share = source["num_tokens"] / counts["num_tokens"]
            click.echo(
                f"    {name:<16} {source['num_tokens']:>16,} tokens {share:>7.2%} "
                f"{source['num_documents']:>12,} copies"
            )
        if counts["length_percentiles"]:
            said = ", ".join(f"{n}%: {v:,}" for n, v in counts["length_percentiles"].items())
            click.echo(f"    tokens of a document: {said}")
    if rate:
        click.echo(f"{rate:.3f} bytes a token, over all survivors, every end-of-text counted")
