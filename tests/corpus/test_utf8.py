"""Bytes of Arrow columns, and tables over code points, against Python itself."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from corpus.simd import BLOCK
from corpus.utf8 import (
    NUM_CODE_POINTS,
    answers,
    characters_before,
    code_points,
    encoded,
    mix,
    padded,
    text_bytes,
    value_at,
)


@pytest.fixture(scope="module")
def table():
    """A table whose number of each code point is itself."""
    return code_points(np.arange(NUM_CODE_POINTS, dtype=np.uint32))


def test_each_document_is_its_bytes():
    array = pa.array(["aé", None, "", "中"]).slice(1)
    (text,) = text_bytes(array)
    cut = [bytes(text.data[a:b]) for a, b in zip(text.starts, text.ends, strict=True)]
    assert cut == [b"", b"", "中".encode()]


def test_each_chunk_comes_by_itself_and_no_chunk_gives_nothing():
    chunked = pa.chunked_array([["a"], [], ["b", "c"]], pa.large_string())
    assert [len(text.starts) for text in text_bytes(chunked)] == [1, 0, 2]
    assert list(text_bytes(pa.chunked_array([], pa.string()))) == []


def test_bytes_of_numbers_are_refused():
    with pytest.raises(TypeError, match="int64, expected string"):
        list(text_bytes(pa.array([1])))


def test_the_table_answers_for_every_code_point():
    pages, values = code_points(np.arange(NUM_CODE_POINTS, dtype=np.uint32) * answers(str.isalpha))
    every = np.arange(sys.maxunicode + 1)
    found = values[pages[every >> 8] + (every & 255)]
    assert found.tolist() == [c * chr(c).isalpha() for c in every]
    assert values[:128].tolist() == [c * chr(c).isalpha() for c in range(128)]


def test_equal_pages_are_stored_once():
    assert len(code_points(answers(str.isspace).astype(np.uint32)).values) < 10 * 256


@njit
def read(data, end, pages, values):
    found, i = [], np.uint64(0)
    while i < end:
        value, length = value_at(data, i, end, pages, values)
        found.append(value)
        i += length
    return found


def test_the_kernel_reads_code_points_and_never_beyond_the_end(table):
    text = "aÿĀ߿ࠀ퟿￿𐀀\U0010ffff"
    data = np.frombuffer(text.encode() + b"\xe4\xb8", np.uint8)
    expected = [*map(ord, text), 0, 0]
    assert read(data, np.uint64(len(data)), *table) == expected


# First bytes of one to four, following ones, and what stands in no UTF-8: short, overlong, beyond.
HARD = st.lists(
    st.sampled_from([*b"a\x80\xa0\xbf\xc1\xc2\xe0\xe4\xed\xf0\xf4\xf5\xff"]), max_size=12
)


@settings(max_examples=300)
@given(st.text().map(str.encode) | st.binary() | HARD.map(bytes))
def test_a_byte_that_is_not_utf8_counts_as_nothing(table, raw):
    escaped = raw.decode(errors="surrogateescape")  # Python's: a surrogate for each such byte
    expected = [0 if 0xDC80 <= ord(c) <= 0xDCFF else ord(c) for c in escaped]
    data = np.frombuffer(raw or b"\0", np.uint8)
    assert read(data, np.uint64(len(raw)), *table) == expected


def test_code_points_are_encoded_as_python_encodes_them():
    for code_point in [*range(0x900), 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x1F600, sys.maxunicode]:
        number, size = encoded(np.uint64(code_point))
        assert int(number).to_bytes(int(size), "little") == chr(code_point).encode()


@given(st.lists(st.none() | st.text() | st.text("a", min_size=50, max_size=70), max_size=8))
def test_padded_parts_have_the_documents_and_room_for_a_block(documents):
    (text,) = text_bytes(pa.array(documents, pa.string()))
    found = []
    for part in padded(text):
        assert (part.ends + BLOCK <= len(part.data)).all()
        found += [bytes(part.data[a:b]) for a, b in zip(part.starts, part.ends, strict=True)]
    assert found == [(document or "").encode() for document in documents]


def test_mixing_is_splitmix64():
    # First output of splitmix64 seeded with 0: its state is then the golden ratio.
    assert mix(np.uint64(0x9E3779B97F4A7C15)) == 0xE220A8397B1DCDAF


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.data())
def test_characters_are_counted_as_python_counts_them(documents, data):
    raw = [text.encode() for text in documents]
    starts = np.cumsum([0, *map(len, raw)])[:-1]
    asked = sorted(
        (number, data.draw(st.integers(0, len(text))))
        for number, text in enumerate(documents)
        for _ in range(3)
    )
    offsets = [len(documents[number][:at].encode()) for number, at in asked]
    found = characters_before(
        np.frombuffer(b"".join(raw), np.uint8), starts.astype(np.int64),
        np.array([number for number, _ in asked]), np.array(offsets),
    )
    assert found.tolist() == [at for _, at in asked]
