"""Fits of scaling laws: planted constants come back, and runs that cannot tell them are refused."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from threadpoolctl import threadpool_limits

from corpus import scaling_fits
from corpus.errors import InputError
from corpus.scaling import EPOCH, HOFFMANN, HOFFMANN_UNROUNDED, KAPLAN
from corpus.scaling_fits import FORMS, Reach, fit, of_budget, of_model, of_run, reach
from corpus.scaling_runs import FinishedRun

ROOT = Path(__file__).parent.parent.parent
SIZES = (4e7, 1e8, 2.5e8, 6e8, 1.5e9, 4e9)
RATIOS = (3, 8, 20, 50, 120)  # tokens a parameter
NOISE = 0.003

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import corpus.scaling_fits, corpus.scaling_runs, jobs.scale_cli
"""


def run(num_parameters: float, num_tokens: float, loss: float, **more) -> FinishedRun:
    return FinishedRun(
        place="x", num_parameters=num_parameters, num_tokens=num_tokens, loss=loss,
        **({"num_outside_embeddings": None} | more),
    )  # fmt: skip


def runs_of(
    loss: Callable[[float, float], float], *, noise: float = 0.0, seed: int = 0
) -> list[FinishedRun]:
    """A run of each size and ratio, each off by a normal part of its loss."""
    random = np.random.default_rng(seed)
    return [
        run(size, size * ratio, loss(size, size * ratio) * math.exp(random.normal(0, noise)))
        for size in SIZES for ratio in RATIOS
    ]  # fmt: skip


def planted(law) -> dict[str, float]:
    both = law.alpha + law.beta
    return {"E": law.entropy, "A": law.a, "B": law.b, "alpha": law.alpha, "beta": law.beta,
            "a": law.beta / both, "b": law.alpha / both}  # fmt: skip


KAPLAN_JOINT = {"Nc": 6.4e13, "Dc": 1.8e13, "aN": 0.076, "aD": 0.103}  # Table 2


@pytest.mark.parametrize("law", [EPOCH, HOFFMANN, HOFFMANN_UNROUNDED], ids=lambda law: law.name)
def test_planted_constants_come_back_exactly(law):
    found = fit(runs_of(law.loss), "chinchilla", num_resamples=40)
    assert {name: one.estimate for name, one in found.constants.items()} == pytest.approx(
        planted(law), rel=1e-7
    )
    for one in found.constants.values():
        assert one.high - one.low < 1e-7 * one.estimate
    best = law.optimum(5.76e23)
    said = of_budget(found, 5.76e23)
    assert said.num_parameters.estimate == pytest.approx(best.num_parameters, rel=1e-6)
    assert said.num_tokens.estimate == pytest.approx(best.num_tokens, rel=1e-6)


@pytest.mark.parametrize("law", [EPOCH, HOFFMANN_UNROUNDED], ids=lambda law: law.name)
def test_the_intervals_hold_planted_constants_in_noise(law):
    found = fit(runs_of(law.loss, noise=NOISE), "chinchilla", num_resamples=100)
    for name, value in planted(law).items():
        assert found.constants[name].low < value < found.constants[name].high, name
    assert found.error == pytest.approx(NOISE, rel=0.3)
    said, best = of_budget(found, 5.76e23), law.optimum(5.76e23)
    assert said.num_parameters.low < best.num_parameters < said.num_parameters.high
    assert said.num_tokens.low < best.num_tokens < said.num_tokens.high
    assert said.loss.low < law.loss(*best) < said.loss.high


def test_more_noise_gives_wider_intervals():
    widths = []
    for noise in (0.001, 0.01):
        alpha = fit(runs_of(EPOCH.loss, noise=noise), "chinchilla", num_resamples=60).constants[
            "alpha"
        ]
        widths.append(alpha.high - alpha.low)
    assert widths[1] > 4 * widths[0]


def test_kaplan_s_joint_law_comes_back():
    exact = fit(runs_of(KAPLAN.loss), "kaplan", num_resamples=40)
    assert {name: one.estimate for name, one in exact.constants.items()} == pytest.approx(
        KAPLAN_JOINT, rel=1e-6
    )
    noisy = fit(runs_of(KAPLAN.loss, noise=NOISE, seed=1), "kaplan", num_resamples=100)
    for name, value in KAPLAN_JOINT.items():
        assert noisy.constants[name].low < value < noisy.constants[name].high, name


