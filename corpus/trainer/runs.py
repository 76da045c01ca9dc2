"""A run in progress: opened from shards and settings, saved, and taken up again.

A checkpoint belongs to a run of the same shards, tokenizer, sizes, batch and seed, and is refused
to any other. Where only other settings have changed (budget, learning rate, threads), the run goes
on and says so: its result is then that of neither.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch

from corpus.errors import ConfigError, Damaged
from corpus.shards import MANIFEST, SPLITS, ShardManifest, file_sha256, read_manifest
from corpus.tokenizer.files import TOKENIZER_FILE, load
from corpus.trainer.batches import Int64Array, SampleOrder, TokenStream, open_split
from corpus.trainer.checkpoints import (
    CheckpointState,
    Weights,
    latest_checkpoint,
    read_weights,
    remove_unfinished,
    save_checkpoint,
)
from corpus.trainer.evaluate import token_lengths
from corpus.trainer.generate import CONFIG_FILE, ModelConfig, read_config
from corpus.trainer.model import GPT
from corpus.trainer.settings import TrainSettings

LOG_FILE, TIMING_FILE = "train.jsonl", "timing.jsonl"
NOT_OF_THE_RESULT = ("verify_shards",)  # settings that change no weight
NOT_SAID_BEFORE = {"norm": "pre", "band": 0}  # what the runs of checkpoints were that do not say it
COLD_STEPS = 5  # the first steps allocate and choose kernels; the reported rate leaves them out


@dataclass(slots=True, kw_only=True)
class Run:
    """A run in progress."""

    settings: TrainSettings
    folder: Path
    config: ModelConfig
    model: GPT
    optimizer: torch.optim.AdamW
    order: SampleOrder
    validation: TokenStream
    token_bytes: Int64Array
    log: Callable[[str], None]
    step: int = 0
    consumed_samples: int = 0
    seconds: list[float] = field(default_factory=list)
    """Of each step of this process."""
    seconds_before: float = 0.0
    """Of the steps of earlier processes."""

    @property
    def tokens_per_step(self) -> int:
        """Targets of an optimiser step."""
        return self.settings.sequences_per_step * self.order.context

    @property
    def tokens_per_second(self) -> float | None:
        """Rate of this process's steps after the cold ones."""
        warm = self.seconds[COLD_STEPS:]
        return len(warm) * self.tokens_per_step / sum(warm) if warm else None

    def write_line(self, name: str, row: dict[str, Any]) -> None:
        """Append a line of JSON to a file of the folder."""
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def autocast(self) -> AbstractContextManager[Any]:
        """Matrix products in bfloat16, on the CPU too, where the settings say so."""
        enabled = self.settings.precision == "bfloat16"
        kind = self.model.tokens.weight.device.type
        return torch.autocast(kind, torch.bfloat16, enabled=enabled)


def open_run(
    settings: TrainSettings, seed: int, shards: Path, tokenizer: Path, folder: Path,
    device: torch.device, log: Callable[[str], None],
) -> Run:  # fmt: skip
    """A run before its first step; raises InputError, NotBuilt or Damaged for its inputs."""
    manifest = read_manifest(shards)
    tokenizer_sha256 = file_sha256(tokenizer / TOKENIZER_FILE)
    if tokenizer_sha256 != manifest.tokenizer_sha256:
        raise Damaged(
            f"{shards}: made with tokenizer {manifest.tokenizer_sha256[:16]}..., but {tokenizer} "
            f"has {tokenizer_sha256[:16]}...; run `winnow run tokenize --force`"
        )
    train, validation = (
        open_split(shards, manifest, split, verify=settings.verify_shards) for split in SPLITS
    )
    if settings.verify_shards:
        log(f"{len(manifest.shards)} shards have the SHA-256 that {MANIFEST} says")
    order = SampleOrder(stream=train, context=settings.shape().context, seed=seed)
    model = GPT(settings.shape(), manifest.vocab_size, seed=seed).to(device)
    run = Run(
        settings=settings,
        folder=folder,
        config=_config(settings, seed, manifest, model, order, validation),
        model=model,
        optimizer=_optimizer(model, settings),
        order=order,
        validation=validation,
        token_bytes=token_lengths(load(tokenizer)),
        log=log,
    )
    log(
        f"{run.config.num_parameters:,} parameters, {len(order.stream):,} tokens in "
        f"{order.num_windows:,} sequences of {order.context}, {settings.total_steps():,} steps of "
        f"{run.tokens_per_step:,} tokens on {device}, {settings.precision}"
    )
    return run


