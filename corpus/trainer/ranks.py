"""The processes of a run: one, or as many as torchrun started.

Every rank takes its share of each step's samples (loading.py), so that the global batch is the same
for any number of ranks. `replicas`: each has the whole model, and gradients are averaged (DDP).
`sharded`: each has a part of every weight, gradient and moment, and gathers a block's weights when
it is run (FSDP2); at its start each still draws the whole model in the CPU's memory. Ranks speak by
NCCL on GPUs, else by gloo.

Only rank 0 writes; all read the same folders, which they must share.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from corpus.errors import ConfigError
from corpus.trainer.dropout import Dropout
from corpus.trainer.model import GPT
from corpus.trainer.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those of the run."""

    rank: int
    size: int
    device: torch.device
    meshes: list[DeviceMesh] = field(default_factory=list, compare=False)
    """Of what is sharded over the ranks; join() lets go of them."""

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def share(self, total: int) -> range:
        """Which of `total` things are this rank's: all, in order, in shares as equal as can be."""
        return range(total * self.rank // self.size, total * (self.rank + 1) // self.size)

    def sums(self, values: Sequence[float]) -> list[float]:
        """Each value summed over the ranks, the same on all."""
        if self.size == 1:
            return list(values)
        # A GPU of NCCL's; float64 is everywhere that it runs.
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        found: list[float] = tensor.tolist()
        return found

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def join(device: torch.device) -> Iterator[Ranks]:
    """This process's rank, from what torchrun says in the environment; without it the only one."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if size == 1:
        yield Ranks(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    ranks = Ranks(rank, size, device)
    try:
        yield ranks
    finally:
        # A group's threads end with the last that holds it: modules that hold each other, and
        # meshes, which torch's caches of shardings keep. Threads that outlive Python abort the
        # process where one lets go of a tensor.
        gc.collect()
        for mesh in ranks.meshes:
            mesh._pg_registry.clear()
        dist.destroy_process_group()


class Objective(nn.Module):
    """The model with its loss as its output, which is what DDP and FSDP2 wrap."""

    def __init__(self, model: GPT, dropout: float = 0.0) -> None:
        super().__init__()
        self.model, self.dropout = model, dropout

    def forward(
        self,
        tokens: Tensor,
        targets: Tensor,
        documents: Tensor | None = None,
        keys: Tensor | None = None,
    ) -> Tensor:
        """Mean loss in nats; arguments as of GPT.loss, and the samples' keys for dropout."""
        loses = None if keys is None else Dropout(keys, self.dropout)
        return self.model.loss(tokens, targets, documents, loses)


def spread(model: GPT, settings: TrainSettings, ranks: Ranks) -> nn.Module:
    """The model's objective over the ranks; raises ConfigError where the batch does not suit."""
    objective = Objective(model, settings.dropout)
    smallest = settings.ramp_sequences or settings.sequences_per_step
    if smallest < ranks.size:
        raise ConfigError(
            f"train: a step of {smallest} sequences for {ranks.size} ranks; expected at least one "
            "for each: raise sequences_per_step (or ramp_sequences), or start fewer ranks"
        )
    if settings.parallel == "sharded":
        return _shard(objective, settings, ranks)
    if ranks.size == 1:
        return objective
    return DistributedDataParallel(objective, gradient_as_bucket_view=True)


def _shard(objective: Objective, settings: TrainSettings, ranks: Ranks) -> nn.Module:
    if ranks.size == 1:
        raise ConfigError(
            "train: parallel = sharded needs several ranks: start them by torchrun, or set "
            "replicas"
        )
    for name in ("sequences_per_step", "ramp_sequences", "ramp_increment"):
        grows = settings.ramp_sequences > 0 or name == "sequences_per_step"
        if grows and getattr(settings, name) % ranks.size:
            raise ConfigError(
                f"train: {name} is {getattr(settings, name)}, but parallel = sharded gives each of "
                f"{ranks.size} ranks as many sequences; expected a multiple of {ranks.size}"
            )
    mesh = init_device_mesh(ranks.device.type, (ranks.size,))
    ranks.meshes.append(mesh)
    for block in objective.model.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(objective, mesh=mesh)
    return objective


def held_back(objective: nn.Module, *, is_last: bool) -> AbstractContextManager[None]:
    """While a pass runs: replicas average gradients after a step's last pass only."""
    if isinstance(objective, DistributedDataParallel) and not is_last:
        found: AbstractContextManager[None] = objective.no_sync()
        return found
    return nullcontext()
