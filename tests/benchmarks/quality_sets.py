"""How well the classifiers tell texts apart whose classes are known: labelled sets of real data.

`python -m tests.benchmarks.quality_sets --data DATA` prints the tables of filters/quality/
EVALUATION.md. Every classifier goes through the stage's own training: the same leaks left out, the
same domains held out, the same card. A set's positives and negatives of one page or book stand on
one side. Rates are in processor seconds of one core, over the whole set.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from corpus.extraction.blocks.scan import TEXT_END, TEXT_START
from corpus.extraction.blocks.training.pages import Page, add_labels, read_pages
from corpus.identity import doc_id_of_place
from filters.quality.settings import QualitySettings
from filters.quality.training import train
from filters.quality.training.sampling import Examples, join

SEED = 0
MAX_MAIN_SHARE = 0.1  # of a block's words in the gold text, for it to be called boilerplate
MIN_WORDS = 30
CLASSIFIERS = {
    "logistic, words": QualitySettings(),
    "logistic, words, signs": QualitySettings(signs=True),
    "logistic, words and pairs": QualitySettings(ngrams=2),
    "logistic, words and pairs, signs": QualitySettings(ngrams=2, signs=True),
    "fastText, words": QualitySettings(kind="fasttext"),
    "fastText, words and pairs": QualitySettings(kind="fasttext", ngrams=2),
}


class Text(NamedTuple):
    """A text of a set, and what it must not be parted from: its site, page or book."""

    text: str
    domain: str


class LabelledSet(NamedTuple):
    """Texts whose class is known."""

    name: str
    positives: list[Text]
    negatives: list[Text]


def labelled_sets(data: Path) -> Iterator[LabelledSet]:
    """The sets, made of a folder of real data."""
    pages = list(_gold_pages(data))
    articles = [Text(page.gold or "", page.domain) for page in pages]
    boilerplate = [Text(_boilerplate(page), page.domain) for page in pages]
    junk = [text for text in boilerplate if len(text.text.split()) >= MIN_WORDS]
    books = texts_of(data, "novels", of_one=lambda row: row["id"].rsplit("-", 1)[0])
    reference, news, forum = (
        texts_of(data, name) for name in ("wikitext2_train", "bbc", "reddit_selftext")
    )
    yield LabelledSet("articles / the same pages' boilerplate", articles, junk)
    yield LabelledSet(
        "novels, reference, news, articles / boilerplate", books + reference + news + articles, junk
    )
    yield LabelledSet("reference, news, articles / forum posts", reference + news + articles, forum)
    yield shuffled_set(articles + reference + news)
    linked = _linked(data)
    yield LabelledSet(
        "pages that were linked / other pages (alike)",
        [Text(page.gold or "", page.domain) for page in pages if page.id in linked],
        [Text(page.gold or "", page.domain) for page in pages if page.id not in linked],
    )


def texts_of(
    data: Path, name: str, *, of_one: Callable[[dict[str, Any]], str] = lambda row: row["id"]
) -> list[Text]:
    """The texts of one file. of_one: what a text is part of, itself unless said otherwise."""
    with gzip.open(data / "text" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [Text(row["text"], f"{name} {of_one(row)}") for row in map(json.loads, lines)]


def shuffled_set(human: list[Text]) -> LabelledSet:
    """Texts, and the same words in another order: alike to whoever counts single words."""
    return LabelledSet("human text / the same words shuffled", human, _shuffled(human))


def examples_of(found: LabelledSet, settings: QualitySettings) -> Examples:
    """The set as training takes it."""
    texts = found.positives + found.negatives
    ids = [doc_id_of_place("set", "place", i) for i in range(len(texts))]
    return join(
        [
            Examples(
                texts=pa.array([t.text[: settings.max_characters] for t in texts],
                               pa.large_string()),
                is_positive=np.arange(len(texts)) < len(found.positives),
                doc_ids=pa.array(ids, pa.binary(16)),
                sources=["set"] * len(texts),
                domains=[text.domain for text in texts],
                has_benchmark=np.zeros(len(texts), np.bool_),
            )
        ],
        seed=SEED,
    )  # fmt: skip


def evaluate(found: LabelledSet, settings: QualitySettings) -> dict[str, Any]:
    """One classifier on one set: its card, and what training and scoring cost."""
    examples = examples_of(found, settings)
    start = time.process_time()
    model, card = train(examples, settings, seed=SEED)
    trained = time.process_time() - start
    model.score(examples.texts.slice(0, 100))  # compiled before the clock
    start = time.process_time()
    model.score(examples.texts)
    seconds = time.process_time() - start
    return {
        **card,
        "train_seconds": trained,
        "documents_per_second": len(examples.texts) / max(seconds, 1e-9),
    }


def table_of(found: LabelledSet) -> str:
    """The set's table, in Markdown."""
    rows = []
    for name, settings in CLASSIFIERS.items():
        card = evaluate(found, settings)
        held_out = card["held_out"]
        low, high = held_out["intervals"]["auc"] or (float("nan"), float("nan"))
        rows.append(
            f"| {name} | {held_out['auc']:.4f} ({low:.4f} to {high:.4f}) "
            f"| {held_out['average_precision']:.4f} | {held_out['log_loss']:.4f} "
            f"| {held_out['calibration_error']:.4f} | {held_out['alpha']['alpha']:.1f} "
            f"| {card.get('regularisation', '')} | {card['documents_per_second']:,.0f} "
            f"| {card['train_seconds']:.0f} |"
        )
    left = {k: v for k, v in card["left_out"].items() if v}
    head = (
        f"## {found.name}\n\n{card['positives']['num_train']:,} positives and "
        f"{card['negatives']['num_train']:,} negatives learnt from, {held_out['num_positives']:,} "
        f"and {held_out['num_negatives']:,} held out, of {held_out['num_units']:,} sites, books or "
        f"pages; left out: {left or 'none'}.\n\n"
        "| classifier | AUC (95 % interval) | average precision | log loss | calibration error "
        "| alpha that fits | C | documents/s | s to train |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "\n".join(rows) + "\n"


def _gold_pages(data: Path) -> Iterator[Page]:
    archives = sorted((data / "warc").glob("*.warc.gz"))
    for page in read_pages(data / "web" / "gold.jsonl.gz", archives):
        if page.is_gold:
            add_labels(page)
            yield page


def _boilerplate(page: Page) -> str:
    """The blocks of a page that its gold text has not."""
    text = page.scan.text.tobytes()
    labels = page.labels if page.labels is not None else np.zeros(0)
    return "\n".join(
        text[row[TEXT_START] : row[TEXT_END]].decode("utf-8", "replace").strip()
        for row, label in zip(page.scan.block, labels, strict=True)
        if label < MAX_MAIN_SHARE
    )


def _shuffled(texts: Sequence[Text]) -> list[Text]:
    """The words of each text, as far as training reads it, in a random order."""
    random, most = np.random.default_rng(SEED), QualitySettings().max_characters
    return [
        Text(" ".join(random.permutation(text.text[:most].split())), text.domain) for text in texts
    ]


def _linked(data: Path) -> set[str]:
    """Ids of the pages that a post with enough karma links."""
    lines = (data / "reddit" / "RS_linked.truth.jsonl").read_text("utf-8").splitlines()
    return {row["page_id"] for row in map(json.loads, lines) if row["linked"]}


def main() -> None:
    """Print every set's table."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.quality_sets")
    parser.add_argument("--data", type=Path, required=True, help="folder of real data")
    for found in labelled_sets(parser.parse_args().data):
        print(table_of(found), flush=True)


if __name__ == "__main__":
    main()
