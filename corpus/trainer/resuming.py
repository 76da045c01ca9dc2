"""Checkpoints of a run: saved, and taken up again.

A checkpoint belongs to a run of the same shards, tokenizer, sizes, batch and seed, and is refused
to any other. The number of ranks, the size of a pass, threads and compilation may change: they move
the sums of floats, not what is trained on. Where other settings have changed (budget, learning
rate), the run goes on and says so: its result is then that of neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch

from corpus.errors import ConfigError
from corpus.trainer.checkpoints import (
    CheckpointState,
    latest_checkpoint,
    read_weights,
    remove_unfinished,
    save_checkpoint,
)
from corpus.trainer.optimizers import placed_as, read_state, whole, write_state
from corpus.trainer.runs import Run
from corpus.trainer.saved import CONFIG_FILE, read_config

NOT_OF_THE_RESULT = {  # settings that change no weight
    "verify_shards", "validate_every", "validation_tokens", "checkpoint_every", "keep_checkpoints",
    "log_every", "tensorboard", "sample_prompts", "sample_tokens", "sample_min_tokens",
    "temperature", "top_k", "max_seconds",
}  # fmt: skip
# What the runs of checkpoints were that do not say it.
NOT_SAID_BEFORE = {
    "norm": "pre", "band": 0, "mask_documents": False, "dropout": 0.0, "optimizer": "adamw",
    "ramp_sequences": 0, "ramp_tokens": 0, "ramp_increment": 1,
}  # fmt: skip


def save_run(run: Run) -> None:
    """Publish a checkpoint of the run, after its logs are on the disk; all ranks together."""
    model = {name: whole(tensor) for name, tensor in run.model.state_dict().items()}
    moments = read_state(run.model, run.optimizers)
    if run.ranks.is_first:
        run.logbook.sync()
        save_checkpoint(
            run.folder / "checkpoints",
            model=model,
            optimizer=moments,
            step=run.step,
            consumed_samples=run.consumed_samples,
            run=_identity(run),
            keep=run.settings.keep_checkpoints,
            noise=run.noise,
        )
    run.ranks.wait()


def resume_run(run: Run) -> None:
    """Take up the newest checkpoint of the folder, or begin; raises ConfigError for another run's.

    Logs are cut back to the checkpoint's step, as the steps after it are done again.
    """
    checkpoints, found = run.folder / "checkpoints", None
    if run.ranks.is_first:
        checkpoints.mkdir(parents=True, exist_ok=True)
        remove_unfinished(checkpoints)
        found = latest_checkpoint(checkpoints, log=run.log)
    run.ranks.wait()  # damaged ones have gone before the others look
    if not run.ranks.is_first:
        found = latest_checkpoint(checkpoints, log=run.log)
    last_step = -1
    if found is not None:
        place, state = found
        _check_same_run(run, place, state)
        _load(run, place, state)
        last_step = run.step
        run.log(f"resumes after step {state.step:,}")
    run.seconds_before = sum(row["seconds"] for row in run.logbook.cut(last_step))
    run.ranks.wait()  # until all have read the settings of before
    if run.ranks.is_first:
        config = msgspec.json.format(msgspec.json.encode(run.config), indent=2) + b"\n"
        (run.folder / CONFIG_FILE).write_bytes(config)


def _identity(run: Run) -> dict[str, Any]:
    """What must be equal for a checkpoint to be of this run."""
    config, settings = run.config, run.settings
    return {
        "shards": config.shards_sha256,
        "tokenizer": config.tokenizer_sha256,
        "vocab_size": config.vocab_size,
        "context": config.shape.context,
        "num_layers": config.shape.num_layers,
        "num_heads": config.shape.num_heads,
        "width": config.shape.width,
        "norm": config.shape.norm,
        "band": config.shape.band,
        "mask_documents": settings.mask_documents,
        "dropout": settings.dropout,
        "optimizer": settings.optimizer,
        "sequences_per_step": settings.sequences_per_step,
        "ramp_sequences": settings.ramp_sequences,
        "ramp_tokens": settings.ramp_tokens,
        "ramp_increment": settings.ramp_increment,
        "seed": config.seed,
    }


def _check_same_run(run: Run, place: Path, state: CheckpointState) -> None:
    wanted, made_of = _identity(run), NOT_SAID_BEFORE | state.run
    others = [key for key in wanted if made_of.get(key) != wanted[key]]
    if others:
        had = ", ".join(f"{key} was {made_of.get(key)}, is {wanted[key]}" for key in others)
        raise ConfigError(
            f"{place}: a checkpoint of another run: {had}; expected the same: undo the change, or "
            "begin anew with `winnow run train --force`"
        )
    before = msgspec.to_builtins(read_config(run.folder).settings)
    now = msgspec.to_builtins(run.settings)
    changed = [
        f"{key} {before[key]} -> {now[key]}" for key in now
        if before[key] != now[key] and key not in NOT_OF_THE_RESULT
    ]  # fmt: skip
    if changed:
        run.log(f"goes on with other settings, so no longer the same run: {', '.join(changed)}")


def _load(run: Run, place: Path, state: CheckpointState) -> None:
    weights, moments = read_weights(place)
    with torch.no_grad():
        for name, tensor in run.model.state_dict().items():
            tensor.copy_(placed_as(tensor, weights[name]))
    write_state(run.model, run.optimizers, moments, step=state.step)
    run.step, run.consumed_samples, run.noise = state.step, state.consumed_samples, state.noise
