"""How far two texts of one page agree: the F1 of their word 4-grams.

The measure that the engines themselves are judged by against gold texts, symmetric in both texts;
each 4-gram counts as often as it stands there. Two engines that find the same main text agree at
1, whatever their white space and punctuation.
Cost: 0.1 ms a page, and numba's start in a process that asks.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from corpus.words import ngram_hashes, split_words

NUM_WORDS = 4  # as BLEU's longest; chance runs of four words are rare


def agreement(a: str | None, b: str | None) -> float | None:
    """Agreement of two texts, 0..1; null where neither has a word.

    Texts of fewer than NUM_WORDS words agree wholly or not at all.
    """
    words = split_words(pa.array([a or "", b or ""], pa.large_string()))
    of_a, of_b = np.split(words.hashes, words.offsets[1:2])
    if not len(of_a) and not len(of_b):
        return None
    hashes, offsets = ngram_hashes(words, NUM_WORDS)
    grams_a, grams_b = np.split(hashes, offsets[1:2])
    if not len(grams_a) or not len(grams_b):
        return float(np.array_equal(of_a, of_b))
    values_a, counts_a = np.unique(grams_a, return_counts=True)
    values_b, counts_b = np.unique(grams_b, return_counts=True)
    _, in_a, in_b = np.intersect1d(values_a, values_b, assume_unique=True, return_indices=True)
    num_shared = int(np.minimum(counts_a[in_a], counts_b[in_b]).sum())
    return 2 * num_shared / (len(grams_a) + len(grams_b))
