"""The trainings of the recipes, against the papers' numbers."""

from __future__ import annotations

import pytest

from corpus.trainer.schedules import Schedule
from corpus.trainer.settings import with_tokens
from jobs.recipe import read_recipe


def settings(name: str):
    return read_recipe(name, ["data=none"]).train


def batches(name: str) -> Schedule:
    return Schedule(settings(name))


def test_gpt3_ramps_from_32_thousand_tokens_and_decays_over_260_billion():
    plan = batches("gpt3")
    samples = {billions: billions * 10**9 // 2048 for billions in (2, 4, 130, 260, 280)}
    assert plan.batch(0) * 2048 == 32_768
    assert plan.batch(samples[2]) == pytest.approx((16 + 248) / 2, abs=1)
    assert plan.batch(samples[4] + 1) * 2048 == pytest.approx(0.5e6, rel=0.02)
    assert plan.learning_rate_fraction(375_000_000 // 2048 // 2) == pytest.approx(0.5, rel=1e-4)
    assert plan.learning_rate_fraction(samples[260]) == pytest.approx(0.1, abs=1e-6)
    assert plan.learning_rate_fraction(samples[280]) == pytest.approx(0.1)
    assert plan.total_samples * 2048 == pytest.approx(300e9, rel=1e-4)


def test_gpt1_takes_100_epochs_in_batches_of_64_by_512_down_to_0():
    known = with_tokens(settings("gpt1"), 1_000_000)
    assert known.num_tokens == 100_000_000
    plan = Schedule(known)
    assert plan.batch(0) * known.shape().context == 32_768
    assert plan.learning_rate_fraction(64 * 2000) == 1.0
    assert plan.learning_rate_fraction(plan.total_samples) == pytest.approx(0.0, abs=1e-12)


def test_mt_nlg_has_530_billion_parameters_and_grows_by_32():
    assert settings("mt_nlg").shape().num_parameters(50_257) == pytest.approx(530e9, rel=0.01)
    plan, seen, consumed = batches("mt_nlg"), set(), 0
    while consumed * 2048 < 12.1e9:
        seen.add(plan.batch(consumed))
        consumed += plan.batch(consumed)
    assert seen == set(range(32, 1921, 32))


def test_chinchilla_doubles_its_batch_midway():
    assert settings("chinchilla").shape().num_parameters(32_000) == pytest.approx(70e9, rel=0.08)
    plan = batches("chinchilla")
    half = 700 * 10**9 // 2048
    assert [plan.batch(at) * 2048 for at in (0, half - 1, half + 1)] == pytest.approx(
        [1.5e6, 1.5e6, 3e6], rel=0.01
    )


def test_opt_falls_on_a_line():
    plan = batches("opt")
    at = [plan.learning_rate_fraction(n * 10**9 // 2048) for n in (75, 150, 225)]
    assert at[0] - at[1] == pytest.approx(at[1] - at[2], rel=1e-4)


@pytest.mark.parametrize("name", ["gpt1", "webtext", "gpt3", "opt", "chinchilla", "mt_nlg"])
def test_what_all_of_them_share(name):
    """AdamW with decoupled decay, a clip of 1, and a peak that is reached."""
    train = settings(name)
    assert (train.optimizer, train.clip_norm) == ("adamw", 1.0)
    plan = Schedule(with_tokens(train, 10**9))
    context = train.shape().context
    warm = train.warmup_tokens or train.warmup_steps * train.sequences_per_step * context
    assert plan.learning_rate_fraction(-(-warm // context)) == pytest.approx(1, abs=1e-3)
