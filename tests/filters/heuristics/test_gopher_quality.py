"""Gopher's quality rules: the smallest text that trips each, and the nearest that passes.

The measures are held against a few lines of plain Python on any text.
"""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.words import normalise, split_words
from filters.heuristics import gopher_quality
from filters.heuristics.gopher_quality import BULLETS, GopherQualitySettings
from filters.heuristics.lines import read_lines
from filters.verdict import first_fault

DEFAULT = GopherQualitySettings()
TEXT = st.text() | st.text(alphabet="ab1 .#…\n\t-•中\u2003\u00a0")
PLAIN = "the ship sailed to sea "  # 5 words, two stop words, 18 letters


def measure(texts, **changes):
    array = pa.array(texts, pa.large_string())
    chosen = GopherQualitySettings(**changes)
    return gopher_quality.measure(read_lines(array), split_words(array), chosen)


def reason(text, **changes):
    chosen = GopherQualitySettings(**changes)
    return first_fault(1, gopher_quality.judge(measure([text], **changes), chosen))[0]


def twin(text):
    """What the module's text says, in plain Python."""
    words = text.split()
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    some_words, some_lines = max(len(words), 1), max(len(lines), 1)
    stop_words = set(normalise(text).split(" ")) & set(DEFAULT.stop_words)
    return {
        "num_words": len(words),
        "mean_word_length": sum(map(len, words)) / some_words,
        "hashes_per_word": text.count("#") / some_words,
        "ellipses_per_word": (text.count("...") + text.count("…")) / some_words,
        "bullet_lines": sum(line[0] in BULLETS for line in lines) / some_lines,
        "ellipsis_lines": sum(line.endswith(("...", "…")) for line in lines) / some_lines,
        "alphabetic_words": sum(any(map(str.isalpha, w)) for w in words) / some_words,
        "num_stop_words": len(stop_words),
    }


@settings(max_examples=300)
@given(st.lists(TEXT, max_size=4))
def test_texts_measure_as_the_twin_does(texts):
    found = measure(texts)
    assert {name: values.tolist() for name, values in found.items()} == {
        name: [twin(text)[name] for text in texts] for name in twin("")
    }


def test_plain_prose_passes():
    assert reason(PLAIN * 10) is None


def test_forty_nine_words_are_too_few():
    assert reason(PLAIN * 9 + "four words of it") == gopher_quality.TOO_FEW_WORDS
    assert reason(PLAIN * 9 + "five words of it all") is None


def test_a_null_and_an_empty_text_have_too_few_words():
    assert reason(None) == gopher_quality.TOO_FEW_WORDS
    assert reason("") == gopher_quality.TOO_FEW_WORDS


def test_more_than_a_hundred_thousand_words_are_too_many():
    assert reason(PLAIN * 20_000 + "x") == gopher_quality.TOO_MANY_WORDS
    assert reason(PLAIN * 20_000) is None


def test_words_of_less_than_three_characters_on_average_are_too_short():
    assert reason("the to " + "ab " * 49) == gopher_quality.WORDS_TOO_SHORT
    assert reason("the to abcd " + "abc " * 47) is None


def test_words_of_more_than_ten_characters_on_average_are_too_long():
    long = "to of " + "abcdefghij " * 48
    assert reason(long + "abcdefghijk " * 16) is None  # exactly 10
    assert reason(long + "abcdefghijk " * 17) == gopher_quality.WORDS_TOO_LONG


def test_more_than_a_hash_sign_for_ten_words_is_too_many():
    assert reason(PLAIN * 9 + "the ship #a #b #cd ##") is None  # 5 of 50
    assert reason(PLAIN * 9 + "the ship #a #b #cd ###") == gopher_quality.TOO_MANY_HASHES


def test_more_than_an_ellipsis_for_ten_words_is_too_many():
    assert reason(PLAIN * 9 + "so... it… was... then... there… was") is None  # 5 of 51
    found = reason(PLAIN * 9 + "so... it…… was...... then... now")
    assert found == gopher_quality.TOO_MANY_ELLIPSES


