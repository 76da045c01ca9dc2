"""The knobs of a GPT's training; imports no torch.

Defaults are GPT-3's optimiser (Brown et al. 2020, appendix B) at a size for a CPU; what a paper did
otherwise stands in its recipe's [train]. Lengths of schedules are in tokens, as GPT-3 has them, so
that a ramp of the batch does not move them; `warmup_steps` is the one kept in steps.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from corpus.config import Settings
from corpus.trainer.shapes import PRESETS, ModelShape


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
    mask_documents: bool = False
    """A token attends to its own document only. Off, as GPT-2 and GPT-3 packed documents without a
    mask (Brown et al. 2020, appendix B)."""

    dropout: float = 0.0
    """Share of embeddings, attention weights and sub-layers' outputs that a sample loses (GPT-1:
    0.1). 0 where a token is seen but once or a few times."""

    num_steps: int = 300
    """Optimiser steps, and the length of the learning-rate schedule; 0 = as many as num_tokens
    and num_epochs give."""
    num_tokens: int = 0
    """Tokens to train on, rounded up to whole steps; 0 = no limit. The smallest budget counts."""
    num_epochs: float = 0.0
    """Times that the train split is trained on (GPT-1: 100), rounded up to whole steps; 0 = no
    limit."""
    max_seconds: float = 0.0
    """Stop after so many seconds of training steps, with the schedule unfinished; 0 = no limit.
    The result then depends on the machine's speed and is not reproducible."""
    sequences_per_step: int = 32
    """Sequences of an optimiser step (times context = tokens per step), over all ranks."""
    sequences_per_pass: int = 8
    """Sequences that a rank holds at once; gradients are summed over the passes of a step. A step's
    last pass may have fewer."""
    ramp_sequences: int = 0
    """Sequences of the first step, where the batch grows; 0 = full from the start."""
    ramp_tokens: int = 0
    """Tokens over which the batch grows in proportion, from ramp_sequences to full (GPT-3: from
    32 k tokens, over 4 to 12 B)."""
    ramp_increment: int = 1
    """The batch grows by whole multiples of so many sequences (MT-NLG: 32)."""

    optimizer: Literal["adamw", "muon"] = "adamw"
    """muon: torch's Muon for the matrices of the blocks, AdamW for the rest."""
    learning_rate: float = 1e-3
    """Peak. 1e-3 suits some million parameters; GPT-3 125M used 6e-4 (Table 2.1). Muon's updates
    are scaled to AdamW's size, so that both take the same."""
    min_learning_rate_fraction: float = 0.1
    """Where the decay ends, as a fraction of the peak (GPT-3 appendix B)."""
    decay: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls after the warm-up (GPT-3: cosine)."""
    decay_tokens: int = 0
    """Tokens of the run at which the decay ends and the fraction stays (GPT-3: 260 B of 300 B); 0 =
    the run's last."""
    warmup_steps: int = 20
    """Steps of linear warm-up, of the full batch; warmup_tokens counts where it is given."""
    warmup_tokens: int = 0
    """Tokens of linear warm-up (GPT-3: 375 M)."""
    beta1: float = 0.9
    """Adam's decay of the mean gradient (GPT-3 appendix B)."""
    beta2: float = 0.95
    """Adam's decay of the mean square (GPT-3 appendix B)."""
    epsilon: float = 1e-8
    """Adam's epsilon (GPT-3 appendix B)."""
    momentum: float = 0.95
    """Muon's (Jordan et al. 2024)."""
    weight_decay: float = 0.1
    """Decoupled decay of matrices and embeddings; biases and norms are exempt (GPT-3 appendix B:
    0.1)."""
    clip_norm: float = 1.0
    """Largest global norm of the gradient (GPT-3 appendix B)."""
    noise_scale_every: int = 1
    """Steps between measurements of the gradient noise scale; 0 = never. A step of one pass is then
    done in two, as two batch sizes are compared."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: matrix products in bfloat16, on the CPU too; weights, norms, loss and optimiser
    stay float32. Faster where the processor has bfloat16 instructions, else slower."""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """auto takes a GPU where there is one; its sums differ from the CPU's in the last bits."""
    compile: bool = False
    """Compile the blocks with torch.compile, which on a CPU needs a C++ compiler. Sums, and so the
    last bits of the weights, may then differ from those of another torch or machine."""
    parallel: Literal["replicas", "sharded"] = "replicas"
    """Under torchrun: replicas keeps the model on every rank (DDP), sharded keeps of it, of its
    gradient and of the optimiser's state a part each (FSDP2), for models that fill a GPU."""
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
    tensorboard: bool = False
    """Write the lines of train.jsonl and timing.jsonl for TensorBoard too, which must be
    installed."""

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
        """Refuse values out of range, and budgets, ramps or optimisers that do not fit."""
        self.shape()
        for name in (
            "num_steps", "num_tokens", "num_epochs", "max_seconds", "warmup_steps",
            "warmup_tokens", "decay_tokens", "ramp_sequences", "ramp_tokens", "num_threads",
            "weight_decay", "noise_scale_every", "validation_tokens", "temperature", "top_k",
        ):  # fmt: skip
            _require(getattr(self, name) >= 0, f"{name} is {getattr(self, name)}, expected >= 0")
        for name in (
            "sequences_per_step", "sequences_per_pass", "ramp_increment", "validate_every",
            "log_every", "checkpoint_every", "keep_checkpoints", "sample_tokens",
        ):  # fmt: skip
            _require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}, expected >= 1")
        for name in ("learning_rate", "epsilon", "clip_norm"):
            _require(getattr(self, name) > 0, f"{name} is {getattr(self, name)}, expected > 0")
        _require(0 <= self.dropout < 1, f"dropout is {self.dropout}, expected 0 to below 1")
        for name in ("min_learning_rate_fraction", "beta1", "beta2", "momentum"):
            _require(0 <= getattr(self, name) <= 1, f"{name} is {getattr(self, name)}, not in 0..1")
        _require(self.num_steps > 0 or self.num_tokens > 0 or self.num_epochs > 0,
                 "num_steps, num_tokens and num_epochs are all 0; expected a budget")  # fmt: skip
        _require(self.ramp_sequences <= self.sequences_per_step,
                 f"ramp_sequences {self.ramp_sequences} is above sequences_per_step "
                 f"{self.sequences_per_step}")  # fmt: skip
        _require((self.ramp_sequences > 0) == (self.ramp_tokens > 0),
                 f"ramp_sequences is {self.ramp_sequences} and ramp_tokens {self.ramp_tokens}; "
                 "expected both or neither")  # fmt: skip
        _require(self.optimizer != "muon" or self.parallel != "sharded",
                 "optimizer muon needs whole matrices; expected parallel = replicas")  # fmt: skip

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


def with_tokens(settings: TrainSettings, tokens_per_epoch: int) -> TrainSettings:
    """The settings with their epochs as tokens, as soon as an epoch's are known."""
    if not settings.num_epochs:
        return settings
    of_epochs = math.ceil(settings.num_epochs * tokens_per_epoch)
    tokens = min(settings.num_tokens or of_epochs, of_epochs)
    return msgspec.structs.replace(settings, num_tokens=tokens, num_epochs=0.0)


def _require(fact: bool, message: str) -> None:
    if not fact:
        raise ValueError(message)
