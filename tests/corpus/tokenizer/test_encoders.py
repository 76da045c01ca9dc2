# ruff: noqa: RUF001  (letters that look like others are the point)
"""All libraries give the reference's ids or are refused; documents are laid out as shards want."""

from __future__ import annotations

import gzip
import inspect
import json
import json.decoder
import os
import pickle
import random
import subprocess
import sys
import tokenize
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import ConfigError
from corpus.shards import token_dtype
from corpus.tokenizer import encoder_libraries, encoders
from corpus.tokenizer.bytelevel import byte_characters
from corpus.tokenizer.character_training import learn_characters
from corpus.tokenizer.encoder_libraries import BatchIds
from corpus.tokenizer.encoders import LIBRARIES, count_tokens, encode_documents, open_encoder
from corpus.tokenizer.files import load
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.probes import (
    code_point_texts,
    cut_probe,
    cut_vocabulary,
    drawn_signs,
    hard_texts,
    merge_probe,
)
from corpus.tokenizer.splitting import Splitting
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import END_OF_TEXT, Vocabulary

SOURCES = [inspect.getsource(module) for module in (json.decoder, random, tokenize)]
TEXTS = [paragraph for source in SOURCES for paragraph in source.split("\n\n")]
GPT2 = Splitting()
OTHER = Splitting(split_digits=True, words_per_token=3)
FAST = LIBRARIES[:-1]
BYTES = tuple(byte_characters().values())
SIGNS = st.sampled_from([*" \t\n\r\x00'’.,", *"aZ9éİſΣ中々กि🙂\u200d\ufe0f\u0301\xa0\u3000\u2028"])
ENDINGS = st.sampled_from(["'s", "'LL", "'re", " the", END_OF_TEXT, "    ", "\r\n\r\n", "1234"])
TEXT = st.text() | st.lists(SIGNS | ENDINGS).map("".join)


@cache
def learnt(*, vocab_size: int = 1000, splitting: Splitting = GPT2) -> Vocabulary:
    texts = pa.array(TEXTS, pa.string())
    return learn(*count_pretokens(texts, splitting), vocab_size=vocab_size, splitting=splitting)


@cache
def wide() -> Vocabulary:
    """More tokens than 16 bits can number: all pairs of bytes."""
    pairs = [(first, second) for first in BYTES for second in BYTES]
    tokens = (*sorted(BYTES), *("".join(pair) for pair in pairs), END_OF_TEXT)
    return Vocabulary(tokens, tuple(pairs))


def opened(library: str, vocabulary: Vocabulary) -> encoders.Encoder:
    pytest.importorskip(library)
    return open_encoder(vocabulary, name=library).encoder


def encode(encoder: encoders.Encoder, texts: list[str]) -> list[list[int]]:
    found = encoder.encode(pa.array(texts, pa.string()))
    return [part.tolist() for part in np.split(found.ids, found.ends)][: len(texts)]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("make", [partial(learnt, vocab_size=257), learnt, wide])
def test_every_library_has_the_ids_of_the_reference(library, make):
    vocabulary = make()
    texts = [*TEXTS, *hard_texts(), "", "x" * 5000]
    encoder = opened(library, vocabulary)
    assert encode(encoder, texts) == vocabulary.encode(texts)
    assert encoder.encode(pa.array(texts)).ids.dtype == token_dtype(vocabulary.size)


@pytest.mark.parametrize("library", LIBRARIES)
@given(text=TEXT)
def test_any_text_has_the_ids_of_the_reference_and_comes_back_from_them(library, text):
    vocabulary = learnt()
    (ids,) = encode(opened(library, vocabulary), [text])
    assert ids == vocabulary.encode([text])[0]
    assert vocabulary.decode(ids) == text
    assert vocabulary.eot_id not in ids


@pytest.mark.parametrize("library", FAST)
@given(text=TEXT)
def test_another_splitting_is_the_same_too(library, text):
    vocabulary = learnt(splitting=OTHER)
    assert encode(opened(library, vocabulary), [text]) == vocabulary.encode([text])


@pytest.mark.slow
@pytest.mark.parametrize("splitting", [GPT2, OTHER])
def test_code_points_are_cut_alike(splitting):
    # All of planes 0 and 1; of the others, which have ideographs or nothing, every 16th.
    codes = [*range(0xD800), *range(0xE000, 0x20000), *range(0x20000, 0x40000, 16)]
    vocabulary = cut_vocabulary(splitting)
    texts = code_point_texts([chr(code) for code in codes])
    expected = vocabulary.encode(texts)
    for library in FAST:
        assert encode(opened(library, vocabulary), texts) == expected


