"""Phrases in lines: as many regular expressions find them."""

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.heuristics.lines import read_lines
from filters.heuristics.phrases import any_of, phrases_in

PHRASES = ("javascript", "use cookies", "uses cookies", "cookie policy", "more...", "c++", "é!")
PIECE = st.sampled_from([*PHRASES, *(p.upper() for p in PHRASES), "java", "use ", "\n", " ", "."])


def found_in(texts, phrases=PHRASES):
    return phrases_in(read_lines(pa.array(texts, pa.large_string())), phrases).tolist()


def twin(text, phrases=PHRASES):
    """The bits of each line of a text."""
    return [
        sum(
            1 << k
            for k, phrase in enumerate(phrases)
            if re.search(re.escape(phrase.lower()), line, re.IGNORECASE | re.ASCII)
        )
        for line in text.split("\n")
    ]


@settings(max_examples=300)
@given(st.lists(st.lists(PIECE | st.text(max_size=9), max_size=20).map("".join), max_size=4))
def test_each_line_has_the_bits_of_its_phrases(texts):
    assert found_in(texts) == [bits for text in texts for bits in twin(text)]


def test_real_lines_have_the_bits_of_their_phrases(real_texts):
    phrases = ("the end", "javascript", "privacy policy", "ing", "()", "и в", "1.")
    expected = [bits for text in real_texts for bits in twin(text, phrases)]
    assert found_in(real_texts, phrases) == expected
    assert all(any(bits & 1 << k for bits in expected) for k in (1, 3, 5, 6))


@pytest.mark.parametrize("offset", range(0, 130, 7))
def test_nothing_depends_on_where_in_a_block_a_phrase_stands(offset):
    text = "x" * offset + "JavaScript\n\nWe use Cookies"
    assert found_in([text, text]) == twin(text) * 2 == [1, 0, 2] * 2


def test_a_phrase_does_not_reach_over_the_end_of_a_line_or_text():
    assert found_in(["java", "script"]) == [0, 0]
    assert found_in(["java\nscript", None, "javascript"]) == [0, 0, 0, 1]


def test_some_of_the_phrases_are_asked_for():
    found = np.array([0b001, 0b110, 0], np.uint32)
    assert any_of(found, ("a", "b", "c"), ("a", "c")).tolist() == [True, True, False]


@pytest.mark.parametrize("phrase", ["x", "", "two\nlines"])
def test_phrases_that_cannot_be_looked_for_are_refused(phrase):
    with pytest.raises(ValueError, match="expected two bytes or more of one line"):
        found_in(["text"], (phrase,))


def test_more_phrases_than_bits_are_refused():
    assert found_in(["phrase31"], tuple(f"phrase{k}" for k in range(10, 42))) == [1 << 21]
    with pytest.raises(ValueError, match="33 phrases"):
        found_in(["text"], tuple(f"phrase{k}" for k in range(33)))
