"""Kept keys and values give what a pass over everything gives, and are used."""

from __future__ import annotations

import msgspec
import pytest

torch = pytest.importorskip("torch")

from corpus.trainer.generation.cache import Decoder, is_known  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.shapes import PRESETS, ModelShape  # noqa: E402

SHAPE = ModelShape(num_layers=3, num_heads=2, width=16, context=8)


@pytest.fixture(params=[("pre", 0), ("post", 0), ("pre", 3), ("post", 1)])
def model(request):
    norm, band = request.param
    model = GPT(msgspec.structs.replace(SHAPE, norm=norm, band=band), 50, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator()), alpha=0.2)
    return model


def passes(model) -> list[tuple[int, int]]:
    """Rows and positions of each pass through the first layer from now on."""
    seen: list[tuple[int, int]] = []
    model.blocks[0].attention_in.register_forward_pre_hook(
        lambda _, inputs: seen.append(tuple(inputs[0].shape[:2]))
    )
    return seen


@pytest.mark.parametrize("prompt", [[3], [3, 4, 5], list(range(8)), list(range(12))])
def test_logits_are_those_of_a_pass_over_everything_within_the_window_and_beyond(model, prompt):
    kept, anew = Decoder(model, [prompt]), Decoder(model, [prompt], cached=False)
    for token in range(20, 34):
        assert torch.allclose(kept.logits(), anew.logits(), rtol=1e-5, atol=1e-5)
        kept.extend([token])
        anew.extend([token])


def test_within_the_window_only_new_positions_are_passed_and_beyond_it_the_whole_window(model):
    decoder = Decoder(model, [[3, 4, 5, 6, 7]])
    seen = passes(model)
    for token in range(5):
        decoder.logits()
        decoder.extend([token])
    assert seen == [(1, 5), (1, 1), (1, 1), (1, 1), (1, 8)]


def test_several_tokens_at_once_see_each_other_in_order(model):
    decoder = Decoder(model, [[3, 4]])
    decoder.logits()
    for token in (5, 6, 7):
        decoder.extend([token])
    expected = model.logits(torch.tensor([[3, 4, 5, 6, 7]]))
    assert torch.allclose(decoder.logits(), expected, rtol=1e-5, atol=1e-5)


def test_sequences_branch_swap_and_end_with_what_is_theirs(model):
    decoder = Decoder(model, [[3, 4]])
    decoder.logits()
    decoder.extend([5, 6, 7], parents=[0, 0, 0])
    decoder.logits()
    decoder.extend([8, 9], parents=[2, 0])
    expected = model.logits(torch.tensor([[3, 4, 7, 8], [3, 4, 5, 9]]))
    assert torch.allclose(decoder.logits(), expected, rtol=1e-5, atol=1e-5)


def test_layers_of_an_unknown_kind_are_passed_as_a_whole(model):
    class OtherShape(ModelShape, frozen=True, kw_only=True):
        kind: int = 1

    sizes = dict(num_layers=2, num_heads=2, width=16, context=8)
    assert is_known(PRESETS["gpt1"])
    assert is_known(PRESETS["gpt2"])
    assert is_known(OtherShape(**sizes))
    model.shape = OtherShape(**sizes, kind=2)
    decoder, seen = Decoder(model, [[3, 4]]), passes(model)
    for token in (5, 6):
        decoder.logits()
        decoder.extend([token])
    assert seen == [(1, 2), (1, 3)]
