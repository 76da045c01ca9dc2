"""`winnow scale fit`: fits and predictions as JSON and in words, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from corpus.ledger import Ledger
from corpus.scaling import EPOCH
from corpus.scaling_forms import FORMS
from corpus.stages import stage_named
from corpus.storage import Store
from jobs.cli import cli
from jobs.parts import Job
from jobs.scale_cli import FORM_NAMES

SIZES, RATIOS = (4e7, 1e8, 2.5e8, 6e8, 1.5e9, 4e9), (3, 8, 20, 50, 120)
QUICK = ("--resamples", "40")


def call(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["scale", "fit", *arguments, *QUICK])
    assert result.exit_code == status, result.output
    return result.output


def write_runs(path: Path, points: list[tuple[float, float]], *extra: str) -> str:
    random = np.random.default_rng(0)
    rows = [
        {"num_parameters": size, "num_tokens": tokens,
         "loss": EPOCH.loss(size, tokens) * np.exp(random.normal(0, 0.003))}
        for size, tokens in points
    ]  # fmt: skip
    path.write_text("".join(f"{line}\n" for line in (*map(json.dumps, rows), *extra)), "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("scale") / "runs.jsonl"
    return write_runs(path, [(n, n * ratio) for n in SIZES for ratio in RATIOS], "no run")


def test_fits_and_predictions_are_plain_values(runs):
    options = ("--flops", "5.76e23", "--params", "1e9", "--seed", "3")
    found = json.loads(call(runs, *options, "--json"))
    assert (found["num_runs"], found["num_resamples"], found["seed"]) == (30, 40, 3)
    assert [one["run"].rpartition(":")[2] for one in found["left_out"]] == ["31"]
    assert found["range"]["num_parameters"] == {"low": 4e7, "high": 4e9}
    fits = {one["form"]: one for one in found["fits"]}
    assert set(fits) == {"chinchilla", "kaplan"}
    assert set(found["not_fitted"]) == {"kaplan_size", "kaplan_tokens"}  # tokens rise with size
    alpha = fits["chinchilla"]["constants"]["alpha"]
    assert alpha["low"] < EPOCH.alpha < alpha["high"]
    assert fits["chinchilla"]["error"] < 0.004 < fits["kaplan"]["error"]
    budget, model = found["predictions"]
    assert budget["of"] == "5.76e+23 FLOPs"
    best = EPOCH.optimum(5.76e23)
    assert budget["num_parameters"]["low"] < best.num_parameters < budget["num_parameters"]["high"]
    size = budget["num_parameters"]["estimate"]
    assert budget["beyond_the_runs"]["num_parameters"] == pytest.approx(size / 4e9)
    assert model["num_tokens"]["low"] < EPOCH.tokens_for(1e9) < model["num_tokens"]["high"]
    assert model["beyond_the_runs"] == {"num_parameters": 1, "num_tokens": 1, "flops": 1}
    assert json.loads(call(runs, *options, "--json")) == found


def test_what_is_printed_says_the_range_and_how_far_a_prediction_goes(runs):
    said = call(runs, "--form", "chinchilla", "--flops", "5.76e23", "--params", "1e9").splitlines()
    assert said[0] == (
        "30 runs: 40 M to 4 B parameters, 120 M to 480 B tokens, 2.88e+16 to 1.15e+22 FLOPs"
    )
    assert said[1] == "  left out: 1"
    assert "intervals: 95 %, of 40 fits to redrawn runs, seed 0" in said
    assert "chinchilla: L = E + A / N^alpha + B / D^beta" in said
    assert "of 5.76e+23 FLOPs" in said
    ranges = [line for line in said if line.startswith("  range ")]
    assert "extrapolates to 18" in ranges[0]
    assert ranges[0].endswith("50 times the largest FLOPs of the runs")
    assert ranges[1].endswith(" within the runs")
    small = call(runs, "--form", "chinchilla", "--params", "2e7", "--tokens", "6e8")
    assert "extrapolates to 0.5 of the smallest parameters of the runs" in small


def test_a_form_alone_is_fitted_where_the_runs_do_for_it(tmp_path):
    place = write_runs(tmp_path / "r.jsonl", [(n, 1e12) for n in np.geomspace(1e6, 1e9, 8)])
    said = call(place, status=1)
    assert "InputError: chinchilla: these runs do not tell the constants" in said
    assert "8 runs, expected at least 10" in said
    assert "1 numbers of tokens, expected at least 3" in said
    found = json.loads(call(place, "--form", "kaplan_size", "--json"))
    assert [one["form"] for one in found["fits"]] == ["kaplan_size"]
    said = call(place, "--form", "kaplan_tokens", status=1)
    assert "InputError: kaplan_tokens: these runs do not tell" in said


def test_options_that_contradict_each_other_are_refused(runs, tmp_path):
    assert "--tokens: of which model?" in call(runs, "--tokens", "1e9", status=1)
    assert "--flops is -1, expected a number above 0" in call(runs, "--flops", "-1", status=1)
    said = call(runs, "--form", "kaplan", "--flops", "1e20", status=1)
    assert "predictions come from chinchilla" in said
    empty = tmp_path / "empty.jsonl"
    empty.write_text('{"num_parameters": 1}\n', "utf-8")
    said = call(str(empty), status=1)
    assert "no finished run" in said
    assert "missing required field `num_tokens`" in said


def test_the_names_of_forms_are_those_of_the_library():
    assert tuple(FORMS) == FORM_NAMES


def test_runs_of_the_bundled_trainer_are_taken(tmp_path):
    pytest.importorskip("torch")
    from corpus.scaling_runs import read_runs
    from corpus.trainer.saved import read_config
    from jobs import train
    from tests.jobs.test_train import SETTINGS, build_inputs

    one = Job(
        stage=stage_named("train"), recipe=SimpleNamespace(train=SETTINGS, seed=3),
        store=Store(str(tmp_path)), session=None, ledger=Ledger(),
    )  # fmt: skip
    build_inputs(one)
    train.run(one)
    (taken,) = read_runs([str(tmp_path)]).runs
    config = read_config(tmp_path / "model")
    last = json.loads((tmp_path / "model" / "train.jsonl").read_text("utf-8").splitlines()[-1])
    assert taken.num_parameters == config.num_parameters
    assert (taken.num_tokens, taken.loss) == (4 * 2 * 16, last["validation_loss"])
    assert read_runs([str(tmp_path / "model")]).runs[0].loss == taken.loss
