"""Which weights an optimiser holds, what a step does, and its state by the weights' names."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from corpus.errors import Damaged  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.optimizers import make_optimizers, read_state, update, write_state  # noqa: E402
from corpus.trainer.settings import TrainSettings  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402

SHAPE = ModelShape(num_layers=2, num_heads=2, width=16, context=8)
RATE = 0.01


def made(**values):
    """A model, its optimisers, and the same model again."""
    model = GPT(SHAPE, 60, seed=1)
    settings = TrainSettings(learning_rate=RATE, **values)
    return model, make_optimizers(model, settings), GPT(SHAPE, 60, seed=1)


def fill(model, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_every_weight_is_held_once(kind):
    model, optimizers, _ = made(optimizer=kind)
    held = [p for o in optimizers for group in o.param_groups for p in group["params"]]
    assert len(held) == len(list(model.parameters()))
    assert {id(p) for p in held} == {id(p) for p in model.parameters()}


def test_matrices_and_embeddings_decay_and_biases_and_norms_do_not():
    model, (adamw,), _ = made(weight_decay=0.3)
    decayed = {id(p) for group in adamw.param_groups if group["weight_decay"] == 0.3
               for p in group["params"]}  # fmt: skip
    names = {name for name, p in model.named_parameters() if id(p) in decayed}
    assert names == {name for name, p in model.named_parameters() if name.endswith("weight")
                     and "norm" not in name}  # fmt: skip


def test_two_steps_of_adamw_are_those_of_its_paper():
    """Loshchilov and Hutter 2019, algorithm 2, in plain arithmetic."""
    model, optimizers, twin = made(beta1=0.8, beta2=0.9, epsilon=1e-3, weight_decay=0.2)
    moments = {name: torch.zeros(2, *p.shape) for name, p in twin.named_parameters()}
    for step in (1, 2):
        fill(model, step)
        gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
        update(optimizers, RATE / step)
        for name, p in twin.named_parameters():
            mean, square = moments[name]
            mean.mul_(0.8).add_(gradients[name], alpha=0.2)
            square.mul_(0.9).add_(gradients[name] ** 2, alpha=0.1)
            decay = 0.2 if p.dim() >= 2 else 0.0
            with torch.no_grad():
                p.mul_(1 - RATE / step * decay)
                p -= RATE / step * (mean / (1 - 0.8**step)) / (
                    (square / (1 - 0.9**step)).sqrt() + 1e-3
                )
    for (name, ours), theirs in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6), name
    assert all(p.grad is None for p in model.parameters())


def test_muon_takes_the_matrices_of_the_blocks_and_makes_its_steps_orthogonal():
    """Momentum, nearest orthogonal matrix (here by SVD), scaled to AdamW's size (0.2 sqrt(max))."""
    model, optimizers, twin = made(optimizer="muon", weight_decay=0.0, momentum=0.9)
    adamw_names = {name for name, p in model.named_parameters()
                   if any(p is q for g in optimizers[0].param_groups for q in g["params"])
                   }  # fmt: skip
    assert {name for name, _ in model.named_parameters()} - adamw_names == {
        f"blocks.{n}.{layer}.weight" for n in (0, 1)
        for layer in ("attention_in", "attention_out", "forward_in", "forward_out")
    }  # fmt: skip
    fill(model, 0)
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    update(optimizers, RATE)
    for (name, ours), before in zip(model.named_parameters(), twin.parameters(), strict=True):
        if name in adamw_names:
            continue
        left, _, right = torch.linalg.svd(gradients[name], full_matrices=False)
        step = (before - ours) / (RATE * 0.2 * max(ours.shape) ** 0.5)
        # Five Newton-Schulz iterations bring singular values near 1, not onto it.
        singular = torch.linalg.svdvals(step)
        assert singular.min() > 0.6, name
        assert singular.max() < 1.3, name
        cosine = (step * (left @ right)).sum() / (step.norm() * (left @ right).norm())
        assert cosine > 0.95, name


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_a_state_that_is_read_and_written_goes_on_as_if_nothing_had_been(kind):
    model, optimizers, _ = made(optimizer=kind)
    for step in (1, 2):
        fill(model, step)
        update(optimizers, RATE)
    copy, others, _ = made(optimizer=kind)
    copy.load_state_dict(model.state_dict())
    state = {name: tensor.clone() for name, tensor in read_state(model, optimizers).items()}
    write_state(copy, others, state, step=2)
    for one, held in ((model, optimizers), (copy, others)):
        fill(one, 3)
        update(held, RATE)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, copy.state_dict()[name]), name


def test_a_state_of_another_optimiser_or_size_is_refused():
    model, optimizers, _ = made()
    fill(model, 0)
    update(optimizers, RATE)
    state = read_state(model, optimizers)
    copy, others, _ = made(optimizer="muon")
    with pytest.raises(Damaged, match=r"no blocks.0.attention_in.weight.momentum of \(48, 16\)"):
        write_state(copy, others, state, step=1)
    state["tokens.weight.mean"] = state["tokens.weight.mean"][:5]
    with pytest.raises(Damaged, match=r"no tokens.weight.mean of \(64, 16\)"):
        write_state(model, optimizers, state, step=1)
