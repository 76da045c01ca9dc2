"""Pages of two kinds for the classifier's tests: good ones, bad ones, and books in between."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from corpus.identity import doc_id_of_place
from corpus.sources import Source
from filters.quality.settings import QualitySettings
from filters.quality.training.sampling import Drawn, Examples, classes_of, draw, join, read_examples

SOURCES = {
    "crawl": Source(kind="warc", files=(), quality="judged"),
    "webtext": Source(kind="reddit", files=(), quality="positive"),
    "books": Source(kind="text", files=(), quality="trusted"),
}
CLASSES = classes_of(SOURCES)
GOOD = ["considered", "evidence", "suggests", "a", "longer", "argument", "with", "reasons"]
BAD = ["buy", "cheap", "now", "click", "free", "offer", "winner", "login", "menu", "cart"]
SETTINGS = QualitySettings(num_features=2**12, regularisation=10.0)


def text_of(i, words):
    """Twenty words in an order of its own: two texts share few runs of five."""
    return " ".join(np.random.default_rng(i).choice(words, 20))


def table(number=200, *, num_sites=25, words=(GOOD, BAD)):
    """Pages of many sites: good ones from webtext, bad ones from the crawl, books in between."""
    rows = []
    for i in range(number):
        source = ("webtext", "crawl", "books")[i % 3]
        text = text_of(i, words[0 if source == "webtext" else 1])
        url = None if source == "books" else f"https://www.site{i % num_sites}.com/{i}"
        rows.append((doc_id_of_place("s", "f", i), source, url, text))
    columns = list(zip(*rows, strict=True))
    return pa.table(
        {
            "doc_id": pa.array(columns[0], pa.binary(16)),
            "source": pa.array(columns[1], pa.string()),
            "url": pa.array(columns[2], pa.string()),
            "text": pa.array(columns[3], pa.large_string()),
        }
    )


def examples_of(rows, *, num_parts=1, settings=SETTINGS, seed=0, classes=CLASSES) -> Examples:
    """What a run draws of these rows, in so many parts."""
    size = -(-rows.num_rows // num_parts)
    parts = [rows.slice(k * size, size) for k in range(num_parts)]
    drawn = Drawn.nothing()
    for number, part in enumerate(parts):
        drawn = draw(drawn, part, number, classes, settings, seed=seed)
    read = []
    for k in drawn.parts():
        own = parts[k].take(pa.array(drawn.rows(k)))
        read.append(read_examples(own, classes, np.zeros(own.num_rows, bool), settings))
    return join(read, seed=seed)


def made(texts, is_positive, domains=None, has_benchmark=None) -> Examples:
    """Examples with these texts, each on a site of its own where none is named."""
    number = len(texts)
    return Examples(
        texts=pa.array(texts, pa.large_string()),
        is_positive=np.array(is_positive, bool),
        doc_ids=pa.array([doc_id_of_place("m", "f", i) for i in range(number)], pa.binary(16)),
        sources=["webtext" if positive else "crawl" for positive in is_positive],
        domains=domains or [f"site{i}.com" for i in range(number)],
        has_benchmark=np.array(has_benchmark or [False] * number, bool),
    )
