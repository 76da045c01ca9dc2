"""`winnow vocabulary`: what the root's vocabulary makes of its documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click
import numpy as np

from corpus.datasets import open_dataset
from corpus.storage import Store
from corpus.tokenizer.files import read_root
from corpus.tokenizer.report import describe, token_use
from jobs.options import json_option, root_option
from jobs.token_rates import rates_by

NUM_SHOWN = 10  # longest and unreached tokens that are printed; JSON has more


@click.command()
@root_option
@json_option
def vocabulary(root: str, as_json: bool) -> None:
    """Show bytes a token by source and language, longest tokens, and those never used.

    Over all survivors, as the stage mix counted them.

    \b
    Example: winnow vocabulary --root build/real
             winnow vocabulary --root build/real --json
    """
    found = report(Store(root))
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for line in _lines(found):
        click.echo(line)


def report(store: Store) -> dict[str, Any]:
    """The vocabulary, its use and its rates as plain values; raises NotBuilt before mix."""
    learnt, _ = read_root(store)
    uses = open_dataset(store, "token_uses").read_all()
    counts = np.zeros(learnt.size, np.int64)
    counts[uses["id"].to_numpy()] = uses["count"].to_numpy()
    rates = open_dataset(store, "token_rates").read_all()
    about = describe(learnt)
    del about["token_bytes"]
    return {
        "vocabulary": about,
        "use": token_use(learnt, counts),
        "by_source": rates_by(rates, ["source"]),
        "by_language": rates_by(rates, ["language"]),
        "by_source_and_language": rates_by(rates, ["source", "language"]),
    }


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    about, use = found["vocabulary"], found["use"]
    yield (
        f"{about['vocab_size']:,} tokens over {about['kind']}, {about['num_merges']:,} merges"
    )
    for name in ("source", "language"):
        yield f"by {name}: documents, tokens, bytes a token"
        for row in sorted(found[f"by_{name}"], key=lambda row: -row["num_tokens"]):
            rate = f"{row['bytes_per_token']:.3f}" if row["bytes_per_token"] else "-"
            yield (
                f"    {row[name] or '-':<20} {row['num_documents']:>12,} "
                f"{row['num_tokens']:>16,}  {rate}"
            )
    yield "longest tokens: bytes, times used"
    yield from (_token_line(token) for token in use["longest"][:NUM_SHOWN])
    yield f"never used: {use['num_unreached']:,} tokens"
    yield from (_token_line(token) for token in use["unreached"][:NUM_SHOWN])
    if use["single_byte_share"] is not None:
        yield f"tokens of one byte: {use['single_byte_share']:.2%} of all used"


def _token_line(token: Mapping[str, Any]) -> str:
    return f"    {token['id']:>8} {token['bytes']:>5} {token['count']:>14,}  {token['token']}"


__all__ = ["vocabulary"]
