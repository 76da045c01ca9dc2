"""Training steps beside nanoGPT's: same shape, weights, batches, optimiser and precision.

The preset `mini` (4 layers, 4 heads, width 256, context 256) with GPT-2's padded vocabulary of
50,304, 8 sequences a step, AdamW with warm-up and cosine, clipping at 1; ids are the words of real
text by rank. nanoGPT's model.py is not changed: bfloat16 is autocast around it, as its train.py
would do on a GPU (on a CPU it trains in float32 whatever it is told, hence "as shipped").

What is timed: processor seconds of whole steps (forward, backward, clipping, optimiser), one thread
on one core, ours and theirs in turn on the same batch. With more threads a step's processor time
would leave out where one thread waits for another, and the clock of a shared machine says more
about its other programs. The bfloat16 steps are the 200 after which both losses on held-out
batches must agree; its optimiser is the one that its model makes, ours the trainer's.

nanoGPT's MLPs are given the tanh-GELU of GPT-2's code in place of the exact one, so that both are
the same function of the same weights: the losses may then differ by rounding alone.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import torch
from torch import Tensor

from corpus.trainer.batches import SampleOrder, TokenStream
from corpus.trainer.model import GPT
from corpus.trainer.optimizers import make_optimizers, update
from corpus.trainer.schedules import Schedule
from corpus.trainer.settings import TrainSettings
from tests.benchmarks import nanogpt
from tests.benchmarks.frame import BUILD, PASSES, Row, texts_of_source

VOCAB_SIZE = 50_304
NUM_STEPS = 200
SETTINGS = TrainSettings(
    model="mini", num_steps=NUM_STEPS, sequences_per_step=8, sequences_per_pass=8,
    warmup_steps=20, learning_rate=6e-4, precision="bfloat16", num_threads=1,
)  # fmt: skip
HELD_OUT_BATCHES = 16  # 32,768 tokens
# Nats. Rounding parts two runs by as much: ours with chunks of half the size, and nothing else
# changed, was 0.0013 away after 50 steps.
MAX_LOSS_DIFFERENCE = 0.002
COLD_STEPS = 5

OUR_NAMES = {  # parts of names, ours and nanoGPT's, in the order of their replacement
    "attention_norm": "ln_1", "attention_in": "attn.c_attn", "attention_out": "attn.c_proj",
    "forward_norm": "ln_2", "forward_in": "mlp.c_fc", "forward_out": "mlp.c_proj",
    "tokens.": "transformer.wte.", "positions.": "transformer.wpe.",
    "blocks.": "transformer.h.", "norm.": "transformer.ln_f.",
}  # fmt: skip


class Side:
    """One trainer: its steps' seconds, and its model's loss."""

    def __init__(
        self, loss: Callable[[Tensor, Tensor], Tensor], parameters: list[Tensor],
        optimizers: list[Any], *, in_bfloat16: bool = True,
    ) -> None:  # fmt: skip
        self._loss, self._parameters, self._optimizers = loss, parameters, optimizers
        self._in_bfloat16 = in_bfloat16

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self._in_bfloat16):
            return self._loss(inputs, targets)

    def step(self, inputs: Tensor, targets: Tensor, learning_rate: float) -> float:
        """Processor seconds of one step."""
        started = time.process_time()
        loss = self.loss(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, SETTINGS.clip_norm)
        update(self._optimizers, learning_rate)
        loss.item()
        return time.process_time() - started


def rows(data: Path) -> list[Row]:
    """The rows, or none and a line that says why."""
    try:
        folder = nanogpt.checkout()
    except nanogpt.NotNanoGPT as reason:
        print(f"no rows beside nanoGPT: {reason}", file=sys.stderr)
        return []
    order = SampleOrder(stream=_stream(data), context=SETTINGS.shape().context, seed=0)
    ours, theirs = GPT(SETTINGS.shape(), VOCAB_SIZE), _nanogpt(folder)
    _copy_weights(ours, theirs)
    sides = [_ours(ours), _theirs(theirs)]
    seconds = [_steps(order, sides, step) for step in range(NUM_STEPS)]
    our_seconds, their_seconds = _medians(seconds[COLD_STEPS:])
    losses = [_held_out_loss(order, side) for side in sides]
    shipped = _median_step(order, _theirs(theirs, in_bfloat16=False))
    tokens = SETTINGS.sequences_per_step * order.context
    found = [
        _row("step in bfloat16 / nanoGPT's under autocast", tokens / our_seconds,
             tokens / their_seconds, 1.7),
        _row("step in bfloat16 / nanoGPT as shipped, float32", tokens / our_seconds,
             tokens / shipped, 2.5),
        _row("0.002 nats / loss apart after 200 steps", 1000 * MAX_LOSS_DIFFERENCE,
             1000 * abs(losses[0] - losses[1]), 1.0, unit="thousandths"),
        _row("batches made ready / trained on", tokens / _loading_seconds(order),
             tokens / our_seconds, 100.0),
    ]  # fmt: skip
    return found + _compiled_rows(order, ours, theirs)


def _medians(seconds: list[list[float]]) -> list[float]:
    """Of each side, over steps."""
    return [statistics.median(side) for side in zip(*seconds, strict=True)]


def _row(name: str, ours: float, peer: float, target: float, *, unit: str = "tokens/s") -> Row:
    return Row(group="trainer", name=name, ours=ours, peer=peer, unit=unit, target=target)


def _stream(data: Path) -> TokenStream:
    """Words of novels by rank, the rare ones as the last id: more than all steps take."""
    num_words = 2 * NUM_STEPS * SETTINGS.sequences_per_step * SETTINGS.shape().context
    texts = texts_of_source(data, "novels")
    words = list(islice((word for text in texts for word in text.split()), num_words))
    ranks = {w: rank for rank, (w, _) in enumerate(Counter(words).most_common(VOCAB_SIZE - 1))}
    path = BUILD / "bench" / "words_by_rank.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.array([ranks.get(word, VOCAB_SIZE - 1) for word in words], "<u2").tofile(path)
    return TokenStream([np.memmap(path, "<u2", mode="r")], VOCAB_SIZE)


def _nanogpt(folder: Path) -> Any:
    shape = SETTINGS.shape()
    model = nanogpt.build(
        folder, num_layers=shape.num_layers, num_heads=shape.num_heads, width=shape.width,
        context=shape.context, vocab_size=VOCAB_SIZE,
    )  # fmt: skip
    for block in model.transformer.h:
        block.mlp.gelu = torch.nn.GELU(approximate="tanh")
    return model


def _copy_weights(ours: GPT, theirs: Any) -> None:
    state = {}
    for name, tensor in ours.state_dict().items():
        for our_part, their_part in OUR_NAMES.items():
            name = name.replace(our_part, their_part)
        state[name] = tensor
    state["lm_head.weight"] = state["transformer.wte.weight"]
    theirs.load_state_dict(state)


def _ours(model: GPT) -> Side:
    return Side(model.loss, list(model.parameters()), make_optimizers(model, SETTINGS))


def _theirs(model: Any, *, in_bfloat16: bool = True, run: Any = None) -> Side:
    """nanoGPT's; run is what is called, where that is not the model itself."""
    optimizer = nanogpt.optimizer(
        model, learning_rate=SETTINGS.learning_rate, weight_decay=SETTINGS.weight_decay,
        betas=(SETTINGS.beta1, SETTINGS.beta2),
    )  # fmt: skip
    called = model if run is None else run
    return Side(
        lambda inputs, targets: called(inputs, targets)[1], list(model.parameters()), [optimizer],
        in_bfloat16=in_bfloat16,
    )  # fmt: skip


