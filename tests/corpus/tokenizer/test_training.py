"""Training from counts, against a readable twin and against Hugging Face's trainer."""

from __future__ import annotations

import inspect
import json
import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from corpus.errors import DataError
from corpus.tokenizer.bytelevel import BYTES_BY_ID, byte_characters
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.training import Learned, train

SOURCE = inspect.getsource(random)
# In repeats pairs overlap, and which are merged shows.
repeats = st.lists(st.text("aab -", max_size=60), min_size=1, max_size=12)
any_texts = st.lists(st.text(max_size=40), min_size=1, max_size=12)


def of_counts(counts: dict[bytes, int]) -> tuple[pa.Array, np.ndarray]:
    return pa.array(list(counts), pa.large_binary()), np.array(list(counts.values()), np.int64)


def learn(counts: dict[bytes, int], *, vocab_size: int = 400, min_pair_count: int = 2) -> Learned:
    return train(*of_counts(counts), vocab_size=vocab_size, min_pair_count=min_pair_count)


def learn_slowly(
    counts: dict[bytes, int], *, vocab_size: int = 400, min_pair_count: int = 2
) -> Learned:
    """All pairs counted anew before each merge."""
    tokens = [bytes([byte]) for byte in BYTES_BY_ID]
    words = {word: [BYTES_BY_ID.index(byte) for byte in word] for word in counts}
    merges: list[tuple[bytes, bytes]] = []
    while len(tokens) < vocab_size:
        pair_counts: Counter[tuple[int, int]] = Counter()
        for word, ids in words.items():
            for pair in pairwise(ids):
                pair_counts[pair] += counts[word]
        best = min(pair_counts, key=lambda pair: (-pair_counts[pair], pair), default=None)
        if best is None or pair_counts[best] < min_pair_count:
            break
        merges.append((tokens[best[0]], tokens[best[1]]))
        words = {word: merged(ids, best, len(tokens)) for word, ids in words.items()}
        tokens.append(b"".join(merges[-1]))
    return Learned(tokens, merges)


def merged(ids: list[int], pair: tuple[int, int], token: int) -> list[int]:
    new: list[int] = []
    at = 0
    while at < len(ids):
        is_pair = tuple(ids[at : at + 2]) == pair
        new.append(token if is_pair else ids[at])
        at += 2 if is_pair else 1
    return new


def learn_by_hugging_face(texts: list[str], *, vocab_size: int, min_pair_count: int) -> Learned:
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(texts, BpeTrainer(
        vocab_size=vocab_size, min_frequency=min_pair_count, show_progress=False,
        special_tokens=[], initial_alphabet=list(byte_characters().values()),
    ))
    model = json.loads(tokenizer.to_str())["model"]
    byte_of = {shown: byte for byte, shown in byte_characters().items()}

    def raw(shown: str) -> bytes:
        return bytes(byte_of[character] for character in shown)

    tokens = [raw(token) for token in sorted(model["vocab"], key=model["vocab"].get)]
    return Learned(tokens, [(raw(left), raw(right)) for left, right in model["merges"]])


def learn_from(texts: list[str], *, vocab_size: int, min_pair_count: int) -> Learned:
    pretokens, counts = count_pretokens(pa.array(texts, pa.large_string()))
    return train(pretokens, counts, vocab_size=vocab_size, min_pair_count=min_pair_count)


def test_the_most_frequent_pair_is_merged_first_and_of_equal_ones_that_of_least_ids():
    learned = learn({b"bc": 5, b"xy": 7, b"ab": 5})
    assert learned.merges == [(b"x", b"y"), (b"a", b"b"), (b"b", b"c")]
    assert learned.tokens[256:] == [b"xy", b"ab", b"bc"]


def test_ids_go_by_gpt_2_s_characters_and_not_by_bytes():
    # A line end is U+010A there and a blank U+0120: both come after the letters.
    assert learn({b"\na": 3, b"ab": 3, b" a": 3}).merges == [
        (b"a", b"b"), (b"\n", b"a"), (b" ", b"a")
    ]  # fmt: skip
    assert BYTES_BY_ID[0:1] == b"!"


