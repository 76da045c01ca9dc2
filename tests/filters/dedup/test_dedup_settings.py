"""What the settings accept."""

from __future__ import annotations

import msgspec
import pytest

from filters.dedup import DedupSettings


def test_the_defaults_are_in_their_own_ranges() -> None:
    assert msgspec.convert({}, DedupSettings) == DedupSettings()


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 0.0},
        {"threshold": 1.01},
        {"ngram_size": 0},
        {"num_hashes": 0},
        {"num_bands": 5, "num_rows": 0},
        {"num_bands": -1, "num_rows": -1},
        {"max_bucket": 1},
        {"held_out_fraction": 1.5},
        {"false_negative_weight": -0.1},
        {"keep": "newest"},
        {"num_features": 1 << 18},
        {"num_features": 1, "ngram_size": 1},
        {"measure": "containment"},
        {"measure": "overlap"},
        {"max_edges": 0},
        {"plant": -1},
        {"repeated_words": 7},
        {"published": "gpt4"},
        {"scheme": "mersenne"},
        {"treshold": 0.8},
    ],
)
def test_a_value_out_of_its_range_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, DedupSettings)


@pytest.mark.parametrize(
    "right",
    [
        {"num_features": 1 << 18, "ngram_size": 1},
        {"measure": "containment", "keep": "longest"},
        {"num_bands": 0, "num_rows": 0},
        {"repeated_words": 50, "keep": "none"},
        {"measure": "containment", "keep": "all"},
    ],
)
def test_settings_that_belong_together_are_taken(right: dict[str, object]) -> None:
    settings = msgspec.convert(right, DedupSettings)
    assert {name: getattr(settings, name) for name in right} == right