@pytest.mark.parametrize("sign", ["a", "é", "中", "1", "٣", ".", "🙂"])
def test_the_vocabulary_of_cuts_shows_each_kind_of_sign(sign):
    encode_text = cut_vocabulary(GPT2).encode
    kind = 0 if sign.isalpha() else 1 if sign.isdigit() else 2
    alone = len(encode_text([sign])[0])
    glued = [len(ids) - alone for ids in encode_text([f"{before}{sign}" for before in "a1."])]
    assert glued == [int(before != kind) for before in range(3)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_gpt2s_vocabulary_gives_the_reference_ids(library, real_data):
    with gzip.open(real_data / "tokenizer" / "gpt2_reference_ids.jsonl.gz") as lines:
        rows = [json.loads(line) for line in lines]
    encoder = opened(library, load(real_data / "tokenizer"))
    assert encode(encoder, [row["text"] for row in rows]) == [row["ids"] for row in rows]


@pytest.mark.parametrize("library", LIBRARIES)
def test_slices_and_both_widths_of_offsets_are_read_where_they_lie(library):
    encoder = opened(library, learnt())
    whole = pa.array(["first", "", "for x in y", "last one", ""], pa.string())
    for texts in (whole, whole.cast(pa.large_string())):
        found = encoder.encode(texts.slice(1, 3))
        assert encode(encoder, ["", "for x in y", "last one"]) == [
            part.tolist() for part in np.split(found.ids, found.ends)[:3]
        ]


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_text_has_no_ids_and_a_null_is_an_error(library):
    encoder = opened(library, learnt())
    found = encoder.encode(pa.array([], pa.large_string()))
    assert (found.ids.tolist(), found.ends.tolist()) == ([], [])
    with pytest.raises(TypeError, match="1 of 2 texts are null"):
        encoder.encode(pa.array(["a", None]))


@pytest.mark.parametrize("library", LIBRARIES)
def test_batches_change_nothing(library, monkeypatch):
    encoder = opened(library, learnt())
    whole = encode(encoder, TEXTS)
    monkeypatch.setattr(encoders, "BATCH_BYTES", 700)
    assert encode(encoder, TEXTS) == whole


@pytest.mark.parametrize("library", FAST)
def test_a_text_of_50_megabytes_is_encoded(library):
    vocabulary = learnt()
    piece = "\n\n".join(TEXTS)  # ends in a letter, begins with a letter: its ids repeat
    times = 50_000_000 // len(piece) + 1
    (once,) = vocabulary.encode([f"{piece}\n"])
    found = opened(library, vocabulary).encode(pa.array([f"{piece}\n" * times]))
    assert np.array_equal(found.ids, np.tile(np.array(once, np.uint16), times))


@pytest.mark.parametrize("run", [" ", "\n", "\t \n", "a", "0", "é."])
@pytest.mark.parametrize("library", FAST)
def test_a_long_run_is_encoded_as_the_reference_does(library, run):
    # Regular expressions that go back over a run give up at some length (tiktoken: a million).
    for vocabulary in (learnt(), learnt(splitting=OTHER)):
        text = run * 1_000_000
        assert encode(opened(library, vocabulary), [text]) == vocabulary.encode([text])


def test_the_fastest_library_is_opened_once_for_equal_vocabularies():
    vocabulary = learnt()
    found = open_encoder(vocabulary)
    assert (found.encoder.name, found.refused) == (LIBRARIES[0], ())
    assert open_encoder(pickle.loads(pickle.dumps(vocabulary))) is found
    assert open_encoder(learnt(vocab_size=300)) is not found


def test_what_a_library_does_not_take_is_said_and_the_next_is_opened(monkeypatch):
    def does_not_take(name, vocabulary):
        if name == "fastokens":
            raise ValueError("no such\n  pattern")
        return encoder_libraries.open_library(name, vocabulary)

    monkeypatch.setattr(encoders, "open_library", does_not_take)
    found = open_encoder(learnt(vocab_size=402))
    assert found.encoder.name == "tiktoken"
    assert found.refused == ("fastokens: does not take the vocabulary: no such pattern",)
    with pytest.raises(ConfigError, match=r"fastokens: does not take the .* choose auto"):
        open_encoder(learnt(vocab_size=402), name="fastokens")


def test_gpt1s_kind_of_vocabulary_is_left_to_the_reference():
    words = pa.array([b"for", b"forms", b"from"], pa.large_binary())
    vocabulary = learn_characters(words, np.array([5, 3, 4]))
    encoder, refused = open_encoder(vocabulary)
    assert encoder.name == "tokenizers"
    why = "does not take the vocabulary: it merges characters, not bytes"
    assert refused == tuple(f"{library}: {why}" for library in FAST)
    texts = ["For forms, from", "", "x"]
    assert encode(encoder, texts) == vocabulary.encode(texts)


def test_without_any_of_them_the_reference_encodes(monkeypatch):
    for library in FAST:
        monkeypatch.setitem(sys.modules, library, None)
    vocabulary = learnt(vocab_size=400)
    encoder, refused = open_encoder(vocabulary)
    assert encoder.name == "tokenizers"
    assert refused == tuple(f"{library}: not installed" for library in FAST)
    assert encode(encoder, TEXTS) == vocabulary.encode(TEXTS)
    with pytest.raises(ConfigError, match=r"encoder tiktoken: not installed; .*winnow\[fast\]"):
        open_encoder(vocabulary, name="tiktoken")


def wrong_where(sign: str):
    """A library that is right but for texts that hold a sign, where it leaves out an id."""

    def open_library(name, vocabulary):
        right = encoder_libraries.open_library(name, vocabulary)

        def encode_batch(texts):
            found = right(texts)
            starts = [0, *found.ends.tolist()]
            ids = [found.ids[starts[i] : starts[i + 1]].tolist() for i in range(len(texts))]
            wrong = [i[:-1] if sign in t.as_py() else i for i, t in zip(ids, texts, strict=True)]
            flat = np.array([i for its_ids in wrong for i in its_ids], np.uint32)
            return BatchIds(flat, np.cumsum([len(its_ids) for its_ids in wrong]))

        return encode_batch if name == LIBRARIES[0] else right

    return open_library


LAST = drawn_signs()[-1]


@pytest.mark.parametrize("sign", ["\u2028", "\x00", END_OF_TEXT, "🇫🇷", "'LL", "م", LAST])
def test_a_library_that_is_wrong_somewhere_is_refused(monkeypatch, sign):
    monkeypatch.setattr(encoders, "open_library", wrong_where(sign))
    vocabulary = learnt(vocab_size=401)
    encoders._opened.cache_clear()
    found = open_encoder(vocabulary)
    assert found.encoder.name == LIBRARIES[1]
    (why,) = found.refused
    assert why.startswith(f"{LIBRARIES[0]}: ")
    assert ", expected [" in why
    with pytest.raises(ConfigError, match=r"\.\.\. has \[.*\] as ids .* expected the ids of tok"):
        open_encoder(vocabulary, name=LIBRARIES[0])
    encoders._opened.cache_clear()


def test_a_library_that_is_wrong_on_a_token_of_the_vocabulary_alone_is_refused(monkeypatch):
    vocabulary = learn(
        pa.array([b" qqzqqzqqz"], pa.large_binary()), np.array([9]), vocab_size=262
    )
    monkeypatch.setattr(encoders, "open_library", wrong_where("qqzqqz"))
    assert open_encoder(vocabulary).encoder.name == LIBRARIES[1]


def of_merges(*merges: str) -> Vocabulary:
    """The bytes and what such merges make, each once, in the order of the merges."""
    pairs = tuple((left, right) for left, right in (merge.split() for merge in merges))
    made = dict.fromkeys("".join(pair) for pair in pairs)
    return Vocabulary((*BYTES, *made, END_OF_TEXT), pairs)


@pytest.mark.parametrize(
    ("vocabulary", "text", "reason"),
    [
        # `abc` is made of `a` and `bc` alone, but `ab` comes first: the list stops at `ab` + `c`.
        (of_merges("a b", "b c", "a bc"), "xabcx", "is none that its own bytes become"),
        # Two ways to one token, of which the list has the second late: `de` comes first.
        (of_merges("a b", "d e", "ab d", "c d", "b d", "a bd"), "abd abde", "each token once"),
        # Merges that are not in the order of ids.
        (Vocabulary((*BYTES, "ab", "bc", END_OF_TEXT), (("b", "c"), ("a", "b"))), "abc", "order"),
    ],
)
def test_where_ranks_are_not_the_merges_tiktoken_is_refused(vocabulary, text, reason, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastokens", None)
    encoders._opened.cache_clear()
    found = open_encoder(vocabulary)
    assert found.encoder.name == "tokenizers"
    assert reason in found.refused[1]
    assert encode(found.encoder, [text]) == vocabulary.encode([text])
    encoders._opened.cache_clear()


def test_the_probe_finds_ranks_that_are_not_the_merges_without_thinking_of_them(monkeypatch):
    monkeypatch.setattr(encoder_libraries, "_check_ranks", lambda vocabulary: None)
    with pytest.raises(ConfigError, match=r"tiktoken: .* has \[.*expected the ids of tokenizers"):
        open_encoder(of_merges("a b", "b c", "a bc"), name="tiktoken")


def test_fastokens_merges_by_the_list_where_ranks_say_otherwise():
    vocabulary = of_merges("a b", "b c", "a bc")
    assert encode(opened("fastokens", vocabulary), ["abc"]) == vocabulary.encode(["abc"])


def unseen_words(seed: int, num_words: int) -> pa.Array:
    """Words of letters drawn at random, as no text has them twice; 2,000 a text."""
    rng = np.random.default_rng(seed)
    letters = rng.integers(97, 123, (num_words // 2000, 2000 * 12), np.uint8)
    letters[:, ::12] = 32
    return pa.array([row.tobytes().decode() for row in letters])


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="asks Linux for its memory")
def test_words_never_seen_before_do_not_fill_the_memory():
    encoder = opened("fastokens", learnt(vocab_size=500))
    encoder.encode(unseen_words(0, 400_000))
    before = resident_bytes()
    for seed in range(1, 26):  # 120 MB; a cache of all words would have 10 million
        encoder.encode(unseen_words(seed, 400_000))
    assert resident_bytes() - before < 250 * 2**20


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="asks Linux for its threads")
def test_fastokens_has_one_thread_for_all_cores():
    pytest.importorskip("fastokens")
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; import test_encoders as t\n"
        "t.encode(t.opened('fastokens', t.learnt()), t.TEXTS * 50)\n"
        "names = [task.read_text() for task in Path('/proc/self/task').glob('*/comm')]\n"
        "print(sum('fastokens' in name for name in names), os.environ.get('RAYON_NUM_THREADS'))\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "RAYON_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent)],
        env=environment, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[3],
    )
    assert done.stdout == "1 None\n"


