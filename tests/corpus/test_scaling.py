"""The scaling laws: printed numbers, optima found by search, and what training costs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from corpus.scaling import (
    EPOCH,
    HOFFMANN,
    HOFFMANN_UNROUNDED,
    KAPLAN,
    LAWS,
    PETAFLOP_DAY,
    Parametric,
    device_hours,
    flops_per_token,
    parameters_outside_embeddings,
    tokens_against_overfitting,
    training_flops,
)
from corpus.trainer.shapes import PRESETS, ModelShape

PARAMETRIC = [law for law in LAWS.values() if isinstance(law, Parametric)]


@pytest.mark.parametrize(
    ("law", "flops", "tokens_a_parameter"),
    [
        (HOFFMANN, 5.76e23, 92.6), (HOFFMANN_UNROUNDED, 5.76e23, 59.1), (EPOCH, 5.76e23, 18.4),
        (HOFFMANN, 1e19, 32.1), (HOFFMANN_UNROUNDED, 1e19, 22.8), (EPOCH, 1e19, 24.2),
    ],
)  # fmt: skip
def test_tokens_a_parameter_of_each_fit(law, flops, tokens_a_parameter):
    best = law.optimum(flops)
    assert round(best.num_tokens / best.num_parameters, 1) == tokens_a_parameter


def test_kaplan_s_table_6():
    one = KAPLAN.optimum(PETAFLOP_DAY)
    assert one == (1.3e9, 2e10)
    ten = KAPLAN.optimum(10 * PETAFLOP_DAY)
    assert ten.num_parameters / one.num_parameters == pytest.approx(5.37, abs=0.005)
    assert ten.num_tokens / one.num_tokens == pytest.approx(1.86, abs=0.005)
    assert KAPLAN.tokens_for(1.3e9) == pytest.approx(2e10)


def test_kaplan_asks_for_five_times_the_text_for_eight_times_the_model():
    ratio = tokens_against_overfitting(8e9) / tokens_against_overfitting(1e9)
    assert round(ratio) == 5
    assert tokens_against_overfitting(1.5e9) == pytest.approx(3e10, rel=0.1)


def test_kaplan_s_loss_has_its_two_limits():
    assert KAPLAN.loss(1e9, 1e30) == pytest.approx((6.4e13 / 1e9) ** 0.076)
    assert KAPLAN.loss(1e30, 1e9) == pytest.approx((1.8e13 / 1e9) ** 0.103, rel=1e-4)


def test_chinchilla_is_better_than_gopher_by_every_fit():
    for law in PARAMETRIC:
        assert law.loss(70e9, 1.4e12) < law.loss(280e9, 300e9)
    assert HOFFMANN.loss(70e9, 1.4e12) == pytest.approx(1.69 + 0.0837 + 0.1630, abs=5e-4)


@given(
    law=st.sampled_from(PARAMETRIC),
    flops=st.floats(17, 27).map(lambda power: 10.0**power),
)
def test_the_optimum_is_the_least_loss_along_the_budget(law, flops):
    found = minimize_scalar(
        lambda log_size: law.loss(math.exp(log_size), flops / 6 / math.exp(log_size)),
        bounds=(math.log(1e4), math.log(1e16)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    best = law.optimum(flops)
    assert math.exp(found.x) == pytest.approx(best.num_parameters, rel=1e-3)
    assert law.loss(*best) <= found.fun * (1 + 1e-12)
    assert training_flops(*best) == pytest.approx(flops)


@given(
    law=st.sampled_from(list(LAWS.values())),
    flops=st.floats(17, 27).map(lambda power: 10.0**power),
)
def test_the_tokens_of_a_size_are_those_of_the_budget_it_is_best_for(law, flops):
    best = law.optimum(flops)
    assert law.tokens_for(best.num_parameters) == pytest.approx(best.num_tokens, rel=1e-9)


@given(
    law=st.sampled_from(list(LAWS.values())),
    size=st.floats(6, 12).map(lambda power: 10.0**power),
    tokens=st.floats(8, 13).map(lambda power: 10.0**power),
)
def test_more_parameters_and_more_tokens_never_hurt(law, size, tokens):
    loss = law.loss(size, tokens)
    assert law.loss(2 * size, tokens) < loss
    assert law.loss(size, 2 * tokens) < loss


def test_gpt_3_took_the_flops_that_its_table_d_1_prints():
    num_parameters = PRESETS["gpt3-175b"].num_parameters(50_257)
    assert round(num_parameters / 1e8) == 1746  # printed: 174,600 M
    flops = training_flops(num_parameters, 300e9)
    assert f"{flops:.2e}" == "3.14e+23"
    assert round(flops / PETAFLOP_DAY) == pytest.approx(3640, abs=5)  # printed: 3.64e3


def test_chinchilla_took_about_gopher_s_flops():
    assert training_flops(70e9, 1.4e12) == pytest.approx(5.88e23)
    assert training_flops(70e9, 1.4e12) == pytest.approx(5.76e23, rel=0.03)


def test_flops_of_a_layer_counted_by_hand():
    shape = ModelShape(num_layers=1, num_heads=1, width=2, context=3)
    # Query, key, value and output are 2 x 2, the feed-forward net 2 x 8 and 8 x 2.
    products = 4 * 2 * 2 + 2 * 2 * 8
    assert parameters_outside_embeddings(shape) == products
    # A query of 2 against 3 keys, the mix of 3 values of 2, and logits over 5 tokens of width 2.
    forward = 2 * products + 2 * 3 * 2 + 2 * 3 * 2 + 2 * 5 * 2
    assert flops_per_token(shape, 5) == 3 * forward


def test_six_flops_a_parameter_and_token_leave_little_out_of_a_large_model():
    large, small = (
        flops_per_token(PRESETS[name], 50_257) / (6 * PRESETS[name].num_parameters(50_257))
        for name in ("gpt3-175b", "gpt3-125m")
    )
    assert 1.02 < large < 1.04
    assert 1.25 < small < 1.35


def test_hours_of_a_device():
    assert device_hours(3.6e18, peak_flops=1e15, utilisation=0.5) == pytest.approx(2)
    with pytest.raises(ValueError, match=r"utilisation is 1\.2"):
        device_hours(1e18, peak_flops=1e15, utilisation=1.2)


@pytest.mark.parametrize("law", LAWS.values())
def test_sizes_must_be_positive(law):
    with pytest.raises(ValueError, match="flops is 0, expected a number above 0"):
        law.optimum(0)
    with pytest.raises(ValueError, match="num_parameters is -1"):
        law.loss(-1, 1e9)
    with pytest.raises(ValueError, match="num_parameters is inf"):
        law.tokens_for(math.inf)
