"""The exact index of N-grams: finds all, reports nothing else, in characters of the raw text."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.words import normalise
from filters.contamination.index import (
    NgramIndex,
    _distinct,
    build_index,
    find,
    from_arrays,
)
from filters.contamination.kernels import fill_screen, fold

ITEM = "the quick brown fox jumps over the lazy dog and runs"


def slow_words(text: str) -> list[tuple[str, int, int]]:
    """Each normalised word with its characters [start, end)."""
    found, start = [], 0
    while start < len(text):
        word, end = normalise(text[start]), start + 1
        while word and end < len(text):
            longer = normalise(text[start : end + 1])
            if longer == word or " " in longer:
                break
            word, end = longer, end + 1
        if word:
            found.append((word, start, end))
        start = end
    return found


def slow_find(documents: list[str], texts: list[str], sizes: list[int]) -> set[tuple]:
    """The readable twin: (document, start, end, N-gram) of every hit."""
    grams = set()
    for text, size in zip(texts, sizes, strict=True):
        words = normalise(text).split()
        grams |= {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}
    hits = set()
    for number, document in enumerate(documents):
        words = slow_words(document)
        for size in set(sizes):
            for i in range(len(words) - size + 1):
                run = words[i : i + size]
                gram = tuple(word for word, _, _ in run)
                if gram in grams:
                    hits.add((number, run[0][1], run[-1][2], " ".join(gram)))
    return hits


def fast_find(documents: list[str], index: NgramIndex) -> list[tuple]:
    hits = find(pa.array(documents, pa.large_string()), index)
    return [
        (int(d), int(s), int(e), index.ngram(g))
        for d, s, e, g in zip(*hits, strict=True)
    ]


# Few words, so that runs repeat; letters of one to four bytes, and signs that split words.
SMALL_TEXTS = st.lists(
    st.sampled_from(["a", "B", "é", "Ω", "中文", "𐐀", "1", "İ", "กิก", "हि"]).flatmap(
        lambda word: st.sampled_from([" ", "\n", " - ", "_", "…", "𝄞"]).map(lambda sep: word + sep)
    ),
    max_size=25,
).map("".join)


@settings(max_examples=150)
@given(
    st.lists(SMALL_TEXTS, max_size=4),
    st.lists(st.tuples(SMALL_TEXTS, st.integers(1, 5)), max_size=4),
)
def test_it_finds_what_the_readable_twin_finds(documents, items):
    texts, sizes = [text for text, _ in items], [size for _, size in items]
    found = fast_find(documents, build_index(texts, sizes))
    assert len(set(found)) == len(found)
    assert set(found) == slow_find(documents, texts, sizes)


@given(st.lists(SMALL_TEXTS, min_size=2, max_size=4), SMALL_TEXTS)
def test_hits_come_in_order_and_do_not_depend_on_the_other_documents(documents, text):
    index = build_index([text, text], [2, 3])
    together = fast_find(documents, index)
    assert together == sorted(together, key=lambda hit: hit[:3])
    alone = [
        (number, *hit[1:])
        for number, document in enumerate(documents)
        for hit in fast_find([document], index)
    ]
    assert sorted(alone) == sorted(together)


@given(st.lists(st.text(alphabet="aB1 É_中กิ\u0301\u200dİ") | st.text(max_size=50), max_size=4))
def test_the_vocabulary_and_its_numbers_are_the_texts_words(texts):
    index = build_index(texts, [1] * len(texts))
    words = [normalise(text).split() for text in texts]
    assert index.vocabulary == tuple(sorted({word for own in words for word in own}))
    assert [index.vocabulary[number] for number in index.words] == [w for own in words for w in own]


@pytest.mark.parametrize(
    "document",
    [
        ITEM,
        ITEM.upper(),
        ITEM.replace(" ", "\n"),
        ITEM.replace(" ", " - "),  # a sign that stands alone is no word
        "\u201c" + ITEM.replace(" ", "\u2019, \u2014") + "\u201d",  # nor are Unicode's
        "É𐐀 — " * 50 + ITEM + " — fin",
    ],
)
def test_a_quote_is_found_however_it_is_written(document):
    index = build_index([ITEM], [8])
    found = fast_find(["clean text", document], index)
    assert len(found) == 4
    assert {hit[0] for hit in found} == {1}
    _, start, end, gram = found[0]
    assert normalise(document[start:end]) == gram == "the quick brown fox jumps over the lazy"


def test_one_word_changed_in_eight_is_no_hit():
    index = build_index([ITEM], [8])
    assert fast_find(["the quick brown fox leaps over the lazy dog and runs"], index) == []


def test_texts_shorter_than_their_n_have_no_ngram():
    index = build_index(["one two three", ""], [4, 1])
    assert len(index.keys) == 0
    assert fast_find(["one two three four"], index) == []


def test_an_ngram_that_stands_twice_is_one():
    index = build_index(["a b c a b", "a b"], [2, 2])
    assert [index.ngram(number) for number in index.held] == ["a b", "b c", "c a", "a b", "a b"]
    assert len(index.keys) == 3
    assert index.held_offsets.tolist() == [0, 4, 5]


def test_a_saved_index_holds_the_ngrams():
    # A known tool pickles the name of the file in place of the N-grams.
    index = build_index([ITEM, "eins zwei drei vier"], [8, 3])
    loaded = from_arrays({name: array.copy() for name, array in index.arrays().items()})
    document = "x " + ITEM + " y Eins, zwei: drei"
    assert fast_find([document], loaded) == fast_find([document], index)
    assert {loaded.ngram(n) for n in range(len(loaded.keys))} == {
        index.ngram(n) for n in range(len(index.keys))
    }


def test_a_hash_that_lies_is_no_hit():
    index = build_index(["one two three"], [3])
    other = build_index(["four five six"], [3])
    forged = dataclasses.replace(index, keys=other.keys, beginnings=other.beginnings)
    assert fast_find(["four five six"], forged) == []


def test_of_two_ngrams_with_one_hash_the_words_decide():
    index = build_index(["one two three", "four five six"], [3, 3])
    for number in range(2):
        key = index.keys[number]
        forged = dataclasses.replace(index, keys=np.array([key, key]))
        text = index.ngram(number)
        assert fast_find([text], forged) == [(0, 0, len(text), text)]


def test_ngrams_that_share_a_hash_are_numbered_apart():
    words = np.array([0, 1, 2, 3, 0, 1], np.int32)
    hashes = np.array([7, 5, 7, 9, 7], np.uint64)  # 0-1, 1-2, 2-3 (collides), 3-0, 0-1
    ids, first = _distinct(hashes, words, np.arange(5), 2)
    assert ids.tolist() == [1, 0, 2, 3, 1]
    assert first.tolist() == [1, 0, 2, 3]


def test_the_screen_passes_every_key_and_few_others():
    rng = np.random.default_rng(0)
    keys, others = rng.integers(0, 2**63, (2, 100_000), np.int64).astype(np.uint64) * 2
    index = build_index(["x"], [1])
    screened = dataclasses.replace(index, beginnings=keys).screen
    assert np.array_equal(screened, fill_screen(keys))
    passed = sum(_passes_slowly(int(key), screened) for key in others[:20_000])
    assert passed < 200  # 1 %
    assert all(_passes_slowly(int(key), screened) for key in keys[:2000])


def _passes_slowly(key: int, screen: np.ndarray) -> bool:
    block = (key >> 36) % (len(screen) // 8)
    bits = [(key >> (9 * k)) % 512 for k in range(4)]
    return all(int(screen[block * 8 + bit // 64]) >> (bit % 64) & 1 for bit in bits)


def test_the_hash_of_a_run_depends_on_order_and_on_nothing_around_it():
    words = np.array([5, 6, 7, 6, 5, 6, 7], np.uint64)
    first, second, turned = fold(words, np.array([0, 4, 2]), 3).tolist()
    assert first == second
    assert first != turned
