"""The peer of the trainer's benchmark is nanoGPT at the known commit, or it is not compared."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from tests.benchmarks import nanogpt, trainer_nanogpt
from tests.benchmarks.frame import NANOGPT_VARIABLE


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the known commit: its files are those that are expected."""
    for name in nanogpt.SHA256:
        text = f"# {name}\n"
        (tmp_path / name).write_text(text)
        monkeypatch.setitem(nanogpt.SHA256, name, hashlib.sha256(text.encode()).hexdigest())
    monkeypatch.setenv(NANOGPT_VARIABLE, str(tmp_path))
    return tmp_path


def test_a_checkout_of_the_known_commit_is_taken(checkout: Path) -> None:
    assert nanogpt.checkout() == checkout


def test_other_bytes_are_not_the_peer(checkout: Path) -> None:
    (checkout / "train.py").write_text("# train.py, changed\n")
    with pytest.raises(nanogpt.NotNanoGPT, match=r"train\.py: SHA-256 .* expected .*3adf61e154c3"):
        nanogpt.checkout()


def test_a_folder_without_the_files_is_not_the_peer(checkout: Path) -> None:
    (checkout / "model.py").unlink()
    with pytest.raises(nanogpt.NotNanoGPT, match=r"model\.py is missing"):
        nanogpt.checkout()


def test_without_a_folder_the_rows_are_left_out_with_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(NANOGPT_VARIABLE, raising=False)
    assert trainer_nanogpt.rows(tmp_path) == []
    assert f"no rows beside nanoGPT: {NANOGPT_VARIABLE} is not set" in capsys.readouterr().err


def test_the_recipe_is_two_functions_of_a_script_that_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import gone\nraise SystemExit\n"
        "def get_batch(split):\n    return split, block_size\n"
        "def get_lr(step):\n    return math.sqrt(learning_rate * step)\n"
    )
    found = nanogpt.recipe(tmp_path, {"block_size": 8, "learning_rate": 4.0})
    assert found["get_batch"]("train") == ("train", 8)
    assert found["get_lr"](9) == math.sqrt(36.0)


def test_our_weights_go_to_their_names_and_none_is_left() -> None:
    shape = trainer_nanogpt.SETTINGS.shape()
    given: dict[str, object] = {}
    peer = SimpleNamespace(load_state_dict=given.update)
    trainer_nanogpt._copy_weights(trainer_nanogpt.GPT(shape, 64), peer)
    layer = {
        f"transformer.h.{number}.{name}.{kind}"
        for number in range(shape.num_layers) for kind in ("weight", "bias")
        for name in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
    }  # fmt: skip
    assert set(given) == layer | {
        "transformer.wte.weight", "transformer.wpe.weight", "lm_head.weight",
        "transformer.ln_f.weight", "transformer.ln_f.bias",
    }  # fmt: skip
