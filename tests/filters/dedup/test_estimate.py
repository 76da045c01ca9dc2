"""From a sample to the whole: unbiased, and exact where the sample is the whole."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from filters.dedup.estimate import Counted, Sample, scale

NONE = Counted(0, 0)
SAMPLE = Sample(
    num_parts=10, num_documents=1000, num_with_words=990, num_copies=90, text_bytes=10**6,
    within=Counted(30, 50), across=Counted(200, 900), verified_within=Counted(3, 3),
    verified_across=Counted(20, 40), shared_bands=2300, num_asked=150, lent_shingles=5000,
    sign_seconds=2.0, prove_seconds=1.0, compressed=0.5,
)  # fmt: skip
WHOLE = {
    "num_parts": 10, "num_documents": 1000, "text_bytes": 10**6, "largest_part_bytes": 10**5,
    "num_bands": 20, "num_cores": 4, "max_edges": 10**7, "num_ranges": lambda keys: 1,
}  # fmt: skip


def test_a_sample_of_everything_is_taken_as_it_is() -> None:
    found = scale(SAMPLE, **WHOLE)
    assert (found.candidate_pairs, found.edges) == (230, 23)
    assert found.band_records == 900 * 20
    assert found.loan_bytes == 40_000
    expected = 990 * 56 + 18_000 * 24 + 2300 * 24 + 150 * 56 + 300 * 8 + 2 * 113 * 56 + 113 * 32
    assert found.record_bytes == expected
    assert found.shuffled_bytes == expected / 2
    low, high = found.candidate_pairs_interval
    assert (low, high) == pytest.approx((230 - 1.96 * 950**0.5, 230 + 1.96 * 950**0.5))
    assert json.loads(json.dumps(found.to_json()))["num_cores"] == 4


def test_pairs_across_parts_grow_with_the_square_and_those_within_do_not() -> None:
    found = scale(SAMPLE, **WHOLE | {"num_parts": 100, "num_documents": 10_000})
    assert found.candidate_pairs == pytest.approx(30 * 10 + 200 * (100 * 99) / (10 * 9))
    assert found.band_records == 10 * 900 * 20


def test_one_part_says_nothing_of_pairs_across_parts() -> None:
    one = SAMPLE.__class__(**{
        name: getattr(SAMPLE, name) for name in SAMPLE.__slots__
    } | {"num_parts": 1, "across": NONE, "verified_across": NONE})  # fmt: skip
    assert scale(one, **WHOLE | {"num_parts": 1}).candidate_pairs == 30


def test_nothing_found_is_not_nothing_there() -> None:
    none = {"within": NONE, "across": NONE, "verified_within": NONE, "verified_across": NONE}
    empty = SAMPLE.__class__(**{n: getattr(SAMPLE, n) for n in SAMPLE.__slots__} | none)
    found = scale(empty, **WHOLE)
    assert found.candidate_pairs == 0
    assert found.candidate_pairs_interval == (0, 6)  # of 0 found: the rule of three, twice


def test_more_cores_take_less_time_and_the_same_work() -> None:
    one, many = scale(SAMPLE, **WHOLE), scale(SAMPLE, **WHOLE | {"num_cores": 400})
    assert one.core_hours == many.core_hours
    assert one.hours == pytest.approx(100 * many.hours)


def test_the_largest_task_is_named() -> None:
    assert scale(SAMPLE, **WHOLE).largest_task == "a range of band keys"
    found = scale(SAMPLE, **WHOLE | {"largest_part_bytes": 10**10})
    assert (found.largest_task, found.task_bytes) == ("signing a part", 3e10)


def test_a_range_of_band_keys_grows_where_there_are_no_more_ranges() -> None:
    whole = WHOLE | {"num_documents": 10**6, "num_ranges": lambda keys: keys // 8_000_000}
    found = scale(SAMPLE, **whole)
    assert found.largest_task == "a range of band keys"
    assert found.task_bytes == pytest.approx(96 * 8_000_000, rel=0.2)


def test_the_estimate_is_unbiased_over_samples_of_parts() -> None:
    """Groups of copies strewn over 40 parts: the mean over 300 samples of 6 is the true number."""
    rng = np.random.default_rng(1)
    groups = [rng.integers(0, 40, rng.integers(2, 7)) for _ in range(400)]
    truth = sum(len(group) * (len(group) - 1) // 2 for group in groups)

    def sampled(parts: set[int]) -> float:
        within, across = 0, 0
        for group in groups:
            counts = Counter(int(part) for part in group if int(part) in parts)
            inside = sum(n * (n - 1) // 2 for n in counts.values())
            within += inside
            across += counts.total() * (counts.total() - 1) // 2 - inside
        values = {name: getattr(SAMPLE, name) for name in SAMPLE.__slots__}
        values |= {"num_parts": 6, "within": Counted(within, within),
                   "across": Counted(across, across)}  # fmt: skip
        return scale(Sample(**values), **WHOLE | {"num_parts": 40}).candidate_pairs

    found = [sampled(set(rng.choice(40, 6, replace=False).tolist())) for _ in range(300)]
    error = np.std(found) / len(found) ** 0.5
    assert abs(np.mean(found) - truth) < 4 * error
    assert error < 0.05 * truth
