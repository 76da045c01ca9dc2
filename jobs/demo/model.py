"""Whether the demo's GPT learnt: its validation loss beside what counting alone comes to."""

from __future__ import annotations

import json
from dataclasses import dataclass

from corpus.datasets import open_dataset
from corpus.shards import read_manifest
from corpus.storage import Store
from corpus.trainer.baselines import Baselines, baselines
from corpus.trainer.batches import open_split


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A model's last validation, and the baselines on the same tokens."""

    num_steps: int
    num_tokens: int
    """Trained on."""
    seconds: float
    """Of steps."""
    loss: float
    """Nats per token."""
    bits_per_byte: float
    by_counting: Baselines

    @property
    def is_kept(self) -> bool:
        """Whether the promise holds: it knows more than how frequent each token is."""
        return self.loss < self.by_counting.unigram

    def line(self) -> str:
        """All of it, in words."""
        return (
            f"model: {self.num_steps:,} steps, {self.num_tokens:,} tokens, {self.seconds:,.0f} s; "
            f"validation loss {self.loss:.3f} nats a token ({self.bits_per_byte:.3f} bits a byte); "
            f"by counting: unigrams {self.by_counting.unigram:.3f}, bigrams "
            f"{self.by_counting.bigram:.3f}"
        )


def look_at_model(store: Store, num_tokens: int) -> Learnt:
    """The model of a finished root; num_tokens: of the validation split, as it was measured on."""
    folder = open_dataset(store, "model").folder()
    *_, last = map(json.loads, (folder / "train.jsonl").read_text("utf-8").splitlines())
    timing = map(json.loads, (folder / "timing.jsonl").read_text("utf-8").splitlines())
    shards = open_dataset(store, "shards").folder()
    manifest = read_manifest(shards)
    train, validation = (open_split(shards, manifest, split) for split in ("train", "validation"))
    read = min(len(validation), num_tokens + 1 if num_tokens else len(validation))
    return Learnt(
        num_steps=last["step"],
        num_tokens=last["tokens"],
        seconds=sum(row["seconds"] for row in timing),
        loss=last["validation_loss"],
        bits_per_byte=last["bits_per_byte"],
        by_counting=baselines(
            train.read(0, len(train)), validation.read(0, read), manifest.vocab_size
        ),
    )
