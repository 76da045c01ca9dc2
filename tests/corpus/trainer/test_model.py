"""The model against its definition: sizes, causality, the loss against torch's own."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from corpus.trainer.model import (  # noqa: E402 - after the check for torch
    GPT,
    band_mask,
    document_mask,
)
from corpus.trainer.shapes import PRESETS, ModelShape  # noqa: E402

SHAPE = ModelShape(num_layers=2, num_heads=2, width=32, context=16)
POST = ModelShape(num_layers=2, num_heads=2, width=32, context=16, norm="post")
BANDED = ModelShape(num_layers=4, num_heads=2, width=32, context=16, band=3)


def tokens(*, rows: int = 3, length: int = 16, vocab_size: int = 100, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocab_size, (rows, length), generator=generator)


def test_gpt2_small_has_the_published_number_of_parameters():
    with torch.device("meta"):
        model = GPT(PRESETS["gpt2"], 50_257)
    assert model.num_parameters() == 124_439_808
    assert model.num_parameters() == PRESETS["gpt2"].num_parameters(50_257)
    assert sum(p.numel() for p in model.parameters()) == 124_439_808 + 47 * 768


def test_gpt1_has_the_published_number_of_parameters():
    with torch.device("meta"):
        model = GPT(PRESETS["gpt1"], 40_478)
    assert model.num_parameters() == 116_534_784
    assert PRESETS["gpt1"].num_parameters(40_478) == 116_534_784


@pytest.mark.parametrize("shape", [SHAPE, POST, BANDED], ids=["pre", "post", "banded"])
def test_a_token_is_predicted_from_those_before_it_alone(shape):
    model = GPT(shape, 100)
    ids = tokens()
    changed = ids.clone()
    changed[:, 10:] = (changed[:, 10:] + 1) % 100
    assert torch.equal(model(ids)[:, :10], model(changed)[:, :10])
    assert not torch.equal(model(ids)[:, 10], model(changed)[:, 10])


def drawn(shape, seed=3):
    """A model whose every number, biases and norms too, is its own, in float64."""
    model, draw = GPT(shape, 100).double(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3, generator=draw)
    return model


def some_states(length=5):
    draw = torch.Generator().manual_seed(1)
    return torch.randn(1, length, 32, dtype=torch.float64, generator=draw)


def attended(block, x, band=1000):
    """Attention written out by hand: of each head each position over the last `band` up to it."""
    query, key, value = block.attention_in(x)[0].split(32, dim=1)
    heads = []
    for head in range(2):
        q, k, v = (part[:, 16 * head : 16 * head + 16] for part in (query, key, value))
        rows = []
        for i in range(x.shape[1]):
            seen = slice(max(0, i + 1 - band), i + 1)
            rows.append((k[seen] @ q[i] / math.sqrt(16)).softmax(0) @ v[seen])
        heads.append(torch.stack(rows))
    return block.attention_out(torch.cat(heads, 1))


def fed_forward(block, x):
    u = block.forward_in(x)
    gelu = 0.5 * u * (1 + torch.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))
    return block.forward_out(gelu)


def test_a_block_is_the_pre_norm_block_written_out_by_hand():
    block, x = drawn(SHAPE).blocks[0], some_states()
    y = x + attended(block, block.attention_norm(x))
    expected = y + fed_forward(block, block.forward_norm(y))
    assert torch.allclose(block(x), expected, atol=1e-12)


def test_gpt1_normalises_each_sum_and_nothing_after_the_last_block():
    model, ids = drawn(POST), tokens(rows=1)
    expected = model.tokens.weight[ids] + model.positions.weight
    for block in model.blocks:
        for norm, layer in ((block.attention_norm, attended), (block.forward_norm, fed_forward)):
            added = expected + layer(block, expected)
            centred = added - added.mean(-1, keepdim=True)
            spread = (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
            expected = centred / spread * norm.weight + norm.bias
    assert torch.allclose(model(ids), expected, atol=1e-12)
    assert not any(name.startswith("norm.") for name in model.state_dict())


def banded_by_hand(model, ids, band, first_position=0):
    """Dense and banded layers in turn, the first one dense."""
    x = model.tokens.weight[ids] + model.positions.weight[first_position:][: ids.shape[1]]
    for number, block in enumerate(model.blocks):
        x = x + attended(block, block.attention_norm(x), band if number in (1, 3) else 1000)
        x = x + fed_forward(block, block.forward_norm(x))
    return model.norm(x)


@pytest.mark.parametrize("length", [2, 3, 4, 16])
def test_every_second_layer_is_the_banded_one_written_out_by_hand(length):
    model, ids = drawn(BANDED), tokens(rows=1, length=length)
    expected = banded_by_hand(model, ids, 3)
    assert torch.allclose(model(ids), expected, atol=1e-12)
    is_dense = torch.allclose(expected, banded_by_hand(model, ids, 1000), atol=1e-6)
    assert is_dense == (length <= 3)


def test_a_banded_layer_sees_so_many_positions_and_a_dense_one_all_before():
    block, x = drawn(BANDED).blocks[1], some_states(length=16)
    changed = x.clone()
    changed[:, 5] += 1
    for mask, seen_from in ((band_mask(16, 3, device=x.device), range(5, 8)),
                            (None, range(5, 16))):  # fmt: skip
        differs = (block(x, mask) != block(changed, mask)).any(2)[0]
        assert differs.nonzero().flatten().tolist() == list(seen_from)


def test_a_band_as_long_as_the_context_is_the_dense_model_bit_for_bit():
    sizes = {"num_layers": 2, "num_heads": 2, "width": 32, "context": 16}
    models = [GPT(ModelShape(**sizes, band=band), 100) for band in (0, 16, 99)]
    dense, *others = (model(tokens()) for model in models)
    assert all(torch.equal(dense, other) for other in others)
    assert not torch.equal(dense, GPT(ModelShape(**sizes, band=15), 100)(tokens()))


def test_gradients_flow_through_a_banded_layer():
    model, ids = drawn(BANDED), tokens(rows=1, length=8)
    targets = ids.roll(-1, 1)
    found = torch.autograd.grad(model.loss(ids, targets), list(model.blocks.parameters()))
    logits = (banded_by_hand(model, ids, 3) @ model.tokens.weight.T)[0, :, :100]
    plain = F.cross_entropy(logits, targets[0])
    expected = torch.autograd.grad(plain, list(model.blocks.parameters()))
    # The loss sums its softmax in float32.
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def alone(model, ids, start, end):
    """Hidden states of the tokens [start, end) by themselves, at these positions."""
    x = model.tokens.weight[ids[:, start:end]] + model.positions.weight[start:end]
    for number, block in enumerate(model.blocks):
        band = model.shape.band if number % 2 else 0
        x = block(x, band_mask(end - start, band, device=x.device))
    return model.norm(x)


def test_a_position_attends_to_those_up_to_it_of_its_own_document():
    rows = [[0] * 5 + [1] * 1 + [2] * 10, [7] * 16, [3, 4] + [5] * 7 + [3] * 7]
    expected = [[[j <= i and row[i] == row[j] for j in range(16)] for i in range(16)]
                for row in rows]  # fmt: skip
    found = document_mask(torch.tensor(rows))
    assert found.shape == (3, 1, 16, 16)
    assert found[:, 0].tolist() == expected


@pytest.mark.parametrize("shape", [SHAPE, POST, BANDED], ids=["pre", "post", "banded"])
def test_with_documents_told_apart_each_is_as_if_alone_at_its_positions(shape):
    model, ids = drawn(shape), tokens()
    ends = [[5, 6, 16], [16], [1, 2, 9, 16]]
    documents = torch.tensor([[sum(end <= i for end in row) for i in range(16)] for row in ends])
    found = model(ids, documents)
    for number, row in enumerate(ends):
        pieces = [alone(model, ids[number : number + 1], start, end)
                  for start, end in zip([0, *row], row, strict=False)]  # fmt: skip
        assert torch.allclose(found[number], torch.cat(pieces, 1)[0], atol=1e-12)
    assert not torch.allclose(found, model(ids), atol=1e-3)


def test_documents_compose_with_the_band_written_out_by_hand():
    model, ids = drawn(BANDED), tokens(rows=1)
    documents = torch.tensor([[0] * 6 + [1] * 10])
    pieces = [banded_by_hand(model, ids[:, :6], 3), banded_by_hand(model, ids[:, 6:], 3, 6)]
    assert torch.allclose(model(ids, documents), torch.cat(pieces, 1), atol=1e-12)


def test_a_document_that_comes_back_in_a_window_is_one():
    model, ids = drawn(SHAPE), tokens(rows=1)
    documents = torch.tensor([[3] * 4 + [8] * 8 + [3] * 4])
    changed = ids.clone()
    changed[:, 2] = (changed[:, 2] + 1) % 100
    differs = (model(ids, documents) != model(changed, documents)).any(2)[0]
    assert differs.nonzero().flatten().tolist() == [2, 3, 12, 13, 14, 15]


@pytest.mark.parametrize("shape", [SHAPE, POST, BANDED], ids=["pre", "post", "banded"])
def test_the_loss_of_documents_told_apart_has_the_gradient_of_each_alone(shape):
    model, ids = drawn(shape), tokens(rows=1)
    targets, documents = ids.roll(-1, 1), torch.tensor([[0] * 7 + [1] * 9])
    found = torch.autograd.grad(model.loss(ids, targets, documents), list(model.parameters()))
    hidden = torch.cat([alone(model, ids, 0, 7), alone(model, ids, 7, 16)], 1)
    plain = F.cross_entropy((hidden @ model.tokens.weight.T)[0, :, :100], targets[0])
    expected = torch.autograd.grad(plain, list(model.parameters()))
    # The loss sums its softmax in float32.
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_one_document_a_window_is_the_model_without_documents():
    model, ids = drawn(SHAPE), tokens()
    one = torch.arange(3)[:, None].expand(3, 16)
    assert torch.allclose(model(ids, one), model(ids), atol=1e-12)


def test_documents_are_told_apart_in_bfloat16_too():
    model, ids = GPT(SHAPE, 100), tokens()
    documents = torch.arange(16).div(6, rounding_mode="floor").expand(3, 16)
    exact = model(ids, documents)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model(ids, documents)
        loss = model.loss(ids, ids.roll(-1, 1), documents)
    loss.backward()
    assert (rounded - exact).abs().max() < 0.05
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_gpt1_draws_all_weights_alike():
    shape = ModelShape(num_layers=4, num_heads=4, width=128, context=128, norm="post")
    model = GPT(shape, 1000, seed=1)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    assert len(matrices) == 2 + 4 * 4
    for matrix in matrices:
        assert matrix.std().item() == pytest.approx(0.02, rel=0.02)


def test_weights_are_drawn_as_gpt2_says_and_depend_on_the_seed_alone():
    shape = ModelShape(num_layers=4, num_heads=4, width=128, context=128)
    model, same, other = (
        GPT(shape, 1000, seed=1),
        GPT(shape, 1000, seed=1),
        GPT(shape, 1000, seed=2),
    )
    block = model.blocks[0]
    assert model.tokens.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.positions.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert block.forward_in.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert block.forward_out.weight.std().item() == pytest.approx(0.02 / math.sqrt(8), rel=0.02)
    assert block.attention_out.weight.std().item() == pytest.approx(0.02 / math.sqrt(8), rel=0.03)
    assert not block.attention_in.bias.any()
    assert all(map(torch.equal, model.state_dict().values(), same.state_dict().values()))
    assert not torch.equal(model.tokens.weight, other.tokens.weight)


def test_an_untrained_model_is_as_sure_as_chance():
    ids = tokens(vocab_size=100)
    loss = GPT(SHAPE, 100).loss(ids, ids.roll(1))
    assert loss.item() == pytest.approx(math.log(100), rel=0.02)


def test_the_padding_of_the_vocabulary_is_never_predicted_and_never_learns():
    model = GPT(SHAPE, 100)
    with torch.no_grad():
        model.tokens.weight[100:] = 9.0  # would win every softmax
    ids = tokens()
    loss = model.loss(ids, ids.roll(1))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(100), rel=0.02)
    assert not model.tokens.weight.grad[100:].any()
    assert model.logits(ids).shape == (3, 100)


def test_without_gradients_the_loss_is_the_same_number():
    model, ids = GPT(SHAPE, 100), tokens()
    with torch.no_grad():
        quiet = model.loss(ids, ids.roll(1))
    assert quiet.item() == model.loss(ids, ids.roll(1)).item()


def test_autocast_on_the_cpu_really_computes_in_bfloat16():
    model, seen = GPT(SHAPE, 100), []
    model.blocks[0].forward_in.register_forward_hook(lambda *call: seen.append(call[2].dtype))
    with torch.autocast("cpu", torch.bfloat16):
        model.loss(tokens(), tokens()).backward()
    assert seen == [torch.bfloat16]
    assert {p.grad.dtype for p in model.parameters()} == {torch.float32}


def test_gpt1_of_transformers_computes_the_same():
    library = pytest.importorskip("transformers")
    config = library.OpenAIGPTConfig(
        n_layer=2, n_head=2, n_embd=32, n_positions=16, vocab_size=100, initializer_range=0.3
    )
    theirs, ours = library.OpenAIGPTModel(config).double().eval(), drawn(POST)
    names = {
        "attention_norm": "ln_1", "attention_in": "attn.c_attn", "attention_out": "attn.c_proj",
        "forward_norm": "ln_2", "forward_in": "mlp.c_fc", "forward_out": "mlp.c_proj",
    }  # fmt: skip
    with torch.no_grad():
        theirs.tokens_embed.weight.copy_(ours.tokens.weight[:100])
        theirs.positions_embed.weight.copy_(ours.positions.weight)
        for block, layer in zip(ours.blocks, theirs.h, strict=True):
            for name, other in names.items():
                module, target = block.get_submodule(name), layer.get_submodule(other)
                weight = module.weight.T if name.endswith(("_in", "_out")) else module.weight
                target.weight.copy_(weight)
                target.bias.copy_(module.bias)
        found = ours(tokens())
        expected = theirs(tokens()).last_hidden_state
    assert torch.allclose(found, expected, atol=1e-9)
