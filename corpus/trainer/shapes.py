"""Sizes of the GPT, as published; imports no torch.

GPT-1's (Radford et al. 2018, section 4.1), GPT-2's four (Radford et al. 2019, Table 2) and GPT-3's
eight (Brown et al. 2020, Table 2.1), as dense models, with small ones for a CPU. Two printed rows
of Table 2.1 contradict themselves: 1.3B has 24 heads of 128 for a width of 2048 (here 16 heads),
and 13B has 40 heads of 128 for a width of 5140 (here 5120). GPT-3 alternates dense and locally
banded attention with an unpublished band; the presets are dense, and `band` sets one.
"""

from __future__ import annotations

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


def padded_vocab(vocab_size: int) -> int:
    """Rows of the embedding: the vocabulary rounded up to a multiple of 64."""
    return -(-vocab_size // VOCAB_MULTIPLE) * VOCAB_MULTIPLE
