"""The kernel against `normalise`, its readable twin, on any text that Arrow can hold."""

import sys
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import words as module
from corpus.words import ngram_hashes, normalise, split_words

# Letters of one to four bytes, digits, marks, separators and everything else.
TEXT = st.text() | st.text(alphabet="aZ9 .\nßİΣςéЖ中٣²Ⅷ🙂𝔸𐐀\u0301_'-")
TEXTS = st.lists(st.none() | TEXT, max_size=8)


def words_of(texts, found):
    """The words of each document, cut out of its bytes and normalised."""
    cut = []
    for i, text in enumerate(texts):
        utf8 = (text or "").encode()
        span = range(found.offsets[i], found.offsets[i + 1])
        cut.append([normalise(utf8[found.starts[w] : found.ends[w]].decode()) for w in span])
    return cut


def twin_hash(word):
    """A word's hash as the module's text gives it, in plain Python."""
    mask = 2**64 - 1
    h = 0xCBF29CE484222325
    for letter in word:
        h = ((h ^ ord(letter)) * 0x9E3779B97F4A7C15) & mask
    return twin_mix(h)


def twin_mix(x):
    mask = 2**64 - 1
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


def twin_ngrams(hashes, n):
    base = 0xD6E8FEB86659FD93
    grams = []
    for i in range(len(hashes) - n + 1):
        joined = 0
        for h in hashes[i : i + n]:
            joined = (joined * base + int(h)) % 2**64
        grams.append(twin_mix(joined))
    return grams


def test_words_are_runs_of_letters_and_digits_in_lower_case():
    assert normalise("Don't STOP -- it's 3.14\tÉtÉ中文!") == "don t stop it s 3 14 été中文"


def test_an_empty_text_has_no_words():
    assert normalise("") == ""
    assert normalise(" .,\n") == ""


def test_only_one_code_point_has_a_longer_lower_case_and_it_becomes_i():
    longer = [c for c in map(chr, range(sys.maxunicode + 1)) if len(c.lower()) > 1]
    assert longer == ["İ"]
    assert normalise("İzmir") == "izmir"


def test_a_final_sigma_is_lowered_by_itself():
    assert normalise("ΟΔΟΣ") == "οδοσ"


def test_words_have_byte_places_and_documents_have_word_places():
    found = split_words(pa.array(["Él, 2 été", None, "", "ab"]))
    assert found.starts.tolist() == [0, 5, 7, 0]
    assert found.ends.tolist() == [3, 6, 12, 2]
    assert found.offsets.tolist() == [0, 3, 3, 3, 4]
    assert found.hashes.tolist() == [twin_hash(w) for w in ["él", "2", "été", "ab"]]


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from([pa.string(), pa.large_string()]))
def test_the_kernel_finds_the_words_of_the_twin(texts, kind):
    found = split_words(pa.array(texts, kind))
    expected = [normalise(text or "").split(" ") if normalise(text or "") else [] for text in texts]
    assert words_of(texts, found) == expected
    assert found.hashes.tolist() == [twin_hash(word) for words in expected for word in words]


@settings(deadline=None)
@given(TEXTS, st.integers(0, 8), st.integers(0, 8), st.integers(1, 3))
def test_slices_and_chunks_change_nothing(texts, first, length, num_chunks):
    array = pa.array(texts, pa.string()).slice(first, length)
    size = max(1, len(array) // num_chunks)
    chunks = pa.chunked_array(
        [array.slice(i, size) for i in range(0, len(array), size)], pa.string()
    )
    expected = split_words(pa.array(array.to_pylist(), pa.large_string()))
    for found in (split_words(array), split_words(chunks)):
        for got, wanted in zip(found, expected, strict=True):
            assert got.tolist() == wanted.tolist()


def test_a_null_with_bytes_beneath_it_has_no_words():
    offsets, data = np.array([0, 3, 6], np.int32), b"abcdef"
    validity = pa.py_buffer(b"\x02")
    array = pa.Array.from_buffers(
        pa.string(), 2, [validity, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    assert split_words(array).offsets.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "tail", [b"\xc3", b"\xe4\xb8", b"\xf0\x9f\x99", b"\xff", b"\xf4\xbf\xbf\xbf"]
)
def test_bytes_that_are_not_utf8_part_words_and_read_nothing_beyond(tail):
    data = b"ab" + tail + b"cd"
    offsets = np.array([0, len(data) - 2, len(data)], np.int32)
    array = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    found = split_words(array)
    assert found.hashes.tolist() == [twin_hash("ab"), twin_hash("cd")]


def test_texts_of_another_type_are_refused():
    with pytest.raises(TypeError, match="int64, expected string"):
        split_words(pa.array([1, 2]))


@settings(deadline=None)
@given(TEXTS, st.integers(1, 6))
def test_ngrams_are_those_of_the_twin_and_never_cross_documents(texts, n):
    words = split_words(pa.array(texts, pa.string()))
    grams, offsets = ngram_hashes(words, n)
    for i in range(len(texts)):
        hashes = words.hashes[words.offsets[i] : words.offsets[i + 1]].tolist()
        expected = hashes if n == 1 else twin_ngrams(hashes, n)
        assert grams[offsets[i] : offsets[i + 1]].tolist() == expected


def test_ngrams_tell_order_and_length():
    words = split_words(pa.array(["a b", "b a", "a a", "a a a"]))
    grams, offsets = ngram_hashes(words, 2)
    assert offsets.tolist() == [0, 1, 2, 3, 5]
    assert len(set(grams.tolist())) == 3
    assert ngram_hashes(words, 4)[1].tolist() == [0, 0, 0, 0, 0]


def test_an_ngram_of_no_words_is_refused():
    with pytest.raises(ValueError, match="n >= 1"):
        ngram_hashes(split_words(pa.array(["a"])), 0)


def test_a_hundred_thousand_words_have_as_many_hashes():
    names = [f"{i:x}" for i in range(100_000)]
    found = split_words(pa.array([" ".join(names)]))
    assert len(np.unique(found.hashes)) == len(names)
    low, high = found.hashes & np.uint64(0xFFFF), found.hashes >> np.uint64(48)
    for bits in (low, high):  # chi-squared of 65,536 cells: mean 65,535, deviation 362
        counts = np.bincount(bits.astype(np.int64), minlength=65_536)
        expected = len(names) / 65_536
        assert abs(((counts - expected) ** 2 / expected).sum() - 65_535) < 6 * 362


def test_the_tables_are_built_only_when_text_comes():
    module._lower_table.cache_clear()
    with patch.object(module, "_lower", side_effect=AssertionError):
        assert normalise(" ") == ""
    assert module._lower_table.cache_info().currsize == 0
