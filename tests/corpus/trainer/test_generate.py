"""Sampling: seeded, within top_k, ended by end-of-text."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from corpus.trainer.generate import generate  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.settings import ModelShape  # noqa: E402

SHAPE = ModelShape(num_layers=1, num_heads=2, width=16, context=8)


def sharp_model():
    """A model that is not near chance, so that likeliest tokens stand out."""
    model = GPT(SHAPE, 50, seed=1)
    with torch.no_grad():
        model.tokens.weight *= 40
    return model


def sample(**settings):
    return generate(sharp_model(), [3, 4], **({"eot_id": -1, "num_tokens": 20} | settings))


def test_the_same_seed_gives_the_same_text_and_another_seed_another():
    assert sample(seed=1) == sample(seed=1) != sample(seed=2)
    assert len(sample()) == 20


def test_temperature_zero_and_top_one_take_the_likeliest_token():
    model, ids = sharp_model(), [3, 4]
    for _ in range(20):
        with torch.no_grad():
            ids.append(int(model.logits(torch.tensor([ids[-8:]])).argmax()))
    assert sample(temperature=0) == sample(top_k=1) == ids[2:]


def test_top_k_draws_from_so_many_tokens_only():
    model = GPT(SHAPE, 50, seed=1)
    with torch.no_grad():
        likeliest = model.logits(torch.tensor([[3, 4]])).topk(3).indices[0].tolist()
    drawn = {
        generate(model, [3, 4], eot_id=-1, num_tokens=1, top_k=3, seed=s)[0] for s in range(60)
    }
    assert drawn == set(likeliest)


def test_end_of_text_ends_the_sample_and_is_left_out():
    ids = sample(temperature=0)
    stop = ids[5]
    assert sample(temperature=0, eot_id=stop) == ids[: ids.index(stop)]


def test_a_sample_does_not_end_before_its_fewest_tokens():
    stop = sample(temperature=0)[0]
    assert sample(temperature=0, eot_id=stop) == []
    ids = sample(temperature=0, eot_id=stop, min_tokens=7)
    assert len(ids) >= 7
    assert stop not in ids
