"""Where text is cut: examples, the libraries that read a pattern, and files that say it."""

from __future__ import annotations

import base64
import inspect
import json
import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from corpus.errors import InputError
from corpus.tokenizer.files import load, save
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.report import describe
from corpus.tokenizer.splitting import GPT2, MAX_WORDS_PER_TOKEN, Splitting, splittings
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import Vocabulary

SOURCE = inspect.getsource(random)
DIGITS, WORDS = Splitting(split_digits=True), Splitting(words_per_token=3)
BOTH = Splitting(split_digits=True, words_per_token=2)
tricky_texts = st.text("ab  12é日½.'stre\n\t\u2009") | st.text(
    st.characters(max_codepoint=0x1FFF, exclude_categories=["Cs", "Cn"])
)


def pieces(splitting: Splitting, text: str) -> list[str]:
    return [text[a:b] for _, (a, b) in splitting.pre_tokenizer().pre_tokenize_str(text)]


def learnt(splitting: Splitting, *, vocab_size: int = 900) -> Vocabulary:
    counts = count_pretokens(pa.array([SOURCE]), splitting)
    return learn(*counts, vocab_size=vocab_size, splitting=splitting)


@pytest.mark.parametrize(
    ("splitting", "text", "expected"),
    [
        (GPT2, "paid 1200, it's  all", ["paid", " 1200", ",", " it", "'s", " ", " all"]),
        (DIGITS, "We paid 1200, ", ["We", " paid", " ", "1", "2", "0", "0", ",", " "]),
        (DIGITS, "a  12\n\n3  b", ["a", "  ", "1", "2", "\n\n", "3", " ", " b"]),
        (DIGITS, "x½²", ["x", "½", "²"]),
        (WORDS, "one of the most of all", ["one of the", " most of all"]),
        (WORDS, "it's not at  all. A 5 men do", [
            "it", "'s", " not at", " ", " all", ".", " A", " 5", " men do",
        ]),
        (BOTH, "by the 42 men", ["by the", " ", "4", "2", " men"]),
    ],
)  # fmt: skip
def test_text_is_cut_where_the_splitting_says(splitting, text, expected):
    assert pieces(splitting, text) == expected


@pytest.mark.parametrize("splitting", splittings())
def test_python_s_regex_cuts_as_the_encoder_does(splitting):
    regex = pytest.importorskip("regex")

    @given(text=tricky_texts)
    def check(text: str) -> None:
        assert pieces(splitting, text) == regex.findall(splitting.pattern, text)
        assert "".join(pieces(splitting, text)) == text

    check()
    check.hypothesis.inner_test(SOURCE)


@pytest.mark.parametrize("words", [0, MAX_WORDS_PER_TOKEN + 1])
def test_words_out_of_range_are_refused(words):
    with pytest.raises(ValueError, match="expected 1 to 8"):
        Splitting(words_per_token=words)


def test_a_digit_is_never_merged():
    vocabulary = learnt(DIGITS)
    with_digits = [t for t in vocabulary.token_bytes if any(d in t for d in b"0123456789")]
    assert with_digits == [b"%d" % digit for digit in range(10)]
    spelt = [vocabulary.token_bytes[i] for i in vocabulary.encode([" 2024"])[0]]
    assert spelt == [b" ", b"2", b"0", b"2", b"4"]


def test_tokens_of_several_words_make_shorter_texts():
    lengths = {}
    for splitting in (GPT2, WORDS):
        vocabulary = learnt(splitting, vocab_size=2000)
        lengths[splitting] = len(vocabulary.encode([SOURCE])[0])
        spaces = max(token.strip().count(b" ") for token in vocabulary.token_bytes[:-1])
        assert spaces == splitting.words_per_token - 1
    assert lengths[WORDS] < lengths[GPT2]


@pytest.mark.parametrize("splitting", [GPT2, DIGITS, WORDS, BOTH])
def test_a_saved_vocabulary_comes_back_with_its_splitting(splitting, tmp_path):
    vocabulary = learnt(splitting)
    save(vocabulary, tmp_path, describe(vocabulary))
    assert load(tmp_path) == vocabulary
    assert json.loads((tmp_path / "report.json").read_text())["pattern"] == splitting.pattern
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert theirs.encode(SOURCE).ids == vocabulary.encode([SOURCE])[0]
    assert vocabulary.decode(vocabulary.encode([SOURCE])[0]) == SOURCE
    # The pair has no place for a pattern, and readers take it for GPT-2's.
    assert (tmp_path / "merges.txt").exists() == splitting.is_gpt2


@pytest.mark.parametrize("splitting", splittings())
def test_tiktoken_makes_the_same_ids_of_the_ranks_and_the_pattern(splitting, tmp_path):
    tiktoken = pytest.importorskip("tiktoken")
    vocabulary = learnt(splitting)
    save(vocabulary, tmp_path, {})
    lines = (tmp_path / "ranks.tiktoken").read_text().splitlines()
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines}
    theirs = tiktoken.Encoding(
        "ours", pat_str=splitting.pattern, mergeable_ranks=ranks, special_tokens={}
    )
    for text in (SOURCE, "a  12\n\n3  b½", "naïve 日本語 of the end  "):
        assert theirs.encode_ordinary(text) == vocabulary.encode([text])[0]


def changed(change):
    def write(folder: Path) -> None:
        save(learnt(DIGITS), folder, {})
        found = json.loads((folder / "tokenizer.json").read_text())
        change(*found["pre_tokenizer"]["pretokenizers"], found["pre_tokenizer"])
        (folder / "tokenizer.json").write_text(json.dumps(found))
    return write


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (changed(lambda split, _, __: split["pattern"].update(Regex=r"\s+")), r"the pattern \\s"),
        (changed(lambda split, _, __: split["pattern"].clear()), "not a tokenizer.json"),
        (changed(lambda split, _, __: split.update(behavior="Removed")), "not GPT-2's kind"),
        (changed(lambda split, _, __: split.update(invert=True)), "not GPT-2's kind"),
        (changed(lambda _, to_bytes, __: to_bytes.update(use_regex=True)), "not GPT-2's kind"),
        (changed(lambda _, to_bytes, __: to_bytes.update(type="Metaspace")), "not GPT-2's kind"),
        (changed(lambda _, __, both: both["pretokenizers"].pop()), "not a tokenizer.json"),
        (changed(lambda _, __, both: both.update(type="Whitespace")), "not GPT-2's kind"),
    ],
)
def test_a_file_that_splits_in_another_way_is_refused(tmp_path, write, message):
    write(tmp_path)
    with pytest.raises(InputError, match=message):
        load(tmp_path)
