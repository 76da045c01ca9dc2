"""GPT-1's kind of vocabulary against Hugging Face's trainer and encoder, and readable twins."""

from __future__ import annotations

import inspect
import json
import random
import re
from collections import Counter
from itertools import pairwise

import ftfy
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from corpus.errors import DataError, InputError
from corpus.tokenizer import character_training
from corpus.tokenizer.character_training import WordCounter, learn_characters
from corpus.tokenizer.characters import (
    UNKNOWN,
    WORD_END,
    CharacterVocabulary,
    normalizer,
    repaired,
    word_splitter,
)
from corpus.tokenizer.files import load, save
from corpus.tokenizer.report import describe
from corpus.tokenizer.vocabulary import END_OF_TEXT

SOURCE = inspect.getsource(random) + " Café — naïve… it\xb4s “the” end | so."
repeats = st.lists(st.text("aab -.", max_size=60), min_size=1, max_size=12)
any_texts = st.lists(st.text(max_size=40), min_size=1, max_size=12)


def words_of(text: str) -> list[str]:
    shown = normalizer().normalize_str(repaired(text))
    return [word for word, _ in word_splitter().pre_tokenize_str(shown)]


def counted(texts: list[str]) -> tuple[pa.Array, np.ndarray]:
    counter = WordCounter()
    counter.add(pa.array(texts, pa.string()))
    return counter.counts()


def of_counts(counts: dict[str, int]) -> tuple[pa.Array, np.ndarray]:
    words = pa.array([word.encode() for word in counts], pa.large_binary())
    return words, np.array(list(counts.values()), np.int64)


def learnt(texts: list[str], **settings: int) -> CharacterVocabulary:
    return learn_characters(*counted(texts), **settings)


@pytest.fixture(scope="module")
def vocabulary() -> CharacterVocabulary:
    return learnt([SOURCE], num_merges=500)


def learnt_by_hugging_face(
    texts: list[str], *, num_merges: int, min_pair_count: int
) -> tuple[list[str], list[tuple[str, str]]]:
    """Tokens and merges. Special tokens have the ids that come first, as they are given."""
    characters = sorted({character for text in texts for character in "".join(words_of(text))})
    alphabet = [UNKNOWN, *characters, *(character + WORD_END for character in characters)]
    tokenizer = Tokenizer(BPE(unk_token=UNKNOWN, end_of_word_suffix=WORD_END))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer(), word_splitter()
    tokenizer.train_from_iterator(map(repaired, texts), BpeTrainer(
        vocab_size=len(alphabet) + num_merges, min_frequency=min_pair_count, show_progress=False,
        special_tokens=alphabet, end_of_word_suffix=WORD_END,
    ))
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    return tokens, [tuple(merge) for merge in model["merges"]]


def learnt_slowly(
    counts: dict[str, int], *, num_merges: int, max_characters: int
) -> tuple[list[str], list[tuple[str, str]]]:
    """Every character that is not of the alphabet parts its word; pairs counted anew each time."""
    seen: Counter[str] = Counter()
    for word, count in counts.items():
        for character in word:
            seen[character] += count
    most = sorted(seen, key=lambda character: (-seen[character], character))[:max_characters]
    tokens = [UNKNOWN, *sorted(most), *(character + WORD_END for character in sorted(most))]
    parts: list[tuple[list[str], int]] = []
    for word, count in counts.items():
        part: list[str] = []
        for at, character in enumerate(word):
            if character in most:
                part.append(character + (WORD_END if at == len(word) - 1 else ""))
            else:
                parts.append((part, count))
                part = []
        parts.append((part, count))
    merges: list[tuple[str, str]] = []
    while len(merges) < num_merges:
        pairs: Counter[tuple[str, str]] = Counter()
        for part, count in parts:
            for pair in pairwise(part):
                pairs[pair] += count
        ids = {token: i for i, token in enumerate(tokens)}
        best = min(pairs, key=lambda p: (-pairs[p], ids[p[0]], ids[p[1]]), default=None)
        if best is None or pairs[best] < 2:
            break
        merges.append(best)
        tokens.append("".join(best))
        parts = [(merged(part, best), count) for part, count in parts]
    return tokens, merges


def merged(part: list[str], pair: tuple[str, str]) -> list[str]:
    new: list[str] = []
    at = 0
    while at < len(part):
        is_pair = tuple(part[at : at + 2]) == pair
        new.append("".join(pair) if is_pair else part[at])
        at += 2 if is_pair else 1
    return new


