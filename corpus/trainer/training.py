"""The training loop: steps, validation, logs and checkpoints, and exact resume.

Nothing random is drawn after the first weights (dropout is a hash of the sample), and the loader's
state is one integer, so that a run that is killed and taken up from its last checkpoint has the
same losses and the same weights, bit for bit, as one that was not: on the same kind of processor,
with the same torch, threads and ranks. On other ranks or passes the batches are the same, and the
sums equal to float rounding. SIGTERM ends it after the step in hand, with a checkpoint.

A folder gets, besides config.json and the checkpoints:

    train.jsonl    a line per step: step, tokens, loss, learning_rate, gradient_norm,
                   noise_scale_tokens, and where measured validation_loss and bits_per_byte; the
                   same bytes in every run
    timing.jsonl   a line per step: its seconds and tokens/s, without validation and checkpoint, and
                   the seconds of them in which it waited for its samples
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from corpus.errors import SetupError, Stopped
from corpus.storage import storage_errors
from corpus.trainer.logbook import LOG_FILE, TIMING_FILE
from corpus.trainer.ranks import Ranks, join
from corpus.trainer.resuming import resume_run, save_run
from corpus.trainer.runs import Run, open_run
from corpus.trainer.settings import TrainSettings
from corpus.trainer.steps import take_step
from corpus.trainer.stopping import stop_asked
from corpus.trainer.validation import Validation, evaluate


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """How a run ended."""

    step: int
    loss: float | None
    """Of the last step, nats per token; None where no step was left to do."""
    validation: Validation | None
    """Measured last; None where the split is empty or no step was left to do."""
    tokens_per_second: float | None
    """Of this process's steps after the first five; None where there were no more."""


def train(
    settings: TrainSettings,
    *,
    seed: int,
    shards: Path,
    tokenizer: Path,
    folder: Path,
    log: Callable[[str], None],
) -> TrainResult:
    """Train the settings' GPT on the shards into folder, from its last checkpoint where it has one.

    Under torchrun every process calls it with the same arguments. Raises InputError for too few
    tokens, ConfigError where the folder holds another run, TrainingDiverged where the loss is not
    finite, Stopped after SIGTERM, Damaged and StorageError for the disk.
    """
    with (
        torch_set(settings) as device,
        join(device) as ranks,
        storage_errors(str(folder), only_full=True),
        stop_asked() as asked,
    ):
        said = log if ranks.is_first else _nothing
        make = partial(open_run, settings, seed, shards, tokenizer, folder, ranks, said)
        return _whole(make, asked)


def _whole(make: Callable[[], Run], asked: Callable[[], bool]) -> TrainResult:
    """Make a run, and go through it; nothing of it is left when the ranks part."""
    run = make()
    try:
        resume_run(run)
        return _go(run, asked)
    finally:
        run.close()


def _go(run: Run, asked: Callable[[], bool]) -> TrainResult:
    """Take the steps that are left."""
    settings = run.settings
    loss, validation, is_over, is_asked = None, None, _is_over(run), False
    if run.step == 0:
        validation = _validate(run)
        run.logbook.write(LOG_FILE, {"step": 0, "tokens": 0} | _validation_fields(validation))
    while not is_over:
        row = _timed_step(run)
        is_over, is_asked = _is_over(run), _on_any(run.ranks, asked())
        loss = row["loss"]
        if run.step % settings.validate_every == 0 or is_over:
            validation = _validate(run)
            row |= _validation_fields(validation)
        run.logbook.write(LOG_FILE, row)
        if run.step % settings.log_every == 0 or is_over:
            run.log(_progress(run, row))
        if run.step % settings.checkpoint_every == 0 or is_over or is_asked:
            save_run(run)
        if is_asked and not is_over:
            raise Stopped(
                f"train: SIGTERM after step {run.step:,} of {run.schedule.total_steps:,}; its "
                f"checkpoint is in {run.folder / 'checkpoints'}: the same command goes on from it"
            )
    return TrainResult(
        step=run.step,
        loss=loss,
        validation=validation,
        tokens_per_second=run.tokens_per_second,
    )


@contextmanager
def torch_set(settings: TrainSettings) -> Iterator[torch.device]:
    """Fix torch's threads and algorithms for a while, and give the device."""
    name = settings.device
    if name != "cpu" and not torch.cuda.is_available():
        if name == "cuda":
            raise SetupError("train.device is cuda, but torch finds no GPU; set it to cpu or auto")
        name = "cpu"
    # cuBLAS adds up in a fixed order only with this workspace; read when the device is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(settings.num_threads or threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield torch.device("cuda" if name == "auto" else name)
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


def _nothing(message: str) -> None:
    """Ranks but the first say nothing."""


def _on_any(ranks: Ranks, fact: bool) -> bool:
    return ranks.sums([float(fact)])[0] > 0


def _is_over(run: Run) -> bool:
    """By the budgets; the seconds are the first rank's."""
    if run.step >= run.schedule.total_steps:
        return True
    if not run.settings.max_seconds:
        return False
    spent = run.seconds_before + sum(seconds for _, seconds in run.timed)
    return _on_any(run.ranks, run.ranks.is_first and spent >= run.settings.max_seconds)


def _timed_step(run: Run) -> dict[str, Any]:
    """Do one optimiser step; return its line of train.jsonl."""
    started = time.perf_counter()
    facts = take_step(run)
    seconds = time.perf_counter() - started
    run.timed.append((facts.num_tokens, seconds))
    rate = facts.num_tokens / seconds
    timing = {
        "step": run.step,
        "seconds": round(seconds, 6),
        "tokens_per_second": round(rate, 1),
        "waited": round(facts.waited, 6),
    }
    run.logbook.write(TIMING_FILE, timing)
    noise = run.noise.samples
    return {
        "step": run.step,
        "tokens": run.consumed_samples * run.order.context,
        "loss": facts.loss,
        "learning_rate": facts.learning_rate,
        "gradient_norm": facts.gradient_norm,
        "noise_scale_tokens": noise and noise * run.order.context,
    }


def _validate(run: Run) -> Validation | None:
    """On all ranks: replicas deal the batches out, sharded ones must run each together."""
    with run.autocast():
        return evaluate(
            run.model,
            run.validation,
            run.token_bytes,
            num_sequences=run.settings.sequences_per_pass,
            num_tokens=run.settings.validation_tokens,
            loss_of=run.loss_of,
            ranks=run.ranks if run.settings.parallel == "replicas" else None,
        )


def _validation_fields(validation: Validation | None) -> dict[str, float | None]:
    if validation is None:
        return {}
    return {"validation_loss": validation.loss, "bits_per_byte": validation.bits_per_byte}


def _progress(run: Run, row: dict[str, Any]) -> str:
    line = f"step {run.step:,} of {run.schedule.total_steps:,}, loss {row['loss']:.3f}"
    if "validation_loss" in row:
        line += f", validation {row['validation_loss']:.3f}"
    rate = run.tokens_per_second
    if rate is None:
        return line
    left = (run.schedule.total_samples - run.consumed_samples) * run.order.context / rate
    used = run.utilisation
    utilisation = "" if used is None else f" (MFU {used:.1%})"
    return f"{line}, {rate:,.0f} tokens/s{utilisation}, {left:,.0f} s of steps left"
