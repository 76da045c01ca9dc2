"""nanoGPT's model and recipe, taken as they are from a checkout of karpathy/nanoGPT.

Nothing of it is in this repository. The files are held against the SHA-256 of commit
3adf61e154c3fe3fca428ad6bc3818b27a3b8291, as a figure is worth what its peer is. Of train.py, a
script that trains when it is imported, the two functions that choose a step's batch and learning
rate are run with the settings given as the names that they read.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.util
import io
import math
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from tests.benchmarks.frame import NANOGPT_VARIABLE

COMMIT = "3adf61e154c3fe3fca428ad6bc3818b27a3b8291"
SHA256 = {
    "model.py": "7c01703240dbec5d554527dc666e35b3df8391d0b117fddc07afcf325a21d11c",
    "train.py": "413bd97b40bb400a2a0d01230e2946f056c263ebac1b7281c2367d964a123085",
}


class NotNanoGPT(Exception):
    """No checkout of nanoGPT at the known commit is there."""


def checkout() -> Path:
    """The folder that WINNOW_NANOGPT names, its files checked; raises NotNanoGPT."""
    if not os.environ.get(NANOGPT_VARIABLE):
        raise NotNanoGPT(f"{NANOGPT_VARIABLE} is not set; expected a checkout of karpathy/nanoGPT")
    folder = Path(os.environ[NANOGPT_VARIABLE])
    for name, expected in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise NotNanoGPT(f"{path} is missing; expected a checkout of karpathy/nanoGPT")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise NotNanoGPT(
                f"{path}: SHA-256 {found[:16]}..., expected {expected[:16]}... as of {COMMIT[:12]}"
            )
    return folder


def model_module(folder: Path) -> ModuleType:
    """nanoGPT's model.py."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(
    folder: Path, *, num_layers: int, num_heads: int, width: int, context: int, vocab_size: int
) -> Any:
    """Its GPT, without dropout, drawn from torch's global generator."""
    module = model_module(folder)
    config = module.GPTConfig(
        n_layer=num_layers, n_head=num_heads, n_embd=width, block_size=context,
        vocab_size=vocab_size, dropout=0.0,
    )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        return module.GPT(config)


def optimizer(model: Any, *, learning_rate: float, weight_decay: float, betas: Any) -> Any:
    """The AdamW that its model makes for a CPU."""
    with contextlib.redirect_stdout(io.StringIO()):
        return model.configure_optimizers(weight_decay, learning_rate, betas, "cpu")


def recipe(folder: Path, settings: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """train.py's get_batch and get_lr, reading these settings."""
    tree = ast.parse((folder / "train.py").read_text(encoding="utf-8"))
    wanted = ("get_batch", "get_lr")
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in wanted]
    names: dict[str, Any] = {"np": np, "os": os, "torch": torch, "math": math, **settings}
    exec(compile(tree, str(folder / "train.py"), "exec"), names)
    return {name: names[name] for name in wanted}
