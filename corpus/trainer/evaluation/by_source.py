"""Validation loss of each source: which kinds of text a model knows well.

Tokens are scored as `evaluate` scores them and as training sees them: the validation shards end to
end, cut into windows of the model's context, each token a target once, given the tokens before it
in its window. A window runs over document borders, so that a document's first tokens are given the
end of the one before it, of whatever source, with an end-of-text between; where the stream was
opened with its documents (train.mask_documents), each is given its own document alone.

`provenance` says which tokens are a document's, its end-of-text included. The end-of-text that
opens a shard counts with the shard's first document. So every target is of one source, and the
sources add up to the whole: tokens, bytes and nats.

Cost: that of `evaluate`; the losses of a batch are copied to the host.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from corpus.datasets import Dataset
from corpus.errors import Damaged
from corpus.shards import ShardInfo, ShardManifest, Split
from corpus.trainer.batches import Int64Array, TokenStream, sequential_batches
from corpus.trainer.evaluation.scoring import token_log_probabilities
from corpus.trainer.model import GPT


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpans:
    """Which source each token of a stream is of: runs of tokens, in order, without gaps."""

    names: tuple[str, ...]
    """The sources, sorted."""
    ends: Int64Array
    """Where each run ends, in tokens of the stream; a run begins where the one before it ends."""
    sources: Int64Array
    """The source of each run, as its place in names."""

    def of_tokens(self, start: int, length: int) -> Int64Array:
        """The source of each token of [start, start + length), as its place in names."""
        return self.sources[np.searchsorted(self.ends, np.arange(start, start + length), "right")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLoss:
    """What a model makes of the text of a source."""

    source: str
    num_tokens: int
    """Tokens that were scored, end-of-text included."""
    num_bytes: int
    """UTF-8 bytes of them; end-of-text has none."""
    nats: float
    """Sum of the cross entropy of these tokens."""

    @property
    def loss(self) -> float | None:
        """Nats per token; None where no token was scored."""
        return self.nats / self.num_tokens if self.num_tokens else None

    @property
    def bits_per_byte(self) -> float | None:
        """Bits per UTF-8 byte; None where there is none."""
        return self.nats / math.log(2) / self.num_bytes if self.num_bytes else None


ALL = "all"
"""The name of all sources together."""


def in_all(sources: list[SourceLoss]) -> SourceLoss:
    """All sources together: the sums of theirs."""
    return SourceLoss(
        source=ALL,
        num_tokens=sum(found.num_tokens for found in sources),
        num_bytes=sum(found.num_bytes for found in sources),
        nats=math.fsum(found.nats for found in sources),
    )


def evaluate_by_source(
    model: GPT,
    stream: TokenStream,
    spans: SourceSpans,
    token_bytes: Int64Array,
    *,
    num_sequences: int,
    num_tokens: int = 0,
) -> list[SourceLoss]:
    """Score the first num_tokens of a stream (0 = all), by source, in the order of spans.names.

    stream and spans: of the same split, from `open_split` and `source_spans`. token_bytes: int64
    (vocab_size,), from `token_lengths`. num_sequences: sequences in memory at once. Runs under the
    caller's autocast.
    """
    device = model.tokens.weight.device
    size = len(spans.names)
    nats = np.zeros(size)
    counts, num_bytes = np.zeros(size, np.int64), np.zeros(size, np.int64)
    start = 1  # the stream's first token is no target
    with torch.no_grad():
        for inputs, targets, documents in sequential_batches(
            stream, model.shape.context, num_sequences, num_tokens=num_tokens
        ):
            ids = targets.reshape(-1)
            read = [torch.from_numpy(part).to(device) for part in (inputs, documents)
                    if part is not None]  # fmt: skip
            hidden = model(*read).flatten(0, 1)
            values = token_log_probabilities(model, hidden, torch.from_numpy(ids).to(device))
            sources = spans.of_tokens(start, len(ids))
            nats -= np.bincount(sources, values.double().cpu().numpy(), size)
            counts += np.bincount(sources, minlength=size)
            np.add.at(num_bytes, sources, token_bytes[ids])
            start += len(ids)
    return [
        SourceLoss(source=name, num_tokens=int(tokens), num_bytes=int(bytes_), nats=float(loss))
        for name, tokens, bytes_, loss in zip(spans.names, counts, num_bytes, nats, strict=True)
    ]


def source_spans(
    manifest: ShardManifest, provenance: Dataset, split: Split = "validation"
) -> SourceSpans:
    """The sources of a split's stream, as `provenance` has them; raises Damaged where it has gaps.

    provenance: the dataset beside the shards, a part for each shard of the manifest.
    """
    if provenance.num_parts != len(manifest.shards):
        raise Damaged(
            f"{provenance.store.path(provenance.name)}: {provenance.num_parts} parts, expected one "
            f"for each of {len(manifest.shards)} shards; run `winnow run tokenize --force`"
        )
    offset, ends, names = 0, [np.empty(0, np.int64)], list[str]()
    for part, shard in enumerate(manifest.shards):
        if shard.split == split:
            rows = provenance.read(part, ("source", "start", "end"))
            its_ends = rows["end"].to_numpy()
            _check_whole(provenance.path(part), shard, rows["start"].to_numpy(), its_ends)
            ends.append(offset + its_ends)
            names += rows["source"].to_pylist()
            offset += shard.num_tokens
    known = tuple(sorted(set(names)))
    places = {name: place for place, name in enumerate(known)}
    return SourceSpans(
        names=known,
        ends=np.concatenate(ends),
        sources=np.array([places[name] for name in names], np.int64),
    )


def _check_whole(path: str, shard: ShardInfo, starts: Int64Array, ends: Int64Array) -> None:
    """Refuse documents that do not fill their shard from its second token on."""
    due = np.concatenate([np.array([1], np.int64), ends])
    if not len(ends) or not np.array_equal(starts, due[:-1]) or due[-1] != shard.num_tokens:
        raise Damaged(
            f"{path}: its documents do not follow each other from token 1 to {shard.num_tokens:,} "
            f"of {shard.name}; run `winnow run tokenize --force`"
        )
