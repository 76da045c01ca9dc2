"""How many distinct keys there are: a sketch of each part, merged as if all had been one.

HyperLogLog++ (Flajolet et al. 2007, Heule et al. 2013) over 64-bit hashes: of the keys whose last
16 bits are i, register i keeps the most zeros that any begins with. Merging takes the larger of two
registers, so neither order, nor repeats, nor the division into parts changes anything. The
registers are datasketch's, which merges and counts; only their filling is compiled here.
2^16 registers are the most that it knows: they err by 0.41 % (standard deviation), so that room for
all keys but one time in a billion is 2.8 % more than the estimate; with 2^14 it would be 5.7 %, of
a Bloom filter that is far larger than its sketches.
Cost: 64 KiB a sketch, most of it zeros that compress where keys are few; 400 M keys a second.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.simd import highest_bit

UInt64Array = npt.NDArray[np.uint64]
Registers = npt.NDArray[np.int8]
"""int8 (NUM_REGISTERS,): as in datasketch's `reg`."""

PRECISION = 16
NUM_REGISTERS = 1 << PRECISION
DEVIATION = 1.04 / math.sqrt(NUM_REGISTERS)
"""Standard deviation of an estimate, as a share of it (Flajolet et al. 2007)."""
# Of the estimate, that hold it below the truth once in a billion: six, and one for the table of
# bias, which leaves half a deviation where counting by empty registers ends (52,000 keys).
_MARGIN = 7

_INDEX = np.uint64(NUM_REGISTERS - 1)
_BEYOND = np.uint64(NUM_REGISTERS >> 1)  # ends the zeros of a key that has no other bit


def empty() -> Registers:
    """The sketch of no key."""
    return np.zeros(NUM_REGISTERS, np.int8)


@njit(cache=True, nogil=True)
def add(keys: UInt64Array, registers: Registers) -> None:
    """Add uint64 (num_keys,), hashes whose bits are all mixed, to a sketch."""
    for key in keys:
        rank = 64 - highest_bit(key | _BEYOND)
        at = key & _INDEX
        registers[at] = max(registers[at], np.int8(rank))


def merged(registers: Registers, sketch: bytes) -> Registers:
    """The sketch of all keys of two; raises ValueError where the second is of another length."""
    from datasketch import HyperLogLogPlusPlus

    whole = HyperLogLogPlusPlus(reg=registers)
    whole.merge(HyperLogLogPlusPlus(reg=np.frombuffer(sketch, np.int8)))
    both: Registers = whole.reg
    return both


def estimate(registers: Registers) -> float:
    """Distinct keys that were added, give or take `DEVIATION`."""
    from datasketch import HyperLogLogPlusPlus  # brings scipy: 0.6 s

    return float(HyperLogLogPlusPlus(reg=registers).count())


def at_most(registers: Registers) -> int:
    """So many distinct keys or fewer were added, but one time in a billion."""
    return math.ceil(estimate(registers) * (1 + _MARGIN * DEVIATION))
