"""Sizes of the GPT and the knobs of its training; imports no torch.

Sizes: GPT-1's (Radford et al. 2018, section 4.1), GPT-2's four (Radford et al. 2019, Table 2) and
GPT-3's eight (Brown et al. 2020, Table 2.1), as dense models, with small ones for a CPU. Two
printed rows of Table 2.1 contradict themselves: 1.3B has 24 heads of 128 for a width of 2048 (here
16 heads), and 13B has 40 heads of 128 for a width of 5140 (here 5120). GPT-3 alternates dense and
locally banded attention with an unpublished band; the presets are dense, and `band` sets one.
Optimiser values are GPT-3's (appendix B).
"""

from __future__ import annotations

import math
from typing import Literal

from corpus.config import Settings

VOCAB_MULTIPLE = 64  # matrix tiles; 50,257 -> 50,304 is the usual padding of GPT-2's vocabulary


class ModelShape(
    Settings, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Size and kind of a decoder; the vocabulary comes from the tokenizer.

    A config.json names of the kind what differs from GPT-2's, which is the default.
    """

    num_layers: int
    """Transformer blocks."""
    num_heads: int
    """Attention heads of a block."""
    width: int
    """Features of the residual stream; the feed-forward layer has 4 times as many."""
    context: int
    """Tokens of a training sequence, and the most that the model can attend to."""
    norm: Literal["pre", "post"] = "pre"
    """pre: each sub-layer is given a normalised copy of the residual stream, which is normalised
    once more at its end (GPT-2, GPT-3). post: each sub-layer's sum with it is (GPT-1)."""
    band: int = 0
    """Positions, its own included, that a token attends to in the second, fourth, ... layer; 0 =
    all up to it, as in the other layers. GPT-3 alternates such layers with dense ones, "similar to
    the Sparse Transformer" (Brown et al. 2020, section 2.1); neither the band nor which come first
    was published. The Sparse Transformer's is near the square root of the context, 128 or 256
    (Child et al. 2019, section 4.3)."""

    def __post_init__(self) -> None:
        """Refuse sizes that are not positive or do not divide."""
        for name in ("num_layers", "num_heads", "width", "context"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1")
        if self.band < 0:
            raise ValueError(f"band is {self.band}, expected 0 or more")
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} is not a multiple of {self.num_heads} heads")

    def num_parameters(self, vocab_size: int) -> int:
        """Parameters with tied embeddings, for a vocabulary counted as given (unpadded)."""
        attention = 4 * self.width**2 + 4 * self.width
        feed_forward = 8 * self.width**2 + 5 * self.width
        norms = 4 * self.width
        blocks = self.num_layers * (attention + feed_forward + norms)
        last_norm = 2 * self.width if self.norm == "pre" else 0
        return (vocab_size + self.context) * self.width + blocks + last_norm


def _shape(
    num_layers: int, width: int, num_heads: int, context: int, norm: Literal["pre", "post"] = "pre"
) -> ModelShape:
    return ModelShape(
        num_layers=num_layers, width=width, num_heads=num_heads, context=context, norm=norm
    )


PRESETS: dict[str, ModelShape] = {
    "micro": _shape(2, 64, 2, 64),  # tests: 0.1 M parameters and the embedding
    "tiny": _shape(4, 128, 4, 128),  # 0.8 M and the embedding: a minute or two on two cores
    "mini": _shape(4, 256, 4, 256),  # 3.2 M and the embedding: an hour on two cores
    "gpt1": _shape(12, 768, 12, 512, "post"),  # 116.5 M with its vocabulary of 40,478
    "gpt2": _shape(12, 768, 12, 1024),
    "gpt2-medium": _shape(24, 1024, 16, 1024),
    "gpt2-large": _shape(36, 1280, 20, 1024),
    "gpt2-xl": _shape(48, 1600, 25, 1024),
    "gpt3-125m": _shape(12, 768, 12, 2048),
    "gpt3-350m": _shape(24, 1024, 16, 2048),
    "gpt3-760m": _shape(24, 1536, 16, 2048),
    "gpt3-1.3b": _shape(24, 2048, 16, 2048),  # printed: 24 heads
    "gpt3-2.7b": _shape(32, 2560, 32, 2048),
    "gpt3-6.7b": _shape(32, 4096, 32, 2048),
    "gpt3-13b": _shape(40, 5120, 40, 2048),  # printed: width 5140
    "gpt3-175b": _shape(96, 12288, 96, 2048),
}


class TrainSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is trained, on how much, and how."""

    model: str = "tiny"
    """Preset: micro, tiny, mini, gpt1, gpt2[-medium|-large|-xl], gpt3-125m ... gpt3-175b."""
    num_layers: int = 0
    """Transformer blocks; 0 = the preset's."""
    num_heads: int = 0
    """Attention heads of a block; 0 = the preset's."""
    width: int = 0
    """Features of the residual stream; 0 = the preset's."""
    context: int = 0
    """Tokens of a sequence; 0 = the preset's."""
    band: int = 0
    """Positions that a token attends to in every second layer, as GPT-3 has it with an unpublished
    number; 0 = the preset's, which is all before it."""

    num_steps: int = 300
    """Optimiser steps, and the length of the learning-rate schedule; 0 = as many as num_tokens
    gives."""
    num_tokens: int = 0
    """Tokens to train on, rounded up to whole steps; 0 = no limit. The smaller budget counts."""
    max_seconds: float = 0.0
    """Stop after so many seconds of training steps, with the schedule unfinished; 0 = no limit.
    The result then depends on the machine's speed and is not reproducible."""
    sequences_per_step: int = 32
    """Sequences of an optimiser step (times context = tokens per step)."""
    sequences_per_pass: int = 8
    """Sequences that are in memory at once; gradients are summed over the passes of a step."""

    learning_rate: float = 1e-3
    """Peak. 1e-3 suits some million parameters; GPT-3 125M used 6e-4 (Table 2.1)."""
    min_learning_rate_fraction: float = 0.1
    """Where the cosine ends, as a fraction of the peak (GPT-3 appendix B)."""
    warmup_steps: int = 20
    """Steps of linear warm-up (GPT-3: 375 M tokens)."""
    beta1: float = 0.9
    """Adam's decay of the mean gradient (GPT-3 appendix B)."""
    beta2: float = 0.95
    """Adam's decay of the mean square (GPT-3 appendix B)."""
    epsilon: float = 1e-8
    """Adam's epsilon (GPT-3 appendix B)."""
    weight_decay: float = 0.1
    """Decoupled decay of matrices; biases and norms are exempt (GPT-3 appendix B: 0.1)."""
    clip_norm: float = 1.0
    """Largest global norm of the gradient (GPT-3 appendix B)."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: matrix products in bfloat16, on the CPU too; weights, norms, loss and optimiser
    stay float32. Faster where the processor has bfloat16 instructions, else slower."""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """auto takes a GPU where there is one; its sums differ from the CPU's in the last bits."""
    num_threads: int = 2
    """CPU threads; 0 = torch's choice. Fixed, as the order of float sums, and so the last bits of
    the weights, depend on it."""

    verify_shards: bool = False
    """Hold every byte of the shards and their indexes against their SHA-256 before the first step.
    Off, as it reads all of what is otherwise mapped (a second for 0.5 GB on a core, a quarter of an
    hour for 200 B tokens), and `winnow shards verify` does it once for all runs."""
    validate_every: int = 100
    """Steps between measurements of the validation loss; also measured at step 0 and at the end."""
    validation_tokens: int = 50_000
    """First so many tokens of the validation shards; 0 = all."""
    checkpoint_every: int = 100
    """Steps between checkpoints; one is always written at the end."""
    keep_checkpoints: int = 2
    """Newest checkpoints that are kept."""
    log_every: int = 20
    """Steps between lines of progress; train.jsonl has every step."""

    sample_prompts: tuple[str, ...] = ("",)
    """Beginnings of the texts in sample.txt; the empty one begins a document."""
    sample_tokens: int = 200
    """Most tokens of a sample; it ends earlier at the end of a text."""
    sample_min_tokens: int = 50
    """Fewest tokens of a sample: a text that ends at once shows nothing of a model."""
    temperature: float = 0.8
    """Logits are divided by it; 0 takes the likeliest token."""
    top_k: int = 50
    """Only so many likeliest tokens are drawn from; 0 = all."""

    def __post_init__(self) -> None:
        """Refuse values out of range, and budgets or batches that do not fit."""
        self.shape()
        for name in ("num_steps", "num_tokens", "max_seconds", "warmup_steps", "num_threads",
                     "weight_decay", "validation_tokens", "temperature", "top_k"):  # fmt: skip
            _require(getattr(self, name) >= 0, f"{name} is {getattr(self, name)}, expected >= 0")
        for name in ("sequences_per_step", "sequences_per_pass", "validate_every", "log_every",
                     "checkpoint_every", "keep_checkpoints", "sample_tokens"):  # fmt: skip
            _require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}, expected >= 1")
        for name in ("learning_rate", "epsilon", "clip_norm"):
            _require(getattr(self, name) > 0, f"{name} is {getattr(self, name)}, expected > 0")
        for name in ("min_learning_rate_fraction", "beta1", "beta2"):
            _require(0 <= getattr(self, name) <= 1, f"{name} is {getattr(self, name)}, not in 0..1")
        _require(self.num_steps > 0 or self.num_tokens > 0,
                 "num_steps and num_tokens are both 0; expected a budget")  # fmt: skip
        _require(self.sequences_per_step % self.sequences_per_pass == 0,
                 f"sequences_per_step {self.sequences_per_step} is not a multiple of "
                 f"sequences_per_pass {self.sequences_per_pass}")  # fmt: skip

    def shape(self) -> ModelShape:
        """The preset with the given sizes laid over it; raises ValueError for an unknown one."""
        preset = PRESETS.get(self.model)
        if preset is None:
            raise ValueError(f"model {self.model}: expected one of {', '.join(PRESETS)}")
        return ModelShape(
            num_layers=self.num_layers or preset.num_layers,
            num_heads=self.num_heads or preset.num_heads,
            width=self.width or preset.width,
            context=self.context or preset.context,
            norm=preset.norm,
            band=self.band or preset.band,
        )

    def total_steps(self) -> int:
        """Steps of the whole run: the smaller of the budgets in steps and tokens."""
        by_tokens = math.ceil(self.num_tokens / (self.sequences_per_step * self.shape().context))
        return min(steps for steps in (self.num_steps, by_tokens) if steps)

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 1: linear warm-up, cosine to the last step.

        The first step has 1/warmup_steps of the peak, the last the stated fraction of it.
        """
        if step <= self.warmup_steps:
            return self.learning_rate * step / self.warmup_steps
        decay_steps = max(1, self.total_steps() - self.warmup_steps)
        done = min(1.0, (step - self.warmup_steps) / decay_steps)
        low = self.min_learning_rate_fraction
        return self.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done)))


def padded_vocab(vocab_size: int) -> int:
    """Rows of the embedding: the vocabulary rounded up to a multiple of 64."""
    return -(-vocab_size // VOCAB_MULTIPLE) * VOCAB_MULTIPLE


def _require(fact: bool, message: str) -> None:
    if not fact:
        raise ValueError(message)
