"""Counts of pre-tokens, against the encoder's own splitter and a readable twin."""

from __future__ import annotations

import inspect
import random
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.tokenizer.pretokens import PretokenCounter, count_pretokens
from corpus.tokenizer.splitting import GPT2, Splitting, splittings

SOURCE = inspect.getsource(random)
SPLITTINGS = [
    GPT2, Splitting(split_digits=True), Splitting(words_per_token=3),
    Splitting(split_digits=True, words_per_token=2),
]  # fmt: skip
SPACES = "\t\n\x0b\x0c\r\x1c\x1f \x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"
NO_SPACES = "\u180e\u200b\ufeff"  # though they look like it
any_text = st.text(SPACES + NO_SPACES + "  a1'strevmld½é日.") | st.text()


def by_the_splitter(splitting: Splitting, texts: list[str]) -> dict[bytes, int]:
    """The counts, by the splitter that encodes."""
    split = splitting.pre_tokenizer().pre_tokenize_str
    return Counter(text[a:b].encode() for text in texts for _, (a, b) in split(text))


def counted(texts: pa.Array | pa.ChunkedArray, splitting: Splitting = GPT2) -> dict[bytes, int]:
    pretokens, counts = count_pretokens(texts, splitting)
    assert pretokens.to_pylist() == sorted(pretokens.to_pylist())
    return dict(zip(pretokens.to_pylist(), counts.tolist(), strict=True))


def cut_slowly(splitting: Splitting, text: str) -> list[str]:
    """The pattern read aloud, for ASCII."""
    pieces: list[str] = []
    while text:
        pieces.append(text[: first_end(splitting, text)])
        text = text[len(pieces[-1]) :]
    return pieces


def first_end(splitting: Splitting, text: str) -> int:
    for contraction in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
        if text.startswith(contraction):
            return len(contraction)
    kinds = "".join(
        "a" if c.isalpha() else "1" if c.isdigit() else " " if c in "\t\n\x0b\x0c\r " else "."
        for c in text
    ) + "$"
    begin = int(text[0] == " " and kinds[1] in ("a." if splitting.split_digits else "a1."))
    kind = kinds[begin]
    end = begin
    while kinds[end] == kind:
        end += 1
    if kind == "1" and splitting.split_digits:
        return 1
    if kind == " " and end > 1 and kinds[end] in ("a." if splitting.split_digits else "a1."):
        return end - 1
    words = 1
    while kind == "a" and words < splitting.words_per_token and text[end:].startswith(" ") \
            and kinds[end + 1] == "a":  # fmt: skip
        end += 1
        words += 1
        while kinds[end] == "a":
            end += 1
    return end


@pytest.mark.parametrize("splitting", splittings())
@given(texts=st.lists(st.text("abz 019'stremld.-\n\t\x0c") | st.text(st.characters(codec="ascii"))))
def test_counts_equal_the_readable_twin_s(splitting, texts):
    expected = Counter(piece.encode() for text in texts for piece in cut_slowly(splitting, text))
    assert counted(pa.array(texts, pa.string()), splitting) == expected


@pytest.mark.parametrize("splitting", SPLITTINGS)
@given(texts=st.lists(any_text))
def test_counts_are_those_of_the_encoder_s_own_splitter(splitting, texts):
    expected = by_the_splitter(splitting, texts)
    assert counted(pa.array(texts, pa.large_string()), splitting) == expected


@pytest.mark.parametrize("splitting", [SPLITTINGS[0], SPLITTINGS[-1]])
def test_every_character_parts_words_as_the_encoder_s_splitter_has_it(splitting):
    # All that Unicode has given a meaning lies in these planes.
    characters = [*range(0xD800), *range(0xE000, 0x34000), *range(0xE0000, 0xE0200)]
    texts = ["".join(f"a{chr(c)}b 1{chr(c)}2 " for c in characters[i::64]) for i in range(64)]
    assert counted(pa.array(texts), splitting) == by_the_splitter(splitting, texts)


def test_source_code_counts_as_the_encoder_s_splitter_has_it():
    for splitting in splittings():
        assert counted(pa.array([SOURCE]), splitting) == by_the_splitter(splitting, [SOURCE])


def test_many_and_long_pretokens_make_the_tables_grow():
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghé", k=rng.randint(1, 20))) for _ in range(30_000)]
    words += ["x" * 300_000, "x" * 300_001, "y" * 300_000]
    texts = [" ".join(words), " ".join(words[::-2]), words[-1]]
    assert counted(pa.array(texts)) == by_the_splitter(GPT2, texts)


def test_long_pretokens_that_differ_in_one_byte_are_told_apart():
    texts = ["abcdefghijklmnopqrstuvwxyz"[:size] for size in range(1, 26)]
    texts += [text[:at] + "é" + text[at:] for text in texts for at in range(len(text))]
    assert counted(pa.array([*texts, *texts])) == dict.fromkeys(map(str.encode, texts), 2)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_slices_and_chunks_are_read_where_they_lie(kind):
    texts = pa.array(["no no", "a b", None, " b", "not this"], kind)
    expected = {b"a": 1, b" b": 2}
    assert counted(texts[1:4]) == expected
    assert counted(pa.chunked_array([texts[1:2], texts[:0], texts[2:4]], kind)) == expected
    assert counted(pa.chunked_array([], kind)) == {}


def test_a_null_counts_for_nothing():
    assert counted(pa.array([None, "a a", ""], pa.string())) == {b"a": 1, b" a": 1}


def test_texts_given_in_turn_count_as_those_given_at_once():
    texts = SOURCE.split("\n\n")
    counter = PretokenCounter()
    for i in range(3):
        counter.add(pa.array(texts[i::3]))
        counter.counts()  # as often as one likes
    found, whole = counter.counts(), count_pretokens(pa.array(texts))
    assert found[0].equals(whole[0])
    assert found[1].tolist() == whole[1].tolist()
