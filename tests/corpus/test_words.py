"""The normal form against a twin made of Unicode's own properties, and the kernel against both."""

import gzip
import itertools
import json
import sys
import unicodedata
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import words as module
from corpus.word_kernels import LETTER, LONE, MARK, SEPARATOR
from corpus.words import ngram_hashes, normalise, normalised, split_words, word_spans

# Letters of one to four bytes, digits, marks, separators, scripts without spaces, what has a lower
# case of another length, everything else; in runs that pass the borders of groups and blocks.
SIGNS = "aZ9 .\nßİΣςéЖ中々がー٣²Ⅷ🙂𝔸𐐀\u0301_'-กิเ๑ສຳខ្មမြमि्नِعབ་𠀀\u212aȺẞ\u200d\ufe0f"
TEXT = st.text() | st.text(alphabet=SIGNS) | st.text(alphabet="aB9é中ิ ", min_size=60, max_size=200)
TEXTS = st.lists(st.none() | TEXT, max_size=8)

SCRIPTS = [
    "Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Tangut", "Nushu", "Khitan_Small_Script",
    "Thai", "Lao", "Khmer", "Myanmar", "Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet", "Ahom",
]  # fmt: skip
UNSPACED = "".join(rf"\p{{scx={script}}}" for script in SCRIPTS)
# U+02BC and a few tone marks are of Bopomofo or Thai too, but Latin's as well.
LONE_LETTER = regex.compile(rf"(?V1)[[\p{{L}}\p{{Nl}}]&&[{UNSPACED}]--\p{{scx=Latin}}]")


def twin_kind(letter):
    """What a code point does to a word, by the Unicode properties that the module's text names."""
    if LONE_LETTER.match(letter):
        return LONE
    category = unicodedata.category(letter)
    if category[0] in "LN":
        return LETTER
    return MARK if category in ("Mn", "Mc") else SEPARATOR


def twin_words(text):
    """The normalised words of a text: cut it into clusters of a base and its marks, then join."""
    words, is_open = [], False
    for cluster in regex.findall(r"(?s).[\p{Mn}\p{Mc}]*", text):
        kind = twin_kind(cluster[0])
        if kind in (SEPARATOR, MARK):
            is_open = False
            continue
        lowered = "".join(letter.lower()[0] for letter in cluster)
        if kind == LETTER and is_open:
            words[-1] += lowered
        else:
            words.append(lowered)
        is_open = kind == LETTER
    return words


def words_of(texts, found):
    """The words of each document, cut out of its bytes and normalised."""
    cut = []
    for i, text in enumerate(texts):
        utf8 = text if isinstance(text, bytes) else (text or "").encode()
        span = range(found.offsets[i], found.offsets[i + 1])
        cut.append([normalise(utf8[found.starts[w] : found.ends[w]].decode()) for w in span])
    return cut


def twin_hash(word):
    """A word's hash as the module's text gives it, in plain Python."""
    h, utf8 = 0xCBF29CE484222325, word.encode()
    for i in range(0, len(utf8), 8):
        h = twin_mix(h ^ int.from_bytes(utf8[i : i + 8], "little"))
    return h


def array_of(documents):
    """An Arrow array of these bytes, whatever they are, with nothing behind them."""
    offsets = np.cumsum([0, *map(len, documents)]).astype(np.int32)
    data = np.frombuffer(b"".join(documents) or b"\0", np.uint8).copy()
    return pa.Array.from_buffers(
        pa.string(), len(documents), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )


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
    assert normalise("Don't STOP -- it's 3.14\tÉtÉ!") == "don t stop it s 3 14 été"


def test_an_empty_text_has_no_words():
    assert normalise("") == ""
    assert normalise(" .,\n") == ""


def test_only_one_code_point_has_a_longer_lower_case_and_it_becomes_i():
    longer = [c for c in map(chr, range(sys.maxunicode + 1)) if len(c.lower()) > 1]
    assert longer == ["İ"]
    assert normalise("İzmir") == "izmir"


def test_a_final_sigma_is_lowered_by_itself():
    assert normalise("ΟΔΟΣ") == "οδοσ"


@pytest.mark.parametrize("word", ["हिन्दी", "தமிழ்", "عَرَبِيّ", "שָׁלוֹם", "vie\u0323\u0302t", "བོད"])
def test_marks_are_of_the_word_that_they_stand_in(word):
    assert normalise(f"({word})") == word
    assert any(unicodedata.category(letter) in ("Mn", "Mc") for letter in word)


def test_a_mark_that_follows_no_letter_is_none():
    assert normalise("\u0301 a-\u0301b") == "a b"
    assert normalise("❤\ufe0f") == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("東京へ行く。", "東 京 へ 行 く"),
        ("ラーメン3杯", "ラ ー メ ン 3 杯"),
        ("Python入門", "python 入 門"),
        ("สวัสดี", "ส วั ส ดี"),
        ("ปี๒๕๖๗", "ปี ๒๕๖๗"),
        ("ភាសាខ្មែរ", "ភា សា ខ្ មែ រ"),
        ("மொழி 한국어 ትግርኛ བོད་སྐད", "மொழி 한국어 ትግርኛ བོད སྐད"),  # these part words or syllables
    ],
)
def test_a_letter_of_a_script_without_spaces_is_a_word_with_its_marks(text, words):
    assert normalise(text) == words


