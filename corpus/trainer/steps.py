"""One optimiser step: the gradients of its passes, checked, clipped and applied.

Every pass counts by its sequences, so that the gradient is the mean over the step's batch however
it was cut into passes and dealt out to ranks. A loss or gradient that is no finite number stops the
run before the weights are touched.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from corpus.errors import TrainingDiverged
from corpus.trainer.optimizers import update
from corpus.trainer.ranks import held_back
from corpus.trainer.runs import Run


class StepFacts(NamedTuple):
    """What a step came to, the same on every rank."""

    loss: float
    """Mean over the batch, nats per token."""
    learning_rate: float
    gradient_norm: float
    """Before clipping."""
    num_tokens: int
    """Targets of the batch."""
    waited: float
    """Seconds in which this rank waited for its samples."""


def take_step(run: Run) -> StepFacts:
    """Train on the next batch; raises TrainingDiverged, with the weights as they were."""
    settings, ranks = run.settings, run.ranks
    batch = run.schedule.batch(run.consumed_samples)
    measured = measures_noise(run, run.step + 1, batch)
    started = time.perf_counter()
    passes = run.loader.step(run.consumed_samples, in_two=measured)
    waited = time.perf_counter() - started
    _read_ahead(run, run.consumed_samples + batch)
    total = torch.zeros((), device=ranks.device)
    small_square = 0.0
    for number, one in enumerate(passes):
        share = len(one.tokens) / batch
        with held_back(run.objective, is_last=number == len(passes) - 1):
            with run.autocast():
                loss = run.objective(*one)
            (loss * (share * ranks.size)).backward()  # ranks are averaged
        total += loss.detach() * share
        if measured and number == 0:
            small_square = _square(run) / (share * ranks.size) ** 2
    mean_loss, small_square = ranks.sums([total.item(), small_square / ranks.size])
    norm = _number(torch.nn.utils.clip_grad_norm_(run.model.parameters(), settings.clip_norm))
    fraction = run.schedule.learning_rate_fraction(run.consumed_samples + batch)
    learning_rate = settings.learning_rate * fraction
    _check_finite(run, mean_loss, norm, learning_rate)
    if measured:
        small = len(passes[0].tokens) * (ranks.size if settings.parallel == "sharded" else 1)
        run.noise.add(small=small, small_square=small_square, big=batch, big_square=norm**2)
    update(run.optimizers, learning_rate)
    run.step += 1
    run.consumed_samples += batch
    return StepFacts(mean_loss, learning_rate, norm, batch * run.order.context, waited)


def measures_noise(run: Run, step: int, batch: int) -> bool:
    """Whether a step's gradient is looked at twice: every rank then needs two samples."""
    every = run.settings.noise_scale_every
    return every > 0 and step % every == 0 and batch // run.ranks.size >= 2


def _read_ahead(run: Run, consumed: int) -> None:
    if consumed < run.schedule.total_samples:
        batch = run.schedule.batch(consumed)
        run.loader.read_ahead(consumed, in_two=measures_noise(run, run.step + 2, batch))


def _square(run: Run) -> float:
    """Square of the gradient that there is: a replica's own, or that of all ranks."""
    gradients = [p.grad for p in run.model.parameters() if p.grad is not None]
    return _number(torch.nn.utils.get_total_norm(gradients)) ** 2


def _number(value: Tensor) -> float:
    return (value.full_tensor() if isinstance(value, DTensor) else value).item()


def _check_finite(run: Run, loss: float, norm: float, learning_rate: float) -> None:
    if math.isfinite(loss) and math.isfinite(norm):
        return
    raise TrainingDiverged(
        f"train: step {run.step + 1}: loss {loss}, gradient norm {norm}, expected finite numbers; "
        f"the weights were not updated and the last checkpoint stands. Learning rate "
        f"{learning_rate:.3g}: lower train.learning_rate or lengthen train.warmup_steps"
    )
