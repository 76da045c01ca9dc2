"""Validation loss against a plain computation, and bits per byte by hand."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch")

from corpus.tokenizer.pretokens import count_pretokens  # noqa: E402
from corpus.tokenizer.training import learn  # noqa: E402
from corpus.trainer.batches import TokenStream  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402
from corpus.trainer.validation import evaluate, token_lengths  # noqa: E402

SHAPE = ModelShape(num_layers=1, num_heads=2, width=16, context=8)


def stream(num_tokens):
    tokens = np.random.default_rng(0).integers(0, 50, num_tokens)
    return TokenStream([tokens.astype(np.uint16)], 50), torch.from_numpy(tokens)


def test_the_loss_is_the_mean_over_all_tokens_each_in_its_window():
    model = GPT(SHAPE, 50)
    tokens, ids = stream(30)  # 29 targets: three windows of 8 and one of 5
    expected = 0.0
    with torch.no_grad():
        for start in range(0, 29, 8):
            inputs, targets = ids[start:-1][:8][None], ids[start + 1 :][:8][None]
            scores = model(inputs) @ model.tokens.weight[:50].T
            expected += torch.nn.functional.cross_entropy(scores[0], targets[0]).item() * len(
                targets[0]
            )
    found = evaluate(model, tokens, np.full(50, 2), num_sequences=2)
    assert found.num_tokens == 29
    assert found.loss == pytest.approx(expected / 29, rel=1e-6)
    assert found.bits_per_byte == pytest.approx(expected / math.log(2) / 58, rel=1e-6)


def test_the_loss_does_not_depend_on_how_many_sequences_are_scored_at_once():
    model = GPT(SHAPE, 50)
    one, many = (
        evaluate(model, stream(200)[0], np.ones(50, int), num_sequences=n).loss for n in (1, 16)
    )
    assert one == pytest.approx(many, rel=1e-6)


def test_a_limit_scores_the_first_tokens_only():
    model = GPT(SHAPE, 50)
    limited = evaluate(model, stream(200)[0], np.ones(50, int), num_sequences=4, num_tokens=29)
    whole = evaluate(model, stream(30)[0], np.ones(50, int), num_sequences=4)
    assert limited == whole


def test_an_empty_split_has_no_loss_and_tokens_without_bytes_no_bits_per_byte():
    model = GPT(SHAPE, 50)
    assert evaluate(model, stream(1)[0], np.ones(50, int), num_sequences=4) is None
    found = evaluate(model, stream(9)[0], np.zeros(50, int), num_sequences=4)
    assert found.bits_per_byte is None


def test_token_lengths_add_up_to_the_bytes_of_the_text():
    text = "déjà vu, twice: déjà vu"
    vocabulary = learn(*count_pretokens(pa.array([text])), vocab_size=270)
    lengths = token_lengths(vocabulary)
    assert lengths[vocabulary.encode([text])[0]].sum() == len(text.encode())
    assert lengths[vocabulary.eot_id] == 0
