"""Which texts of a benchmark are looked for, and by N-grams of how many words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from corpus.benchmarks import ItemField
from corpus.errors import ConfigError
from corpus.words import normalise
from filters.contamination import Rule

Int64Array = npt.NDArray[np.int64]

QUESTION_ANSWER = "question_answer"
"""The field of the N-grams that begin in the question and end in the answer."""


def looked_for(benchmark: str, fields: Sequence[ItemField], rule: Rule) -> list[ItemField]:
    """The fields of a benchmark's items that a rule looks for; raises ConfigError where none is."""
    found = [
        own
        for _, item in groupby(fields, key=lambda field: field.item_id)
        for own in _of_item(list(item), rule)
    ]
    if fields and not found:
        raise ConfigError(
            f"contamination.benchmarks.{benchmark}: it has the fields "
            f"{', '.join(sorted({field.field for field in fields}))}; the rule looks for "
            f"{', '.join(rule.fields)}: name one of those in the benchmark's settings, or take "
            "another rule"
        )
    return found


def choose_ngram_sizes(fields: Sequence[ItemField], num_words: Int64Array, rule: Rule) -> list[int]:
    """N of each text of one benchmark; num_words: int64 (num_texts,)."""
    if rule.lengths_of == "each":
        sizes: list[int] = np.clip(num_words, rule.min_ngram_size, rule.max_ngram_size).tolist()
        return sizes
    lengths = num_words
    if rule.lengths_of == "items":
        item = np.cumsum([0, *(a.item_id != b.item_id for a, b in _pairs(fields))])
        lengths = np.bincount(item[: len(fields)], num_words).astype(np.int64)
    return [_percentile(lengths, rule)] * len(fields)


def _percentile(lengths: Int64Array, rule: Rule) -> int:
    """A low percentile of the lengths that reach the least N, within the limits."""
    long_enough = lengths[lengths >= rule.min_ngram_size]
    if not len(long_enough):
        return rule.min_ngram_size
    size = int(np.percentile(long_enough, rule.length_percentile, method="lower"))
    return min(max(size, rule.min_ngram_size), rule.max_ngram_size)


def _of_item(fields: list[ItemField], rule: Rule) -> Iterator[ItemField]:
    yield from (one for one in fields if not rule.fields or one.field in rule.fields)
    texts = {one.field: one.text for one in fields}
    if rule.join_answers and {"question", "answer"} <= texts.keys():
        reach = rule.max_ngram_size - 1
        before = normalise(texts["question"]).split()[-reach:]
        after = normalise(texts["answer"]).split()[:reach]
        yield ItemField(fields[0].item_id, QUESTION_ANSWER, " ".join([*before, *after]))


def _pairs(fields: Sequence[ItemField]) -> Iterator[tuple[ItemField, ItemField]]:
    return zip(fields[1:], fields[:-1], strict=True)
