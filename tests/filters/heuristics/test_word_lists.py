"""Entries of a list in texts: as a regular expression finds them."""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.words import split_words
from filters.heuristics.lines import read_lines
from filters.heuristics.word_lists import has_listed_word

ENTRIES = ("Darn", "c++", "$hot", "how to go", "s&m", "Été", "a (b) c", "go-go", "so-so.")
PIECE = st.sampled_from(
    ["darn", "DARN", "c", "C++", "+", "$", "hot", "how to", " go", "s&m", "été", "ÉTÉ", "a (b",
     ") c", "go", "-", "so", ".", "_", " ", "\n", "9", "é"]
)  # fmt: skip
TEXT = st.lists(PIECE, max_size=12).map("".join)


def has(texts, entries=ENTRIES):
    array = pa.array(texts, pa.large_string())
    return has_listed_word(read_lines(array), split_words(array), entries).tolist()


def twin(text, entries=ENTRIES):
    words = "|".join(re.escape(entry.lower()) for entry in entries)
    return re.search(rf"(?<!\w)(?:{words})(?!\w)", text.lower()) is not None


@settings(max_examples=600)
@given(st.lists(TEXT | st.text(max_size=8), max_size=4))
def test_an_entry_is_found_where_the_expression_finds_it(texts):
    assert has(texts) == [twin(text) for text in texts]


@settings(max_examples=200)
@given(st.lists(st.text(alphabet="ab -_é", min_size=1, max_size=5), min_size=1, max_size=6), TEXT)
def test_any_list_with_words_is_searched_for(entries, text):
    entries = tuple(entry for entry in entries if any(map(str.isalnum, entry)))
    text = f"{text} ab a-b é b a {text}"
    stripped = tuple(entry.strip() for entry in entries)
    assert has([text], entries) == [bool(entries) and twin(text, stripped)]


def test_real_texts_hold_the_entries_that_the_expression_finds(real_texts):
    entries = ("kill", "how to", "u.s.", "state-of-the-art", "rock & roll", "не", "C++", "c#")
    found = has(real_texts, entries)
    assert found == [twin(text, entries) for text in real_texts]
    assert 0 < sum(found) < len(found)


@pytest.mark.parametrize("text", ["🖕", "a🖕b", "x\n 🖕 "])
def test_marks_alone_are_found_wherever_they_stand(text):
    assert has([text, "x"], ("🖕", "word")) == [True, False]
    assert has([text], ("word",)) == [False]


def test_texts_do_not_run_into_each_other():
    assert has(["how to", "go", None, "", "how to go", "how", "to go"]) == [
        False, False, False, False, True, False, False,
    ]  # fmt: skip


def test_an_empty_list_finds_nothing():
    assert has(["a", None], ()) == [False, False]
    assert has(["a b"], ("", "  ")) == [False]
    assert has([], ENTRIES) == []


def test_two_hundred_entries_of_one_longest_word_are_each_compared():
    entries = tuple(f"{k} elephants" for k in range(200))
    assert has(["173 elephants", "300 elephants", "elephants 173"], entries) == [True, False, False]
