"""Models of another shape train and resume as any other, and older runs are read as they were."""

from __future__ import annotations

import json
import shutil

import msgspec
import pytest

torch = pytest.importorskip("torch")

from corpus.errors import ConfigError  # noqa: E402 - after the check for torch
from corpus.trainer.saved import open_model, read_config  # noqa: E402
from corpus.trainer.settings import TrainSettings  # noqa: E402
from corpus.trainer.training import train  # noqa: E402

PRE = TrainSettings(
    model="micro", num_layers=2, num_heads=2, width=32, context=32, num_steps=10,
    sequences_per_step=4, sequences_per_pass=4, warmup_steps=2, learning_rate=3e-3,
    validate_every=5, checkpoint_every=5, keep_checkpoints=3, num_threads=1,
)  # fmt: skip
GPT1 = msgspec.structs.replace(PRE, model="gpt1")
BANDED = msgspec.structs.replace(PRE, band=4)
SHAPES = {"pre": PRE, "gpt1": GPT1, "banded": BANDED}


def run(data, folder, settings):
    folder.mkdir(exist_ok=True)
    return train(
        settings, seed=0, shards=data.shards, tokenizer=data.tokenizer, folder=folder,
        log=lambda _: None,
    )  # fmt: skip


def weights(folder):
    return (folder / "checkpoints" / "step-00000010" / "model.safetensors").read_bytes()


def test_a_shape_is_checked():
    with pytest.raises(ValueError, match="band is -1, expected 0 or more"):
        msgspec.structs.replace(PRE, band=-1)
    assert BANDED.shape() == msgspec.structs.replace(PRE.shape(), band=4)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A run of each shape, to its end."""
    folders = {name: tmp_path_factory.mktemp(name) for name in SHAPES}
    for name, settings in SHAPES.items():
        run(data, folders[name], settings)
    return folders


@pytest.mark.parametrize("name", SHAPES)
def test_a_run_of_each_shape_learns_and_resumes_to_the_same_weights(data, finished, name, tmp_path):
    rows = [json.loads(line) for line in (finished[name] / "train.jsonl").open()]
    losses = [row["validation_loss"] for row in rows if "validation_loss" in row]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.3
    half = tmp_path / "half"
    shutil.copytree(finished[name], half)
    shutil.rmtree(half / "checkpoints" / "step-00000010")
    run(data, half, SHAPES[name])
    assert weights(half) == weights(finished[name])
    assert open_model(half).shape == SHAPES[name].shape()


def test_each_shape_is_another_model(finished):
    assert len({weights(folder) for folder in finished.values()}) == len(SHAPES)


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        ("pre", "gpt1", "norm was pre, is post"),
        ("gpt1", "pre", "norm was post, is pre"),
        ("pre", "banded", "band was 0, is 4"),
        ("banded", "gpt1", "norm was pre, is post, band was 4, is 0"),
    ],
)
def test_a_checkpoint_of_another_shape_is_refused(data, finished, tmp_path, before, now, message):
    shutil.copytree(finished[before], tmp_path / "run")
    with pytest.raises(ConfigError, match=f"another run: {message}; expected the same"):
        run(data, tmp_path / "run", SHAPES[now])


def as_before(folder):
    """Take out of a run's files what those of older versions do not say."""
    for path in (folder / "checkpoints").glob("*/state.json"):
        state = json.loads(path.read_text())
        del state["run"]["norm"], state["run"]["band"]
        path.write_text(json.dumps(state))
    path = folder / "config.json"
    config = json.loads(path.read_text())
    assert config["shape"].keys() == {"num_layers", "num_heads", "width", "context"}
    del config["settings"]["band"]
    path.write_text(json.dumps(config))


def test_a_run_of_before_is_read_and_goes_on_to_the_same_weights(data, finished, tmp_path):
    old = tmp_path / "run"
    shutil.copytree(finished["pre"], old)
    shutil.rmtree(old / "checkpoints" / "step-00000010")
    as_before(old)
    assert read_config(old) == read_config(finished["pre"])
    assert open_model(old).shape == PRE.shape()
    run(data, old, PRE)
    assert weights(old) == weights(finished["pre"])


def test_a_run_of_before_is_not_taken_for_one_of_gpt1(data, finished, tmp_path):
    old = tmp_path / "run"
    shutil.copytree(finished["pre"], old)
    as_before(old)
    with pytest.raises(ConfigError, match="norm was pre, is post"):
        run(data, old, GPT1)
