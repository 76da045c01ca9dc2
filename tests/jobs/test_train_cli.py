"""`winnow train`: the stage's run in a folder of its own, alone and on two ranks of torchrun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click.testing
import pytest

pytest.importorskip("torch")

from jobs.cli import cli
from tests.jobs.test_train import train_in

RECIPE = """
name = "small"
seed = 3

[sources.text]
kind = "text"
files = ["none.jsonl"]

[mix]
weights = { text = 1 }

[train]
model = "micro"
num_layers = 1
width = 16
context = 16
num_steps = 4
sequences_per_step = 2
sequences_per_pass = 2
checkpoint_every = 2
num_threads = 1
sample_tokens = 5
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return train_in(tmp_path_factory.mktemp("train_cli") / "root")


@pytest.fixture
def recipe(tmp_path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(RECIPE)
    return str(path)


def trained(*arguments: str | Path, status: int = 0) -> str:
    done = click.testing.CliRunner().invoke(cli, ["train", *map(str, arguments)])
    assert done.exit_code == status, done.output
    return done.output


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "train.jsonl").read_text().splitlines()
            if "loss" in json.loads(line)]  # fmt: skip


def model_of(root: Path) -> Path:
    return next((root / "model").rglob("train.jsonl")).parent


def test_it_is_the_run_of_the_stage(root, recipe, tmp_path):
    said = trained("--root", root, "--recipe", recipe, "--output", tmp_path / "out")
    assert "4 steps of 32 tokens on cpu" in said
    assert "nats a token" in said
    assert losses(tmp_path / "out") == losses(model_of(root))
    assert (tmp_path / "out" / "sample.txt").is_file()


def test_shards_and_a_recipe_are_all_that_it_needs(root, recipe, tmp_path):
    shards = next((root / "shards").rglob("shards.json")).parent
    tokenizer = next((root / "tokenizer").rglob("tokenizer.json")).parent
    places = ("--shards", shards, "--tokenizer", tokenizer, "--root", tmp_path / "no")
    trained(*places, "--recipe", recipe, "--output", tmp_path / "out", "--seed", "4",
            "--set", "train.num_steps=6")  # fmt: skip
    assert len(losses(tmp_path / "out")) == 6
    assert losses(tmp_path / "out")[0] != losses(model_of(root))[0]  # another seed
    said = trained(*places, "--recipe", recipe, "--output", tmp_path / "out", status=1)
    assert "ConfigError" in said
    assert "seed was 4, is 3" in said


def test_torchrun_trains_on_all_its_ranks(root, recipe, tmp_path):
    winnow = Path(sys.executable).with_name("winnow")
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
         "--no-python", str(winnow), "train", "--root", str(root), "--recipe", recipe,
         "--output", str(tmp_path / "out")],
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("on 2 ranks of cpu") == 1
    assert done.stdout.count("nats a token") == 1
    assert losses(tmp_path / "out") == pytest.approx(losses(model_of(root)), rel=1e-5)
    assert (tmp_path / "out" / "sample.txt").is_file()