def encoded_slowly(vocabulary: CharacterVocabulary, text: str) -> list[str]:
    """Sennrich et al. 2016: the merges in order, in each word."""
    tokens: list[str] = []
    for word in words_of(text):
        part = [*word[:-1], word[-1] + WORD_END]
        for pair in vocabulary.merges:
            part = merged(part, pair)
        tokens += [token if token in vocabulary.tokens else UNKNOWN for token in part]
    return tokens


def standardized(text: str) -> str:
    """`text_standardize` of GPT-1's code, in lower case as it goes on to make its words."""
    for sign, ascii_ in (("\u2014", "-"), ("\u2013", "-"), ("\u2015", "-"), ("\u2026", "...")):
        text = text.replace(sign, ascii_)
    text = text.replace("\xb4", "'")
    text = re.sub(
        r"(-+|~+|!+|\"+|;+|\?+|\++|,+|\)+|\(+|\\+|\/+|\*+|\[+|\]+|}+|{+|\|+|_+)", r" \1 ", text
    )
    text = re.sub(r"\s*\n\s*", " \n ", text)
    return re.sub(r"[^\S\n]+", " ", text).strip().lower()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop\n\nNOW!!", ["don", "'", "t", "stop", "now", "!", "!"]),
        ("a \u2014 b\u2026 it\xb4s", ["a", "-", "b", ".", ".", ".", "it", "'", "s"]),
        ("\u201cCafé\u201d 3,000$", ['"', "café", '"', "3", ",", "000", "$"]),
        ("lâ€™été", ["l", "'", "été"]),  # decoded wrongly before it came here
        (" \n\t ", []),
    ],
)
def test_words_are_small_and_apart_from_punctuation(text, words):
    assert words_of(text) == words


@given(
    text=st.text(st.characters(codec="latin-1"))
    | st.text("a-~!\";?+,)(\\/*[]}{|_ \n\u2014\u2026")
)
def test_words_are_those_of_the_text_that_gpt_1_s_code_makes(text):
    fixed = repaired(text)
    theirs = [word for word, _ in word_splitter().pre_tokenize_str(standardized(fixed))]
    assert words_of(text) == theirs


@given(text=st.text(st.characters(codec="ascii")) | st.text("&amp;lt#38<a \r\n\t\x0c\x1b[1m\x7f"))
def test_plain_text_is_what_ftfy_leaves_as_it_is(text):
    assert repaired(text) == ftfy.fix_text(text)


@given(texts=any_texts)
def test_words_are_counted_as_they_are_split(texts):
    words, counts = counted(texts)
    expected = Counter(word.encode() for text in texts for word in words_of(text))
    assert dict(zip(words.to_pylist(), counts.tolist(), strict=True)) == expected
    assert words.to_pylist() == sorted(expected)


def test_texts_in_turn_count_as_those_at_once(monkeypatch):
    texts = SOURCE.split("\n")
    words, counts = counted(texts)
    monkeypatch.setattr(character_training, "_MAX_UNITS", 10)
    counter = WordCounter()
    for text in texts:
        counter.add(pa.array([text, None]))
    assert counter.counts()[0].equals(words)
    assert counter.counts()[1].tolist() == counts.tolist()


@pytest.mark.parametrize("min_pair_count", [1, 2, 30])
def test_merges_equal_hugging_face_s_on_real_text(min_pair_count):
    texts = SOURCE.split("\n\n")
    sizes = {"num_merges": 900, "min_pair_count": min_pair_count}
    tokens, merges = learnt_by_hugging_face(texts, **sizes)
    ours = learnt(texts, **sizes)
    assert (list(ours.tokens[:-1]), list(ours.merges)) == (tokens, merges)
    assert len(merges) > 50


@given(texts=repeats | any_texts, min_pair_count=st.integers(0, 4))
def test_merges_equal_hugging_face_s_on_any_text(texts, min_pair_count):
    if any(words_of(text) for text in texts):
        sizes = {"num_merges": 40, "min_pair_count": min_pair_count}
        ours = learnt(texts, **sizes)
        theirs = learnt_by_hugging_face(texts, **sizes)
        assert (list(ours.tokens[:-1]), list(ours.merges)) == theirs


@given(
    counts=st.dictionaries(
        st.text("aabé日🙂", min_size=1, max_size=9), st.integers(1, 9), min_size=1
    ),
    max_characters=st.integers(1, 6),
)
def test_rare_characters_are_left_out_and_part_their_words(counts, max_characters):
    sizes = {"num_merges": 20, "max_characters": max_characters}
    ours = learn_characters(*of_counts(counts), **sizes)
    assert (list(ours.tokens[:-1]), list(ours.merges)) == learnt_slowly(counts, **sizes)