@pytest.mark.parametrize("min_pair_count", [1, 2, 40])
def test_merges_equal_hugging_face_s_on_real_text(min_pair_count):
    texts = SOURCE.split("\n\n")
    sizes = {"vocab_size": 1500, "min_pair_count": min_pair_count}
    theirs = learn_by_hugging_face(texts, **sizes)
    assert learn_from(texts, **sizes) == theirs
    assert len(theirs.merges) > 50


@given(texts=repeats | any_texts, min_pair_count=st.integers(0, 4))
def test_merges_equal_hugging_face_s_on_any_text(texts, min_pair_count):
    sizes = {"vocab_size": 320, "min_pair_count": min_pair_count}
    assert learn_from(texts, **sizes) == learn_by_hugging_face(texts, **sizes)


@given(counts=st.dictionaries(
    st.text("aab-", min_size=1, max_size=30).map(str.encode) | st.binary(min_size=1, max_size=20),
    st.integers(1, 9), max_size=20,
), vocab_size=st.integers(256, 340))  # fmt: skip
def test_merges_equal_the_readable_twin_s(counts, vocab_size):
    assert learn(counts, vocab_size=vocab_size) == learn_slowly(counts, vocab_size=vocab_size)


def test_no_two_merges_of_repeats_make_the_same_token():
    counts = {b"a" * n + b"b" * (n % 3): 9 - n % 4 for n in range(2, 40)}
    learned = learn(counts)
    assert len(set(learned.tokens)) == len(learned.tokens) > 290
    assert learned == learn_slowly(counts)


def test_counts_beyond_32_bits_do_not_wrap():
    # In 32 bits the first would count 2, or nothing, or less than nothing.
    for large in (2**32 + 2, 2**32, 2**31 + 1, 2**55):
        assert learn({b"ab": large, b"xy": 5}).merges == [(b"a", b"b"), (b"x", b"y")]
    pretokens, counts = count_pretokens(pa.array([SOURCE]))
    small = train(pretokens, counts, vocab_size=900, min_pair_count=2)
    shifted = train(pretokens, counts << 33, vocab_size=900, min_pair_count=2 << 33)
    assert shifted == small


def test_counts_that_63_bits_might_not_hold_are_refused():
    with pytest.raises(DataError, match="train on a part"):
        learn({b"ab": 2**62})


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_one_is_refused(count):
    with pytest.raises(DataError, match="has the count"):
        learn({b"ab": count})


@given(seed=st.integers(0, 2**32))
def test_neither_the_order_of_pretokens_nor_their_split_changes_the_merges(seed):
    pretokens, counts = count_pretokens(pa.array([SOURCE[:20_000] + "-" * 500 + " aaaa aaa" * 9]))
    expected = train(pretokens, counts, vocab_size=700, min_pair_count=2)
    rng = np.random.default_rng(seed)
    again = np.concatenate((rng.permutation(len(counts)), np.flatnonzero(counts > 1)))
    part = np.where(counts > 1, counts // 2, counts)
    split = np.concatenate((part[again[: len(counts)]], (counts - part)[counts > 1]))
    found = train(pretokens.take(again), split, vocab_size=700, min_pair_count=2)
    assert found == expected


@pytest.mark.parametrize("counts", [{}, {b"a": 9}, {b"": 3, b"b": 1}])
def test_without_pairs_there_are_the_bytes(counts):
    learned = learn(counts)
    assert learned.merges == []
    assert learned.tokens == [bytes([byte]) for byte in BYTES_BY_ID]


def test_a_slice_of_pretokens_is_read_where_it_lies():
    pretokens, counts = of_counts({b"xx": 9, b"ab": 8, b"cd": 7, b"yy": 9})
    learned = train(pretokens[1:3], counts[1:3], vocab_size=300, min_pair_count=2)
    assert learned.merges == [(b"a", b"b"), (b"c", b"d")]