def test_each_code_point_does_what_its_unicode_properties_say():
    every = (chr(c) for c in range(sys.maxunicode + 1))
    assigned = [c for c in every if unicodedata.category(c) != "Cn"]  # the same in each Unicode
    assert [c for c in assigned if module._kind(c) != twin_kind(c)] == []


@given(text=TEXT)
def test_the_spans_are_those_of_the_kernel_in_characters(text):
    spans = word_spans(text)
    found = split_words(pa.array([text], pa.large_string()))
    assert [len(text[:start].encode()) for start, _ in spans] == found.starts.tolist()
    assert [len(text[:end].encode()) for _, end in spans] == found.ends.tolist()
    assert list(normalised(text, spans)) == normalise(text).split()


@settings(max_examples=300)
@given(TEXT)
def test_the_normal_form_is_that_of_the_twin(text):
    assigned = "".join(c for c in text if unicodedata.category(c) != "Cn")
    assert normalise(assigned).split(" ") == (twin_words(assigned) or [""])


@settings(max_examples=100)
@given(TEXT)
def test_the_normal_form_of_the_normal_form_is_itself(text):
    assert normalise(normalise(text)) == normalise(text)


def test_words_have_byte_places_and_documents_have_word_places():
    found = split_words(pa.array(["Él, 2 été", None, "", "ab"]))
    assert found.starts.tolist() == [0, 5, 7, 0]
    assert found.ends.tolist() == [3, 6, 12, 2]
    assert found.offsets.tolist() == [0, 3, 3, 3, 4]
    assert found.hashes.tolist() == [twin_hash(w) for w in ["él", "2", "été", "ab"]]


@settings(max_examples=300)
@given(TEXTS, st.sampled_from([pa.string(), pa.large_string()]))
def test_the_kernel_finds_the_words_of_the_twin(texts, kind):
    found = split_words(pa.array(texts, kind))
    expected = [normalise(text or "").split(" ") if normalise(text or "") else [] for text in texts]
    assert words_of(texts, found) == expected
    assert found.hashes.tolist() == [twin_hash(word) for words in expected for word in words]


@pytest.mark.parametrize("before", ["", ".", "é "])
@pytest.mark.parametrize("letter", ["x", "é", "中", "𐐀"])
def test_words_may_end_anywhere_in_a_block(before, letter):
    for size in range(1, 140):
        texts = [before + "x" * size, before + "x" * (size - 1) + letter + " y", "z"]
        found = split_words(pa.array(texts))
        expected = [normalise(text).split(" ") for text in texts]
        assert words_of(texts, found) == expected
        assert found.hashes.tolist() == [twin_hash(w) for words in expected for w in words]


def test_what_is_lower_cased_to_ascii_is_the_ascii_word():
    found = split_words(pa.array(["\u212aELVIN kelvin"]))  # the sign of kelvin
    assert found.hashes[0] == found.hashes[1]


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


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=80) | TEXT.map(str.encode), min_size=1, max_size=4))
def test_bytes_that_are_not_utf8_part_words(documents):
    found = split_words(array_of(documents))
    texts = [document.decode(errors="replace") for document in documents]
    expected = [normalise(text).split() for text in texts]
    assert words_of(documents, found) == expected
    assert found.hashes.tolist() == [twin_hash(word) for words in expected for word in words]


@pytest.mark.parametrize(
    "tail", [b"\xc3", b"\xe4\xb8", b"\xf0\x9f\x99", b"\xff", b"\xf4\xbf\xbf\xbf", b"\xe0\x81\xa1"]
)
def test_a_code_point_is_not_made_of_two_documents(tail):
    found = split_words(array_of([b"ab" + tail, b"cd"]))
    assert found.hashes.tolist() == [twin_hash("ab"), twin_hash("cd")]
    found = split_words(array_of([b"ab" + tail + b"cd"]))
    assert found.hashes.tolist() == [twin_hash("ab"), twin_hash("cd")]


def test_texts_of_another_type_are_refused():
    with pytest.raises(TypeError, match="int64, expected string"):
        split_words(pa.array([1, 2]))


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
    module.word_table.cache_clear()
    with patch.object(module, "_lower", side_effect=AssertionError):
        assert normalise(" ") == ""
    assert module.word_table.cache_info().currsize == 0


def test_real_text_of_many_languages_has_the_words_of_the_twin(real_data):
    with gzip.open(real_data / "text" / "multilingual.jsonl.gz") as lines:
        texts = [json.loads(line)["text"] for line in itertools.islice(lines, 0, None, 8)]
    found = split_words(pa.array(texts, pa.large_string()))
    expected = [twin_words(text) for text in texts]
    assert words_of(texts, found) == expected
    assert found.hashes.tolist() == [twin_hash(word) for words in expected for word in words]
