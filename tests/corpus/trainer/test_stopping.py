"""SIGTERM ends a run after the step in hand, with a checkpoint, and the run goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import msgspec
import pytest

torch = pytest.importorskip("torch")

from corpus.trainer.checkpoints import checkpoint_folders  # noqa: E402
from corpus.trainer.settings import TrainSettings  # noqa: E402
from corpus.trainer.stopping import stop_asked  # noqa: E402
from corpus.trainer.training import train  # noqa: E402

SETTINGS = TrainSettings(
    model="micro", num_layers=1, width=32, context=32, num_steps=30, sequences_per_step=4,
    sequences_per_pass=4, warmup_steps=4, learning_rate=3e-3, validate_every=100,
    checkpoint_every=100, num_threads=1,
)  # fmt: skip

STOPPED_RUN = """
import os, signal, sys
from pathlib import Path
import msgspec
from corpus.errors import Stopped
from corpus.trainer import training
from corpus.trainer.settings import TrainSettings

settings = msgspec.json.decode(sys.argv[1], type=TrainSettings)
shards, tokenizer, folder = map(Path, sys.argv[2:])
take_step = training.take_step

def sent(run):
    if run.step == 6:  # while the seventh step is taken
        os.kill(os.getpid(), signal.SIGTERM)
    return take_step(run)

training.take_step = sent
try:
    training.train(settings, seed=0, shards=shards, tokenizer=tokenizer, folder=folder, log=print)
except Stopped as error:
    print(error)
    sys.exit(5)
"""


def run(data, folder) -> list[str]:
    said: list[str] = []
    train(SETTINGS, seed=0, shards=data.shards, tokenizer=data.tokenizer, folder=folder,
          log=said.append)  # fmt: skip
    return said


def files(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name != "timing.jsonl"}  # fmt: skip


def test_a_run_that_is_asked_to_stop_keeps_its_last_step_and_goes_on(data, tmp_path):
    run(data, tmp_path / "whole")
    folder = tmp_path / "stopped"
    arguments = [msgspec.json.encode(SETTINGS).decode(), data.shards, data.tokenizer, folder]
    stopped = subprocess.run(
        [sys.executable, "-c", STOPPED_RUN, *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert stopped.returncode == 5, stopped.stderr
    assert "train: SIGTERM after step 7 of 30; its checkpoint is in" in stopped.stdout
    assert [place.name for place in checkpoint_folders(folder / "checkpoints")] == ["step-00000007"]
    assert "resumes after step 7" in run(data, folder)
    checkpoint = folder / "checkpoints" / "step-00000007"
    for path in checkpoint.iterdir():
        path.unlink()
    checkpoint.rmdir()
    assert files(folder) == files(tmp_path / "whole")


def test_the_handler_of_before_is_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_asked() as asked:
        assert not asked()
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked()
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_signals_are_left_alone():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def look() -> None:
        with stop_asked() as asked:
            seen.append((asked(), signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [(False, before)]
