"""Which examples a step is trained on, and batches of them: pure functions of (seed, epoch).

An epoch takes every example once, in the order of a keyed hash of its number. The examples of a
step go through the model in passes, those of like length together, padded on the right, where
causal attention does not look; padding is no target of the language model either. Where the model
loses some of attention's weights, which those are depends on the length of the batch, so that all
passes of a step are padded alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from corpus.trainer.finetuning.encoding import Encoded


class Batch(NamedTuple):
    """Some examples: E of them, as S sequences of up to T tokens."""

    ids: Tensor
    """int64 (S, T), padded with 0."""
    sizes: Tensor
    """Tokens of each sequence, int64 (S,); the last of them is the extract token."""
    owner: Tensor
    """Which example each sequence is of, int64 (S,)."""
    place: Tensor
    """Which of its example's sequences each is, int64 (S,)."""
    targets: Tensor
    """(E,): int64, or float32 where they are scores."""

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(*(tensor.to(device) for tensor in self))


def make_batch(examples: Sequence[Encoded], *, length: int = 0) -> Batch:
    """A batch of at least one example, on the CPU; padded to a length, or as far as needed."""
    owned = [
        (owner, place, ids)
        for owner, example in enumerate(examples)
        for place, ids in enumerate(example.sequences)
    ]
    sizes = torch.tensor([len(ids) for _, _, ids in owned])
    padded = torch.zeros(len(owned), length or int(sizes.max()), dtype=torch.int64)
    for row, (_, _, ids) in enumerate(owned):
        padded[row, : len(ids)] = torch.tensor(ids)
    return Batch(
        ids=padded,
        sizes=sizes,
        owner=torch.tensor([owner for owner, _, _ in owned]),
        place=torch.tensor([place for _, place, _ in owned]),
        targets=torch.tensor([example.target for example in examples]),
    )


def epoch_order(num_examples: int, *, seed: int, epoch: int) -> list[int]:
    """Every number below num_examples once, in the epoch's order."""
    return sorted(
        range(num_examples), key=lambda number: (derived_seed(seed, "order", epoch, number), number)
    )


def steps(num_examples: int, size: int, *, seed: int, epoch: int) -> Iterator[list[int]]:
    """The numbers of each step's examples; the last step has what is left."""
    order = epoch_order(num_examples, seed=seed, epoch=epoch)
    for start in range(0, num_examples, size):
        yield order[start : start + size]


def passes(examples: Sequence[Encoded], size: int) -> Iterator[list[int]]:
    """The places of examples that go through the model together, by length."""
    by_length = sorted(
        range(len(examples)), key=lambda i: (-max(map(len, examples[i].sequences)), i)
    )
    for start in range(0, len(examples), size):
        yield by_length[start : start + size]


def derived_seed(seed: int, purpose: str, *numbers: int) -> int:
    """A seed below 2^63 for one purpose, so that no two purposes draw the same."""
    words = "\x00".join(map(str, (seed, purpose, *numbers)))
    digest = hashlib.blake2b(words.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
