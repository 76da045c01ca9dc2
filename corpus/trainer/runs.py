"""A run in progress: what it is made of, opened from shards and settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from corpus.errors import Damaged
from corpus.shards import MANIFEST, SPLITS, ShardManifest, file_sha256, read_manifest
from corpus.tokenizer.files import TOKENIZER_FILE, load
from corpus.trainer.batches import Int64Array, SampleOrder, TokenStream, open_split
from corpus.trainer.flops import flops_per_token, peak_flops
from corpus.trainer.loading import Loader
from corpus.trainer.logbook import Logbook
from corpus.trainer.model import GPT
from corpus.trainer.noise_scale import NoiseScale
from corpus.trainer.optimizers import make_optimizers
from corpus.trainer.ranks import Ranks, spread
from corpus.trainer.saved import ModelConfig
from corpus.trainer.schedules import Schedule
from corpus.trainer.settings import TrainSettings, with_tokens
from corpus.trainer.validation import token_lengths

COLD_STEPS = 5  # the first steps allocate and choose kernels; the reported rate leaves them out


@dataclass(slots=True, kw_only=True)
class Run:
    """A run in progress, on one rank."""

    settings: TrainSettings
    folder: Path
    config: ModelConfig
    ranks: Ranks
    model: GPT
    objective: nn.Module
    """The model and its loss, spread over the ranks."""
    optimizers: list[torch.optim.Optimizer]
    schedule: Schedule
    order: SampleOrder
    loader: Loader
    validation: TokenStream
    token_bytes: Int64Array
    logbook: Logbook
    log: Callable[[str], None]
    noise: NoiseScale = field(default_factory=NoiseScale)
    step: int = 0
    consumed_samples: int = 0
    timed: list[tuple[int, float]] = field(default_factory=list)
    """Tokens and seconds of each step of this process."""
    seconds_before: float = 0.0
    """Of the steps of earlier processes."""

    @property
    def tokens_per_second(self) -> float | None:
        """Rate of this process's steps after the cold ones, over all ranks."""
        warm = self.timed[COLD_STEPS:]
        return sum(n for n, _ in warm) / sum(seconds for _, seconds in warm) if warm else None

    @property
    def utilisation(self) -> float | None:
        """Model FLOP utilisation of those steps; None where the device's peak is not known."""
        device, rate = self.ranks.device, self.tokens_per_second
        if device.type != "cuda" or rate is None:
            return None
        peak = peak_flops(torch.cuda.get_device_name(device), self.settings.precision)
        if peak is None:
            return None
        flops = flops_per_token(self.config.shape, self.config.vocab_size)
        return rate * flops / (peak * self.ranks.size)

    def autocast(self) -> AbstractContextManager[Any]:
        """Matrix products in bfloat16, on the CPU too, where the settings say so."""
        enabled = self.settings.precision == "bfloat16"
        return torch.autocast(self.ranks.device.type, torch.bfloat16, enabled=enabled)

    def loss_of(self, tokens: Tensor, targets: Tensor, documents: Tensor | None) -> Tensor:
        """Mean loss of a batch, outside of a step."""
        whole = self.settings.parallel == "replicas"
        call = self.model.loss if whole else self.objective
        loss: Tensor = call(tokens, targets, documents)
        return loss

    def close(self) -> None:
        """End what runs beside the steps."""
        self.loader.close()
        self.logbook.close()


def open_run(
    settings: TrainSettings, seed: int, shards: Path, tokenizer: Path, folder: Path,
    ranks: Ranks, log: Callable[[str], None],
) -> Run:  # fmt: skip
    """A run before its first step; raises InputError, NotBuilt or Damaged for its inputs.

    Raises ConfigError and SetupError where settings, ranks and machine do not suit each other.
    """
    manifest = read_manifest(shards)
    tokenizer_sha256 = file_sha256(tokenizer / TOKENIZER_FILE)
    if tokenizer_sha256 != manifest.tokenizer_sha256:
        raise Damaged(
            f"{shards}: made with tokenizer {manifest.tokenizer_sha256[:16]}..., but {tokenizer} "
            f"has {tokenizer_sha256[:16]}...; run `winnow run tokenize --force`"
        )
    train, validation = (
        open_split(
            shards, manifest, split, with_documents=settings.mask_documents,
            verify=settings.verify_shards and ranks.is_first,
        )
        for split in SPLITS
    )  # fmt: skip
    if settings.verify_shards:
        log(f"{len(manifest.shards)} shards have the SHA-256 that {MANIFEST} says")
    order = SampleOrder(stream=train, context=settings.shape().context, seed=seed)
    settings = with_tokens(settings, order.num_windows * order.context)
    model = GPT(settings.shape(), manifest.vocab_size, seed=seed)
    config = _config(settings, seed, manifest, model, order, validation)
    model.to(ranks.device)
    objective = spread(model, settings, ranks)
    if settings.compile:
        for block in model.blocks:
            block.compile()
    schedule = Schedule(settings)
    run = Run(
        settings=settings,
        folder=folder,
        config=config,
        ranks=ranks,
        model=model,
        objective=objective,
        optimizers=make_optimizers(model, settings),
        schedule=schedule,
        order=order,
        loader=Loader(
            order, schedule, ranks, settings.sequences_per_pass, with_keys=settings.dropout > 0
        ),
        validation=validation,
        token_bytes=token_lengths(load(tokenizer)),
        logbook=Logbook(folder, writes=ranks.is_first, tensorboard=settings.tensorboard),
        log=log,
    )
    log(_opening(run))
    return run


def _opening(run: Run) -> str:
    settings, order, ranks = run.settings, run.order, run.ranks
    where = f"{ranks.size} ranks of {ranks.device.type}" if ranks.size > 1 else str(ranks.device)
    return (
        f"{run.config.num_parameters:,} parameters, {len(order.stream):,} tokens in "
        f"{order.num_windows:,} sequences of {order.context}, {run.schedule.total_steps:,} steps "
        f"of {settings.sequences_per_step * order.context:,} tokens on {where}, "
        f"{settings.precision}, {settings.optimizer}"
    )


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
