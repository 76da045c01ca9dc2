"""Which tokens a step is trained on: a pure function of (seed, number of the sample).

The shards of a split, one after another, are one stream of n tokens. Its windows have T + 1 tokens
and overlap by one (stride T), so that each token but the first is a target once an epoch; the last
window is shifted back to end with the stream, and repeats the few targets that it then shares with
the one before. Windows run over document and shard borders, as in GPT-2 and GPT-3; where attention
is to keep within documents, the index numbers them.

An epoch takes every window once, in an order that is computed, never stored: a keyed Feistel
network permutes the window numbers, anew in each epoch. So the whole state of the loader is one
integer, the number of samples consumed, and any split of a batch over passes or machines sees the
same samples.

Cost: shards are mapped, not read, unless their bytes are to be verified; a batch costs one copy of
its tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.errors import Damaged, InputError
from corpus.shards import (
    MANIFEST,
    ShardInfo,
    ShardManifest,
    Split,
    TokenArray,
    file_sha256,
    read_index,
    read_tokens,
)

Int64Array = npt.NDArray[np.int64]

# Four rounds make a pseudo-random permutation (Luby and Rackoff 1988); more, as the halves are
# short.
FEISTEL_ROUNDS = 6


class TokenStream:
    """The tokens of several shards as one array, mapped from disk."""

    def __init__(
        self,
        shards: Sequence[TokenArray],
        vocab_size: int,
        document_ends: Sequence[Int64Array] | None = None,
    ) -> None:
        """Lay the shards end to end, in the given order.

        document_ends: of each shard, as its index has them; they are what `documents_of` needs.
        """
        self._shards = shards
        self._starts = np.cumsum([0, *(len(shard) for shard in shards)], dtype=np.int64)
        self._vocab_size = vocab_size
        self._document_starts: Int64Array | None = None
        if document_ends is not None:
            # A document begins with the end-of-text before it, from which its first token follows.
            self._document_starts = np.concatenate(
                [start + np.concatenate([[0], ends - 1])
                 for start, ends in zip(self._starts, document_ends, strict=False)]
            )  # fmt: skip

    def __len__(self) -> int:
        """Tokens of all shards."""
        return int(self._starts[-1])

    def read(self, start: int, length: int) -> Int64Array:
        """Tokens [start, start + length), which may cross shards; raises Damaged for a wrong id."""
        pieces = []
        shard = int(np.searchsorted(self._starts, start, "right")) - 1
        end = start + length
        while start < end:
            offset = start - int(self._starts[shard])
            piece = self._shards[shard][offset : offset + end - start]
            pieces.append(piece.astype(np.int64))
            start += len(piece)
            shard += 1
        tokens = np.concatenate([np.empty(0, np.int64), *pieces])
        if len(tokens) and tokens.max() >= self._vocab_size:
            raise Damaged(
                f"shards: token id {tokens.max()} near token {end}, expected ids below "
                f"{self._vocab_size}; run `winnow run tokenize --force`"
            )
        return tokens


    def documents_of(self, starts: Sequence[int], length: int) -> Int64Array | None:
        """Numbers of the documents of the tokens from each start, int64 (len(starts), length).

        Each end-of-text is of the document that follows it. None where no index was read.
        """
        if self._document_starts is None:
            return None
        places = np.asarray(starts, np.int64)[:, None] + np.arange(length)
        return np.searchsorted(self._document_starts, places, "right")


def open_split(
    folder: Path,
    manifest: ShardManifest,
    split: Split,
    *,
    verify: bool = False,
    with_documents: bool = False,
) -> TokenStream:
    """The stream of a split's shards in the manifest's order; raises Damaged for a wrong file.

    verify: hold every byte of each .bin and .idx against its SHA-256 first. with_documents: read
    the indexes too, for TokenStream.documents_of.
    """
    shards, ends = [], []
    for info in manifest.shards:
        if info.split != split:
            continue
        if verify:
            _check_bytes(folder, info)
        tokens = read_tokens(folder / f"{info.name}.bin")
        if len(tokens) != info.num_tokens:
            raise Damaged(
                f"{folder / info.name}.bin: {len(tokens):,} tokens, the manifest has "
                f"{info.num_tokens:,}; run `winnow run tokenize --force`"
            )
        shards.append(tokens)
        if with_documents:
            ends.append(read_index(folder / f"{info.name}.idx").document_ends)
    return TokenStream(shards, manifest.vocab_size, ends if with_documents else None)


def _check_bytes(folder: Path, info: ShardInfo) -> None:
    for end, expected in (("bin", info.sha256), ("idx", info.index_sha256)):
        path = folder / f"{info.name}.{end}"
        if not path.is_file():
            raise Damaged(f"{path}: missing, but {MANIFEST} lists it; run `winnow shards verify`")
        if (found := file_sha256(path)) != expected:
            raise Damaged(
                f"{path}: SHA-256 {found}, expected {expected} as {MANIFEST} says; "
                "`winnow shards verify` tells of all shards, `winnow run tokenize --force` makes "
                "them anew"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOrder:
    """The samples of a run, numbered from 0 over all epochs."""

    stream: TokenStream
    context: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse a stream without one full window."""
        if len(self.stream) < self.context + 1:
            raise InputError(
                f"shards: the train split has {len(self.stream):,} tokens, a sequence needs "
                f"{self.context + 1:,}; lower train.context or give the mixture more text"
            )

    @property
    def num_windows(self) -> int:
        """Windows of an epoch."""
        return -(-(len(self.stream) - 1) // self.context)

    def window(self, sample: int) -> int:
        """The window that a sample takes: every one once in each epoch."""
        epoch, position = divmod(sample, self.num_windows)
        return permute(position, self.num_windows, key=f"{self.seed}/{epoch}")

    def batch(self, first: int, num_samples: int) -> Batch:
        """Consecutive samples, of context tokens each."""
        last = len(self.stream) - 1 - self.context
        samples = range(first, first + num_samples)
        starts = [min(self.window(sample) * self.context, last) for sample in samples]
        return _batch(self.stream, starts, self.context)


class Batch(NamedTuple):
    """What is scored at once."""

    inputs: Int64Array
    """(B, T)"""
    targets: Int64Array
    """The ids that follow them, (B, T)."""
    documents: Int64Array | None
    """Number of the document of each input, (B, T); None where the stream has no index."""


def sequential_batches(
    stream: TokenStream, context: int, num_sequences: int, *, num_tokens: int = 0
) -> Iterator[Batch]:
    """The stream in order, in batches of at most num_sequences, each of at most context.

    Every token but the first is a target exactly once: the rest that fills no window comes last, as
    a shorter one. num_tokens: only the first so many targets; 0 = all.
    """
    num_targets = max(0, len(stream) - 1)
    if num_tokens:
        num_targets = min(num_targets, num_tokens)
    full, rest = divmod(num_targets, context)
    for first in range(0, full, num_sequences):
        windows = range(first, min(full, first + num_sequences))
        yield _batch(stream, [window * context for window in windows], context)
    if rest:
        yield _batch(stream, [full * context], rest)


def _batch(stream: TokenStream, starts: Sequence[int], length: int) -> Batch:
    tokens = np.stack([stream.read(start, length + 1) for start in starts])
    return Batch(tokens[:, :-1], tokens[:, 1:], stream.documents_of(starts, length))


def permute(position: int, size: int, *, key: str) -> int:
    """The image of a position in [0, size) under the key's permutation of [0, size).

    A balanced Feistel network over the next even number of bits, walked until it lands below size
    (Black and Rogaway 2002): four steps at most on average. Same answer on every machine and
    release.
    """
    half_bits = max(1, -(-(size - 1).bit_length() // 2))
    while True:
        position = _feistel(position, half_bits, key)
        if position < size:
            return position


def _feistel(value: int, half_bits: int, key: str) -> int:
    mask = (1 << half_bits) - 1
    left, right = value >> half_bits, value & mask
    for number in range(FEISTEL_ROUNDS):
        digest = hashlib.blake2b(f"{key}/{number}/{right}".encode(), digest_size=8).digest()
        left, right = right, left ^ (int.from_bytes(digest, "little") & mask)
    return (left << half_bits) | right
