"""Bytes of Arrow columns, and tables over code points, against Python itself."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from numba import njit

from corpus.utf8 import NUM_CODE_POINTS, answers, code_points, mix, text_bytes, value_at


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


def test_the_kernel_reads_code_points_and_never_beyond_the_end():
    @njit
    def read(data, end, pages, values):
        found, i = [], np.uint64(0)
        while i < end:
            value, length = value_at(data, i, end, pages, values)
            found.append(value)
            i += length
        return found

    table = code_points(np.arange(NUM_CODE_POINTS, dtype=np.uint32))
    text = "aÿĀ߿ࠀ￿𐀀\U0010ffff"
    data = np.frombuffer(text.encode() + b"\xe4\xb8", np.uint8)
    expected = [*map(ord, text), 0, 0]
    assert read(data, np.uint64(len(data)), *table) == expected


def test_mixing_is_splitmix64():
    # First output of splitmix64 seeded with 0: its state is then the golden ratio.
    assert mix(np.uint64(0x9E3779B97F4A7C15)) == 0xE220A8397B1DCDAF
