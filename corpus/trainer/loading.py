"""The passes of a step on this rank, read while the step before it is computed.

A step's samples are one run of numbers. Each rank takes an equal share of it, in order, and cuts it
into passes: so the global batch is the same for any number of ranks and any size of a pass. A
thread reads the next step ahead (a copy of its tokens from the mapped shards), so that a step does
not wait for the disk; what is read does not depend on when.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

from corpus.trainer.batches import SampleOrder
from corpus.trainer.dropout import sample_keys
from corpus.trainer.ranks import Ranks
from corpus.trainer.schedules import Schedule


class Pass(NamedTuple):
    """What is run through the model at once, on its device."""

    tokens: Tensor
    """Ids, int64 (B, T)."""
    targets: Tensor
    """The ids that follow them, int64 (B, T)."""
    documents: Tensor | None
    """Number of the document of each position, int64 (B, T); None where all are attended to."""
    keys: Tensor | None = None
    """Of each sample, for its dropout, int64 (B,); None without."""


class Loader:
    """Of one run on one rank; closed with the run."""

    def __init__(
        self,
        order: SampleOrder,
        schedule: Schedule,
        ranks: Ranks,
        per_pass: int,
        *,
        with_keys: bool = False,
    ) -> None:
        """Passes of at most per_pass sequences; with_keys: for dropout."""
        self._order, self._schedule, self._ranks = order, schedule, ranks
        self._per_pass, self._with_keys = per_pass, with_keys
        self._reader = ThreadPoolExecutor(1, "loader")
        self._ahead: tuple[int, bool, Future[list[Pass]]] | None = None

    def step(self, consumed: int, *, in_two: bool = False) -> list[Pass]:
        """This rank's passes of the step after so many samples, on its device.

        in_two: at least two passes, of which the first is as large on all ranks; where each has at
        least two samples.
        """
        if self._ahead is not None and self._ahead[:2] == (consumed, in_two):
            passes = self._ahead[2].result()
        else:
            passes = self._read(consumed, in_two)
        device = self._ranks.device
        return [_each(one, lambda part: part.to(device, non_blocking=True)) for one in passes]

    def read_ahead(self, consumed: int, *, in_two: bool = False) -> None:
        """Begin to read the step after so many samples."""
        future = self._reader.submit(self._read, consumed, in_two)
        self._ahead = (consumed, in_two, future)

    def close(self) -> None:
        """End the thread."""
        self._reader.shutdown(cancel_futures=True)

    def _read(self, consumed: int, in_two: bool) -> list[Pass]:
        batch = self._schedule.batch(consumed)
        share, size = self._ranks.share(batch), self._per_pass
        if in_two:
            size = min(size, -(-(batch // self._ranks.size) // 2))  # the same on all ranks
        return [
            self._pass(consumed + share[at], min(size, len(share) - at))
            for at in range(0, len(share), size)
        ]

    def _pass(self, first: int, num_samples: int) -> Pass:
        inputs, targets, documents = self._order.batch(first, num_samples)
        found = Pass(
            torch.from_numpy(inputs),
            torch.from_numpy(targets),
            None if documents is None else torch.from_numpy(documents),
            sample_keys(self._order.seed, first, num_samples) if self._with_keys else None,
        )
        return _each(found, Tensor.pin_memory) if self._ranks.device.type == "cuda" else found


def _each(one: Pass, change: Callable[[Tensor], Tensor]) -> Pass:
    tokens, targets, documents, keys = one
    return Pass(
        change(tokens),
        change(targets),
        None if documents is None else change(documents),
        None if keys is None else change(keys),
    )
