"""Checkpoints are whole or not there, and open without running anything."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from corpus.errors import Damaged, NotBuilt, StorageError  # noqa: E402
from corpus.trainer import checkpoints  # noqa: E402
from corpus.trainer.checkpoints import (  # noqa: E402
    latest_checkpoint,
    newest_weights,
    read_state,
    read_weights,
    save_checkpoint,
)


def save(folder, step, *, keep=2):
    save_checkpoint(
        folder,
        model={"w": torch.full((3,), float(step))},
        optimizer={"w.mean": torch.zeros(3)},
        step=step,
        consumed_samples=8 * step,
        run={"seed": 1},
        keep=keep,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_read_back(tmp_path):
    save(tmp_path, 5)
    place, state = latest_checkpoint(tmp_path, log=pytest.fail)
    assert (place.name, state.step, state.consumed_samples) == ("step-00000005", 5, 40)
    assert state.run == {"seed": 1}
    model, optimizer = read_weights(place)
    assert model["w"].tolist() == [5.0, 5.0, 5.0]
    assert optimizer["w.mean"].tolist() == [0.0, 0.0, 0.0]


def test_the_newest_are_kept(tmp_path):
    for step in (1, 2, 10):
        save(tmp_path, step)
    assert names(tmp_path) == ["step-00000002", "step-00000010"]
    assert newest_weights(tmp_path)["w"].tolist() == [10.0, 10.0, 10.0]


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        save(tmp_path / folder, 1)
    for path in (tmp_path / "a" / "step-00000001").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "step-00000001" / path.name).read_bytes()


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_taken(tmp_path, name):
    save(tmp_path, 1)
    save(tmp_path, 2)
    file = tmp_path / "step-00000002" / name
    file.write_bytes(file.read_bytes()[:-3])
    said = []
    state = latest_checkpoint(tmp_path, log=said.append)[1]
    assert state.step == 1
    assert len(said) == 1
    assert "step-00000002" in said[0]
    assert names(tmp_path) == ["step-00000001"]


def test_a_changed_byte_is_damage(tmp_path):
    save(tmp_path, 1)
    file = tmp_path / "step-00000001" / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(Damaged, match=r"weights differ from the SHA-256 in state.json"):
        read_state(tmp_path / "step-00000001")


def test_an_unfinished_checkpoint_is_not_one(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "_sync", killed)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 1)
    monkeypatch.undo()
    assert latest_checkpoint(tmp_path, log=pytest.fail) is None
    save(tmp_path, 2)
    assert names(tmp_path) == ["step-00000002"]


def test_no_checkpoint_says_how_to_get_one(tmp_path):
    with pytest.raises(NotBuilt, match="no checkpoint; run `winnow run train` first"):
        newest_weights(tmp_path)


def test_a_full_disk_is_a_storage_error(tmp_path, monkeypatch):
    def full(tensors, path, metadata):
        raise checkpoints.SafetensorError(
            "Error while serializing: I/O error: No space left on device (os error 28)"
        )

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(StorageError, match="the disk is full"):
        save(tmp_path, 1)
