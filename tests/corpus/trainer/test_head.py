"""The chunked head against torch's own cross entropy: value, gradients, precision, independence."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from corpus.trainer import head as head_module  # noqa: E402 - after the check for torch
from corpus.trainer.head import head_loss  # noqa: E402


def head(num_rows: int = 50, vocab_size: int = 100):
    draw = torch.Generator().manual_seed(5)
    hidden = torch.randn(num_rows, 8, generator=draw).requires_grad_()
    weight = torch.randn(128, 8, generator=draw).requires_grad_()
    return hidden, weight, torch.randint(vocab_size, (num_rows,), generator=draw)


@pytest.mark.parametrize("chunk_rows", [1, 7, 25, 50, 64])
def test_the_chunked_loss_and_its_gradients_are_those_of_cross_entropy(chunk_rows):
    hidden, weight, targets = head()
    plain = F.cross_entropy((hidden @ weight.T)[:, :100], targets)
    expected = torch.autograd.grad(3 * plain, [hidden, weight])
    chunked = head_loss(hidden, weight, targets, 100, chunk_rows=chunk_rows)
    found = torch.autograd.grad(3 * chunked, [hidden, weight])
    torch.testing.assert_close(chunked, plain, rtol=1e-6, atol=0)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


def test_in_bfloat16_the_loss_is_that_of_cross_entropy_to_its_precision():
    hidden, weight, targets = head(num_rows=200)
    with torch.autocast("cpu", torch.bfloat16):
        plain = F.cross_entropy(F.linear(hidden, weight)[:, :100].float(), targets)
        chunked = head_loss(hidden, weight, targets, 100, chunk_rows=16)
    expected = torch.autograd.grad(plain, [hidden, weight])
    found = torch.autograd.grad(chunked, [hidden, weight])
    torch.testing.assert_close(chunked, plain, rtol=1e-5, atol=0)
    for gradient, reference in zip(found, expected, strict=True):
        assert gradient.dtype == torch.float32
        assert (gradient - reference).abs().max() < 0.02 * reference.abs().max()


def test_large_scores_do_not_overflow():
    hidden, weight, targets = head()
    loss = head_loss(hidden * 1e4, weight, targets, 100)
    plain = F.cross_entropy((hidden * 1e4 @ weight.T)[:, :100], targets)
    torch.testing.assert_close(loss, plain)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("slice_bytes", [1, 512, 4 * 512, 10**6])
def test_the_size_of_slices_changes_no_loss_and_no_gradient(monkeypatch, slice_bytes, dtype):
    hidden, weight, targets = head()

    def found():
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = head_loss(hidden, weight, targets, 100, chunk_rows=20)
        return loss, *torch.autograd.grad(loss, [hidden, weight])

    expected = found()
    monkeypatch.setattr(head_module, "SLICE_BYTES", {"cpu": slice_bytes})
    torch.testing.assert_close(found(), expected, rtol=1e-6, atol=1e-8)


def test_in_bfloat16_a_near_certain_target_keeps_its_small_gradient():
    """1 - p is 2 * exp(-12) at each target, far below what bfloat16 tells from 1."""
    hidden = torch.eye(3, 8).requires_grad_()
    weight = torch.zeros(64, 8)
    weight[torch.arange(3), torch.arange(3)] = 12.0
    weight.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = head_loss(hidden, weight, torch.arange(3), 3)
    grad = torch.autograd.grad(loss, weight)[0]
    plain = F.cross_entropy((hidden @ weight.T)[:, :3], torch.arange(3))
    expected = torch.autograd.grad(plain, weight)[0]
    torch.testing.assert_close(loss, plain, rtol=1e-2, atol=0)
    torch.testing.assert_close(grad, expected, rtol=1e-2, atol=1e-9)


def test_weights_that_end_with_the_vocabulary_have_no_padding():
    hidden, weight, targets = head()
    cut = weight.detach()[:100].requires_grad_()
    whole, cut_loss = (head_loss(hidden, w, targets, 100) for w in (weight, cut))
    torch.testing.assert_close(cut_loss, whole)
    found, expected = torch.autograd.grad(cut_loss, cut)[0], torch.autograd.grad(whole, weight)[0]
    torch.testing.assert_close(found, expected[:100])


def test_a_second_backward_of_one_loss_is_refused():
    hidden, weight, targets = head()
    loss = head_loss(hidden, weight, targets, 100)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="backward was called twice"):
        loss.backward()


def test_the_same_rows_give_the_same_bits():
    hidden, weight, targets = head()
    results = []
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16):
            loss = head_loss(hidden, weight, targets, 100, chunk_rows=16)
        results.append((loss, *torch.autograd.grad(loss, [hidden, weight])))
    assert all(map(torch.equal, *results))
