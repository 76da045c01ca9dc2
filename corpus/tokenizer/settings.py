"""Sections [vocabulary] and [tokenize] of a recipe."""

from __future__ import annotations

from corpus.config import Settings
from corpus.tokenizer.bytelevel import NUM_BYTES

MAX_TRAIN_BYTES = 2 * 10**9


class TokenizeSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The vocabulary, and how its tokens are cut into shards."""

    vocab_size: int = 50257
    """Tokens of the vocabulary, 256 bytes and end-of-text included; GPT-2's. A small corpus may
    have fewer pairs worth merging and end below it."""
    vocabulary: str = ""
    """A vocabulary to use instead of training one: a tokenizer.json, or a folder with GPT-2's
    encoder.json and vocab.bpe (or vocab.json and merges.txt). Empty: train."""
    train_bytes: int = 200_000_000
    """UTF-8 bytes of the mixture that the vocabulary is trained on, drawn by document."""
    tokens_per_shard: int = 100_000_000
    """Tokens that a shard holds on average: 100 M as llm.c's. Documents are placed by chance, so
    that shards differ by the few documents that this leaves."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if not NUM_BYTES + 1 <= self.vocab_size <= 2**24:
            raise ValueError(f"vocab_size is {self.vocab_size}, expected 257 to {2**24}")
        if not 1 <= self.train_bytes <= MAX_TRAIN_BYTES:
            raise ValueError(f"train_bytes is {self.train_bytes}, expected 1 to {MAX_TRAIN_BYTES}")
        if not 1 <= self.tokens_per_shard <= 2**29:
            raise ValueError(f"tokens_per_shard is {self.tokens_per_shard}, expected 1 to {2**29}")
