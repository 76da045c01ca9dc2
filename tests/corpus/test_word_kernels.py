"""The pieces of the word kernels; test_words.py holds the whole against its twin."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from corpus.utf8 import padded, text_bytes
from corpus.word_kernels import lower_group, most_words
from corpus.words import split_words

TEXT = st.text() | st.text(alphabet="a9 é中_กิ") | st.text(alphabet="aB ", max_size=200)


@njit
def _group(data, at, length):
    return lower_group(data, at, length)


@pytest.mark.parametrize("word", ["a", "Z9", "WINNOW", "Grain123", "ABCDEFGHIJK"])
def test_a_group_is_the_first_eight_bytes_in_lower_case_then_zeros(word):
    data = np.frombuffer(b"__" + word.encode() + b"_NEXT" + bytes(8), np.uint8)
    expected = word.lower().encode()[:8].ljust(8, b"\0")
    assert int(_group(data, 2, len(word))).to_bytes(8, "little") == expected


@settings(max_examples=200)
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_there_is_room_for_every_word(texts):
    array = pa.array(texts)
    room = sum(most_words(*part) for text in text_bytes(array) for part in padded(text))
    assert room >= len(split_words(array).hashes)


def test_the_room_for_ascii_is_its_words_and_a_word_a_document():
    texts = ["It was the best of times, it was the worst of times."] * 1000
    array = pa.array(texts)
    room = sum(most_words(*part) for text in text_bytes(array) for part in padded(text))
    assert room - len(split_words(array).hashes) - len(texts) in range(64)  # of the last block
