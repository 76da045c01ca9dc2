"""What of the held-out texts stands in training texts.

A held-out document has a near copy where one training text has half of its distinct 8-grams: wider
than dedup, whose Jaccard similarity of 0.8 over 5-grams is about 0.83 of the 8-grams, and unlike it
blind to how long the training text is. A benchmark text is found where a training text has one
N-gram of it, frequent ones too, N being its benchmark's own. Both are looked up word by word.
Cost: a pass over the training texts of a side, 0.2 GB a second, and 13 bytes a held-out word.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from filters.contamination.index import NgramIndex, find
from filters.contamination.matches import texts_of
from filters.contamination.shares import shared

NEAR_SHARE = 0.5
"""Of a document's distinct 8-grams, in one training text."""


class Found(NamedTuple):
    """Numbers of the texts of two indexes that some training texts hold."""

    documents: set[int]
    benchmark_texts: set[int]


def scan(texts: pa.Array, documents: NgramIndex, benchmarks: NgramIndex) -> Found:
    """Which held-out documents and benchmark texts these training texts hold."""
    return Found(near_copies(texts, documents), held_texts(texts, benchmarks))


def near_copies(texts: pa.Array, index: NgramIndex) -> set[int]:
    """The texts of the index of which one of these texts has NEAR_SHARE of the N-grams."""
    hits = find(texts, index)
    if not len(hits.ngram):
        return set()
    found = shared(hits.document, hits.ngram, np.zeros(index.num_ngrams, np.bool_), index)
    is_near = found.num_shared >= NEAR_SHARE * found.num_of_text
    return set(np.unique(found.text[is_near]).tolist())


def held_texts(texts: pa.Array, index: NgramIndex) -> set[int]:
    """The texts of the index of which any of these texts has an N-gram."""
    ngrams = np.unique(find(texts, index).ngram)
    if not len(ngrams):
        return set()
    _, text = texts_of(ngrams, np.zeros(len(ngrams), np.bool_), index)
    return set(np.unique(text).tolist())
