"""Runs of spaces: each is one token, and readers of merges and of ranks agree on any text."""

from __future__ import annotations

import inspect
import json
import random
import textwrap

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import ConfigError
from corpus.tokenizer.files import load, save
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.splitting import Splitting
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import Vocabulary

CODE = inspect.getsource(random) + textwrap.indent(inspect.getsource(json), " " * 7)
PROSE = "Once upon a time there was no indentation. " * 9
CODEX_RUNS = 25
RUNS = [" " * length for length in range(1, 201)]


def learnt(text: str, *, runs: int, size: int = 500, **splitting: int) -> Vocabulary:
    way = Splitting(**splitting)
    counts = count_pretokens(pa.array([text]), way)
    return learn(*counts, vocab_size=size, splitting=way, whitespace_runs=runs)


def encode_by_ranks(vocabulary: Vocabulary, text: str) -> list[int]:
    """As tiktoken does: of all neighbours that make a token, those of the least first."""
    ids = {token: i for i, token in enumerate(vocabulary.token_bytes[:-1])}
    encoded: list[int] = []
    for _, (a, b) in vocabulary.splitting.pre_tokenizer().pre_tokenize_str(text):
        parts = [bytes([byte]) for byte in text[a:b].encode()]
        while True:
            ranks = [ids.get(parts[i] + parts[i + 1], 10**9) for i in range(len(parts) - 1)]
            if not ranks or min(ranks) == 10**9:
                break
            at = ranks.index(min(ranks))
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        encoded += [ids[part] for part in parts]
    return encoded


@pytest.mark.parametrize("text", [CODE, PROSE])
@pytest.mark.parametrize("runs", [2, 3, CODEX_RUNS, 120])
def test_each_run_up_to_the_longest_is_one_token(text, runs):
    vocabulary = learnt(text, runs=runs)
    assert [len(ids) for ids in vocabulary.encode(RUNS[:runs])] == [1] * runs
    # Before a word the last space goes with it.
    before_words = vocabulary.encode([run + " x" for run in RUNS[:runs]])
    assert [vocabulary.token_bytes[ids[0]].decode() for ids in before_words] == RUNS[:runs]
    assert all(vocabulary.decode(ids) == run
               for run, ids in zip(RUNS, vocabulary.encode(RUNS), strict=True))


@pytest.mark.parametrize("text", [CODE, PROSE])
@pytest.mark.parametrize("runs", [0, 2, CODEX_RUNS, 120])
def test_readers_of_ranks_and_of_merges_make_the_same_tokens_of_runs(text, runs):
    vocabulary = learnt(text, runs=runs)
    for run in (*RUNS, *(f"\n{run}\t{run} x" for run in RUNS)):
        assert vocabulary.encode([run])[0] == encode_by_ranks(vocabulary, run)


@given(
    counts=st.dictionaries(
        st.integers(1, 40).map(lambda n: b" " * n)
        | st.text("\n \t", min_size=1, max_size=12).map(str.encode),
        st.integers(1, 9), min_size=1, max_size=12,
    ),
    runs=st.integers(2, 40),
    size=st.integers(257 + 39, 340),
    texts=st.lists(st.text("\n   \tx", max_size=90), max_size=9),
)  # fmt: skip
def test_whatever_was_learnt_they_agree_and_each_run_is_one_token(counts, runs, size, texts):
    pretokens = pa.array(list(counts), pa.large_binary())
    numbers = pa.array(counts.values()).to_numpy()
    vocabulary = learn(pretokens, numbers, vocab_size=size, whitespace_runs=runs)
    assert vocabulary.size <= size
    assert len(set(vocabulary.tokens)) == vocabulary.size
    assert [len(ids) for ids in vocabulary.encode(RUNS[:runs])] == [1] * runs
    for text in (*texts, *RUNS[:60]):
        assert vocabulary.encode([text])[0] == encode_by_ranks(vocabulary, text)


@pytest.mark.parametrize("splitting", [{}, {"split_digits": True}, {"words_per_token": 2}])
def test_tiktoken_agrees(splitting):
    tiktoken = pytest.importorskip("tiktoken")
    vocabulary = learnt(CODE, runs=CODEX_RUNS, **splitting)
    ranks = {token: i for i, token in enumerate(vocabulary.token_bytes[:-1])}
    theirs = tiktoken.Encoding(
        "ours", pat_str=vocabulary.splitting.pattern, mergeable_ranks=ranks, special_tokens={}
    )
    for text in (CODE, *RUNS, *(f"\n{run}12 {run}x" for run in RUNS)):
        assert theirs.encode_ordinary(text) == vocabulary.encode([text])[0]


def test_runs_count_in_the_size_and_stand_after_the_merges():
    plain, with_runs = learnt(CODE, runs=0), learnt(CODE, runs=CODEX_RUNS)
    assert plain.size == with_runs.size == 500
    num_learnt = next(i for i, t in enumerate(with_runs.tokens) if t != plain.tokens[i])
    learnt_runs = {len(t) for t in plain.token_bytes[:num_learnt] if not t.strip(b" ")}
    added = [len(token) for token in with_runs.token_bytes[num_learnt:-1]]
    assert added == sorted(set(range(1, CODEX_RUNS + 1)) - learnt_runs)
    assert len(learnt_runs) > 3
    assert with_runs.merges[: num_learnt - 256] == plain.merges[: num_learnt - 256]


def test_merges_give_way_to_runs_and_a_learnt_run_that_goes_comes_back():
    counts = {b"  ": 90, b"    ": 50, b"ab": 70, b"cd": 60}
    pretokens = pa.array(list(counts), pa.large_binary())
    numbers = pa.array(counts.values()).to_numpy()
    vocabulary = learn(pretokens, numbers, vocab_size=260, whitespace_runs=4)
    assert vocabulary.token_bytes[256:-1] == (b"  ", b"   ", b"    ")
    assert vocabulary.merges == (("Ġ", "Ġ"), ("ĠĠ", "Ġ"), ("ĠĠ", "ĠĠ"))


def test_code_in_a_vocabulary_of_prose_takes_fewer_tokens():
    plain, with_runs = (learnt(PROSE, runs=runs) for runs in (0, CODEX_RUNS))
    assert len(with_runs.encode([CODE])[0]) < 0.85 * len(plain.encode([CODE])[0])


def test_a_saved_vocabulary_comes_back_with_its_runs(tmp_path):
    vocabulary = learnt(CODE, runs=CODEX_RUNS)
    save(vocabulary, tmp_path, {})
    assert load(tmp_path) == vocabulary
    (tmp_path / "tokenizer.json").unlink()
    assert load(tmp_path) == vocabulary


def test_runs_without_room_are_refused():
    assert learnt(CODE, runs=4, size=260).token_bytes[256:-1] == (b"  ", b"    ", b"   ")
    with pytest.raises(ConfigError, match=r"whitespace_runs is 5, too many.*at most 4"):
        learnt(CODE, runs=5, size=260)
