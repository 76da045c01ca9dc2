"""Which pairs a bucket proposes, and which it must not."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest

from filters.dedup.buckets import added_up, bucket_pairs, candidate_pairs
from filters.dedup.records import BAND, PAIR, records

Found = dict[tuple[int, int], tuple[int, bool]]
NOWHERE = 10**9


def slow_pairs(
    bands: list[tuple[int, int, int]],
    max_bucket: int,
    first_own: int = 0,
    first_older: int = NOWHERE,
) -> Found:
    """bands: (key, rank, place)."""
    buckets = defaultdict(list)
    for key, rank, place in bands:
        buckets[key].append((rank, place))
    pairs: Found = defaultdict(lambda: (0, False))
    for members in buckets.values():
        counted = [rank for rank, place in members if place >= first_own]
        is_large = len(counted) > max_bucket
        best = [p for rank, p in members if p >= first_own and rank == min(counted)]
        for a, b in combinations(sorted(place for _, place in members), 2):
            may_be = not is_large or a in best or b in best
            if may_be and b >= first_own and a < first_older:
                pairs[a, b] = (pairs[a, b][0] + 1, pairs[a, b][1] or is_large)
    return dict(pairs)


def as_found(pairs: np.ndarray) -> Found:
    columns = (pairs[name].tolist() for name in ("a", "b", "num_bands", "anchored"))
    rows = list(zip(*columns, strict=True))
    assert [row[:2] for row in rows] == sorted({row[:2] for row in rows})
    return {(a, b): (num, bool(anchored)) for a, b, num, anchored in rows}


def fast_pairs(bands: list[tuple[int, int, int]], max_bucket: int, **bounds: int) -> Found:
    key, rank, place = np.array(bands, np.int64).reshape(-1, 3).T
    found = records(BAND, key=key, rank=rank, place=place)
    return as_found(bucket_pairs(found, max_bucket=max_bucket, **bounds))


def drawn(seed: int, *, num_documents: int = 14, num_ranks: int = 14) -> list[tuple[int, int, int]]:
    rng = random.Random(seed)
    ranks = [rng.randrange(num_ranks) for _ in range(num_documents)]
    return [
        (rng.randrange(4) * 10 + band, ranks[place], place)
        for place in range(num_documents)
        for band in range(3)
    ]


@pytest.mark.parametrize("max_bucket", [2, 3, 5, 100])
@pytest.mark.parametrize("num_ranks", [1, 3, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_those_of_plain_python(max_bucket: int, num_ranks: int, seed: int) -> None:
    bands = drawn(seed, num_ranks=num_ranks)
    assert fast_pairs(bands, max_bucket) == slow_pairs(bands, max_bucket)


@pytest.mark.parametrize("max_bucket", [2, 3, 5, 100])
@pytest.mark.parametrize("seed", range(6))
def test_planted_and_older_documents_are_paired_as_in_plain_python(
    max_bucket: int, seed: int
) -> None:
    bands = drawn(seed, num_documents=20, num_ranks=5)
    bounds = {"first_own": 5, "first_older": 14}
    found = fast_pairs(bands, max_bucket, **bounds)
    assert found == slow_pairs(bands, max_bucket, **bounds)
    assert not [pair for pair in found if pair[1] < 5 or pair[0] >= 14]


@pytest.mark.parametrize("max_bucket", [2, 4, 100])
@pytest.mark.parametrize("seed", range(4))
def test_planted_copies_change_no_other_pair(max_bucket: int, seed: int) -> None:
    bands = drawn(seed, num_documents=16)
    own = [band for band in bands if band[2] >= 6]
    found = fast_pairs(bands, max_bucket, first_own=6)
    kept = {pair: said for pair, said in found.items() if pair[0] >= 6}
    assert kept == fast_pairs(own, max_bucket, first_own=6)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_keys_changes_nothing(seed: int) -> None:
    bands = drawn(seed, num_ranks=3)
    shuffled = random.Random(seed).sample(bands, len(bands))
    assert fast_pairs(shuffled, 3) == fast_pairs(bands, 3)


def test_a_bucket_is_squared_up_to_its_largest_size_and_anchored_above() -> None:
    bands = [(1, rank, place) for place, rank in enumerate([4, 3, 0, 1, 2])]
    assert fast_pairs(bands, 5) == dict.fromkeys(combinations(range(5), 2), (1, False))
    anchored = [(0, 2), (1, 2), (2, 3), (2, 4)]
    assert fast_pairs(bands, 4) == dict.fromkeys(anchored, (1, True))


def test_documents_that_are_equally_good_are_all_anchors() -> None:
    """Else the anchor would be the one that happens to lie first."""
    bands = [(1, rank, place) for place, rank in enumerate([5, 0, 5, 0])]
    expected = [(0, 1), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert fast_pairs(bands, 2) == dict.fromkeys(expected, (1, True))


def test_ten_thousand_equal_documents_give_ten_thousand_pairs() -> None:
    """A full self-join of the bucket would give 50 million."""
    keys = np.tile(np.arange(20), (10_000, 1))
    found = candidate_pairs(keys, np.arange(10_000), max_bucket=100)
    assert set(found.left.tolist()) == {0}
    assert found.right.tolist() == list(range(1, 10_000))
    assert set(found.num_shared_bands.tolist()) == {20}
    assert found.anchored.all()


def test_a_document_is_no_pair_with_itself_should_two_of_its_keys_be_equal() -> None:
    assert fast_pairs([(1, 0, 7), (1, 0, 7), (1, 1, 8)], 5) == {(7, 8): (2, False)}


def test_no_document_gives_no_pair() -> None:
    found = candidate_pairs(np.empty((0, 20), np.int64), np.empty(0, np.int64), max_bucket=100)
    assert [len(column) for column in found] == [0, 0, 0, 0]


def test_pairs_told_of_twice_are_added_up() -> None:
    pairs = records(
        PAIR, a=np.array([3, 1, 3, 3]), b=np.array([4, 2, 4, 5]), num_bands=np.array([2, 1, 3, 1]),
        anchored=np.array([0, 0, 1, 0]),
    )  # fmt: skip
    expected = {(1, 2): (1, False), (3, 4): (5, True), (3, 5): (1, False)}
    assert as_found(added_up(pairs)) == expected
    assert len(added_up(pairs[:0])) == 0
