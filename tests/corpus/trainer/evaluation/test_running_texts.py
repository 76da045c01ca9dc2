"""Perplexities of texts by hand: per word of the set, per token of the model, bits per byte."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch")

from corpus.tokenizer.bytelevel import byte_characters  # noqa: E402
from corpus.tokenizer.character_training import learn_characters  # noqa: E402
from corpus.tokenizer.vocabulary import END_OF_TEXT, Vocabulary  # noqa: E402
from corpus.trainer.evaluation.running import Asking  # noqa: E402
from corpus.trainer.evaluation.running_texts import run_text  # noqa: E402
from tests.corpus.trainer.known_models import Table, chain  # noqa: E402

LETTERS = tuple(sorted(byte_characters().values()))
VOCABULARY = Vocabulary((*LETTERS, END_OF_TEXT), ())
LINES = [("0", " it is n't <unk> \n"), ("1", ""), ("2", "he 's é")]


def figures(model, lines=LINES, vocabulary=VOCABULARY, **how):
    result = run_text(model, vocabulary, "ptb", "ptb", lines, Asking(**how))
    return result, {figure.name: figure for figure in result.figures}


def test_even_chances_cost_the_same_for_each_token_and_are_told_in_three_units():
    result, found = figures(chain({}, VOCABULARY.size, context=16))
    plain = ["it isn't <unk>\n", "\n", "he's é\n"]
    sizes = [len(text.encode()) for text in plain]
    nats = math.log(VOCABULARY.size)
    assert result.item_ids == ("0", "1", "2")
    word, token, byte = (
        found[name] for name in ("perplexity_word", "perplexity_token", "bits_per_byte")
    )
    assert word.units == (5.0, 1.0, 4.0)  # it is n't <unk> eos; eos; he 's é eos
    assert word.amounts == pytest.approx([size * nats for size in sizes], rel=1e-5)
    assert word.value() == pytest.approx(math.exp(sum(sizes) * nats / 10), rel=1e-4)
    assert token.value() == pytest.approx(VOCABULARY.size, rel=1e-4)
    assert byte.value() == pytest.approx(math.log2(VOCABULARY.size), rel=1e-5)
    assert byte.units == tuple(map(float, sizes))
    assert "10 words in 3 lines, 0 of them left" in result.notes[0]


def test_tokens_count_in_the_line_in_which_they_begin():
    end = byte_characters()[10]
    vocabulary = Vocabulary((*LETTERS, f"{end}{end}", END_OF_TEXT), ((end, end),))
    lines = [("0", "a"), ("1", ""), ("2", ""), ("3", "b")]
    _, found = figures(chain({}, vocabulary.size, context=16), lines, vocabulary)
    # "a", "\n\n" of lines 0 and 1, "\n", "b", "\n"
    assert found["perplexity_token"].units == (2.0, 0.0, 1.0, 2.0)


def test_windows_lie_side_by_side():
    size = VOCABULARY.size
    rows = [[(i * j) % 7 / 3 for j in range(size)] for i in range(size)]
    _, found = figures(Table(rows, context=4, by_position=True), [("0", "abcdefgh")])
    ids = [VOCABULARY.eot_id, *VOCABULARY.encode(["abcdefgh\n"])[0]]
    places = [1, 2, 3, 4, 1, 2, 3, 4]
    # The last window is a whole one, as the harness has it: it reads three tokens again.
    places.append(4)
    nats = 0.0
    for at, place in enumerate(places):
        logits = torch.tensor(rows[ids[at]], dtype=torch.float64) * place
        nats -= float(logits.log_softmax(0)[ids[at + 1]])
    assert found["perplexity_token"].amounts[0] == pytest.approx(nats, rel=1e-5)


def test_a_limit_takes_the_first_lines():
    model = chain({}, VOCABULARY.size, context=16)
    assert figures(model, limit=2)[0].item_ids == ("0", "1")


def test_a_line_that_would_not_come_back_is_counted():
    model = chain({}, VOCABULARY.size, context=64)
    assert "1 of them left" in figures(model, [("0", "he isn't"), ("1", "he is")])[0].notes[0]


def test_a_tokenizer_of_characters_is_scored_too():
    vocabulary = learn_characters(pa.array([b"ab", b"b"], pa.large_binary()), np.array([5, 3]))
    model = chain({}, vocabulary.size, context=16)
    _, found = figures(model, [("0", "ab"), ("1", "b")], vocabulary)
    assert sum(found["perplexity_token"].units) == sum(
        len(ids) for ids in vocabulary.encode(["ab\n", "b\n"])
    )
    assert found["bits_per_byte"].units == (3.0, 2.0)
