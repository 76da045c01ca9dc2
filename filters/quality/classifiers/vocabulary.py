"""Which words speak for quality and which against it.

The mean log-odds of positives exceed those of negatives by the sum over the features of weight x
(mean of the feature in positives - mean in negatives): a feature's part of that sum is what it does
for the difference, so that a rare word with a large weight does not come first. A feature is a
place that words are hashed to; the words of the training texts that stand there give it its name,
the most frequent first.
Limit: words are looked for in 500 documents of each class; a place none of them meets has no
name and is left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pyarrow as pa

from filters.quality.classifiers import Classifier
from filters.quality.classifiers.features import FloatArray, grams, hashed
from filters.quality.settings import QualitySettings
from filters.verdict import BoolArray

NUM_WORDS = 30  # shown of each side
NUM_CANDIDATES = 8 * NUM_WORDS  # places looked up: a side may have few of the first, or no name
NUM_DOCUMENTS = 500  # of each class, read for words: 3 s
NUM_EXPLAINED = 300  # of each class, explained one by one: 2 s
MAX_NAMES = 3  # of one place


def telling_words(
    weights: FloatArray,
    counted: Any,
    is_positive: BoolArray,
    texts: pa.Array,
    settings: QualitySettings,
) -> dict[str, list[dict[str, Any]]]:
    """The words that separate the classes most: `positive` and `negative`, the strongest first.

    counted: scipy CSR (num_documents, num_features) of the texts; weights: (num_features,).
    """
    gap = counted[is_positive].mean(axis=0) - counted[~is_positive].mean(axis=0)
    parts = weights * np.asarray(gap).ravel()
    order = np.argsort(-parts, kind="stable")[:NUM_CANDIDATES]
    places = [int(place) for place in order if parts[place] > 0]
    named = _names(set(places), is_positive, texts, settings)
    sides: dict[str, list[dict[str, Any]]] = {"positive": [], "negative": []}
    for place in places:
        if place not in named:
            continue
        sign, words = named[place]
        weight = float(weights[place]) * sign  # of one occurrence of these words
        side = sides["positive" if weight > 0 else "negative"]
        side.append({"words": words, "weight": weight, "part": float(parts[place])})
    return {side: rows[:NUM_WORDS] for side, rows in sides.items()}


def explained_words(
    model: Classifier, is_positive: BoolArray, texts: pa.Array
) -> dict[str, list[dict[str, Any]]]:
    """As `telling_words`, of any classifier, out of its explanations of a sample.

    A word's part is the mean of what it adds to positives less what it adds to negatives; its
    weight is what one occurrence adds on average.
    """
    parts: dict[str, float] = defaultdict(float)
    added: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for is_class, sign in ((is_positive, 1.0), (~is_positive, -1.0)):
        rows = np.flatnonzero(is_class)[:NUM_EXPLAINED].tolist()
        for row in rows:
            for part in model.explain(texts[row].as_py()).parts:
                parts[part.word] += sign * part.contribution / len(rows)
                added[part.word] += part.contribution
                counts[part.word] += part.count
    sides: dict[str, list[dict[str, Any]]] = {"positive": [], "negative": []}
    for word in sorted(parts, key=lambda word: (-parts[word], word)):
        if parts[word] > 0 and added[word]:
            side = sides["positive" if added[word] > 0 else "negative"]
            weight = added[word] / counts[word]
            side.append({"words": [word], "weight": weight, "part": parts[word]})
    return {side: rows[:NUM_WORDS] for side, rows in sides.items()}


def _names(
    wanted: set[int], is_positive: BoolArray, texts: pa.Array, settings: QualitySettings
) -> dict[int, tuple[int, list[str]]]:
    """For each wanted place, the most frequent words of the sample that stand there.

    With signs, words that count up and words that count down may share a place: those that count as
    the most frequent one does are taken, with their sign.
    """
    counts: Counter[str] = Counter()
    for side in (True, False):
        for row in np.flatnonzero(is_positive == side)[:NUM_DOCUMENTS].tolist():
            counts.update(set(grams(texts[row].as_py(), settings.ngrams)))
    found: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    for gram, count in counts.items():
        place, sign = hashed(gram, settings.num_features, signs=settings.signs)
        if place in wanted:
            found[place].append((-count, gram, sign))
    named = {}
    for place, words in found.items():
        words.sort()
        sign = words[0][2]
        named[place] = (sign, [gram for _, gram, own in words if own == sign][:MAX_NAMES])
    return named
