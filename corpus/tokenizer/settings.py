"""Sections [vocabulary] and [tokenize] of a recipe."""

from __future__ import annotations

from typing import Literal

from corpus.config import Settings
from corpus.tokenizer.bytelevel import NUM_BYTES
from corpus.tokenizer.splitting import GPT2, Splitting

MAX_WHITESPACE_RUN = 256


class VocabularySettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The vocabulary: learnt from the mixture, or given."""

    kind: Literal["bytes", "characters"] = "bytes"
    """Byte-level BPE as GPT-2's, which gives every text back; or GPT-1's over the characters of
    words (Radford et al. 2018, section 4.1), which loses capitals and white space."""
    size: int = 50257
    """Tokens of the vocabulary, 256 bytes and end-of-text included; GPT-2's. A small corpus may
    have fewer pairs worth merging and end below it. Of kind bytes."""
    num_merges: int = 40_000
    """Merges of kind characters: GPT-1's (the same). Its size is theirs, the characters' and 2."""
    path: str = ""
    """A vocabulary to use instead of learning one: a tokenizer.json, or a folder with GPT-2's
    encoder.json and vocab.bpe (or vocab.json and merges.txt). Empty: learn."""
    split_digits: bool = False
    """Whether every digit is a token of its own, as in PaLM (Chowdhery et al. 2022, section 2)."""
    words_per_token: int = 1
    """Words that a token may span: 1, as GPT-2, or more, as Jurassic-1's (Lieber et al. 2021)."""
    whitespace_runs: int = 0
    """Spaces in a row up to which every run has a token of its own, for code; Codex has 25 (Chen et
    al. 2021, section 3.2). 0: what the merges find."""
    max_pretokens: int = 20_000_000
    """Distinct pre-tokens that merges are learnt from, the most frequent ones. They lie in the
    driver's memory, about 280 bytes each at the most while they are merged (2.5 GB for 8.9
    million)."""
    encoder: Literal["auto", "fastokens", "tiktoken", "tokenizers"] = "auto"
    """What encodes: all give the same ids, or are refused. auto: the fastest that is installed."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if not NUM_BYTES + 1 <= self.size <= 2**24:
            raise ValueError(f"size is {self.size}, expected 257 to {2**24}")
        if not 1 <= self.num_merges <= 2**24:
            raise ValueError(f"num_merges is {self.num_merges}, expected 1 to {2**24}")
        splitting = self.splitting
        if self.kind == "characters" and (splitting != GPT2 or self.whitespace_runs):
            raise ValueError(
                "kind is characters, expected bytes beside split_digits, words_per_token or "
                "whitespace_runs"
            )
        if not 1 <= self.max_pretokens <= 2**31:
            raise ValueError(f"max_pretokens is {self.max_pretokens}, expected 1 to {2**31}")
        if not 0 <= self.whitespace_runs <= MAX_WHITESPACE_RUN or self.whitespace_runs == 1:
            raise ValueError(
                f"whitespace_runs is {self.whitespace_runs}, expected 0 or 2 to "
                f"{MAX_WHITESPACE_RUN}: one space has its token"
            )

    @property
    def splitting(self) -> Splitting:
        """Where text is cut into pre-tokens."""
        return Splitting(split_digits=self.split_digits, words_per_token=self.words_per_token)


class TokenizeSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How tokens are cut into shards."""

    tokens_per_shard: int = 100_000_000
    """Tokens that a shard holds on average: 100 M as llm.c's. Documents are placed by chance, so
    that shards differ by the few documents that this leaves."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if not 1 <= self.tokens_per_shard <= 2**29:
            raise ValueError(f"tokens_per_shard is {self.tokens_per_shard}, expected 1 to {2**29}")
