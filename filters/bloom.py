"""A Bloom filter over 64-bit hashes, sized for a rate and certified by what it holds.

Decides whether a hash was added: never wrongly "no", wrongly "yes" at most at `rate` (Bloom 1970).
For 1e-8, GPT-2's bound (section 4), it takes 38.34 bits for each distinct key and 27 hashes. The
rate is not believed but measured: with a share f of the bits set, a key that was not added finds
its k bits set with probability f^k. A filter whose f^k passes its rate refuses further keys.
Each of the k positions is a mix of its own, scaled to the number of bits by a 128-bit product, so
that every size (a power of two, odd, or neither) uses every bit.
The bits depend on the set of keys alone: not on their order, repeats, or the merging of parts.
Cost: about 5 bytes a key at 1e-8, one cache miss a hash.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.errors import Damaged, DataError

UInt64Array = npt.NDArray[np.uint64]
BoolArray = npt.NDArray[np.bool_]

# Bits beyond the formula, for each square root of its bits. Of m bits half are set at capacity,
# give or take 0.277 sqrt(m), and a bit more leaves 0.347 less of them set: so much holds the rate
# below its bound at four standard deviations, and within 8 % of it from 10^4 keys at 1e-5 on.
_SLACK = 4 * 0.277 / 0.347
_MIN_BITS = 64
_MIN_RATE = 1e-18  # 60 hashes; below it a 64-bit key is itself the larger risk
_MAGIC = b"winnow bloom filter 2\n"

_SALT = np.uint64(0xA24BAED4963EE407)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_6 = np.uint64(6)
_63 = np.uint64(63)
_ONE = np.uint64(1)


class BloomFilter:
    """A set of uint64 keys that may answer "yes" wrongly, at most at `rate`."""

    def __init__(self, *, capacity: int, rate: float) -> None:
        """Make an empty filter for `capacity` distinct keys; raises ValueError out of range."""
        if capacity < 0:
            raise ValueError(f"capacity {capacity}: expected the number of keys, 0 or more")
        if not _MIN_RATE <= rate <= 0.5:
            raise ValueError(f"rate {rate}: expected {_MIN_RATE}..0.5")
        self.capacity = capacity
        self.rate = rate
        self.num_hashes = num_hashes(rate)
        num_bits = bits_per_key(rate) * capacity
        self.num_bits = math.ceil(num_bits + _SLACK * math.sqrt(num_bits) + _MIN_BITS)
        self.bits = np.zeros((self.num_bits + 63) // 64, np.uint64)
        self.num_set = 0

    @property
    def certified_rate(self) -> float:
        """Probability that a key never added is found: (share of bits set)^num_hashes."""
        return float((self.num_set / self.num_bits) ** self.num_hashes)

    @property
    def estimated_keys(self) -> float:
        """Distinct keys added, estimated from the share of bits set (Swamidass & Baldi 2007)."""
        clear = 1.0 - self.num_set / self.num_bits
        return -self.num_bits / self.num_hashes * math.log(clear) if clear > 0 else math.inf

    def add(self, keys: UInt64Array) -> None:
        """Add uint64 (num_keys,); raises DataError once the filter is over its capacity."""
        self.num_set += int(_add(keys, self.bits, np.uint64(self.num_bits), self.num_hashes))
        self._check_capacity()

    def contains(self, keys: UInt64Array) -> BoolArray:
        """Whether each key was added: bool (num_keys,), True for every key that was."""
        return _contains(keys, self.bits, np.uint64(self.num_bits), self.num_hashes)

    def merge(self, other: BloomFilter) -> None:
        """Add all keys of a filter of the same form; raises DataError where it has another."""
        if self._form() != other._form():
            raise DataError(
                f"merging Bloom filters of the forms {self._form()} and {other._form()} (bits, "
                "hashes, capacity, rate); expected equal ones, made from the same settings"
            )
        np.bitwise_or(self.bits, other.bits, out=self.bits)
        self.num_set = int(np.bitwise_count(self.bits).sum(dtype=np.int64))
        self._check_capacity()

    def header(self) -> bytes:
        """The bytes that stand before the bits in a file: parameters and checksum."""
        return _MAGIC + json.dumps(self.describe(), sort_keys=True).encode() + b"\n"

    def describe(self) -> dict[str, Any]:
        """Parameters and measures as plain values, with the checksum of them and of the bits."""
        form = {
            "num_bits": self.num_bits,
            "num_hashes": self.num_hashes,
            "capacity": self.capacity,
            "rate": self.rate,
            "num_set": self.num_set,
            "certified_rate": self.certified_rate,
        }
        return {**form, "blake2b": _checksum(form, self.bits)}

    def to_bytes(self) -> bytes:
        """The filter as a file's bytes: header, then the bits as little-endian uint64."""
        return self.header() + self.bits.astype("<u8").tobytes()

    def _form(self) -> tuple[int, int, int, float]:
        return self.num_bits, self.num_hashes, self.capacity, self.rate

    def _check_capacity(self) -> None:
        if self.certified_rate > self.rate:
            raise DataError(
                f"Bloom filter over capacity: about {self.estimated_keys:.0f} distinct keys, sized "
                f"for {self.capacity}; its rate is {self.certified_rate:.2g}, expected at most "
                f"{self.rate:.2g}: make it anew, for as many keys as come"
            )


