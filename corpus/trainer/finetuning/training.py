"""The fine-tuning loop: GPT-1's schedule, exact and repeatable, with the development score.

AdamW, linear warm-up and linear decay to 0, clipping; each step's loss is that of its examples
together, however many passes they take. The weights are a pure function of the first weights,
the rows, the settings and the seed: on the same kind of processor, with the same torch and number
of threads. The last epoch's weights are the result; no epoch is chosen by its development score, as
that would make the score too good.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from corpus.errors import TrainingDiverged
from corpus.trainer.dropout import Dropout
from corpus.trainer.finetuning.batching import make_batch, passes, steps
from corpus.trainer.finetuning.classifier import (
    Classifier,
    dropout_scale,
    num_targets,
    sequence_keys,
)
from corpus.trainer.finetuning.encoding import Encoded, Targets
from corpus.trainer.finetuning.measures import Measures, measure
from corpus.trainer.finetuning.settings import FinetuneSettings
from corpus.trainer.optimizers import decay_groups, update


@dataclass(slots=True, kw_only=True)
class Progress:
    """A run as it goes on, and what is left of it."""

    epochs: dict[int, Measures] = field(default_factory=dict)
    """Development scores after an epoch, counted from 1; the last one has them."""
    losses: list[tuple[float, float]] = field(default_factory=list)
    """L2 and L1 of each step."""
    seconds: float = 0.0
    """Of all training steps."""


def finetune(
    model: Classifier,
    train: Sequence[Encoded],
    dev: Sequence[Encoded],
    targets: Targets,
    settings: FinetuneSettings,
    *,
    seed: int,
    log: Callable[[str], None],
) -> Progress:
    """Train all of the model's parameters on the examples, and score it on dev as it goes on.

    Raises TrainingDiverged where a loss or gradient is not finite.
    """
    optimizer = torch.optim.AdamW(
        decay_groups(list(model.parameters()), settings.weight_decay),
        betas=(settings.beta1, settings.beta2),
        eps=settings.epsilon,
    )
    num_steps = settings.epochs * settings.steps_per_epoch(len(train))
    progress = Progress()
    step = 0
    for epoch in range(1, settings.epochs + 1):
        model.train()
        for numbers in steps(len(train), settings.examples_per_step, seed=seed, epoch=epoch):
            step += 1
            started = time.perf_counter()
            rate = settings.learning_rate_at(step, num_steps)
            examples = [train[number] for number in numbers]
            progress.losses.append(
                _take_step(model, optimizer, examples, settings, rate, seed=seed, step=step)
            )
            progress.seconds += time.perf_counter() - started
            if step % settings.log_every == 0:
                log(_line(progress, step, num_steps, settings))
        if epoch % settings.score_every == 0 or epoch == settings.epochs:
            scored = measure(dev, predict(model, dev, settings), targets)
            progress.epochs[epoch] = scored
            log(f"epoch {epoch} of {settings.epochs}: {scored.words()}")
    return progress


@torch.no_grad()
def predict(
    model: Classifier, examples: Sequence[Encoded], settings: FinetuneSettings
) -> list[list[float]]:
    """Outputs of each example: a number for each class or choice, or its standardised score."""
    model.eval()
    found: dict[int, list[float]] = {}
    for places in passes(examples, settings.examples_per_pass):
        batch = make_batch([examples[place] for place in places]).to(model.device)
        outputs = model(batch).view(len(places), -1).tolist()
        found.update(zip(places, outputs, strict=True))
    return [
        [value for value in found[place] if value != -math.inf] for place in range(len(examples))
    ]


def _take_step(
    model: Classifier,
    optimizer: torch.optim.AdamW,
    examples: Sequence[Encoded],
    settings: FinetuneSettings,
    learning_rate: float,
    *,
    seed: int,
    step: int,
) -> tuple[float, float]:
    """Gradients of all passes, checked and clipped, then one update; return L2 and L1."""
    width = model.gpt.shape.width
    scale = dropout_scale(len(examples), width, settings.dropout, seed=seed, step=step)
    with_lm = settings.lm_weight > 0
    sizes = [len(ids) for example in examples for ids in example.sequences]
    num_tokens = sum(sizes) - len(sizes)
    length = max(sizes) if settings.model_dropout else 0
    totals = torch.zeros(2, device=model.device)
    for places in passes(examples, settings.examples_per_pass):
        batch = make_batch([examples[place] for place in places], length=length)
        keys = sequence_keys(batch, places, seed=seed, step=step)
        batch = batch.to(model.device)
        loses = None
        if settings.model_dropout:
            loses = Dropout(keys.to(model.device), settings.model_dropout)
        losses = model.losses(batch, scale[places].to(model.device), loses, with_lm=with_lm)
        task = losses.task * (len(places) / len(examples))
        lm = losses.lm * (num_targets(batch) / num_tokens)
        (task + settings.lm_weight * lm).backward()  # type: ignore[no-untyped-call]
        totals += torch.stack([task.detach(), lm.detach()])
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm).item()
    task_loss, lm_loss = totals.tolist()
    if not (math.isfinite(task_loss) and math.isfinite(lm_loss) and math.isfinite(norm)):
        raise TrainingDiverged(
            f"finetune: step {step}: loss {task_loss} of the task, {lm_loss} of the language "
            f"model, gradient norm {norm}, expected finite numbers; the weights were not updated. "
            f"Learning rate {learning_rate:.3g}: lower it, or warm up for longer"
        )
    update([optimizer], learning_rate)
    return task_loss, lm_loss


def _line(progress: Progress, step: int, num_steps: int, settings: FinetuneSettings) -> str:
    recent = progress.losses[-settings.log_every :]
    task, lm = (sum(values) / len(recent) for values in zip(*recent, strict=True))
    beside = f" + {settings.lm_weight:g} * {lm:.3f}" if settings.lm_weight else ""
    rate = step / progress.seconds
    return (
        f"step {step:,} of {num_steps:,}, loss {task:.3f}{beside}, "
        f"{rate * settings.examples_per_step:,.1f} examples/s, "
        f"{(num_steps - step) / rate:,.0f} s of steps left"
    )
