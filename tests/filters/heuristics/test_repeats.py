"""What documents say twice, against plain Python; test_gopher_repetition.py holds the shares."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.words import Words
from filters.heuristics.lines import read_lines
from filters.heuristics.repeats import (
    LINE_BYTES,
    LINES,
    NUM_REPEATED_LINES,
    REPEATED_LINE_BYTES,
    repeated_lines,
    repeated_ngrams,
)


def find_lines(texts):
    lines = read_lines(pa.array(texts, pa.large_string()))
    return repeated_lines(lines.data, lines.offsets, lines.text_starts, lines.text_ends)


def words_of(documents):
    """Words of one byte with these hashes."""
    flat = np.array([word for document in documents for word in document], np.uint64)
    offsets = np.cumsum([0, *map(len, documents)])
    starts = np.zeros(len(flat), np.int64)
    return Words(flat, starts, starts + 1, offsets)


@settings(max_examples=200)
@given(st.lists(st.lists(st.text("ab\u00e9 ", max_size=20), min_size=1, max_size=30), max_size=4))
def test_a_line_is_repeated_where_an_earlier_one_has_its_text(documents):
    counts, is_repeated = find_lines(["\n".join(lines) for lines in documents])
    expected = []
    for number, lines in enumerate(documents):
        lines = [line.strip() for line in lines]
        own = [bool(line) and line in lines[:i] for i, line in enumerate(lines)]
        expected += own
        later = [line.encode() for line, repeats in zip(lines, own, strict=True) if repeats]
        assert counts[LINES, number] == sum(map(bool, lines))
        assert counts[LINE_BYTES, number] == len("".join(lines).encode())
        assert counts[NUM_REPEATED_LINES, number] == len(later)
        assert counts[REPEATED_LINE_BYTES, number] == len(b"".join(later))
    assert is_repeated.tolist() == expected


@pytest.mark.parametrize("length", [1, 7, 8, 9, 16, 63, 64, 65, 200])
def test_lines_that_differ_in_any_one_byte_differ(length):
    line = "a" * length
    others = [line[:i] + "b" + line[i + 1 :] for i in range(length)]
    text = "\n".join([line, *others, line + "a", *others])
    _, is_repeated = find_lines([text])
    assert is_repeated.tolist() == [False] * (length + 2) + [True] * length


def test_nothing_behind_the_last_line_is_of_it():
    array = pa.array(["xy abc", "abc", "abcd"]).slice(1, 1)
    lines = read_lines(array)
    counts, _ = repeated_lines(lines.data, lines.offsets, lines.text_starts, lines.text_ends)
    assert counts[LINE_BYTES].tolist() == [3]
    _, is_repeated = find_lines(["abc\nabc"])
    assert is_repeated.tolist() == [False, True]


def test_a_line_is_not_repeated_by_another_documents():
    _, is_repeated = find_lines(["same", "same", None, "same\nsame"])
    assert is_repeated.tolist() == [False, False, False, False, True]


def test_all_lines_of_a_long_document_are_told_apart():
    lines = [f"line {i}" for i in range(20_000)]
    counts, is_repeated = find_lines(["\n".join(lines), "x", "\n".join(lines[::-1] + lines[:7])])
    assert counts[NUM_REPEATED_LINES].tolist() == [0, 0, 7]
    assert is_repeated.sum() == 7


@settings(max_examples=200)
@given(st.lists(st.lists(st.integers(0, 4) | st.integers(0, 2**64 - 1), max_size=60), max_size=4))
def test_every_place_inside_a_repeated_ngram_is_found(documents):
    shares = repeated_ngrams(*words_of(documents), every=True)
    for number, document in enumerate(documents):
        for n in range(2, 11):
            grams = [tuple(document[i : i + n]) for i in range(len(document) - n + 1)]
            counted = Counter(grams)
            most = max(counted.values(), default=1)
            marked = {i + k for i, g in enumerate(grams) if counted[g] > 1 for k in range(n)}
            expected = (n * most if most > 1 else 0) if n < 5 else len(marked)
            share = min(expected / max(len(document), 1), 1)
            assert shares[n - 2, number] == pytest.approx(share)


def test_pairs_that_share_a_slot_by_chance_are_told_apart():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**63, 50_000, np.int64).astype(np.uint64).tolist()
    assert repeated_ngrams(*words_of([words]), every=False).max() == 0
    shares = repeated_ngrams(*words_of([[*words, *words[100:110]]]), every=False)
    assert shares[:3, 0] == pytest.approx(np.array([4, 6, 8]) / 50_010)
    assert shares[3:, 0] == pytest.approx(np.array([10, 6, 7, 8, 9, 10]) / 50_010)


def test_no_documents_and_no_words_repeat_nothing():
    assert repeated_ngrams(*words_of([]), every=False).shape == (9, 0)
    assert repeated_ngrams(*words_of([[], [1]]), every=True).tolist() == [[0, 0]] * 9
    assert all(not counts.any() for counts in find_lines([]))
