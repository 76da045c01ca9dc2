"""Clean and dirty items, and in what way: by hand, and against a plain reading of the texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.contamination import Rule
from filters.contamination.index import build_index
from filters.contamination.items import found_in_texts, found_ngrams, judge_items

SETTINGS = Rule(min_ngram_size=2, max_ngram_size=2, max_documents=3)
WORDS = "abcdef"


def judged(items: list[list[str]], frequency: dict[str, int]) -> tuple[list[dict], list[dict]]:
    """Items of fields q0, q1, ...; frequency: documents of each 2-gram."""
    texts = [text for fields in items for text in fields]
    index = build_index(texts, [2] * len(texts))
    counts = np.array([frequency.get(index.ngram(n), 0) for n in range(index.num_ngrams)], np.int64)
    rows = [(str(k), f"q{j}") for k, fields in enumerate(items) for j in range(len(fields))]
    table = pa.table({
        "benchmark": ["b"] * len(rows), "item_id": [row[0] for row in rows],
        "field": [row[1] for row in rows], **found_in_texts(index, counts, SETTINGS),
    })  # fmt: skip
    return judge_items(table).to_pylist(), found_ngrams(
        index, counts, table, SETTINGS
    ).to_pylist()


@pytest.mark.parametrize(
    ("text", "frequency", "how", "covered"),
    [
        ("a b c d e", {}, None, 0),
        ("a b c d e", {"a b": 1}, "quote", 2),
        ("a b c d e", {"a b": 1, "b c": 3}, "quote", 3),
        ("a b c d e", {"a b": 1, "c d": 1}, "near_whole", 4),
        ("a b c d e", {"a b": 4, "b c": 9, "c d": 4, "d e": 4}, "template", 5),
        ("a b c d e", {"a b": 4, "b c": 3}, "quote", 3),
        ("a", {"a b": 1}, None, 0),
    ],
)
def test_an_item_is_found_in_one_of_three_ways(text, frequency, how, covered):
    ((item,), _) = judged([[text]], frequency)
    assert (item["how"], item["num_covered"]) == (how, covered)
    assert item["dirty"] == (how is not None)


def test_an_item_names_the_fields_that_are_found():
    items, _ = judged([["a b c", "d e f", "b c"], ["d e", "a"]], {"b c": 1})
    assert [(item["fields"], item["num_found"], item["num_words"]) for item in items] == [
        (["q0", "q2"], 2, 8), ([], 0, 3),
    ]  # fmt: skip


def test_ngrams_come_by_frequency_and_name_their_first_item():
    _, ngrams = judged([["c d", "a b"], ["a b a b"], ["e f"]], {"a b": 3, "c d": 4, "b a": 3})
    assert [tuple(row.values()) for row in ngrams] == [
        ("c d", 4, 1, "b", "0", True),
        ("a b", 3, 2, "b", "0", False),
        ("b a", 3, 1, "b", "1", False),
    ]


texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
frequencies = st.dictionaries(
    st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)).map(" ".join), st.integers(1, 6)
)


@given(st.lists(st.lists(texts, min_size=1, max_size=3), max_size=5), frequencies)
def test_items_are_those_of_a_plain_reading(items, frequency):
    found, ngrams = judged(items, frequency)
    assert len(found) == len(items)
    held: dict[str, set[int]] = {}
    for number, (fields, item) in enumerate(zip(items, found, strict=True)):
        covered = num_found = num_exempt = 0
        for field in fields:
            words = field.split()
            inside = set()
            for k in range(len(words) - 1):
                ngram = " ".join(words[k : k + 2])
                if ngram in frequency:
                    inside |= {k, k + 1}
                    num_found += 1
                    num_exempt += frequency[ngram] > SETTINGS.max_documents
                    held.setdefault(ngram, set()).add(number)
            covered += len(inside)
        assert (item["num_found"], item["num_exempt"]) == (num_found, num_exempt)
        assert item["num_covered"] == covered
        assert item["num_words"] == sum(len(field.split()) for field in fields)
        assert item["dirty"] == (num_found > 0)
    assert {row["ngram"]: (row["num_documents"], row["num_items"]) for row in ngrams} == {
        ngram: (frequency[ngram], len(own)) for ngram, own in held.items()
    }
    assert [row["num_documents"] for row in ngrams] == sorted(
        (row["num_documents"] for row in ngrams), reverse=True
    )