def test_the_ids_are_unknown_characters_those_at_word_ends_merges_and_end_of_text():
    vocabulary = learn_characters(*of_counts({"abab": 3, "ba": 2}), num_merges=2)
    assert vocabulary.tokens == (
        UNKNOWN, "a", "b", "a</w>", "b</w>", "ab", "abab</w>"[2:], END_OF_TEXT,
    )  # fmt: skip
    assert vocabulary.merges == (("a", "b"), ("a", "b</w>"))


def test_counts_beyond_32_bits_do_not_wrap():
    vocabulary = learn_characters(*of_counts({"ab": 2**40, "xy": 5}), num_merges=2)
    assert vocabulary.merges == (("a", "b</w>"), ("x", "y</w>"))
    with pytest.raises(DataError, match="train on a part"):
        learn_characters(*of_counts({"ab": 2**62}))


def test_a_corpus_without_words_is_an_error():
    with pytest.raises(DataError, match="no text to train on"):
        learnt(["", " \n"])


@pytest.mark.parametrize("text", [SOURCE, "Unseen 日本語 words of Ωmega—all", "", "<unk> </w>"])
def test_the_encoder_equals_its_readable_twin(vocabulary, text):
    ids = vocabulary.encode([text])[0]
    assert [vocabulary.tokens[i] for i in ids] == encoded_slowly(vocabulary, text)


@given(texts=any_texts)
def test_every_text_has_ids_and_they_give_its_words(vocabulary, texts):
    known = set("".join(vocabulary.tokens))
    for text, ids in zip(texts, vocabulary.encode(texts), strict=True):
        words = words_of(text)
        if set("".join(words)) <= known:
            assert vocabulary.decode(ids) == " ".join(words)
        else:
            assert 0 in ids
        num_bytes = sum(len(vocabulary.token_bytes[i]) for i in ids)
        ends_in_space = bool(ids) and ids[-1] != 0
        assert num_bytes == len(vocabulary.decode(ids).encode()) + ends_in_space


def test_what_is_not_known_decodes_to_the_replacement_character(vocabulary):
    assert vocabulary.decode(vocabulary.encode(["the 日 end"])[0]) == "the \ufffdend"


@pytest.mark.parametrize("text", [END_OF_TEXT, f"a{END_OF_TEXT}b"])
def test_a_document_can_not_write_end_of_text(vocabulary, text):
    (ids,) = vocabulary.encode([text])
    assert vocabulary.eot_id not in ids
    assert vocabulary.decode(ids) == " ".join(words_of(text))


def test_a_saved_vocabulary_comes_back(vocabulary, tmp_path):
    save(vocabulary, tmp_path, describe(vocabulary))
    assert load(tmp_path) == vocabulary
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "tokenizer.json"]
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["kind"], report["pattern"]) == ("characters", None)
    assert len(report["token_bytes"]) == vocabulary.size


def test_other_tools_make_the_same_ids_and_words(vocabulary, tmp_path):
    save(vocabulary, tmp_path, {})
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in (*map(repaired, SOURCE.split("\n")), "日本 x日 Ω"):
        ids = vocabulary.encode([text])[0]
        assert theirs.encode(text).ids == ids
        assert theirs.decode(ids).replace(UNKNOWN, "\ufffd") == vocabulary.decode(ids)
    assert theirs.encode(f"for{END_OF_TEXT}").ids[-1] == vocabulary.eot_id
    special = theirs.get_added_tokens_decoder()
    assert special == {vocabulary.eot_id: AddedToken(END_OF_TEXT, special=True, normalized=False)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update(normalizer={"type": "Lowercase"}), "not GPT-2's kind"),
        (lambda t: t.update(pre_tokenizer={"type": "Whitespace"}), "not GPT-2's kind"),
        (lambda t: t["model"].update(fuse_unk=True), "not GPT-2's kind"),
        (lambda t: t["model"].update(unk_token="?"), "not GPT-2's kind"),
        (lambda t: t["model"].update(end_of_word_suffix="@"), "not GPT-2's kind"),
        (lambda t: t["model"]["vocab"].update({UNKNOWN: 9999}), "ids are not 0 to n-1"),
        (lambda t: t["model"]["vocab"].update({UNKNOWN: 1, t_second(t): 0}), "expected <unk>"),
        (lambda t: t["model"]["merges"].append(["q", "日"]), "no pair of tokens"),
    ],
)
def test_a_file_of_another_kind_is_refused(vocabulary, tmp_path, change, message):
    save(vocabulary, tmp_path, {})
    found = json.loads((tmp_path / "tokenizer.json").read_text())
    change(found)
    (tmp_path / "tokenizer.json").write_text(json.dumps(found))
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def t_second(found: dict) -> str:
    """The token of id 1."""
    return next(token for token, i in found["model"]["vocab"].items() if i == 1)
