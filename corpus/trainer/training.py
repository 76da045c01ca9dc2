"""The training loop: AdamW, warm-up and cosine, clipping, accumulation, exact resume.

Nothing random is drawn after the first weights, and the loader's state is one integer, so that a
run that is killed and taken up from its last checkpoint has the same losses and the same weights,
bit for bit, as one that was not: on the same kind of processor, with the same torch and number of
threads.

A folder gets, besides config.json and the checkpoints:

    train.jsonl    a line per step: step, tokens, loss, learning_rate, gradient_norm, and where
                   measured validation_loss and bits_per_byte; the same bytes in every run
    timing.jsonl   a line per step: its seconds and tokens/s, without validation and checkpoint
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from corpus.errors import SetupError, TrainingDiverged
from corpus.storage import storage_errors
from corpus.trainer.evaluate import Validation, evaluate
from corpus.trainer.runs import LOG_FILE, TIMING_FILE, Run, open_run, resume_run, save_run
from corpus.trainer.settings import TrainSettings


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

    Raises InputError for too few tokens, ConfigError where the folder holds another run,
    TrainingDiverged where the loss is not finite, Damaged and StorageError for the disk.
    """
    with torch_set(settings) as device, storage_errors(str(folder), only_full=True):
        run = open_run(settings, seed, shards, tokenizer, folder, device, log)
        resume_run(run)
        loss, validation = None, None
        if run.step == 0:
            validation = _validate(run)
            run.write_line(LOG_FILE, {"step": 0, "tokens": 0} | _validation_fields(validation))
        while not _is_over(run):
            loss, row = _timed_step(run)
            if run.step % settings.validate_every == 0 or _is_over(run):
                validation = _validate(run)
                row |= _validation_fields(validation)
            run.write_line(LOG_FILE, row)
            if run.step % settings.log_every == 0 or _is_over(run):
                log(_progress(run, row))
            if run.step % settings.checkpoint_every == 0 or _is_over(run):
                save_run(run)
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


def _is_over(run: Run) -> bool:
    spent = run.seconds_before + sum(run.seconds)
    out_of_time = 0 < run.settings.max_seconds <= spent
    return run.step >= run.settings.total_steps() or out_of_time


def _timed_step(run: Run) -> tuple[float, dict[str, Any]]:
    """Do one optimiser step; return its loss and its line of train.jsonl."""
    started = time.perf_counter()
    learning_rate = run.settings.learning_rate_at(run.step + 1)
    loss, norm = _take_step(run, learning_rate)
    seconds = time.perf_counter() - started
    run.seconds.append(seconds)
    rate = run.tokens_per_step / seconds
    timing = {"step": run.step, "seconds": round(seconds, 6), "tokens_per_second": round(rate, 1)}
    run.write_line(TIMING_FILE, timing)
    return loss, {
        "step": run.step,
        "tokens": run.consumed_samples * run.order.context,
        "loss": loss,
        "learning_rate": learning_rate,
        "gradient_norm": norm,
    }


def _take_step(run: Run, learning_rate: float) -> tuple[float, float]:
    """Gradients of all passes, checked and clipped, then one update; return loss and norm."""
    settings, device = run.settings, run.model.tokens.weight.device
    num_passes = settings.sequences_per_step // settings.sequences_per_pass
    total = torch.zeros((), device=device)
    for number in range(num_passes):
        first = run.consumed_samples + number * settings.sequences_per_pass
        inputs, targets = run.order.batch(first, settings.sequences_per_pass)
        with run.autocast():
            loss = run.model.loss(
                torch.from_numpy(inputs).to(device), torch.from_numpy(targets).to(device)
            )
        (loss / num_passes).backward()  # type: ignore[no-untyped-call]
        total += loss.detach() / num_passes
    norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), settings.clip_norm)
    mean_loss, gradient_norm = total.item(), norm.item()
    _check_finite(run, mean_loss, gradient_norm, learning_rate)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    run.step += 1
    run.consumed_samples += settings.sequences_per_step
    return mean_loss, gradient_norm


def _check_finite(run: Run, loss: float, norm: float, learning_rate: float) -> None:
    if math.isfinite(loss) and math.isfinite(norm):
        return
    raise TrainingDiverged(
        f"train: step {run.step + 1}: loss {loss}, gradient norm {norm}, expected finite numbers; "
        f"the weights were not updated and the last checkpoint stands. Learning rate "
        f"{learning_rate:.3g}: lower train.learning_rate or lengthen train.warmup_steps"
    )


def _validate(run: Run) -> Validation | None:
    with run.autocast():
        return evaluate(
            run.model,
            run.validation,
            run.token_bytes,
            num_sequences=run.settings.sequences_per_pass,
            num_tokens=run.settings.validation_tokens,
        )


def _validation_fields(validation: Validation | None) -> dict[str, float | None]:
    if validation is None:
        return {}
    return {"validation_loss": validation.loss, "bits_per_byte": validation.bits_per_byte}


def _progress(run: Run, row: dict[str, Any]) -> str:
    line = f"step {run.step:,} of {run.settings.total_steps():,}, loss {row['loss']:.3f}"
    if "validation_loss" in row:
        line += f", validation {row['validation_loss']:.3f}"
    rate = run.tokens_per_second
    if rate is None:
        return line
    left = (run.settings.total_steps() - run.step) * run.tokens_per_step / rate
    return f"{line}, {rate:,.0f} tokens/s, {left:,.0f} s of steps left"
