"""Signatures equal those of datasketch."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from datasketch import LeanMinHash, MinHash

from filters.dedup import Scheme
from filters.dedup.minhash import (
    _sign_legacy,
    from_datasketch,
    hash_values,
    permutations,
    signatures,
    to_datasketch,
)
from filters.dedup.shingles import Shingles, shingle_sets, shingles

SCHEMES: tuple[Scheme, ...] = ("affine32", "legacy")
TEXTS = [
    "The quick brown fox jumps over the lazy dog, and the dog does not mind at all.",
    "Short one.",
    "",
    "Ein älterer Text mit Umlauten, der fünf Wörter und noch einige mehr zählt.",
    " ".join(f"word{i % 37}" for i in range(1000)),
]


def of_texts(texts: list[str]) -> Shingles:
    return shingles(pa.array(texts, pa.large_string()), ngram_size=5)


def of_chance(num_documents: int) -> Shingles:
    """Documents of 0 to 2,000 random hashes, and one of the smallest and largest there are."""
    random = np.random.default_rng(1)
    counts = [*random.integers(0, 2000, num_documents), 5]
    edges = np.array([0, 2**32 - 1, 2**32, 2**63, 2**64 - 1], np.uint64)
    hashes = random.integers(0, 2**64, sum(counts[:-1]), np.uint64)
    return Shingles(np.append(hashes, edges), np.cumsum([0, *counts]))


def slow_signature(hashes: list[int], num_hashes: int, seed: int, scheme: Scheme) -> list[int]:
    smallest = [2**32 - 1] * num_hashes
    multipliers, increments = permutations(num_hashes, seed, scheme)
    for shingle in hashes:
        h = shingle >> 32
        if scheme == "affine32":
            for shift, multiplier in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
                h = ((h ^ (h >> shift)) * multiplier) % 2**32
            h ^= h >> 16
        for k in range(num_hashes):
            value = int(multipliers[k]) * h + int(increments[k])
            if scheme == "legacy":
                value = value % 2**64 % (2**61 - 1)
            smallest[k] = min(smallest[k], value % 2**32)
    return smallest


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("num_hashes", "seed"), [(1, 1), (112, 1), (112, 7), (130, 2)])
@pytest.mark.parametrize("found", [of_texts(TEXTS), of_chance(40)], ids=["texts", "chance"])
def test_signatures_equal_datasketch_bit_for_bit(
    found: Shingles, num_hashes: int, seed: int, scheme: Scheme
) -> None:
    rows = signatures(found, num_hashes=num_hashes, seed=seed, scheme=scheme)
    assert rows.dtype == np.uint32
    for i, row in enumerate(rows):
        reference = MinHash(num_hashes, seed=seed, hashfunc=lambda value: value, scheme=scheme)
        values = hash_values(found.hashes[found.offsets[i] : found.offsets[i + 1]])
        if len(values):
            reference.update_batch(values)
        assert reference == MinHash(hashvalues=row, seed=seed, scheme=scheme)
        assert row.tolist() == reference.hashvalues.tolist()


def test_the_default_scheme_is_datasketchs() -> None:
    found = of_texts(TEXTS)
    rows = signatures(found, num_hashes=16, seed=1)
    assert MinHash().scheme == "affine32"
    assert (rows == signatures(found, num_hashes=16, seed=1, scheme="affine32")).all()
    assert (rows[0] != signatures(found, num_hashes=16, seed=1, scheme="legacy")[0]).all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_signatures_equal_the_readable_twin(scheme: Scheme) -> None:
    found = of_texts(TEXTS)
    for i, row in enumerate(signatures(found, num_hashes=5, seed=3, scheme=scheme)):
        hashes = found.hashes[found.offsets[i] : found.offsets[i + 1]].tolist()
        assert row.tolist() == slow_signature(hashes, 5, 3, scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("num_shingles", range(10))
def test_every_shingle_counts_whatever_their_number(num_shingles: int, scheme: Scheme) -> None:
    """The kernels take four at a time."""
    hashes = np.arange(num_shingles, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    found = Shingles(hashes, np.array([0, num_shingles]))
    row = signatures(found, num_hashes=64, seed=1, scheme=scheme)[0].tolist()
    assert row == slow_signature(hashes.tolist(), 64, 1, scheme)


@pytest.mark.parametrize(
    ("product", "remainder"),
    [
        (0, 0), (2**61 - 2, 2**32 - 2), (2**61 - 1, 0), (2**61, 1), (2**62 - 2, 0), (2**62 - 1, 1),
        (2**64 - 8, 0), (2**64 - 1, 7),
    ],
)  # fmt: skip
def test_legacy_takes_the_remainder_at_its_edges(product: int, remainder: int) -> None:
    """Multiples of 2^61 - 1 and their neighbours, which random values do not meet."""
    assert product % (2**61 - 1) % 2**32 == remainder
    out = np.full((1, 1), 2**32 - 1, np.uint32)
    hashes, offsets = np.zeros(1, np.uint64), np.array([0, 1])
    _sign_legacy(hashes, offsets, np.ones(1, np.uint64), np.array([product], np.uint64), out)
    assert out.tolist() == [[remainder]]


def test_order_and_repetition_of_shingles_change_nothing() -> None:
    found = of_texts(TEXTS)
    expected = signatures(found, num_hashes=32, seed=1)
    assert (signatures(shingle_sets(found), num_hashes=32, seed=1) == expected).all()


def test_equal_positions_estimate_the_jaccard_similarity() -> None:
    """600 and 600 shingles, 400 shared: 0.5; the estimate's deviation is 0.011 for 2,048 hashes."""
    all_of_them = np.random.default_rng(1).integers(0, 2**64, 800, np.uint64)
    both = np.concatenate([all_of_them[:600], all_of_them[200:]])
    a, b = signatures(Shingles(both, np.array([0, 600, 1200])), num_hashes=2048, seed=1)
    assert abs((a == b).mean() - 0.5) < 0.04


@pytest.mark.parametrize("scheme", SCHEMES)
def test_signatures_go_to_datasketch_and_come_back(scheme: Scheme) -> None:
    """Through an index and a union of datasketch's own."""
    rows = signatures(of_texts(TEXTS), num_hashes=32, seed=3, scheme=scheme)
    sketches = [to_datasketch(row, seed=3, scheme=scheme) for row in rows]
    assert (from_datasketch(sketches, seed=3, scheme=scheme) == rows).all()
    sketches[0].merge(sketches[3])
    both = from_datasketch(sketches[:1], seed=3, scheme=scheme)
    assert (both[0] == np.minimum(rows[0], rows[3])).all()
    lean = [LeanMinHash(sketch) for sketch in sketches[1:]]
    assert sketches[1].jaccard(sketches[4]) == lean[0].jaccard(lean[3])


def test_sketches_that_cannot_be_compared_are_refused() -> None:
    assert from_datasketch([], seed=1).shape == (0, 0)
    for sketches, message in (
        ([MinHash(8, seed=2)], "a sketch of seed 2"),
        ([MinHash(8, seed=1, scheme="legacy")], "scheme legacy"),
        ([MinHash(8, seed=1), MinHash(16, seed=1)], r"sketches of \[8, 16\] hashes"),
    ):
        with pytest.raises(ValueError, match=message):
            from_datasketch(sketches, seed=1)
