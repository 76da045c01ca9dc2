"""`winnow contamination overlap`: GPT-2's Table 6, for any datasets against any corpora."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.storage import Store
from filters.contamination import ContaminationSettings
from jobs.contamination_cli.text import table
from jobs.options import json_option
from jobs.text_files import texts_of_file

if TYPE_CHECKING:
    from filters.bloom import BloomFilter

UInt64Array = npt.NDArray[np.uint64]

AS_PUBLISHED = ContaminationSettings()
"""GPT-2's size of N-grams and rate, which are the stage's where a recipe has no others."""


CONFIDENCE = 0.95
"""Of the upper bound on the rate at which random keys are found (Clopper and Pearson 1934)."""
PROBES_AT_ONCE = 1 << 22


class Corpus(NamedTuple):
    """The N-grams of a corpus."""

    name: str
    certified_rate: float
    """Chance that a find is wrong."""
    filters: Sequence[tuple[str, BloomFilter]]
    """By source."""


@click.command()
@click.argument("corpus")
@click.argument("datasets", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option("--corpus", "others", multiple=True, help="One more corpus.")
@click.option("--probes", type=click.IntRange(1), metavar="N",
              help="Look N random keys up, of which every find is wrong: 3e8 of them with none "
                   "found certify 1e-8 by themselves, but a full filter finds some: it takes 4e9.")
@json_option
def overlap(
    corpus: str,
    datasets: tuple[str, ...],
    others: tuple[str, ...],
    probes: int | None,
    as_json: bool,
) -> None:
    """Print the share of each dataset's 8-grams that a corpus holds (GPT-2 section 4).

    A CORPUS is a root in which the stage contamination has run, or a file; a dataset is a file:
    JSON lines, Parquet or .txt. 8-grams are of one text, of lower-case words, by occurrence.

    \b
    Example: winnow contamination overlap build/real test.txt.gz other.jsonl
             winnow contamination overlap train.txt.gz test.txt.gz --corpus build/real
             winnow contamination overlap build/real --probes 300000000
    """
    if not datasets and probes is None:
        raise click.UsageError("Missing a dataset, or --probes.")
    corpora = [_corpus(name) for name in (corpus, *others)]
    rows = []
    for path in datasets:
        ngrams = _ngrams(path)
        rows += [
            {"dataset": path, "corpus": one.name, "source": source, "num_ngrams": len(ngrams),
             "num_found": found}
            for one in corpora for source, found in _counts(one, ngrams)
        ]  # fmt: skip
    probed = [_probed(one, probes) for one in corpora] if probes is not None else []
    if as_json:
        click.echo(json.dumps([*rows, *probed], indent=1))
        return
    if datasets:
        _print(rows, corpora, datasets)
    for row in probed:
        click.echo(
            f"{row['corpus']}: {row['num_found']:,} of {row['num_probes']:,} random keys found: a "
            f"find is wrong with a chance of {row['upper_bound']:.2e} at most, with 95 % "
            f"confidence; its bits certify {row['certified_rate']:.2e}, by which "
            f"{row['certified_rate'] * row['num_probes']:,.1f} are due."
        )


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


def _probed(corpus: Corpus, num_probes: int) -> dict[str, Any]:
    """How many random keys any source's filter holds, and what that says of its rate.

    A random key is one of the corpus' own with a chance of 5e-11 for 10^9 of them: each find is
    taken for wrong.
    """
    from scipy.special import betaincinv

    from jobs.decontamination.overlap import found_in

    random = np.random.default_rng(0)
    num_found = 0
    for first in range(0, num_probes, PROBES_AT_ONCE):
        size = min(PROBES_AT_ONCE, num_probes - first)
        keys = random.integers(0, 1 << 64, size, np.uint64)
        *_, (_, in_any) = found_in(corpus.filters, keys)
        num_found += int(in_any.sum())
    missed = num_probes - num_found
    bound = float(betaincinv(num_found + 1, missed, CONFIDENCE)) if missed else 1.0
    return {
        "corpus": corpus.name, "num_probes": num_probes, "num_found": num_found,
        "upper_bound": bound, "certified_rate": corpus.certified_rate,
    }  # fmt: skip


def _counts(corpus: Corpus, ngrams: UInt64Array) -> Iterator[tuple[str, int]]:
    """How many N-grams each source holds, where there are several, and how many any source does."""
    from jobs.decontamination.overlap import ALL, found_in

    for source, is_in in found_in(corpus.filters, ngrams):
        if source == ALL or len(corpus.filters) > 1:
            yield source, int(is_in.sum())


def _corpus(name: str) -> Corpus:
    from filters.bloom import BloomFilter

    if not Path(name).is_file():
        return _of_root(name)
    ngrams = np.unique(_ngrams(name))
    built = BloomFilter(capacity=len(ngrams), rate=AS_PUBLISHED.false_positive_rate)
    built.add(ngrams)
    return Corpus(name, built.certified_rate, [(name, built)])


def _of_root(root: str) -> Corpus:
    from jobs.decontamination.overlap import open_filters, read_catalogue

    filters = open_dataset(Store(root), "benchmark_filter")
    catalogue = read_catalogue(filters)
    found, expected = catalogue["ngram_size"], AS_PUBLISHED.measured_ngram_size
    if found != expected:
        raise InputError(
            f"{root}: its filters are of {found}-grams; expected {expected}-grams, as GPT-2 "
            f"measured: run contamination with contamination.measured_ngram_size = {expected}"
        )
    return Corpus(root, catalogue["certified_rate"], list(open_filters(filters, catalogue)))


def _ngrams(path: str) -> UInt64Array:
    """Hashes of the 8-grams of a file's texts; raises InputError where it has none."""
    from corpus.words import ngram_hashes, split_words

    left_out: Counter[str] = Counter()
    texts = [text.text for text in texts_of_file(path, left_out)]
    words = split_words(pa.array(texts, pa.large_string()))
    hashes = ngram_hashes(words, AS_PUBLISHED.measured_ngram_size)[0]
    if not len(hashes):
        raise InputError(f"{path}: {len(texts):,} texts without one 8-gram; expected some")
    for reason, count in sorted(left_out.items()):
        click.echo(f"{path}: {count:,} left out: {reason}", err=True)
    return hashes