def _config(
    settings: TrainSettings, seed: int, manifest: ShardManifest, model: GPT,
    order: SampleOrder, validation: TokenStream,
) -> ModelConfig:  # fmt: skip
    checksums = "".join(f"{shard.split}{shard.sha256}" for shard in manifest.shards)
    return ModelConfig(
        shape=settings.shape(),
        vocab_size=manifest.vocab_size,
        eot_id=manifest.eot_id,
        num_parameters=model.num_parameters(),
        tokenizer_sha256=manifest.tokenizer_sha256,
        shards_sha256=hashlib.sha256(checksums.encode()).hexdigest(),
        train_tokens=len(order.stream),
        validation_tokens=len(validation),
        seed=seed,
        settings=settings,
    )


def _optimizer(model: GPT, settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW that decays matrices and embeddings, not biases and norms."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups,
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        eps=settings.epsilon,
        fused=parameters[0].device.type == "cuda",
    )


def _identity(run: Run) -> dict[str, Any]:
    """What must be equal for a checkpoint to be of this run."""
    config = run.config
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
        "sequences_per_step": run.settings.sequences_per_step,
        "seed": config.seed,
    }


def save_run(run: Run) -> None:
    """Publish a checkpoint of the run, after its logs are on the disk."""
    for name in (LOG_FILE, TIMING_FILE):
        with (run.folder / name).open("ab") as file:
            os.fsync(file.fileno())
    moments: Weights = {}
    for name, parameter in run.model.named_parameters():
        state = run.optimizer.state[parameter]
        moments[f"{name}.mean"] = state["exp_avg"].contiguous()
        moments[f"{name}.square"] = state["exp_avg_sq"].contiguous()
    save_checkpoint(
        run.folder / "checkpoints",
        model={name: tensor.contiguous() for name, tensor in run.model.state_dict().items()},
        optimizer=moments,
        step=run.step,
        consumed_samples=run.consumed_samples,
        run=_identity(run),
        keep=run.settings.keep_checkpoints,
    )


def resume_run(run: Run) -> None:
    """Take up the newest checkpoint of the folder, or begin; raises ConfigError for another run's.

    Logs are cut back to the checkpoint's step, as the steps after it are done again.
    """
    checkpoints = run.folder / "checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    remove_unfinished(checkpoints)
    found = latest_checkpoint(checkpoints, log=run.log)
    last_step = -1
    if found is not None:
        place, state = found
        _check_same_run(run, place, state)
        _load(run, place, state)
        last_step = run.step
        run.log(f"resumes after step {state.step:,}")
    _cut_log(run.folder / LOG_FILE, last_step)
    timed = _cut_log(run.folder / TIMING_FILE, last_step)
    run.seconds_before = sum(row["seconds"] for row in timed)
    config = msgspec.json.format(msgspec.json.encode(run.config), indent=2) + b"\n"
    (run.folder / CONFIG_FILE).write_bytes(config)


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
    run.model.load_state_dict(weights)
    for name, parameter in run.model.named_parameters():
        device = parameter.device
        run.optimizer.state[parameter] = {
            "step": torch.tensor(float(state.step), device=device),
            "exp_avg": moments[f"{name}.mean"].to(device),
            "exp_avg_sq": moments[f"{name}.square"].to(device),
        }
    run.step, run.consumed_samples = state.step, state.consumed_samples


def _cut_log(path: Path, last_step: int) -> list[dict[str, Any]]:
    """Keep the lines up to a step and return them; a half-written last line goes."""
    kept: list[dict[str, Any]] = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            break
        if row["step"] > last_step:
            break
        kept.append(row)
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    temporary.replace(path)
    return kept
