"""The compiled normal form against `normalise`, which says what it is."""

import gzip
import itertools
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.normal_form import most_words, normal_form, room, write_words
from corpus.simd import BLOCK
from corpus.words import normalise, word_table

SIGNS = "aZ9 .\nßİΣςéЖ中がー٣²Ⅷ🙂𐐀\u0301_'-กิเ๑K\u212aȺẞ\u200d"
TEXT = st.text() | st.text(alphabet=SIGNS, max_size=200) | st.text(alphabet="aB9é中 ", max_size=300)
TEXTS = st.lists(st.none() | TEXT, max_size=8)


def forms(texts, kind=None):
    return normal_form(pa.array(texts, kind or pa.large_string())).to_pylist()


def test_words_are_lower_cased_and_joined_by_one_space():
    assert forms(["The CAT-sat, on 3 mats!", "  ", None, "Ünder_score"]) == [
        "the cat sat on 3 mats", "", "", "ünder score",
    ]  # fmt: skip


@given(TEXTS)
def test_the_form_is_that_of_normalise(texts):
    expected = [normalise(text or "") for text in texts]
    assert forms(texts) == expected
    assert forms(texts, pa.string()) == expected


@pytest.mark.parametrize("size", [15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000])
@pytest.mark.parametrize("end", ["", " ", "é", " é", "-B", "中"])
def test_words_that_pass_the_borders_of_blocks_stay_whole(size, end):
    text = "A" * size + end
    assert forms([text, "b", text]) == [normalise(text), "b", normalise(text)]


@given(st.lists(TEXT, min_size=1, max_size=6), st.data())
def test_a_slice_of_a_chunked_column_has_its_own_documents(texts, data):
    column = pa.chunked_array([pa.array(texts), pa.array([*texts, None])])
    start = data.draw(st.integers(0, len(column)))
    expected = [normalise(text or "") for text in [*texts, *texts, None]][start:]
    assert normal_form(column.slice(start)).to_pylist() == expected


def test_a_column_without_documents_has_no_forms():
    assert normal_form(pa.chunked_array([], pa.string())).to_pylist() == []


@pytest.mark.parametrize("unit", ["a ", "a中", "Ⱥ中", "中", "İ", "Ⱥ", "é-", "𐐀", "𐐀a", "a"])
@pytest.mark.parametrize("number", [1, 7, 31, 32, 33, 500])
def test_no_more_is_written_than_there_is_room_for(unit, number):
    text = (unit * number).encode()
    data = np.frombuffer(text + bytes(BLOCK), np.uint8)
    out = np.full(room(len(text)) + 99, 0xAA, np.uint8)
    ends = np.full(most_words(len(text)) + 9, -1, np.int64)
    n = write_words(data, np.uint64(0), np.uint64(len(text)), *word_table(), out, ends)
    assert n <= most_words(len(text))
    assert (out[room(len(text)) :] == 0xAA).all()
    assert (ends[n:] == -1).all()
    words = [
        bytes(out[start + 1 : end]).decode() for start, end in itertools.pairwise([-1, *ends[:n]])
    ]
    assert words == normalise(text.decode()).split()


def test_real_text_of_many_languages_has_the_form_of_normalise(real_data):
    for name in ("web_gold", "nltk_misc"):
        with gzip.open(real_data / "text" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            texts = [json.loads(line)["text"] for line in itertools.islice(lines, 500)]
        assert forms(texts) == [normalise(text) for text in texts]
