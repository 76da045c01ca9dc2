"""Dropout: a share is lost, by the sample alone, and the model without it is the model."""

from __future__ import annotations

import math

import msgspec
import pytest

torch = pytest.importorskip("torch")

from corpus.trainer.checkpoints import checkpoint_folders, newest_weights  # noqa: E402
from corpus.trainer.dropout import Dropout, sample_keys  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.settings import TrainSettings  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402
from corpus.trainer.training import train  # noqa: E402


def masks(share: float, *, places=range(4), samples: int = 64, size: int = 500):
    """What is kept: bool (places, samples, size)."""
    ones = torch.ones(samples, size)
    loses = Dropout(sample_keys(0, 0, samples), share)
    return torch.stack([loses(ones, place) for place in places])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_its_share_is_lost_and_the_rest_scaled_up(share):
    found = masks(share)
    kept = found != 0
    assert torch.equal(found[kept], torch.full_like(found[kept], 1 / (1 - share)))
    deviation = math.sqrt(share * (1 - share) / kept.numel())
    assert abs(kept.double().mean() - (1 - share)) < 4 * deviation


def test_samples_places_and_positions_lose_independently_of_each_other():
    kept = (masks(0.5) != 0).double() - 0.5
    flat = kept.flatten(0, 1)  # (places x samples, size)
    between = (flat @ flat.T) / flat.shape[1] * 4
    between.fill_diagonal_(0)
    assert between.abs().max() < 6 / math.sqrt(flat.shape[1])
    for shift in (1, 2, 64, 128):
        nearby = (flat[:, shift:] * flat[:, :-shift]).mean() * 4
        assert abs(nearby) < 4 / math.sqrt(flat.numel())


def test_a_sample_loses_the_same_in_any_batch():
    x = torch.ones(6, 3, 7)
    whole = Dropout(sample_keys(5, 10, 6), 0.4)(x, 2)
    part = Dropout(sample_keys(5, 12, 3), 0.4)(x[:3], 2)
    assert torch.equal(whole[2:5], part)
    assert not torch.equal(whole, Dropout(sample_keys(6, 10, 6), 0.4)(x, 2))


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("band", [0, 3])
def test_losing_nothing_is_the_model_without_it(norm, band):
    shape = ModelShape(num_layers=2, num_heads=2, width=16, context=8, norm=norm, band=band)
    model, ids = GPT(shape, 50, seed=1), torch.arange(24).view(3, 8)
    documents = torch.tensor([[1] * 4 + [2] * 4] * 3)
    nothing = Dropout(sample_keys(0, 0, 3), 0.0)
    for given in (None, documents):
        assert torch.allclose(model(ids, given), model(ids, given, nothing), atol=1e-5)


def test_all_three_places_of_each_layer_and_the_embeddings_lose():
    """Each place is asked for once, by its number."""
    asked = []

    class Noted(Dropout):
        def __call__(self, x, place):
            asked.append((place, tuple(x.shape)))
            return x

    shape = ModelShape(num_layers=2, num_heads=2, width=16, context=8)
    GPT(shape, 50)(torch.zeros(3, 8, dtype=torch.int64), None, Noted(sample_keys(0, 0, 3), 0.1))
    stream, weights = (3, 8, 16), (3, 2, 8, 8)
    assert asked == [(0, stream), (1, weights), (2, stream), (3, stream),
                     (4, weights), (5, stream), (6, stream)]  # fmt: skip


def test_a_run_with_dropout_is_one_run_in_any_passes_and_after_a_restart(data, tmp_path):
    settings = TrainSettings(
        model="micro", num_layers=1, width=32, context=32, num_steps=10, sequences_per_step=8,
        sequences_per_pass=8, warmup_steps=2, learning_rate=3e-3, checkpoint_every=5,
        num_threads=1, dropout=0.2, noise_scale_every=0,
    )  # fmt: skip

    def run(name: str, **values):
        changed = msgspec.structs.replace(settings, **values)
        train(changed, seed=0, shards=data.shards, tokenizer=data.tokenizer,
              folder=tmp_path / name, log=lambda _: None)  # fmt: skip
        return newest_weights(tmp_path / name / "checkpoints")

    whole, plain, passes = run("whole"), run("plain", dropout=0.0), run("p", sequences_per_pass=3)
    assert all(torch.allclose(whole[name], passes[name], atol=1e-5) for name in whole)
    assert not torch.allclose(whole["tokens.weight"], plain["tokens.weight"], atol=1e-3)
    newest = checkpoint_folders(tmp_path / "whole" / "checkpoints")[-1]
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    again = run("whole")
    assert all(torch.equal(whole[name], again[name]) for name in whole)
