"""Which documents are proposed, and with which chance."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from datasketch import MinHashLSH

from filters.dedup import DEFAULT, PUBLISHED, Banding, DedupSettings
from filters.dedup.bands import (
    banding,
    detection_probability,
    digest_bands,
    optimal_bands,
    shingle_digests,
)
from filters.dedup.minhash import signatures
from filters.dedup.shingles import Shingles
from filters.dedup.sketches import num_hashes

MASK = 2**64 - 1


def mixed(h: int) -> int:
    h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & MASK
    return h ^ (h >> 31)


def slow_key(number: int, values: list[int]) -> int:
    h = mixed((0x9E3779B97F4A7C15 + number) & MASK)
    for value in values:
        h = mixed(h ^ value)
    return h if h < 2**63 else h - 2**64


def test_bands_and_rows_are_those_of_datasketch() -> None:
    assert optimal_bands(0.8, 128, 0.5) == (9, 13)
    for threshold, weight in [(0.5, 0.5), (0.8, 0.9), (0.95, 0.5)]:
        index = MinHashLSH(threshold=threshold, num_perm=128, weights=(1 - weight, weight))
        assert optimal_bands(threshold, 128, weight) == (index.b, index.r)


def test_the_settings_bands_are_used_unless_they_are_zero() -> None:
    assert banding(DedupSettings()) == DEFAULT == Banding(5, 0.8, 20, 5)
    assert banding(DedupSettings(num_bands=0, num_rows=0)) == Banding(5, 0.8, 9, 13)


@pytest.mark.parametrize("settings", [DedupSettings(), DedupSettings(published="fineweb")])
def test_the_scheme_is_that_of_the_settings(settings: DedupSettings) -> None:
    chosen = banding(msgspec.structs.replace(settings, scheme="legacy"))
    assert chosen == banding(settings)._replace(scheme="legacy")
    found = Shingles(np.arange(100, dtype=np.uint64) << np.uint64(32), np.array([0, 100]))
    hashes = signatures(found, num_hashes=num_hashes(chosen), seed=1, scheme="legacy")
    digests = shingle_digests(found, chosen, seed=1)
    assert (digests == digest_bands(hashes, chosen)).all()
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


def test_the_default_misses_four_pairs_at_the_threshold_in_ten_thousand() -> None:
    bands = {"num_bands": DEFAULT.num_bands, "num_rows": DEFAULT.num_rows}
    at_threshold, of_a_template = detection_probability(np.array([0.8, 0.43]), **bands)
    assert 3e-4 < 1 - at_threshold < 4e-4
    assert 0.25 < of_a_template < 0.27


@pytest.mark.parametrize(("num_bands", "num_rows"), [(20, 5), (14, 8), (10, 1)])
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
    found = digest_bands(hashes, DEFAULT._replace(num_bands=4, num_rows=3))
    rows = hashes.reshape(3, 4, 3).tolist()
    assert found.tolist() == [[slow_key(i, band) for i, band in enumerate(row)] for row in rows]


def test_equal_hashes_in_two_bands_are_no_shared_key() -> None:
    """A key travels without its band's number, which is part of it."""
    (keys,) = digest_bands(np.full((1, 6), 7, np.uint32), DEFAULT._replace(num_bands=3, num_rows=2))
    assert len(set(keys.tolist())) == 3