def test_kaplan_s_laws_of_one_quantity_come_back():
    random = np.random.default_rng(3)
    sizes = np.geomspace(1e6, 1e9, 12)
    of_size = [
        run(size, 2.2e10, (8.8e13 / size) ** 0.076 * math.exp(random.normal(0, NOISE)))
        for size in sizes
    ]
    worse = [run(size, 1e9, 9.0) for size in sizes]  # a shorter run of each size: not taken
    found = fit([*of_size, *worse], "kaplan_size", num_resamples=100)
    assert found.num_runs == 12
    assert found.constants["aN"].low < 0.076 < found.constants["aN"].high
    assert found.constants["Nc"].low < 8.8e13 < found.constants["Nc"].high
    assert found.note == (
        "the longest run of each size, with numbers of tokens of 2.2e+10 to 2.2e+10 taken as not "
        "limiting; N: all parameters"
    )
    of_tokens = [run(1.5e9, tokens, (5.4e13 / tokens) ** 0.095) for tokens in sizes * 20]
    found = fit(of_tokens, "kaplan_tokens", num_resamples=40)
    assert found.constants["aD"].estimate == pytest.approx(0.095, rel=1e-6)
    assert found.constants["Dc"].estimate == pytest.approx(5.4e13, rel=1e-5)


def test_kaplan_counts_parameters_outside_of_embeddings_where_all_runs_say_them():
    whole = [
        run(one.num_parameters + 3e7, one.num_tokens, one.loss,
            num_outside_embeddings=one.num_parameters)
        for one in runs_of(KAPLAN.loss)
    ]  # fmt: skip
    found = fit(whole, "kaplan", num_resamples=40)
    assert found.note == "N: parameters outside of the embeddings"
    assert found.constants["aN"].estimate == pytest.approx(0.076, rel=1e-6)
    unsaid = [*whole[:-1], run(4.03e9, whole[-1].num_tokens, whole[-1].loss)]
    found = fit(unsaid, "kaplan", num_resamples=40)
    assert found.note == "N: all parameters"
    assert found.constants["aN"].estimate != pytest.approx(0.076, rel=1e-3)


def test_a_run_that_went_wrong_hardly_moves_the_fit():
    runs = runs_of(EPOCH.loss, noise=0.001)
    before = fit(runs, "chinchilla", num_resamples=40)
    runs[17] = run(runs[17].num_parameters, runs[17].num_tokens, runs[17].loss * 1.5)
    after = fit(runs, "chinchilla", num_resamples=40)
    for name in ("alpha", "beta"):
        assert after.constants[name].estimate == pytest.approx(
            before.constants[name].estimate, rel=0.02
        )
    assert after.largest_error == pytest.approx(math.log(1.5), abs=0.01)


def test_a_fit_depends_on_the_seed_and_not_on_the_order():
    runs = runs_of(EPOCH.loss, noise=NOISE)
    one = fit(runs, "chinchilla", num_resamples=40, seed=5)
    other = fit(runs[::-1], "chinchilla", num_resamples=40, seed=5)
    assert one.constants == other.constants
    third = fit(runs, "chinchilla", num_resamples=40, seed=6)
    assert third.constants["alpha"].estimate == one.constants["alpha"].estimate
    assert third.constants["alpha"].low != one.constants["alpha"].low


def flat(num_parameters: float, num_tokens: float) -> float:
    return 2 + 500 / num_tokens**0.3


def rising(num_parameters: float, num_tokens: float) -> float:
    return 2 + 1e-3 * num_parameters**0.2 + 500 / num_tokens**0.3


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([], "0 runs, expected at least 10"),
        (runs_of(EPOCH.loss)[:9], "9 runs, expected at least 10"),
        ([run(1e9, 1e9 * r, EPOCH.loss(1e9, 1e9 * r)) for r in range(1, 20)],
         "1 sizes of model, expected at least 3"),
        ([run(n, 1e10, EPOCH.loss(n, 1e10)) for n in np.geomspace(1e7, 1e9, 12)],
         "1 numbers of tokens, expected at least 3"),
        ([run(n, 20 * n, EPOCH.loss(n, 20 * n)) for n in np.geomspace(1e7, 1e9, 12)],
         "tokens follow from parameters"),
        ([run(n, 1e19 / n, EPOCH.loss(n, 1e19 / n)) for n in np.geomspace(1e7, 1e9, 12)],
         "tokens follow from parameters"),
        ([run(n * (1 + i / 10), n * r, 3.0) for n in (1e9,) for i in range(4) for r in (5, 10, 20)],
         "sizes of model span a factor of 1.30, expected 2"),
        (runs_of(flat), "does not fall with parameters"),
        (runs_of(rising), "does not fall with parameters"),
    ],
    ids=["none", "few", "one size", "one length", "ratio", "budget", "narrow", "flat", "rising"],
)  # fmt: skip
def test_runs_that_cannot_tell_the_constants_are_refused(runs, said):
    with pytest.raises(InputError, match=said):
        fit(runs, "chinchilla", num_resamples=40)


