"""The sample against ten lines of Python, and which texts have no language."""

import sys

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus.utf8 import text_bytes
from filters.language import LanguageSettings, detect
from filters.language.sampling import CODE_MARKS, NUM_LETTERED, cut_sample, kind_of
from tests.filters.language.files import sample


def kernel_sample(text, length, num_samples):
    ((data, _, ends),) = text_bytes(pa.array([text]))
    pieces = np.zeros((num_samples, 2), np.int64)
    num = cut_sample(data, 0, int(ends[0]), length, pieces)
    return [tuple(piece) for piece in pieces[:num].tolist()]


@given(st.text(max_size=300), st.integers(1, 9), st.integers(1, 5))
@example("é" * 40 + "a" * 40, 4, 5)
@example("a" * 40 + "\U0001f600" * 40, 9, 5)
def test_the_sample_is_that_of_ten_lines_of_python(text, length, num_samples):
    assert kernel_sample(text, length, num_samples) == sample(text, length, num_samples)


def test_a_sample_reaches_from_the_first_to_the_last_character():
    assert kernel_sample("abcdefghijklmnop", 2, 3) == [(0, 2), (7, 9), (14, 16)]
    assert kernel_sample("abcdefghijklmnop", 3, 1) == [(0, 3)]
    assert kernel_sample("abcdef", 2, 3) == [(0, 6)]


LETTERED = st.text("aZ9 é\u0130中\u0301{;_\x1c\t\0\u00a0\U0001f600", max_size=400)


@settings(max_examples=300)
@given(LETTERED, st.integers(0, 40), st.floats(0, 1), st.integers(1, 200))
@example("a" * 64 + "{" * 16 + "a" * 80, 1, 0.1, 2000)  # one of ten, over several blocks
@example("a" * 64 + "{" * 17 + "a" * 80, 1, 0.1, 2000)
def test_what_has_no_language_is_counted_as_in_plain_python(text, least, most, length):
    chosen = LanguageSettings(
        sample_characters=2 * length, num_samples=2, min_letters=least, max_mark_fraction=most
    )
    data = text.encode()
    joined = " ".join(data[a:b].decode() for a, b in sample(text, length, 2))
    letters = sum(map(str.isalpha, joined))
    visible = sum(not character.isspace() for character in joined)
    marks = sum(character in CODE_MARKS for character in joined)
    has_none = letters < least or marks > most * visible
    assert (detect(pa.array([text]), chosen).codes == ["und"]) == has_none


def test_no_letter_or_blank_lies_beyond_the_code_points_that_are_asked_about():
    for code_point in range(NUM_LETTERED, sys.maxunicode + 1):
        assert kind_of(chr(code_point)) == 0
