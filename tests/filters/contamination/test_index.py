"""The exact index of N-grams: finds all, reports nothing else, in characters of the raw text."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.words import normalise, split_words
from filters.contamination.index import (
    NgramIndex,
    _distinct,
    build_index,
    find,
    from_arrays,
)
from filters.contamination.kernels import fill_screen, fold, new_screen, passing

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
    return [(int(d), int(s), int(e), index.ngram(g)) for d, s, e, g in zip(*hits, strict=True)]


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
    words = [word for text in texts for word in normalise(text).split()]
    assert [index.word(number) for number in index.table.words.tolist()] == words
    known = [index.word(number) for number in range(len(index.vocabulary.ends))]
    assert sorted(known) == sorted(set(words))


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
    assert index.num_ngrams == 0
    assert fast_find(["one two three four"], index) == []


def test_an_ngram_that_stands_twice_is_one():
    index = build_index(["a b c a b", "a b"], [2, 2])
    assert [index.ngram(number) for number in index.held] == ["a b", "b c", "c a", "a b", "a b"]
    assert index.num_ngrams == 3
    assert index.held_offsets.tolist() == [0, 4, 5]


def test_a_saved_index_holds_the_ngrams():
    # A known tool pickles the name of the file in place of the N-grams.
    index = build_index([ITEM, "eins zwei drei vier"], [8, 3])
    loaded = from_arrays({name: array.copy() for name, array in index.arrays().items()})
    document = "x " + ITEM + " y Eins, zwei: drei"
    assert fast_find([document], loaded) == fast_find([document], index)
    assert {loaded.ngram(n) for n in range(loaded.num_ngrams)} == {
        index.ngram(n) for n in range(index.num_ngrams)
    }


def forged(index: NgramIndex, **columns: object) -> NgramIndex:
    """The index with other columns in its table, and a screen that lets all pass."""
    screen = np.full_like(index.screen, np.iinfo(np.uint64).max)
    return dataclasses.replace(index, table=index.table._replace(**columns), screen=screen)


def test_a_hash_that_lies_is_no_hit():
    index = build_index(["one two three"], [3])
    other = build_index(["four five six"], [3])
    assert fast_find(["four five six"], forged(index, marks=other.table.marks)) == []


def test_of_two_ngrams_with_one_hash_the_words_decide():
    index = build_index(["one two three", "four five six"], [3, 3])
    for number in range(2):
        mark = index.table.marks[number]
        text = index.ngram(number)
        assert fast_find([text], forged(index, marks=np.array([mark, mark]))) == [
            (0, 0, len(text), text)
        ]


def test_an_ngram_of_another_length_with_the_same_words_and_hash_is_no_hit():
    index = build_index(["one two three four", "five six seven"], [4, 3])
    marks = build_index(["one two three", "five six seven"], [3, 3]).table.marks
    for number in range(2):  # whichever of the two has which number
        both = forged(index, marks=np.array([marks[number]] * 2))
        assert {gram for *_, gram in fast_find(["one two three"], both)} == set()


def test_ngrams_that_share_a_hash_are_numbered_apart():
    words = np.array([0, 1, 2, 3, 0, 1], np.uint32)
    hashes = np.array([7, 5, 7, 9, 7], np.uint64)  # 0-1, 1-2, 2-3 (collides), 3-0, 0-1
    ids, first = _distinct(hashes, words, np.arange(5), np.full(5, 2, np.uint8))
    assert ids.tolist() == [1, 0, 2, 3, 1]
    assert first.tolist() == [1, 0, 2, 3]


# Two words of one hash, found by solving its second step for the second eight letters.
TWINS = ("rs18bf38wouebh4r", "afpp709xgulktyon")


def test_two_words_of_one_hash_are_two_words():
    hashes = split_words(pa.array(TWINS)).hashes
    assert hashes[0] == hashes[1]
    first, second = (f"one {word} three" for word in TWINS)
    index = build_index([first, second], [3, 3])
    assert index.num_ngrams == 2
    assert fast_find([second, first], index) == [
        (0, 0, len(second), second), (1, 0, len(first), first)
    ]  # fmt: skip
    assert fast_find([second], build_index([first], [3])) == []


def test_places_are_found_in_a_table_of_many_buckets():
    texts = [" ".join(f"w{n}x{k}" for k in range(40)) for n in range(50)]
    index = build_index(texts, [5] * 50)
    assert len(index.table.buckets) == 257
    assert len(fast_find(texts, index)) == index.num_ngrams == 50 * 36


def test_what_the_search_reads_is_small():
    rng = np.random.default_rng(0)
    text = " ".join(map(str, rng.integers(0, 1000, 200_000).tolist()))
    index = build_index([text], [13])
    assert index.num_bytes / index.num_ngrams < 14


def test_sizes_out_of_range_are_refused():
    for size in (0, 256):
        with pytest.raises(ValueError, match=r"expected 1\.\.255"):
            build_index(["a"], [size])


def test_the_screen_passes_every_key_and_few_others():
    rng = np.random.default_rng(0)
    keys, others = rng.integers(0, 2**64, (2, 100_000), np.uint64)
    screen = new_screen(len(keys))
    fill_screen(keys, screen)
    assert len(screen) * 64 == 1_600_000  # to a block: 16 bits a key
    found = np.empty(100_000, np.int64)
    assert passing(keys, screen, found) == 100_000
    num_passed = passing(others, screen, found)
    assert 100 < num_passed < 1000  # 0.4 %, at least about
    slowly = [k for k in range(20_000) if _passes_slowly(int(others[k]), screen)]
    assert slowly == found[:num_passed][found[:num_passed] < 20_000].tolist()


def _passes_slowly(key: int, screen: np.ndarray) -> bool:
    block = (key >> 36) * (len(screen) // 8) >> 28
    bits = [(key >> (9 * k)) % 512 for k in range(4)]
    return all(int(screen[block * 8 + bit // 64]) >> (bit % 64) & 1 for bit in bits)


def test_the_hash_of_a_run_depends_on_order_and_on_nothing_around_it():
    words = np.array([5, 6, 7, 6, 5, 6, 7], np.uint64)
    sizes = np.array([3, 3, 3, 2], np.uint8)
    first, second, turned, shorter = fold(words, np.array([0, 4, 2, 0]), sizes).tolist()
    assert first == second
    assert len({first, turned, shorter}) == 3
