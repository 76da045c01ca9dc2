"""The Bloom filter's measured rate beside its design, from 10^4 to 10^8 keys.

    python -m tests.benchmarks.bloom_rates [--largest 100000000]

Sizes are powers of ten, powers of two and odd numbers. Each filter is filled to its capacity; every
key of it is looked up (a "no" is an error), 10^8 keys of the largest one among them; and keys that
were not added are looked up until 4,000 wrong finds are due: chance moves the measured rate by
1.6 % (standard deviation), so that a filter of its design is off by 10 % once in 10^9.
Keys are splitmix64 of counters, which never meet. Results are printed, a row a filter, and the
command fails where a key was lost or a rate is off by more. Memory: 300 MB.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from filters.bloom import BloomFilter

RATES = (1e-2, 1e-3, 1e-4, 1e-5)
SIZES = (10_000, 65_536, 99_991, 1_000_000, 1 << 22, 10_000_019, 100_000_000)
BATCH = 1 << 22
DUE = 4_000
MARGIN = 0.1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    largest = parser.parse_args().largest
    table = Table("keys", "design", "certified", "measured", "of design", "look-ups", "lost",
                  "bits a key", "M keys/s added", "M look-ups/s")  # fmt: skip
    measure(1_000, 0.5)  # compiles
    failed = []
    for size in (size for size in SIZES if size <= largest):
        for rate in RATES:
            row, is_off = measure(size, rate)
            table.add_row(*row)
            if is_off:
                failed.append(f"{size:,} keys at {rate:.0e}")
    Console(width=150).print(table)
    if failed:
        raise SystemExit(f"lost a key, or off by more than {MARGIN:.0%}: {', '.join(failed)}")


def measure(size: int, rate: float) -> tuple[tuple[str, ...], bool]:
    """One filter, filled to its capacity: a row, and whether it is not as designed."""
    built = BloomFilter(capacity=size, rate=rate)
    started = time.perf_counter()
    for batch in keys(0, size):
        built.add(batch)
    added = time.perf_counter() - started
    lost = sum(int(np.count_nonzero(~built.contains(batch))) for batch in keys(0, size))
    probes = round(DUE / rate)
    started = time.perf_counter()
    wrong = sum(int(built.contains(batch).sum()) for batch in keys(1 << 40, probes))
    looked_up = time.perf_counter() - started
    measured = wrong / probes
    row = (
        f"{size:,}", f"{rate:.0e}", f"{built.certified_rate:.3e}", f"{measured:.3e}",
        f"{measured / rate:.3f}", f"{probes:,}", f"{lost:,}", f"{built.num_bits / size:.2f}",
        f"{size / added / 1e6:.1f}", f"{probes / looked_up / 1e6:.1f}",
    )  # fmt: skip
    return row, lost > 0 or abs(measured / rate - 1) > MARGIN


def keys(first: int, number: int) -> Iterator[npt.NDArray[np.uint64]]:
    """Keys of the counters first .. first + number - 1, in batches."""
    for start in range(first, first + number, BATCH):
        x = np.arange(start, min(start + BATCH, first + number), dtype=np.uint64)
        x *= np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        yield x ^ (x >> np.uint64(31))


if __name__ == "__main__":
    main()
