"""Logs are cut back to a step, and TensorBoard gets the same numbers."""

from __future__ import annotations

import json
import struct

import pytest

from corpus.errors import SetupError
from corpus.trainer import logbook
from corpus.trainer.logbook import BOARD_FOLDER, LOG_FILE, TIMING_FILE, Logbook


def read(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(book: Logbook, steps: range) -> None:
    for step in steps:
        book.write(LOG_FILE, {"step": step, "loss": 1 / step, "noise_scale_tokens": None})
        book.write(TIMING_FILE, {"step": step, "seconds": 0.5 * step})


def test_lines_after_a_step_and_a_torn_one_go(tmp_path):
    book = Logbook(tmp_path, writes=True, tensorboard=False)
    assert book.cut(-1) == []
    write(book, range(1, 6))
    with (tmp_path / LOG_FILE).open("a") as file:
        file.write('{"step": 6, "lo')
    assert [row["seconds"] for row in book.cut(3)] == [0.5, 1.0, 1.5]
    write(book, range(4, 6))
    assert [row["step"] for row in read(tmp_path / LOG_FILE)] == [1, 2, 3, 4, 5]


def test_other_ranks_write_nothing(tmp_path):
    book = Logbook(tmp_path, writes=False, tensorboard=False)
    book.cut(-1)
    write(book, range(1, 3))
    book.sync()
    assert list(tmp_path.iterdir()) == []


def scalars(folder) -> list[tuple[str, int, float]]:
    """What the event files of a folder hold: records of length, checksum, event, checksum."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = []
    for path in sorted(folder.glob("events.*")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (size,) = struct.unpack_from("<Q", data, at)
            event = event_pb2.Event.FromString(data[at + 12 : at + 12 + size])
            found += [(v.tag, event.step, v.simple_value) for v in event.summary.value]
            at += 12 + size + 4
    return found


def test_tensorboard_gets_every_number(tmp_path):
    pytest.importorskip("tensorboardX")
    book = Logbook(tmp_path, writes=True, tensorboard=True)
    book.cut(-1)
    write(book, range(1, 4))
    book.sync()
    book.close()
    found = scalars(tmp_path / BOARD_FOLDER)
    assert [(step, value) for tag, step, value in found if tag == "loss"] == [
        (1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))
    ]  # fmt: skip
    assert {tag for tag, _, _ in found} == {"loss", "seconds"}


def test_a_missing_tensorboard_is_said_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(logbook, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"tensorboardX is not installed: .*winnow\[tensorboard\]"):
        Logbook(tmp_path, writes=True, tensorboard=True)
