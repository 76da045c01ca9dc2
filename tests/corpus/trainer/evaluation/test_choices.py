"""Multiple choice: each normalisation is the division that its name says."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from corpus.tokenizer.files import load  # noqa: E402
from corpus.trainer.evaluation.choices import (  # noqa: E402
    NORMALISATIONS,
    Answer,
    by_answer_context,
    by_byte,
    by_sum,
    by_token,
    choose,
    score_choices,
)
from corpus.trainer.evaluation.scoring import encode_pair, score  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402

SHAPE = ModelShape(num_layers=1, num_heads=2, width=16, context=32)


@pytest.fixture(scope="module")
def vocabulary(data):
    return load(data.tokenizer)


@pytest.fixture(scope="module")
def model(vocabulary):
    model = GPT(SHAPE, vocabulary.size, seed=3)
    with torch.no_grad():
        model.tokens.weight *= 20
    return model


def answer(log_likelihood, num_tokens=1, text=" x", unconditional=None):
    return Answer(
        text=text, log_likelihood=log_likelihood, num_tokens=num_tokens,
        unconditional=unconditional,
    )  # fmt: skip


def test_each_normalisation_is_its_division():
    one = answer(-6.0, num_tokens=3, text=" caf\u00e9 ", unconditional=-4.0)
    values = {name: normalise(one) for name, normalise in NORMALISATIONS.items()}
    assert values == {"sum": -6.0, "per_token": -2.0, "per_byte": -6 / 5, "answer_context": -2.0}


def test_normalisations_choose_unlike_answers():
    short = answer(-3.0, num_tokens=1, text=" no", unconditional=-1.0)
    long = answer(-4.0, num_tokens=2, text=" no way", unconditional=-3.0)
    tale = answer(-9.0, num_tokens=3, text=" a tale of many years", unconditional=-9.5)
    answers = [short, long, tale]
    chosen = [choose(answers, rule) for rule in (by_sum, by_token, by_byte, by_answer_context)]
    assert chosen == [0, 1, 2, 2]


def test_of_equal_answers_the_first_is_chosen():
    assert choose([answer(-2.0), answer(-1.0), answer(-1.0)], by_sum) == 1


def test_an_answer_without_its_unconditional_likelihood_is_not_guessed():
    with pytest.raises(ValueError, match="score_choices"):
        by_answer_context(answer(-1.0))


def test_answers_are_scored_after_their_own_question(model, vocabulary):
    questions = [("the cat sat on", [" a mat", " a dog run"]), ("one dog", [" run by two", " saw"])]
    found = score_choices(model, vocabulary, questions, num_sequences=3)
    for (context, texts), answers in zip(questions, found, strict=True):
        assert [one.text for one in answers] == texts
        for one in answers:
            [alone] = score(model, [encode_pair(vocabulary, context, one.text)])
            assert one.log_likelihood == pytest.approx(alone.log_likelihood, abs=1e-5)
            assert one.num_tokens == len(vocabulary.encode([one.text])[0])
            assert one.unconditional is None


@pytest.mark.parametrize(("context", "text"), [("the cat sat on", " a mat"), ("on ", "a mat")])
def test_the_unconditional_likelihood_is_of_the_same_tokens_after_answer(
    model, vocabulary, context, text
):
    [[found]] = score_choices(model, vocabulary, [(context, [text])], unconditional=True)
    prefix = [vocabulary.eot_id, *vocabulary.encode(["Answer:"])[0]]
    tokens = vocabulary.encode([" a mat"])[0]
    total = 0.0
    for number, token in enumerate(tokens):
        with torch.no_grad():
            logits = model.logits(torch.tensor([[*prefix, *tokens[:number]]]))[0].double()
        total += float(logits.log_softmax(0)[token])
    assert found.unconditional == pytest.approx(total, abs=1e-5)
    assert by_answer_context(found) == pytest.approx(found.log_likelihood - total, abs=1e-5)


def test_an_even_model_holds_all_answers_of_a_length_for_equal(vocabulary):
    model = GPT(SHAPE, vocabulary.size)
    with torch.no_grad():
        model.tokens.weight.zero_()
    [[one, two]] = score_choices(model, vocabulary, [("the", [" cat", " cat sat"])])
    even = -math.log(vocabulary.size)
    assert one.log_likelihood == pytest.approx(even * one.num_tokens, rel=1e-5)
    assert by_token(one) == pytest.approx(by_token(two), rel=1e-5)
