"""Which documents are proposed, and with which chance."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import combinations

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHashLSH

from filters.dedup import PUBLISHED, Banding, DedupSettings
from filters.dedup.bands import (
    band_digests,
    banding,
    candidate_pairs,
    detection_probability,
    digest_bands,
    optimal_bands,
    shingle_digests,
)
from filters.dedup.minhash import signatures
from filters.dedup.shingles import Shingles

MASK = 2**64 - 1


def slow_digest(values: list[int]) -> int:
    h = 0x9E3779B97F4A7C15
    for value in values:
        h ^= value
        h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & MASK
        h ^= h >> 31
    return h if h < 2**63 else h - 2**64


def slow_pairs(
    digests: list[list[int]], order: list[int], max_bucket: int
) -> dict[tuple[int, int], tuple[int, bool]]:
    buckets = defaultdict(list)
    for document, row in enumerate(digests):
        for band, digest in enumerate(row):
            buckets[band, digest].append(document)
    pairs: dict[tuple[int, int], tuple[int, bool]] = defaultdict(lambda: (0, False))
    for members in buckets.values():
        is_large = len(members) > max_bucket
        best = min(members, key=lambda document: order[document])
        for pair in combinations(members, 2):
            if not is_large or best in pair:
                pairs[pair] = (pairs[pair][0] + 1, pairs[pair][1] or is_large)
    return dict(pairs)


def fast_pairs(
    digests: list[list[int]], order: list[int], max_bucket: int
) -> dict[tuple[int, int], tuple[int, bool]]:
    found = candidate_pairs(np.array(digests), np.array(order), max_bucket=max_bucket)
    left, right, counts, anchored = (column.tolist() for column in found)
    pairs = list(zip(left, right, strict=True))
    assert pairs == sorted(pairs)
    return dict(zip(pairs, zip(counts, anchored, strict=True), strict=True))


def test_bands_and_rows_are_those_of_datasketch() -> None:
    assert optimal_bands(0.8, 128, 0.5) == (9, 13)
    for threshold, weight in [(0.5, 0.5), (0.8, 0.9), (0.95, 0.5)]:
        index = MinHashLSH(threshold=threshold, num_perm=128, weights=(1 - weight, weight))
        assert optimal_bands(threshold, 128, weight) == (index.b, index.r)


def test_the_settings_bands_are_used_unless_they_are_zero() -> None:
    assert banding(DedupSettings()) == Banding(5, 0.8, 28, 4)
    assert banding(DedupSettings(num_bands=0, num_rows=0)) == Banding(5, 0.8, 9, 13)


@pytest.mark.parametrize("settings", [DedupSettings(), DedupSettings(published="fineweb")])
def test_the_scheme_is_that_of_the_settings(settings: DedupSettings) -> None:
    chosen = banding(msgspec.structs.replace(settings, scheme="legacy"))
    assert chosen == banding(settings)._replace(scheme="legacy")
    found = Shingles(np.arange(100, dtype=np.uint64) << np.uint64(32), np.array([0, 100]))
    num_hashes = chosen.num_bands * chosen.num_rows
    hashes = signatures(found, num_hashes=num_hashes, seed=1, scheme="legacy")
    digests = shingle_digests(found, chosen, seed=1)
    assert (digests == digest_bands(hashes, num_bands=chosen.num_bands)).all()
    assert (digests != shingle_digests(found, banding(settings), seed=1)).all()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_setting_goes_by_name(name: str) -> None:
    chosen = banding(DedupSettings(published=name, ngram_size=9))
    assert chosen.ngram_size == PUBLISHED[name].ngram_size
    assert chosen.threshold == PUBLISHED[name].threshold
    assert chosen.num_bands > 0
    assert chosen.num_rows > 0


@pytest.mark.parametrize(
    ("name", "similarity", "chance"),
    [
        ("gpt3", 0.1, 0.651), ("gpt3", 0.3, 0.972), ("gpt3", 0.5, 0.999),
        ("fineweb", 0.7, 0.565), ("fineweb", 0.75, 0.772), ("fineweb", 0.8, 0.924),
        ("fineweb", 0.85, 0.988),
        ("refinedweb", 0.75, 0.761), ("refinedweb", 0.8, 0.995),
        ("mt_nlg", 0.7, 0.177), ("mt_nlg", 0.8, 0.677), ("mt_nlg", 0.9, 0.997),
    ],
)  # fmt: skip
def test_the_detection_curve_has_the_published_values(
    name: str, similarity: float, chance: float
) -> None:
    chosen = PUBLISHED[name]
    found = detection_probability(
        np.array([similarity]), num_bands=chosen.num_bands, num_rows=chosen.num_rows
    )
    assert abs(found[0] - chance) < 0.001


def test_the_default_misses_one_pair_at_the_threshold_in_a_million() -> None:
    assert detection_probability(np.array([0.8]), num_bands=28, num_rows=4)[0] > 1 - 1e-6


@pytest.mark.parametrize(("num_bands", "num_rows"), [(28, 4), (14, 8), (10, 1)])
@pytest.mark.parametrize("similarity", [0.2, 0.5, 0.7, 0.8, 0.9])
def test_the_detection_curve_is_what_is_measured(
    num_bands: int, num_rows: int, similarity: float
) -> None:
    """500 planted pairs of 300 shingles; three deviations, one test in 25 seeds may pass them."""
    num_pairs, size = 500, 300
    shared = round(2 * size * similarity / (1 + similarity))
    draws = np.random.default_rng(5).integers(0, 2**64, (num_pairs, 2 * size - shared), np.uint64)
    both = np.concatenate([draws[:, :size], draws[:, -size:]], axis=1)
    sets = Shingles(both.reshape(-1), np.arange(2 * num_pairs + 1) * size)
    digests = shingle_digests(sets, Banding(5, 0.8, num_bands, num_rows), seed=1)
    found = (digests[::2] == digests[1::2]).any(axis=1).mean()
    exact = np.array([shared / (2 * size - shared)])
    chance = detection_probability(exact, num_bands=num_bands, num_rows=num_rows)[0]
    assert abs(found - chance) <= 3.5 * np.sqrt(chance * (1 - chance) / num_pairs) + 1 / num_pairs


def test_digests_equal_the_readable_twin() -> None:
    hashes = np.random.default_rng(2).integers(0, 2**32, (3, 12), np.uint32)
    found = digest_bands(hashes, num_bands=4)
    rows = hashes.reshape(3, 4, 3).tolist()
    assert found.tolist() == [[slow_digest(band) for band in row] for row in rows]


def test_texts_without_a_word_have_no_bands() -> None:
    digests, has_words = band_digests(
        pa.array(["one", "", None, "..."]), Banding(5, 0.8, 28, 4), seed=1
    )
    assert digests.shape == (4, 28)
    assert has_words.tolist() == [True, False, False, False]


@pytest.mark.parametrize("max_bucket", [2, 3, 5, 100])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_those_of_plain_python(max_bucket: int, seed: int) -> None:
    rng = random.Random(seed)
    digests = [[rng.randrange(4) for _ in range(3)] for _ in range(14)]
    order = rng.sample(range(14), 14)
    found = fast_pairs(digests, order, max_bucket)
    assert found == slow_pairs(digests, order, max_bucket)


def test_no_document_gives_no_pair() -> None:
    found = candidate_pairs(np.empty((0, 28), np.int64), np.empty(0, np.int64), max_bucket=100)
    assert [len(column) for column in found] == [0, 0, 0, 0]


def test_a_bucket_is_squared_up_to_its_largest_size_and_anchored_above() -> None:
    small = fast_pairs([[1]] * 5, [4, 3, 0, 1, 2], 5)
    assert small == dict.fromkeys(combinations(range(5), 2), (1, False))
    large = fast_pairs([[1]] * 5, [4, 3, 0, 1, 2], 4)
    assert large == dict.fromkeys([(0, 2), (1, 2), (2, 3), (2, 4)], (1, True))


def test_ten_thousand_equal_documents_give_ten_thousand_pairs() -> None:
    """A full self-join of the bucket would give 50 million."""
    found = candidate_pairs(np.zeros((10_000, 28), np.int64), np.arange(10_000), max_bucket=100)
    assert set(found.left.tolist()) == {0}
    assert found.right.tolist() == list(range(1, 10_000))
    assert set(found.num_shared_bands.tolist()) == {28}
