"""The knobs of fine-tuning, with GPT-1's values (Radford et al. 2018, section 4.1); no torch."""

from __future__ import annotations

import math
from typing import Literal

from corpus.config import Settings


class FinetuneSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model is fine-tuned."""

    epochs: int = 3
    """Times that each example is trained on."""
    examples_per_step: int = 32
    """Examples of an optimiser step; the last of an epoch may have fewer."""
    examples_per_pass: int = 8
    """Examples in memory at once; gradients are summed over the passes of a step."""
    max_tokens: int = 0
    """Longest sequence; 0 = the model's context. What is longer is cut (inputs.py)."""
    learning_rate: float = 6.25e-5
    """Peak. 6.25e-5 is for 117 M parameters; 2 M learnt best with 3e-4, from scratch too."""
    warmup_fraction: float = 0.002
    """Share of the steps in which the rate rises to the peak; it then falls linearly to 0."""
    lm_weight: float = 0.5
    """Of the language model's loss beside the task's: L3 = L2 + weight * L1 (section 3.2)."""
    dropout: float = 0.1
    """Share of the extract state's features that a step hides from the task's layer."""
    model_dropout: float = 0.1
    """Share that is lost in the model itself: of the embeddings, of attention's weights, and of
    what each sub-layer adds. GPT-1 kept that of its pre-training."""
    beta1: float = 0.9
    """Adam's decay of the mean gradient."""
    beta2: float = 0.999
    """Adam's decay of the mean square."""
    epsilon: float = 1e-8
    """Adam's epsilon."""
    weight_decay: float = 0.01
    """Decoupled decay of matrices and embeddings; biases and norms are exempt."""
    clip_norm: float = 1.0
    """Largest global norm of the gradient (the released code's)."""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """auto takes a GPU where there is one; its sums differ from the CPU's in the last bits."""
    num_threads: int = 2
    """CPU threads; 0 = torch's choice. The last bits of the weights depend on it."""
    score_every: int = 1
    """Epochs between development scores; the last epoch always has one."""
    log_every: int = 20
    """Steps between lines of progress."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name in ("epochs", "examples_per_step", "examples_per_pass", "score_every",
                     "log_every"):  # fmt: skip
            _require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}, expected >= 1")
        for name in ("learning_rate", "epsilon", "clip_norm"):
            value = getattr(self, name)
            _require(0 < value < math.inf, f"{name} is {value}, expected a number > 0")
        for name in ("lm_weight", "weight_decay", "max_tokens", "num_threads"):
            value = getattr(self, name)
            _require(0 <= value < math.inf, f"{name} is {value}, expected a number >= 0")
        for name in ("warmup_fraction", "beta1", "beta2"):
            _require(0 <= getattr(self, name) <= 1, f"{name} is {getattr(self, name)}, not in 0..1")
        for name in ("dropout", "model_dropout"):
            value = getattr(self, name)
            _require(0 <= value < 1, f"{name} is {value}, expected 0 to below 1")

    def steps_per_epoch(self, num_examples: int) -> int:
        """Optimiser steps of an epoch."""
        return math.ceil(num_examples / self.examples_per_step)

    def learning_rate_at(self, step: int, num_steps: int) -> float:
        """Learning rate of a step, counted from 1: linear warm-up, then linear to 0 after the last.

        The last step of the warm-up has the peak, and at least the first step is one.
        """
        warmup_steps = max(1, math.ceil(self.warmup_fraction * num_steps))
        if step <= warmup_steps:
            return self.learning_rate * step / warmup_steps
        return self.learning_rate * (num_steps + 1 - step) / (num_steps + 1 - warmup_steps)


def _require(fact: bool, message: str) -> None:
    if not fact:
        raise ValueError(message)
