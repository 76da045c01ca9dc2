"""The output layer and its cross entropy, with the gradient taken in the forward pass.

Logits are the largest thing that training makes: 50,304 for a token. They are made for some rows at
a time, and become chances, loss and gradient before the next ones are made, so that no more of them
are ever held. Their exponentials are taken in float32, of so few rows at once that these stay in
the processor's cache, and overwrite the logits; the weight's gradient is summed up in float32.
(Liger-Kernel's idea, Hsu et al. 2024, section 3.2, in plain torch.)

Cost: what is left is mostly the three products. On a CPU core at a width of 256, bfloat16 and 2,048
tokens, softmax over whole chunks took 1.7 s of a step of 2.1 s, this takes 0.7 s of 1.1 s.

Shape letters: N rows, D width, V rows of the weight.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

# Logits of one chunk, in bytes of the type that they are made in. On a CPU 512 rows of 50,304 in
# bfloat16 did best of 256 to 1,024: fewer add up the weight's gradient more often, more leave the
# cache. A GPU wants to be filled.
CHUNK_BYTES = {"cpu": 52_000_000, "cuda": 1_000_000_000}
# Of a chunk, what is worked on at a time in float32; a CPU's for each thread, as each core has a
# cache: 8 rows of 50,304, the best of 4 to 32.
SLICE_BYTES = {"cpu": 1_700_000, "cuda": 500_000_000}


def head_loss(
    hidden: Tensor, weight: Tensor, targets: Tensor, vocab_size: int, *, chunk_rows: int = 0
) -> Tensor:
    """Mean cross entropy of the output layer, in nats, with its gradient taken at once.

    hidden: (N, D), weight: (V, D), targets: (N,) below vocab_size. Under autocast the products are
    in its type; softmax, loss and the sums over chunks are float32. chunk_rows 0 = by CHUNK_BYTES.
    backward may be called once.
    """
    device = hidden.device.type
    autocast = torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if autocast else hidden.dtype
    if chunk_rows == 0:
        chunk_rows = max(32, _of(CHUNK_BYTES, device) // (dtype.itemsize * len(weight)))
    loss: Tensor = _HeadLoss.apply(  # type: ignore[no-untyped-call]
        hidden, weight, targets, vocab_size, chunk_rows, dtype, torch.is_grad_enabled()
    )
    return loss


class _HeadLoss(torch.autograd.Function):
    """The gradients are of the sum over rows; backward scales them, in place."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor,
        vocab_size: int, chunk_rows: int, dtype: torch.dtype, learning: bool,
    ) -> Tensor:  # fmt: skip
        num_rows = len(hidden)
        x, w = hidden.to(dtype), weight.to(dtype)
        losses = torch.empty(num_rows, dtype=torch.float32, device=hidden.device)
        grad_x = torch.empty_like(hidden) if learning else None
        grad_w = torch.empty_like(weight) if learning else None
        scores = x.new_empty(min(chunk_rows, num_rows), len(w))
        with torch.autocast(hidden.device.type, enabled=False):
            for start in range(0, num_rows, chunk_rows):
                rows = slice(start, start + chunk_rows)
                slope = scores[: len(x[rows])]
                torch.mm(x[rows], w.T, out=slope)
                slope[:, vocab_size:] = -math.inf
                losses[rows] = _to_slope(slope, targets[rows, None])
                if grad_x is not None and grad_w is not None:
                    grad_x[rows] = slope @ w
                    _add_product(grad_w, slope, x[rows], is_first=start == 0)
        ctx.grads = grad_x, grad_w
        ctx.num_rows = num_rows
        return losses.sum() / num_rows

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.grads is None:
            raise RuntimeError("head_loss: backward was called twice on one loss; take it anew")
        grad_x, grad_w = ctx.grads
        ctx.grads = None
        scale = grad_loss / ctx.num_rows
        return grad_x.mul_(scale), grad_w.mul_(scale), None, None, None, None, None


def _to_slope(scores: Tensor, targets: Tensor) -> Tensor:
    """Turn scores (n, V) into the loss's gradient by them; return the losses, float32 (n,).

    The gradient is the chances, less 1 at the target. targets: (n, 1).
    """
    slice_rows = max(1, _of(SLICE_BYTES, scores.device.type) // (4 * scores.shape[1]))
    if scores.device.type == "cpu":
        slice_rows *= torch.get_num_threads()
    in_place = scores.dtype == torch.float32
    space = scores if in_place else scores.new_empty(
        min(slice_rows, len(scores)), scores.shape[1], dtype=torch.float32
    )  # fmt: skip
    losses = []
    for start in range(0, len(scores), slice_rows):
        rows = slice(start, start + slice_rows)
        target = targets[rows]
        part = scores[rows] if in_place else space[: len(target)].copy_(scores[rows])
        top = part.amax(1, keepdim=True)
        right = part.gather(1, target)
        total = part.sub_(top).exp_().sum(1, keepdim=True)
        losses.append(total.log() + top - right)
        part.div_(total).scatter_add_(1, target, torch.full_like(right, -1.0))
        if not in_place:
            scores[rows] = part
    return torch.cat(losses)[:, 0]


def _add_product(total: Tensor, slope: Tensor, x: Tensor, *, is_first: bool) -> None:
    """Add slope.T @ x to total (V, D), or set it to that: (n, V) and (n, D), perhaps of less bits.

    These are multiplied for some rows of total at a time, which a CPU adds up in its cache.
    """
    if total.dtype == slope.dtype:
        total.addmm_(slope.T, x, beta=0 if is_first else 1)
        return
    num_rows = max(1, 2 * _of(SLICE_BYTES, total.device.type) // (4 * total.shape[1]))
    for start in range(0, len(total), num_rows):
        rows = slice(start, start + num_rows)
        product = slope[:, rows].T @ x
        if is_first:
            total[rows] = product
        else:
            total[rows] += product


def _of(sizes: dict[str, int], device: str) -> int:
    return sizes["cpu" if device == "cpu" else "cuda"]
