"""What is looked for of a benchmark, and by which N."""

from __future__ import annotations

import numpy as np
import pytest

from corpus.benchmarks import ItemField
from corpus.errors import ConfigError
from filters.contamination import PUBLISHED, Rule
from filters.contamination.texts import QUESTION_ANSWER, choose_ngram_sizes, looked_for


def texts_of(lengths: list[int], *, fields: int = 1) -> list[ItemField]:
    """A text of so many words each, `fields` of them an item."""
    return [ItemField(str(n // fields), "text", "word " * k) for n, k in enumerate(lengths)]


@pytest.mark.parametrize(
    ("lengths", "size"),
    [
        ([60] * 100, 13),
        ([10] * 100, 10),
        ([3] * 4 + [9] * 4 + [40] * 60, 9),  # texts under 8 words have no say
        ([10] * 5 + [12] * 95, 10),
        ([10] * 4 + [12] * 96, 12),
        ([2, 7], 8),
    ],
)
def test_n_is_the_fifth_percentile_of_the_lengths_within_8_and_13(lengths, size):
    sizes = choose_ngram_sizes(texts_of(lengths), np.array(lengths), Rule())
    assert sizes == [size] * len(lengths)


def test_a_benchmark_without_texts_has_no_sizes():
    for lengths_of in ("texts", "items", "each"):
        rule = Rule(lengths_of=lengths_of)
        assert choose_ngram_sizes([], np.zeros(0, np.int64), rule) == []


def test_the_length_of_an_item_is_that_of_all_its_fields():
    lengths = [4, 7] * 20
    fields = texts_of(lengths, fields=2)
    assert choose_ngram_sizes(fields, np.array(lengths), Rule(lengths_of="items")) == [11] * 40
    assert choose_ngram_sizes(fields, np.array(lengths), Rule(lengths_of="texts")) == [8] * 40


def test_short_texts_are_looked_for_whole_by_mt_nlgs_rule():
    lengths = [5, 8, 11, 13, 40]
    sizes = choose_ngram_sizes(texts_of(lengths), np.array(lengths), PUBLISHED["mt_nlg"])
    assert sizes == [8, 8, 11, 13, 13]


ITEM = [
    ItemField("1", "context", "A long story."),
    ItemField("1", "question", "Who is it, then?"),
    ItemField("1", "answer", "The butler."),
]


def test_every_field_is_looked_for_where_none_is_named():
    assert looked_for("quiz", ITEM, Rule()) == ITEM


def test_only_the_fields_that_the_rule_names_are_looked_for():
    assert looked_for("quiz", ITEM, PUBLISHED["mt_nlg"]) == [ITEM[1]]


def test_a_benchmark_without_such_a_field_stops_the_stage():
    with pytest.raises(ConfigError, match="it has the fields context; the rule looks for question"):
        looked_for("quiz", ITEM[:1], PUBLISHED["mt_nlg"])


def datatroves(label: list[str], query: list[str], n: int) -> list[list[str]]:
    """The N-grams that datatrove 0.10 makes (compute_hashes of decont/n_grams.py)."""
    found = [label[i : i + n] for i in range(len(label) - n + 1)]
    found += [
        query[-n + 1 + i :] + label[: i + 1]
        for i in range(n - 1)
        if len(query) >= n - 1 - i and len(label) >= i + 1
    ]
    return found


@pytest.mark.parametrize(("num_query", "num_label"), [(30, 40), (3, 20), (20, 3), (5, 5), (6, 6)])
def test_datatroves_ngrams_are_those_of_the_answer_and_across_it(num_query, num_label):
    query = [f"q{k}" for k in range(num_query)]
    label = [f"a{k}" for k in range(num_label)]
    item = [ItemField("1", "question", " ".join(query)), ItemField("1", "answer", " ".join(label))]
    texts = looked_for("quiz", item, PUBLISHED["datatrove"])
    assert [one.field for one in texts] == ["answer", QUESTION_ANSWER]
    ours = []
    for one in texts:
        words = one.text.split()
        ours += [words[i : i + 12] for i in range(len(words) - 11)]
    assert sorted(ours) == sorted(datatroves(label, query, 12))
