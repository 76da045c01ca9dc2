"""Checkpoints: published whole, checked before use, and read without running code.

    checkpoints/step-00000300/model.safetensors       weights, float32
    checkpoints/step-00000300/optimizer.safetensors   the optimisers' moments of each weight
    checkpoints/step-00000300/state.json              step, samples consumed, run, checksums, noise

A checkpoint is built under a name that begins with a dot, synced, and renamed: one that has its
name is whole. safetensors holds numbers only, so that opening a checkpoint runs nothing (a pickle
would). One whose bytes differ from its state.json is removed and the one before it is taken: as
training is exact, the run arrives at the same weights.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from corpus.errors import Damaged, NotBuilt
from corpus.shards import file_sha256
from corpus.storage import storage_errors
from corpus.trainer.noise_scale import NoiseScale

MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"

Weights = dict[str, Tensor]


class CheckpointState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything but the numbers; with them, all that a run's future depends on."""

    step: int
    """Optimiser steps done."""
    consumed_samples: int
    """Samples trained on, over all epochs: the loader's whole state."""
    run: dict[str, Any]
    """What the run is made of; a run made of anything else must not go on from here."""
    sha256: dict[str, str]
    """SHA-256 of each weights file."""
    noise: NoiseScale = msgspec.field(default_factory=NoiseScale)
    """The running means of the gradient noise scale."""


def save_checkpoint(
    folder: Path,
    *,
    model: Weights,
    optimizer: Weights,
    step: int,
    consumed_samples: int,
    run: dict[str, Any],
    keep: int,
    noise: NoiseScale | None = None,
) -> None:
    """Publish a checkpoint under folder, then remove all but the newest `keep`."""
    place = folder / f"step-{step:08d}"
    building = folder / ".building"
    remove_unfinished(folder)
    with storage_errors(str(place)):
        building.mkdir(parents=True)
        save_tensors(model, building / MODEL_FILE)
        save_tensors(optimizer, building / OPTIMIZER_FILE)
        state = CheckpointState(
            step=step,
            consumed_samples=consumed_samples,
            run=run,
            sha256={name: file_sha256(building / name) for name in (MODEL_FILE, OPTIMIZER_FILE)},
            noise=noise or NoiseScale(),
        )
        text = msgspec.json.format(msgspec.json.encode(state), indent=2)
        (building / STATE_FILE).write_bytes(text + b"\n")
        for path in (*building.iterdir(), building):
            _sync(path)
        building.rename(place)
        _sync(folder)
    for old in checkpoint_folders(folder)[:-keep]:
        shutil.rmtree(old)


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed run was building."""
    shutil.rmtree(folder / ".building", ignore_errors=True)


def checkpoint_folders(folder: Path) -> list[Path]:
    """The published checkpoints, oldest first."""
    return sorted(folder.glob("step-*"))


def latest_checkpoint(
    folder: Path, *, log: Callable[[str], None]
) -> tuple[Path, CheckpointState] | None:
    """The newest whole checkpoint, or None; damaged ones are named in the log and removed."""
    for place in reversed(checkpoint_folders(folder)):
        try:
            return place, read_state(place)
        except Damaged as error:
            log(f"{error}; removed, going back to the checkpoint before it")
            shutil.rmtree(place)
    return None


def read_state(place: Path) -> CheckpointState:
    """The state of one checkpoint; raises Damaged unless its files are those that it lists."""
    try:
        state = msgspec.json.decode((place / STATE_FILE).read_bytes(), type=CheckpointState)
        found = {name: file_sha256(place / name) for name in state.sha256}
    except (OSError, msgspec.MsgspecError) as error:
        raise Damaged(f"{place}: not a whole checkpoint: {error}") from error
    if found != state.sha256:
        raise Damaged(f"{place}: weights differ from the SHA-256 in {STATE_FILE}")
    return state


def read_weights(place: Path) -> tuple[Weights, Weights]:
    """The model's and the optimiser's tensors, on the CPU."""
    return load_file(place / MODEL_FILE), load_file(place / OPTIMIZER_FILE)


def newest_weights(folder: Path) -> Weights:
    """The model's tensors of the newest checkpoint under folder; raises NotBuilt or Damaged."""
    places = checkpoint_folders(folder)
    if not places:
        raise NotBuilt(f"{folder}: no checkpoint; run `winnow run train` first")
    read_state(places[-1])
    return load_file(places[-1] / MODEL_FILE)


def save_tensors(tensors: Weights, path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file; its library's own I/O errors become OSError."""
    try:
        save_file(tensors, path, metadata)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        code = int(number[1])
        raise OSError(code, os.strerror(code), str(path)) from error


def _sync(path: Path) -> None:
    """Wait until a file or a folder's entries are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