def from_bytes(data: bytes | memoryview, *, where: str) -> BloomFilter:
    """Read what `to_bytes` wrote, without a copy; raises Damaged where anything differs."""
    view = memoryview(data)
    end_of_header = bytes(view[:4096]).find(b"\n", len(_MAGIC))
    if bytes(view[: len(_MAGIC)]) != _MAGIC or end_of_header < 0:
        raise Damaged(f"{where}: not a Bloom filter of ours; run its stage again with --force")
    try:
        form = json.loads(bytes(view[len(_MAGIC) : end_of_header]))
        found = BloomFilter(capacity=0, rate=form["rate"])
        found.capacity = form["capacity"]
        found.num_bits = form["num_bits"]  # its own: what sizes a new one may change
        found.num_hashes = form["num_hashes"]
        found.bits = np.frombuffer(view[end_of_header + 1 :], "<u8")
        found.num_set = int(np.bitwise_count(found.bits).sum(dtype=np.int64))
        is_sized = len(found.bits) == (found.num_bits + 63) // 64
        is_whole = is_sized and found.header() == bytes(view[: end_of_header + 1])
    except (ValueError, KeyError, TypeError, ArithmeticError):
        is_whole = False
    if not is_whole:
        raise Damaged(
            f"{where}: {len(view):,} bytes differ from their checksum; expected a file as it was "
            "written: run its stage with --force"
        )
    return found


def num_hashes(rate: float) -> int:
    """Hashes that need the fewest bits at this rate: -log2(rate), 27 for 1e-8."""
    return max(1, round(-math.log2(rate)))


def bits_per_key(rate: float) -> float:
    """Bits for each distinct key at which `num_hashes` hashes reach this rate: 38.34 for 1e-8."""
    hashes = num_hashes(rate)
    return -hashes / math.log1p(-(rate ** (1.0 / hashes)))


def _checksum(form: dict[str, Any], bits: UInt64Array) -> str:
    hashed = hashlib.blake2b(json.dumps(form, sort_keys=True).encode(), digest_size=16)
    hashed.update(np.ascontiguousarray(bits.astype("<u8", copy=False)).data)
    return hashed.hexdigest()


@njit(cache=True, nogil=True, inline="always")
def _mix(x: np.uint64) -> np.uint64:
    """Finaliser of splitmix64 (Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def _scale(x: np.uint64, num_bits: np.uint64) -> np.uint64:
    """High half of the 128-bit product: x * num_bits / 2^64, in [0, num_bits)."""
    low = (x & _LOW) * (num_bits & _LOW)
    middle = (x >> _32) * (num_bits & _LOW) + (low >> _32)
    other = (x & _LOW) * (num_bits >> _32) + (middle & _LOW)
    return (x >> _32) * (num_bits >> _32) + (middle >> _32) + (other >> _32)


@njit(cache=True, nogil=True)
def is_in(key: np.uint64, bits: UInt64Array, num_bits: np.uint64, num_hashes: int) -> bool:
    """Whether all bits of one key are set; stops at the first that is not. For other kernels."""
    base = _mix(key ^ _SALT)
    for _ in range(num_hashes):
        base += _GOLDEN
        at = _scale(_mix(base), num_bits)
        if (bits[at >> _6] >> (at & _63)) & _ONE == np.uint64(0):
            return False
    return True


@njit(cache=True, nogil=True)
def _contains(
    keys: UInt64Array, bits: UInt64Array, num_bits: np.uint64, num_hashes: int
) -> BoolArray:
    found = np.empty(len(keys), np.bool_)
    for i in range(len(keys)):
        found[i] = is_in(keys[i], bits, num_bits, num_hashes)
    return found


@njit(cache=True, nogil=True)
def _add(keys: UInt64Array, bits: UInt64Array, num_bits: np.uint64, num_hashes: int) -> int:
    """Set the bits of each key; returns how many were clear before."""
    newly = 0
    for i in range(len(keys)):
        base = _mix(keys[i] ^ _SALT)
        for _ in range(num_hashes):
            base += _GOLDEN
            at = _scale(_mix(base), num_bits)
            mask = _ONE << (at & _63)
            if bits[at >> _6] & mask == np.uint64(0):
                bits[at >> _6] |= mask
                newly += 1
    return newly
