"""Batch and learning rate of a step, in tokens, against the papers' words."""

from __future__ import annotations

import math

import pytest

from corpus.trainer.schedules import Schedule
from corpus.trainer.settings import TrainSettings


def schedule(**values) -> Schedule:
    """Of sequences of 64 tokens, 8 of them a step, unless said otherwise."""
    return Schedule(TrainSettings(**{"context": 64, "sequences_per_step": 8} | values))


def walk(plan: Schedule) -> list[tuple[int, int]]:
    """Samples before each step, and its batch."""
    steps, consumed = [], 0
    while consumed < plan.total_samples:
        steps.append((consumed, plan.batch(consumed)))
        consumed += steps[-1][1]
    return steps


def test_the_smaller_budget_counts_and_tokens_are_rounded_up_to_steps():
    assert schedule(num_steps=9).total_steps == 9  # of 512 tokens
    assert schedule(num_steps=9, num_tokens=1025).total_steps == 3
    assert schedule(num_steps=0, num_tokens=1024).total_steps == 2
    assert schedule(num_steps=1, num_tokens=1024).total_steps == 1


def fractions(plan: Schedule) -> list[float]:
    return [plan.learning_rate_fraction(before + batch) for before, batch in walk(plan)]


def test_the_learning_rate_warms_up_linearly_and_ends_at_its_fraction():
    rates = fractions(schedule(num_steps=110, warmup_steps=10))
    assert rates[:10] == pytest.approx([step / 10 for step in range(1, 11)])
    assert rates[59] == pytest.approx(0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 2)))
    assert rates[109] == pytest.approx(0.1)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_without_warm_up_the_first_step_is_near_the_peak():
    assert 0.999 < fractions(schedule(num_steps=100, warmup_steps=0))[0] < 1.0


def test_lengths_in_tokens_are_those_in_steps():
    in_steps = schedule(num_steps=110, warmup_steps=10)
    in_tokens = schedule(num_steps=0, num_tokens=110 * 512, warmup_tokens=5120)
    assert fractions(in_steps) == fractions(in_tokens)


def test_the_decay_may_end_before_the_run_and_its_fraction_stays():
    """As GPT-3's: a cosine over 260 B tokens, then 10 % to 300 B."""
    plan = schedule(num_steps=300, warmup_steps=0, decay_tokens=260 * 512)
    rates = fractions(plan)
    assert rates[129] == pytest.approx(0.55)
    assert rates[258] > 0.1
    assert rates[259:] == pytest.approx([0.1] * 41)


def test_a_linear_decay_is_a_line_and_a_constant_stays():
    linear = fractions(schedule(num_steps=100, warmup_steps=0, decay="linear",
                                min_learning_rate_fraction=0.0))  # fmt: skip
    assert linear == pytest.approx([1 - step / 100 for step in range(1, 101)])
    assert set(fractions(schedule(num_steps=100, warmup_steps=0, decay="constant"))) == {1.0}


def test_the_batch_grows_by_its_increments_and_then_is_full():
    plan = schedule(sequences_per_step=32, ramp_sequences=8, ramp_increment=8, ramp_tokens=64 * 120)
    steps = walk(plan)
    sizes = [batch for _, batch in steps]
    assert [sizes.count(size) for size in (8, 16, 24)] == [5, 3, 2]  # each third holds 40 samples
    assert sizes[:11] == sorted(sizes[:11])
    assert set(sizes[10:]) == {32}
    for before, batch in steps:
        assert batch == (8 + 8 * (3 * before // 120) if before < 120 else 32)


def test_a_ramp_by_single_sequences_is_the_line_that_gpt3_has():
    plan = schedule(sequences_per_step=250, ramp_sequences=16, ramp_tokens=64 * 10_000)
    for before, batch in walk(plan)[:100]:
        assert batch == min(250, 16 + 234 * before // 10_000)


def test_a_ramp_leaves_the_learning_rate_where_it_was():
    lengths = {"num_steps": 0, "num_tokens": 512 * 100, "decay_tokens": 512 * 90}
    ramp = schedule(ramp_sequences=2, ramp_tokens=512 * 20, **lengths)
    flat = schedule(**lengths)
    for samples in range(8, 801, 8):
        assert ramp.learning_rate_fraction(samples) == flat.learning_rate_fraction(samples)


@pytest.mark.parametrize(
    "budget", [{"num_steps": 3}, {"num_steps": 40}, {"num_steps": 0, "num_tokens": 64 * 50},
               {"num_steps": 0, "num_tokens": 64 * 1000}, {"num_steps": 20, "num_tokens": 64 * 90}]
)  # fmt: skip
def test_the_steps_of_a_ramp_are_those_that_are_walked(budget):
    plan = schedule(ramp_sequences=1, ramp_tokens=64 * 100, **budget)
    steps, consumed = 0, 0
    most_tokens = budget.get("num_tokens") or math.inf
    while steps < (budget["num_steps"] or math.inf) and consumed * 64 < most_tokens:
        consumed += plan.batch(consumed)
        steps += 1
    assert (plan.total_steps, plan.total_samples) == (steps, consumed)