@pytest.mark.parametrize("make", [learnt, wide])
def test_documents_are_little_endian_ids_with_end_of_text_after_each_text(make):
    vocabulary = make()
    encoder = open_encoder(vocabulary).encoder
    texts = ["for x in y", "", " pieces", "for x in y", ""]
    one, none, two, *_ = ids = vocabulary.encode(texts)
    eot, dtype = vocabulary.eot_id, token_dtype(vocabulary.size)
    num_texts = np.array([0, 3, 1, 0, 1, 0])
    encoded, num_tokens = encode_documents(
        encoder, pa.array(texts), num_texts, eot_id=eot, vocab_size=vocabulary.size
    )
    documents = [[], [*one, eot, *none, eot, *two, eot], [*one, eot], [], [eot], []]
    assert encoded.type == pa.large_binary()
    assert encoded.to_pylist() == [np.array(d, dtype).tobytes() for d in documents]
    assert num_tokens.tolist() == [len(document) for document in documents]
    ends = encoder.encode(pa.array(texts)).ends
    assert count_tokens(ends, num_texts).tolist() == num_tokens.tolist()
    assert sum(map(len, ids)) + len(texts) == num_tokens.sum()


def test_no_documents_have_no_ids():
    encoder, none = open_encoder(learnt()).encoder, pa.array([], pa.string())
    encoded, num_tokens = encode_documents(
        encoder, none, np.zeros(0, np.int64), eot_id=999, vocab_size=1000
    )
    assert (len(encoded), len(num_tokens)) == (0, 0)


def test_documents_that_want_other_texts_than_there_are_are_an_error():
    encoder = open_encoder(learnt()).encoder
    with pytest.raises(ValueError, match="documents have 3 texts, but 1 are given"):
        count_tokens(encoder.encode(pa.array(["a"])).ends, np.array([3]))


def test_the_probes_have_every_kind_of_text_and_the_vocabularys_own_tokens():
    cuts, merges = cut_probe(GPT2), merge_probe(learnt())
    text = "".join(cuts.texts.to_pylist())
    signs = ("'LL", "\u2028", "\u3000", END_OF_TEXT, "👩\u200d👩\u200d👧", " " * 3000, "\x00")
    assert [sign for sign in signs if sign not in text] == []
    assert {ord(sign) >> 16 for sign in text} == set(range(17))
    used = {i for ids in merges.expected for i in ids}
    assert len(used) > 0.9 * learnt().size
    assert sum(len(t.as_py().encode()) for p in (cuts, merges) for t in p.texts) < 500_000
