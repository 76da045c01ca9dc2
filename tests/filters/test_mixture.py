"""The plan: shares, budget, epochs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import ConfigError, DataError
from filters.mixture import MixSettings, SourceTotal, add_up, plan, too_many_epochs
from tests.sizes import size_rows


def totals(**sizes: int) -> list[SourceTotal]:
    return [
        SourceTotal(
            source=name, num_documents=1 + size // 100, num_bytes=4 * size, num_tokens=size
        )
        for name, size in sizes.items()
    ]


def planned(settings: MixSettings, **sizes: int):
    known = {*sizes, *settings.weights} - {"typo"}
    return {p.source: p for p in plan(totals(**sizes), settings, known_sources=known)}


def test_without_weights_every_source_is_read_once():
    found = planned(MixSettings(), web=1_000_003, books=77)
    assert {name: p.epochs for name, p in found.items()} == {"web": 1.0, "books": 1.0}
    assert {name: p.planned_tokens for name, p in found.items()} == {"web": 1_000_003, "books": 77}


def test_without_weights_a_budget_gives_all_sources_the_same_epochs():
    found = planned(MixSettings(total_tokens=50), web=80, books=20)
    assert {name: p.epochs for name, p in found.items()} == {"web": 0.5, "books": 0.5}


def test_a_temperature_of_two_weighs_by_square_roots():
    found = planned(MixSettings(temperature=2, total_tokens=600), web=1_000_000, books=40_000)
    assert {name: round(p.weight, 12) for name, p in found.items()} == {
        "web": round(5 / 6, 12), "books": round(1 / 6, 12),
    }
    assert {name: p.planned_tokens for name, p in found.items()} == {"web": 500, "books": 100}


def test_a_high_temperature_gives_equal_shares():
    found = planned(MixSettings(temperature=1000, total_tokens=100), web=10**12, books=10**6)
    assert found["books"].weight == pytest.approx(0.5, abs=0.004)


def test_without_a_budget_a_temperature_keeps_the_small_source_within_its_epochs():
    found = planned(MixSettings(temperature=4), web=10**8, books=10**4)
    assert found["books"].epochs == pytest.approx(4)
    ratio = found["web"].planned_tokens / found["books"].planned_tokens
    assert ratio == pytest.approx(10, rel=1e-4)


@given(
    sizes=st.dictionaries(st.sampled_from("abcd"), st.integers(10**6, 10**15), min_size=2),
    low=st.floats(1, 50),
    high=st.floats(1, 50),
)
def test_a_higher_temperature_never_widens_the_shares(sizes, low, high):
    low, high = sorted((low, high))
    ratios = []
    for temperature in (1, low, high):
        found = planned(MixSettings(temperature=temperature), **sizes)
        weights = [found[name].weight for name in sorted(sizes, key=lambda name: sizes[name])]
        assert weights == sorted(weights)
        assert sum(weights) == pytest.approx(1)
        ratios.append(weights[-1] / weights[0])
        expected = (max(sizes.values()) / min(sizes.values())) ** (1 / temperature)
        assert ratios[-1] == pytest.approx(expected, rel=1e-9)
    assert ratios[0] * (1 + 1e-9) >= ratios[1] >= ratios[2] * (1 - 1e-9)


def test_a_temperature_beside_weights_is_refused():
    with pytest.raises(ValueError, match=r"temperature is 2\.0 beside weights, expected one"):
        MixSettings(weights={"web": 1}, temperature=2.0)
    assert MixSettings(weights={"web": 1}, temperature=1.0).weights == {"web": 1}


def test_a_share_that_rounds_to_nothing_is_a_config_error():
    settings = MixSettings(weights={"web": 1, "books": 0.004}, total_tokens=100)
    with pytest.raises(ConfigError, match="the share of books rounds to nothing of 100 tokens"):
        planned(settings, web=1000, books=1000)
    settings = MixSettings(weights={"web": 1, "books": 0.006}, total_tokens=100)
    assert planned(settings, web=1000, books=1000)["books"].planned_tokens == 1
    with pytest.raises(ConfigError, match="the share of books rounds to nothing"):
        planned(MixSettings(total_tokens=100), web=10**6, books=10)


def test_gpt_3_s_weights_of_101_percent_are_normalised():
    weights = {"crawl": 60, "webtext": 22, "books1": 8, "books2": 8, "wiki": 3}
    sizes = {"crawl": 410, "webtext": 19, "books1": 12, "books2": 55, "wiki": 3}
    found = planned(MixSettings(weights=weights, total_tokens=300), **sizes)
    assert sum(p.weight for p in found.values()) == pytest.approx(1)
    epochs = {name: round(p.epochs, 2) for name, p in found.items()}
    assert epochs == {
        "crawl": 0.43, "webtext": 3.44, "books1": 1.98, "books2": 0.43, "wiki": 2.97,
    }


def test_the_budget_is_the_sources_own_size_where_no_source_is_strained():
    found = planned(MixSettings(weights={"a": 1, "b": 3}), a=100, b=100)
    assert {name: p.epochs for name, p in found.items()} == {"a": 0.5, "b": 1.5}


def test_the_budget_is_cut_where_a_source_would_go_over_its_epochs():
    found = planned(MixSettings(weights={"a": 1, "b": 1}), a=1000, b=10)
    assert found["b"].epochs == 4.0
    assert found["a"].epochs == 0.04


def test_too_many_epochs_are_an_error_or_a_warning():
    weights = {"a": 1, "b": 1}
    with pytest.raises(ConfigError, match=r"41 tokens of b would be 4\.10 epochs"):
        planned(MixSettings(weights=weights, total_tokens=82), a=1000, b=10)
    settings = MixSettings(weights=weights, total_tokens=82, over_max_epochs="warn")
    found = planned(settings, a=1000, b=10)
    assert len(too_many_epochs(list(found.values()), settings)) == 1
    assert planned(MixSettings(weights=weights, total_tokens=80), a=1000, b=10)["b"].epochs == 4


def test_an_unknown_source_is_a_config_error():
    with pytest.raises(ConfigError, match="unknown source typo; expected some of web"):
        planned(MixSettings(weights={"web": 1, "typo": 1}), web=100)


def test_a_source_without_a_weight_is_a_config_error():
    with pytest.raises(ConfigError, match="no weight for source books"):
        planned(MixSettings(weights={"web": 1}), web=100, books=100)


def test_a_source_with_a_weight_and_no_survivor_is_a_data_error():
    with pytest.raises(DataError, match="source books has a weight but no survivor"):
        planned(MixSettings(weights={"web": 1, "books": 1}), web=100)


def test_a_weight_of_zero_leaves_a_source_out():
    found = planned(MixSettings(weights={"web": 1, "books": 0}), web=100, books=100)
    assert (found["books"].epochs, found["web"].epochs) == (0, 1)
    assert planned(MixSettings(weights={"web": 1, "books": 0}), web=100).keys() == {"web"}


def test_nothing_to_mix_is_a_data_error():
    with pytest.raises(DataError, match="no document is left"):
        planned(MixSettings())


@given(
    sizes=st.dictionaries(st.sampled_from("abcd"), st.integers(10**7, 10**15), min_size=1),
    weights=st.lists(st.floats(0.001, 1000), min_size=4, max_size=4),
    max_epochs=st.floats(1, 50),
)
def test_no_plan_goes_over_its_epochs_or_its_size(sizes, weights, max_epochs):
    chosen = {name: weight for name, weight in zip("abcd", weights, strict=True) if name in sizes}
    settings = MixSettings(weights=chosen, max_epochs=max_epochs)
    found = planned(settings, **sizes)
    assert all(p.epochs <= max_epochs for p in found.values())
    budget = sum(p.planned_tokens for p in found.values())
    assert budget <= sum(sizes.values()) + len(sizes)  # each is rounded
    assert sum(p.weight for p in found.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "field",
    [
        {"weights": {"a": -1}}, {"weights": {"a": float("nan")}}, {"weights": {"a": float("inf")}},
        {"weights": {"a": 0}}, {"total_tokens": -1}, {"max_epochs": 0.5},
        {"min_validation_tokens": -1}, {"temperature": 0.5}, {"temperature": float("nan")},
        {"temperature": 1001},
    ],
)
def test_settings_out_of_range_are_refused(field):
    with pytest.raises(ValueError, match="expected"):
        MixSettings(**field)


def test_parts_add_up_by_split_and_source():
    parts = [
        size_rows([("web", "train", 5), ("books", "train", 7)]),
        size_rows([("web", "train", 6), ("web", "validation", 1)], first=2),
        size_rows([]),
    ]
    assert add_up(parts) == {
        "train": [
            SourceTotal(source="books", num_documents=1, num_bytes=28, num_tokens=7),
            SourceTotal(source="web", num_documents=2, num_bytes=44, num_tokens=11),
        ],
        "validation": [SourceTotal(source="web", num_documents=1, num_bytes=4, num_tokens=1)],
    }


