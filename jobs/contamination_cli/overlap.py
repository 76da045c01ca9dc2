"""`winnow contamination overlap`: GPT-2's Table 6, for any datasets against any corpora."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.storage import Store
from jobs.contamination_cli.text import table
from jobs.options import json_option
from jobs.text_files import texts_of_file

if TYPE_CHECKING:
    from filters.bloom import BloomFilter

NGRAM_SIZE = 8  # GPT-2 section 4
RATE = 1e-8  # GPT-2 section 4
ALL = "all"

UInt64Array = npt.NDArray[np.uint64]


class Corpus(NamedTuple):
    """The 8-grams of a corpus."""

    name: str
    certified_rate: float
    """Chance that a find is wrong."""
    filters: list[tuple[str, BloomFilter]]
    """By source."""


@click.command()
@click.argument("corpus")
@click.argument("datasets", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--corpus", "others", multiple=True, help="One more corpus.")
@json_option
def overlap(
    corpus: str, datasets: tuple[str, ...], others: tuple[str, ...], as_json: bool
) -> None:
    """Print the share of each dataset's 8-grams that a corpus holds (GPT-2 section 4).

    A CORPUS is a root in which the stage contamination has run, or a file; a dataset is a file:
    JSON lines, Parquet or .txt. 8-grams are of one text, of lower-case words, by occurrence.

    \b
    Example: winnow contamination overlap build/real test.txt.gz other.jsonl
             winnow contamination overlap train.txt.gz test.txt.gz --corpus build/real
    """
    corpora = [_corpus(name) for name in (corpus, *others)]
    rows = []
    for path in datasets:
        ngrams = _ngrams(path)
        rows += [
            {"dataset": path, "corpus": one.name, "source": source, "num_ngrams": len(ngrams),
             "num_found": found}
            for one in corpora for source, found in _found(one, ngrams)
        ]  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    _print(rows, corpora, datasets)


def _print(
    rows: list[dict[str, Any]], corpora: list[Corpus], datasets: tuple[str, ...]
) -> None:
    shares: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        share = f"{row['num_found'] / row['num_ngrams']:.2%}" if row["num_ngrams"] else "-"
        shares.setdefault((row["corpus"], row["source"]), {})[row["dataset"]] = share
    lines = [("corpus", "source", *(Path(path).name for path in datasets))]
    for (name, source), own in shares.items():
        lines.append((name, source, *(own[path] for path in datasets)))
    for line in table(lines, numbers=range(2, len(lines[0]))):
        click.echo(line)
    worst = max(one.certified_rate for one in corpora)
    click.echo(f"A find is wrong with a chance of {worst:.1e} at most.")


def _found(corpus: Corpus, ngrams: UInt64Array) -> Iterator[tuple[str, int]]:
    """How many 8-grams each source holds, and how many any source does."""
    anywhere = np.zeros(len(ngrams), np.bool_)
    for source, one in corpus.filters:
        is_in = one.contains(ngrams)
        anywhere |= is_in
        if len(corpus.filters) > 1:
            yield source, int(is_in.sum())
    yield ALL, int(anywhere.sum())


def _corpus(name: str) -> Corpus:
    from filters.bloom import BloomFilter

    if Path(name).is_file():
        ngrams = np.unique(_ngrams(name))
        built = BloomFilter(capacity=len(ngrams), rate=RATE)
        built.add(ngrams)
        return Corpus(name, built.certified_rate, [(ALL, built)])
    return _of_root(name)


def _of_root(root: str) -> Corpus:
    from jobs.decontamination.overlap import CATALOGUE, open_filter

    filters = open_dataset(Store(root), "benchmark_filter")
    found = json.loads(filters.store.read(filters.name, CATALOGUE))
    if found["ngram_size"] != NGRAM_SIZE:
        raise InputError(
            f"{root}: its filters are of {found['ngram_size']}-grams; expected {NGRAM_SIZE}-grams, "
            "as GPT-2 measured: run contamination with contamination.measured_ngram_size = 8"
        )
    return Corpus(
        root,
        found["certified_rate"],
        [(one["source"], open_filter(filters, one["file"])) for one in found["filters"]],
    )


def _ngrams(path: str) -> UInt64Array:
    """Hashes of the 8-grams of a file's texts; raises InputError where it has none."""
    from corpus.words import ngram_hashes, split_words

    left_out: Counter[str] = Counter()
    texts = [text.text for text in texts_of_file(path, left_out)]
    hashes = ngram_hashes(split_words(pa.array(texts, pa.large_string())), NGRAM_SIZE)[0]
    if not len(hashes):
        raise InputError(f"{path}: {len(texts):,} texts without one 8-gram; expected some")
    for reason, count in sorted(left_out.items()):
        click.echo(f"{path}: {count:,} left out: {reason}", err=True)
    return hashes
