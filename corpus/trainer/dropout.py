"""Dropout that is a function of the sample, not of a generator's state.

Each sample has a key of the run's seed and its own number; what it loses at a place of the model is
a hash of key, place and position. So it is the same on any number of ranks, in passes of any size,
and after a restart, with nothing to be saved (a generator's draws would depend on all three).

Cost: some integer operations an element; attention is then written out, as the fused kernels draw
by themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MASK = 0xFFFFFFFF


def sample_keys(seed: int, first: int, num_samples: int) -> Tensor:
    """Keys of consecutive samples, int64 (num_samples,)."""
    digests = [
        hashlib.blake2b(f"dropout/{seed}/{sample}".encode(), digest_size=8).digest()
        for sample in range(first, first + num_samples)
    ]
    return torch.from_numpy(np.frombuffer(b"".join(digests), "<i8").copy())


@dataclass(frozen=True, slots=True)
class Dropout:
    """Of a batch."""

    keys: Tensor
    """Of each sample, int64 (B,)."""
    share: float
    """Of the elements, that are lost; the others are scaled up by 1 / (1 - share)."""

    def __call__(self, x: Tensor, place: int) -> Tensor:
        """x (B, ...) without what it loses at a place of the model."""
        size = x[0].numel()
        positions = torch.arange(size, device=x.device)
        low, high = self.keys[:, None] & MASK, (self.keys[:, None] >> 32) & MASK
        draws = _mix(_mix((positions + low) & MASK) + high + place & MASK)
        keeps = (draws >= int(self.share * 2**32)).view(x.shape)
        return x * keeps.to(x.dtype).mul_(1 / (1 - self.share))


def _mix(value: Tensor) -> Tensor:
    """MurmurHash3's finaliser on 32 bits held in int64: every bit depends on all."""
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & MASK
    value = ((value ^ (value >> 13)) * 0xC2B2AE35) & MASK
    return value ^ (value >> 16)