def test_the_smallest_design_that_is_taken_is_fitted():
    runs = [run(n, d, EPOCH.loss(n, d)) for n in (1e8, 1e9, 1e10) for d in (1e9, 1e10, 1e11)]
    with pytest.raises(InputError, match="9 runs"):
        fit(runs, "chinchilla", num_resamples=40)
    found = fit([*runs, run(3e8, 3e9, EPOCH.loss(3e8, 3e9))], "chinchilla", num_resamples=40)
    assert found.constants["alpha"].estimate == pytest.approx(EPOCH.alpha, rel=1e-6)
    assert found.num_redrawn > 0  # ten draws of ten often leave fewer than five, or two sizes


def test_a_law_of_size_alone_is_refused_where_tokens_rise_with_it():
    with pytest.raises(InputError, match="numbers of tokens rise with the sizes of model"):
        fit(runs_of(KAPLAN.loss), "kaplan_size", num_resamples=40)


@pytest.mark.parametrize("form", FORMS)
def test_slopes_are_those_of_the_predictions(form):
    random = np.random.default_rng(0)
    made = FORMS[form](runs_of(EPOCH.loss))
    starts = made.starts()
    for start in (starts[0], starts[len(starts) // 2], starts[-1]):
        at = np.array(start, float) + 0.05 + 0.1 * random.random(len(start))
        by_steps = approx_fprime(at, lambda x: made.predict(x)[0], 1e-7)
        assert made.predict(at)[1] == pytest.approx(by_steps, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(("form", "law"), [("chinchilla", EPOCH), ("kaplan", KAPLAN)])
def test_no_other_start_of_the_grid_comes_lower(form, law):
    made = FORMS[form](runs_of(law.loss, noise=0.01))
    weights = np.ones(len(made.log_losses))
    low, high = np.array(made.bounds()).T
    starts = np.clip(np.array(made.starts(), float), low, high)[:: len(made.starts()) // 25]
    with threadpool_limits(1):
        best = scaling_fits._loss_and_slope(scaling_fits._from_the_grid(made), made, weights)[0]
        others = [scaling_fits._minimise(made, start, weights)[0] for start in starts]
    assert best <= min(others) * (1 + 1e-9)
    assert np.median(others) == pytest.approx(best, rel=1e-6)  # most starts come to it


def test_a_budget_and_its_model_say_the_same():
    found = fit(runs_of(EPOCH.loss, noise=NOISE), "chinchilla", num_resamples=40)
    best = of_budget(found, 1e21)
    assert best.flops == (1e21, 1e21, 1e21)
    model = of_model(found, best.num_parameters.estimate)
    assert model.num_tokens.estimate == pytest.approx(best.num_tokens.estimate)
    assert model.flops.low < 1e21 < model.flops.high
    assert model.num_parameters.low == model.num_parameters.high
    same = of_run(found, best.num_parameters.estimate, best.num_tokens.estimate)
    assert same.loss.estimate == best.loss.estimate
    assert same.loss.low < same.loss.estimate < same.loss.high


def test_a_prediction_far_from_the_runs_is_less_certain():
    found = fit(runs_of(EPOCH.loss, noise=NOISE), "chinchilla", num_resamples=60)
    near, far = of_budget(found, 1e20), of_budget(found, 1e26)
    assert near.num_parameters.low * 1.3 > near.num_parameters.high
    assert far.num_parameters.low * 1.3 < far.num_parameters.high


def test_the_range_of_the_runs_and_how_far_outside_a_value_is():
    ranges = reach(runs_of(EPOCH.loss))
    assert ranges["num_parameters"] == Reach(low=4e7, high=4e9)
    assert ranges["num_tokens"] == Reach(low=1.2e8, high=4.8e11)
    assert ranges["flops"].high == 6 * 4e9 * 4.8e11
    assert [ranges["num_parameters"].factor(value) for value in (8e9, 1e9, 2e7)] == [2, 1, 0.5]


def test_it_imports_without_torch():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
