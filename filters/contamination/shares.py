"""How much of one benchmark text a document has: what rules go by that drop whole documents.

Each N-gram counts once on either side. Only texts of which the document has an N-gram are compared,
which are all that can have a share at all.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.words import ngram_hashes, split_words
from filters.contamination import Rule
from filters.contamination.index import NgramIndex
from filters.contamination.matches import texts_of

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class Shared(NamedTuple):
    """Distinct N-grams that documents have of texts, a row for each document and text."""

    document: Int64Array
    """Row of the document."""
    num_shared: Int64Array
    """N-grams that both have."""
    num_of_text: Int64Array
    """N-grams of the text."""
    text: Int64Array
    """Number of the text in the index."""


def shared(
    document: Int64Array, ngram: Int64Array, is_exempt: BoolArray, index: NgramIndex
) -> Shared:
    """Count what hits say of each document and text; exempt N-grams count on neither side.

    document, ngram: int64 (num_hits,). is_exempt: bool (num_ngrams,).
    """
    counted = ~is_exempt[ngram]
    pairs = np.unique(np.stack([document[counted], ngram[counted]]), axis=1)
    hit, text = texts_of(pairs[1], np.zeros(pairs.shape[1], np.bool_), index)
    both, num_shared = np.unique(np.stack([pairs[0][hit], text]), axis=1, return_counts=True)
    texts, of_text = np.unique(both[1], return_inverse=True)
    held = [index.held[slice(*index.held_offsets[t : t + 2])] for t in texts.tolist()]
    num_of_text = np.array([np.count_nonzero(~is_exempt[np.unique(own)]) for own in held], np.int64)
    return Shared(both[0], num_shared.astype(np.int64), num_of_text[of_text], both[1])


def contained(found: Shared, rule: Rule) -> Int64Array:
    """The documents that have enough of a text."""
    is_share = found.num_shared >= rule.min_share * found.num_of_text
    is_many = found.num_shared >= np.minimum(rule.min_ngrams, found.num_of_text)
    return np.unique(found.document[is_share & is_many])


def similar(found: Shared, texts: pa.ChunkedArray, rule: Rule) -> Int64Array:
    """The documents whose N-grams are much the same as a text's, by Jaccard similarity.

    texts: of every document; those of `found` are read.
    """
    documents, row = np.unique(found.document, return_inverse=True)
    words = split_words(texts.take(pa.array(documents)).combine_chunks())
    hashes, offsets = ngram_hashes(words, rule.max_ngram_size)
    own = [len(np.unique(hashes[a:z])) for a, z in pairwise(offsets.tolist())]
    union = np.array(own, np.int64)[row] + found.num_of_text - found.num_shared
    return np.unique(found.document[found.num_shared >= rule.min_share * union])
