"""Several ranks, as torchrun starts them, are the run of one: the same batches, losses and weights.

Sums of floats are made in another order, so losses are equal to a tolerance. Ranks speak by gloo.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

torch = pytest.importorskip("torch")

from corpus.errors import ConfigError  # noqa: E402
from corpus.trainer.checkpoints import checkpoint_folders, newest_weights  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.ranks import Ranks, spread  # noqa: E402
from corpus.trainer.settings import TrainSettings  # noqa: E402
from corpus.trainer.training import train  # noqa: E402

CPU = torch.device("cpu")
# A ramp, dropout, passes that do not divide, and steps that do not divide by the ranks.
SETTINGS = TrainSettings(
    model="micro", num_layers=2, width=32, context=32, num_steps=12, sequences_per_step=10,
    sequences_per_pass=3, ramp_sequences=4, ramp_tokens=32 * 30, ramp_increment=2, warmup_steps=2,
    learning_rate=3e-3, dropout=0.1, validate_every=6, checkpoint_every=6, num_threads=1,
)  # fmt: skip

SCRIPT = """
import sys
from pathlib import Path
import msgspec
from corpus.trainer.settings import TrainSettings
from corpus.trainer.training import train

settings = msgspec.json.decode(sys.argv[1], type=TrainSettings)
shards, tokenizer, folder = map(Path, sys.argv[2:])
train(settings, seed=0, shards=shards, tokenizer=tokenizer, folder=folder, log=print)
threads = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
assert not any("gloo" in name for name in threads), threads  # one may abort Python as it ends
"""


def changed(**values) -> TrainSettings:
    return msgspec.structs.replace(SETTINGS, **values)


def on_ranks(number: int, data, folder: Path, settings: TrainSettings = SETTINGS) -> str:
    """Train on so many ranks; what they said."""
    script = folder.with_suffix(".py")
    script.write_text(SCRIPT)
    said = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone",
         f"--nproc-per-node={number}", str(script), msgspec.json.encode(settings).decode(),
         str(data.shards), str(data.tokenizer), str(folder)],
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return said.stdout


def alone(data, folder: Path, settings: TrainSettings = SETTINGS) -> None:
    train(settings, seed=0, shards=data.shards, tokenizer=data.tokenizer, folder=folder,
          log=lambda _: None)  # fmt: skip


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def one(data, tmp_path_factory) -> Path:
    """The folder of the run of one rank."""
    folder = tmp_path_factory.mktemp("ranks") / "one"
    alone(data, folder)
    return folder


def assert_same_run(folder: Path, one: Path, *, noise: bool) -> None:
    """Losses, rates and norms of each step, and the weights; the noise where it is the same b."""
    for row, expected in zip(lines(folder), lines(one), strict=True):
        assert row.keys() == expected.keys()
        for key in row.keys() - {"noise_scale_tokens"}:
            assert row[key] == pytest.approx(expected[key], rel=1e-4), key
        if noise:
            assert row.get("noise_scale_tokens") == pytest.approx(
                expected.get("noise_scale_tokens"), rel=1e-2
            )
    ours, theirs = (newest_weights(place / "checkpoints") for place in (folder, one))
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.allclose(tensor, theirs[name], atol=2e-5), name


@pytest.mark.parametrize("number", [2, 4])
def test_several_ranks_are_the_run_of_one(data, one, tmp_path, number):
    said = on_ranks(number, data, tmp_path / "many")
    assert said.count(f"on {number} ranks of cpu") == 1  # the first speaks for all
    assert_same_run(tmp_path / "many", one, noise=False)
    noise = [row["noise_scale_tokens"] for row in lines(tmp_path / "many")[1:]]
    assert number == 4 or any(noise)  # steps of 4 leave each of 4 ranks a sample, so no two passes


def test_sharded_ranks_are_the_run_of_one(data, tmp_path):
    alone(data, tmp_path / "one")
    on_ranks(2, data, tmp_path / "sharded", changed(parallel="sharded"))
    assert_same_run(tmp_path / "sharded", tmp_path / "one", noise=False)


def test_a_run_begun_on_one_rank_goes_on_on_two(data, one, tmp_path):
    shutil.copytree(one, tmp_path / "moved")
    shutil.rmtree(checkpoint_folders(tmp_path / "moved" / "checkpoints")[-1])
    said = on_ranks(2, data, tmp_path / "moved")
    assert "resumes after step 6" in said
    assert "no longer the same run" not in said
    assert lines(tmp_path / "moved")[:7] == lines(one)[:7]
    assert_same_run(tmp_path / "moved", one, noise=False)


def test_a_run_begun_on_two_sharded_ranks_goes_on_on_one(data, one, tmp_path):
    length = {"decay_tokens": lines(one)[-1]["tokens"]}
    on_ranks(2, data, tmp_path / "moved", changed(parallel="sharded", num_steps=6, **length))
    alone(data, tmp_path / "moved", changed(**length))
    assert_same_run(tmp_path / "moved", one, noise=False)


def test_shares_are_as_equal_as_can_be_and_leave_nothing_out():
    for size in (1, 2, 3, 7):
        shares = [Ranks(rank, size, CPU).share(17) for rank in range(size)]
        assert [i for share in shares for i in share] == list(range(17))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(
    ("settings", "number", "message"),
    [
        (changed(), 5, "a step of 4 sequences for 5 ranks; expected at least one for each"),
        (changed(parallel="sharded"), 1, "parallel = sharded needs several ranks"),
        (changed(parallel="sharded"), 4, "_step is 10, but .* expected a multiple of 4"),
    ],
)  # fmt: skip
def test_ranks_that_the_batch_does_not_suit_are_refused(settings, number, message):
    model = GPT(settings.shape(), 300)
    with pytest.raises(ConfigError, match=message):
        spread(model, settings, Ranks(0, number, CPU))