def _batch(order: SampleOrder, step: int) -> tuple[Tensor, Tensor]:
    size = SETTINGS.sequences_per_step
    inputs, targets, *_ = order.batch(step * size, size)
    return torch.from_numpy(inputs).contiguous(), torch.from_numpy(targets).contiguous()


def _steps(order: SampleOrder, sides: list[Side], step: int) -> list[float]:
    """A step of each side on the same batch; who is first changes."""
    done = (step + 1) * SETTINGS.sequences_per_step
    rate = SETTINGS.learning_rate * Schedule(SETTINGS).learning_rate_fraction(done)
    batch = _batch(order, step)
    turn = sides if step % 2 == 0 else sides[::-1]
    seconds = {id(side): side.step(*batch, rate) for side in turn}
    return [seconds[id(side)] for side in sides]


def _held_out_loss(order: SampleOrder, side: Side) -> float:
    """Mean over batches after the last one that was trained on."""
    with torch.no_grad():
        batches = [_batch(order, NUM_STEPS + number) for number in range(HELD_OUT_BATCHES)]
        return statistics.mean(side.loss(*batch).item() for batch in batches)


def _median_step(order: SampleOrder, side: Side) -> float:
    batch = _batch(order, NUM_STEPS)
    seconds = [side.step(*batch, 1e-5) for _ in range(1 + 2 * PASSES)]
    return statistics.median(seconds[1:])


def _loading_seconds(order: SampleOrder) -> float:
    """Processor seconds of making a step's batch."""
    started = time.process_time()
    for step in range(NUM_STEPS):
        _batch(order, step)
    return (time.process_time() - started) / NUM_STEPS


def _compiled_rows(order: SampleOrder, ours: GPT, theirs: Any) -> list[Row]:
    """Both compiled, as each trainer does it: our blocks, its whole model."""
    if which("g++") is None and which("clang++") is None:
        print("no rows of compiled steps: no C++ compiler found", file=sys.stderr)
        return []
    for block in ours.blocks:
        block.compile()
    sides = [_ours(ours), _theirs(theirs, run=torch.compile(theirs))]
    batch = _batch(order, NUM_STEPS)
    for side in sides:
        side.step(*batch, 1e-5)
    passes = [[side.step(*batch, 1e-5) for side in sides] for _ in range(3 * PASSES)]
    our_seconds, their_seconds = _medians(passes)
    tokens = SETTINGS.sequences_per_step * order.context
    return [_row("step in bfloat16 / nanoGPT's, both compiled", tokens / our_seconds,
                 tokens / their_seconds, 1.0)]  # fmt: skip
