"""What a vocabulary is said to be, and what its tokens were used for."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from corpus.tokenizer.character_training import learn_characters
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.report import describe, shown, token_use
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import Vocabulary

TEXT = "naïve for naïve for the form " * 3


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return learn(*count_pretokens(pa.array([TEXT])), vocab_size=280)


def used(vocabulary: Vocabulary, *texts: str) -> np.ndarray:
    """How often each id is used, with an end-of-text after each text."""
    ids = [i for its_ids in vocabulary.encode(texts) for i in (*its_ids, vocabulary.eot_id)]
    return np.bincount(np.array(ids, np.int64), minlength=vocabulary.size)


def test_a_vocabulary_is_described_without_a_text(vocabulary):
    about = describe(vocabulary)
    assert (about["vocab_size"], about["eot_id"]) == (vocabulary.size, vocabulary.size - 1)
    assert about["pattern"] == vocabulary.splitting.pattern
    assert about["token_bytes"][:256] == [1] * 256
    assert sum(about["token_bytes"]) == sum(map(len, vocabulary.token_bytes[:-1]))


def test_the_longest_tokens_are_shown_with_their_use(vocabulary):
    found = token_use(vocabulary, used(vocabulary, TEXT), num_shown=2)
    sizes = [len(token) for token in vocabulary.token_bytes[:-1]]
    assert found["longest"][0] == {
        "id": vocabulary.token_bytes.index(" naïve".encode()),
        "token": "␣naïve",
        "bytes": 7,
        "count": 5,
    }
    assert [row["bytes"] for row in found["longest"]] == sorted(sizes)[:-3:-1]
    assert json.loads(json.dumps(found)) == found


def test_tokens_that_no_text_reaches_are_counted(vocabulary):
    found = token_use(vocabulary, used(vocabulary, "for", "!! \x00"))
    reached = set(vocabulary.encode(["for"])[0]) | {0} | set(vocabulary.encode([" \x00"])[0])
    assert found["num_unreached"] == vocabulary.size - 1 - len(reached)
    assert len(found["unreached"]) == 20
    assert found["unreached"][0] == {"id": 1, "token": '"', "bytes": 1, "count": 0}
    assert not reached & {row["id"] for row in found["unreached"]}


def test_single_bytes_are_a_share_of_the_tokens(vocabulary):
    found = token_use(vocabulary, used(vocabulary, " for日"))  # one token, then three
    assert (found["num_tokens"], found["single_byte_share"]) == (4, 0.75)
    assert (found["num_single_bytes"], found["num_single_bytes_used"]) == (256, 3)


def test_without_use_nothing_is_shared(vocabulary):
    found = token_use(vocabulary, np.zeros(vocabulary.size, np.int64))
    assert found["single_byte_share"] is None
    assert found["num_unreached"] == vocabulary.size - 1


def test_counts_of_another_vocabulary_are_refused(vocabulary):
    with pytest.raises(ValueError, match=r"expected \(\d+,\)"):
        token_use(vocabulary, np.zeros(9, np.int64))


def test_a_vocabulary_of_characters_has_a_report_too():
    words = pa.array([b"form", b"for"], pa.large_binary())
    vocabulary = learn_characters(words, np.array([3, 5]), num_merges=3)
    found = token_use(vocabulary, used(vocabulary, "form for q"))
    assert found["longest"][0] == {"id": 10, "token": "for␣", "bytes": 4, "count": 1}
    assert describe(vocabulary)["kind"] == "characters"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (b" caf\xc3\xa9", "␣café"),
        (b"\n\t ", r"\n\t␣"),
        (b"\xff\xc3", r"\xff\xc3"),
        (b"a\xe2\x80\x8b", r"a\u200b"),
        ("🙂".encode(), "🙂"),
    ],
)
def test_a_token_is_shown_to_be_read(token, expected):
    assert shown(token) == expected
