"""A training step with the output layer in chunks, against the whole logits, as nanoGPT has it.

The model is the preset `mini` with GPT-2's vocabulary, the step forward, backward and AdamW on four
sequences, one thread. Both sides are the same blocks, weights and optimiser, in this process; only
the head differs: ours never holds more logits than fit the cache, the peer's is one product over
the padded vocabulary and F.cross_entropy. Both must begin at the same loss. The rows beside
nanoGPT itself are trainer_nanogpt.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from corpus.trainer.model import GPT
from corpus.trainer.shapes import PRESETS
from tests.benchmarks import trainer_nanogpt
from tests.benchmarks.frame import Row, in_turn, require, timed

VOCAB_SIZE = 50_257
SEQUENCES = 4


class WholeLogits(GPT):
    """The same model with all logits at once."""

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        logits = F.linear(self(tokens), self.tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def rows(data: Path) -> list[Row]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        (first, ours), (peer_first, peer) = _stepper(GPT), _stepper(WholeLogits)
        # Rows of padding are part of the peer's sum over the vocabulary: a thousandth of its loss.
        require(abs(first - peer_first) < 0.005, f"first loss: {first}, peer {peer_first}")
        found = in_turn(SEQUENCES * PRESETS["mini"].context, ours, timed(peer))
        beside_nanogpt = trainer_nanogpt.rows(data)
    finally:
        torch.set_num_threads(threads)
    return [
        found.row("trainer", "step, head in chunks / whole logits", unit="tokens/s", target=1.0),
        *beside_nanogpt,
    ]


def _stepper(model_class: type[GPT]) -> tuple[float, Callable[[], float]]:
    """The first loss, and a function that does a step and returns its loss."""
    shape = PRESETS["mini"]
    model = model_class(shape, VOCAB_SIZE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(VOCAB_SIZE, (SEQUENCES, shape.context + 1), generator=generator)
    inputs, targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()

    def step() -> float:
        loss = model.loss(inputs, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    with torch.no_grad():
        return model.loss(inputs, targets).item(), step