def lines_of(marked, plain, *, mark):
    return mark(PLAIN.strip() + "\n") * marked + (PLAIN.strip() + "\n") * plain


@pytest.mark.parametrize("bullet", ["•", "-", "* ", "\u2013 ", "  ■ "])
def test_more_than_nine_tenths_of_lines_with_a_bullet_are_too_many(bullet):
    assert reason(lines_of(9, 1, mark=lambda line: bullet + line)) is None
    text = lines_of(10, 1, mark=lambda line: bullet + line)
    assert reason(text) == gopher_quality.TOO_MANY_BULLETS
    with_blank_lines = text.replace("\n", "\n \n")
    assert reason(with_blank_lines) == gopher_quality.TOO_MANY_BULLETS


@pytest.mark.parametrize("end", ["...", "…", "....  "])
def test_more_than_three_tenths_of_lines_with_an_ellipsis_are_too_many(end):
    assert reason(lines_of(3, 7, mark=lambda line: line.replace("\n", end + "\n"))) is None
    text = lines_of(4, 8, mark=lambda line: line.replace("\n", end + "\n"))
    assert reason(text) == gopher_quality.TOO_MANY_CUT_LINES


def test_fewer_than_four_fifths_of_words_with_a_letter_are_too_few():
    assert reason(PLAIN * 8 + "1234 " * 10) is None
    assert reason(PLAIN * 8 + "1234 " * 11) == gopher_quality.TOO_FEW_ALPHABETIC_WORDS


def test_one_stop_word_however_often_is_too_few():
    one = "The ship sailed away, " * 15
    assert reason(one) == gopher_quality.TOO_FEW_STOP_WORDS
    assert reason(one + "Have,") is None
    assert reason(one, min_stop_words=0) is None


def test_stop_words_are_whole_words():
    assert reason("other tobacco offer andes thathave " * 10) == gopher_quality.TOO_FEW_STOP_WORDS


@settings(max_examples=200)
@given(TEXT)
def test_lines_and_bullets_may_be_read_as_datatrove_reads_them(text):
    text = re.sub(r"[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", " ", text)  # parts lines there
    found = measure([text], blank_lines=True, bullets="•-")
    lines = text.splitlines()
    bullets = sum(s.lstrip().startswith("•") or s.lstrip().startswith("-") for s in lines)
    cut = sum(s.rstrip().endswith("...") or s.rstrip().endswith("…") for s in lines)
    assert found["bullet_lines"].item() == bullets / max(len(lines), 1)
    assert found["ellipsis_lines"].item() == cut / max(len(lines), 1)


def test_stop_words_may_be_taken_as_they_are_written():
    text = "The ship and THE sea, the " * 13
    assert measure([text])["num_stop_words"].item() == 2
    assert measure([text], stop_word_case=True)["num_stop_words"].item() == 2
    assert measure(["The ship And be "], stop_word_case=True)["num_stop_words"].item() == 1
    assert measure(["THE the"], stop_words=("THE", "the"))["num_stop_words"].item() == 1
    german = {"stop_words": ("Wald", "der"), "stop_word_case": True}
    assert measure(["den Wald"], **german)["num_stop_words"].item() == 1


def test_a_stop_word_of_two_words_is_refused():
    with pytest.raises(ValueError, match="expected one word of letters and digits each"):
        measure(["text"], stop_words=("of the", "to"))


def test_ranges_that_nothing_can_pass_are_refused():
    with pytest.raises(ValueError, match="min_words <= max_words"):
        GopherQualitySettings(min_words=9, max_words=8)
    with pytest.raises(ValueError, match="exceeds max_mean_word_length"):
        GopherQualitySettings(min_mean_word_length=11)
    with pytest.raises(ValueError, match=re.escape("min_stop_words is 9, of 8")):
        GopherQualitySettings(min_stop_words=9)
