"""Which tokens a step is trained on: a pure function of (seed, number of the sample).

The shards of a split, one after another, are one stream of n tokens. Its windows have T + 1 tokens
and overlap by one (stride T), so that each token but the first is a target once an epoch; the last
window is shifted back to end with the stream, and repeats the few targets that it then shares with
the one before. Windows run over document and shard borders, as in GPT-2 and GPT-3.

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
    read_tokens,
)

Int64Array = npt.NDArray[np.int64]

# Four rounds make a pseudo-random permutation (Luby and Rackoff 1988); more, as the halves are
# short.
FEISTEL_ROUNDS = 6


class TokenStream:
    """The tokens of several shards as one array, mapped from disk."""

    def __init__(self, shards: Sequence[TokenArray], vocab_size: int) -> None:
        """Lay the shards end to end, in the given order."""
        self._shards = shards
        self._starts = np.cumsum([0, *(len(shard) for shard in shards)], dtype=np.int64)
        self._vocab_size = vocab_size

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


def open_split(
    folder: Path, manifest: ShardManifest, split: Split, *, verify: bool = False
) -> TokenStream:
    """The stream of a split's shards in the manifest's order; raises Damaged for a wrong file.

    verify: hold every byte of each .bin and .idx against its SHA-256 first.
    """
    shards = []
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
    return TokenStream(shards, manifest.vocab_size)


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

    def batch(self, first: int, num_samples: int) -> tuple[Int64Array, Int64Array]:
        """Inputs and targets of consecutive samples, each int64 (num_samples, context)."""
        last_start = len(self.stream) - 1 - self.context
        rows = [
            self.stream.read(min(self.window(sample) * self.context, last_start), self.context + 1)
            for sample in range(first, first + num_samples)
        ]
        tokens = np.stack(rows)
        return tokens[:, :-1], tokens[:, 1:]


def sequential_batches(
    stream: TokenStream, context: int, num_sequences: int, *, num_tokens: int = 0
) -> Iterator[tuple[Int64Array, Int64Array]]:
    """Inputs and targets of the stream in order, each (at most num_sequences, at most context).

    Every token but the first is a target exactly once: the rest that fills no window comes last, as
    a shorter one. num_tokens: only the first so many targets; 0 = all.
    """
    num_targets = max(0, len(stream) - 1)
    if num_tokens:
        num_targets = min(num_targets, num_tokens)
    full, rest = divmod(num_targets, context)
    for first in range(0, full, num_sequences):
        windows = range(first, min(full, first + num_sequences))
        tokens = np.stack([stream.read(window * context, context + 1) for window in windows])
        yield tokens[:, :-1], tokens[:, 1:]
    if rest:
        tokens = stream.read(full * context, rest + 1)[None]
        yield tokens[:, :-1], tokens[:, 1:]


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
