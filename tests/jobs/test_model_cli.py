"""`winnow model`: what is told of a small trained model, and what transformers makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click.testing
import msgspec
import pytest

torch = pytest.importorskip("torch")

from corpus.tokenizer.files import load  # noqa: E402
from corpus.trainer.saved import open_model  # noqa: E402
from corpus.trainer.weights import read_gpt2  # noqa: E402
from jobs.cli import cli  # noqa: E402
from tests.jobs.test_train import SETTINGS, TEXT, train_in  # noqa: E402

TEXTS = ["one dog saw two cats", " two  cats\n\nrun. It's 2,000!", "naïve 日本語 🙂", ""]


def make_root(root: Path, **changed: Any) -> Path:
    return train_in(root, msgspec.structs.replace(SETTINGS, **changed))


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return make_root(tmp_path_factory.mktemp("model") / "root")


@pytest.fixture(scope="module")
def exported(root, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "gpt"
    said = winnow_model("export", str(folder), root=root)
    num_bytes = sum(path.stat().st_size for path in folder.iterdir())
    assert said.endswith(f"its tokenizer, {num_bytes:,} bytes\n")
    return folder


def winnow_model(*arguments: str, root: Path, status: int = 0) -> str:
    done = click.testing.CliRunner().invoke(cli, ["model", *arguments, "--root", str(root)])
    assert done.exit_code == status, done.output
    return done.output


def test_info_tells_shape_parameters_tokens_and_losses(root):
    told = json.loads(winnow_model("info", "--json", root=root))
    rows = [json.loads(line) for line in (root / "model" / "train.jsonl").open()]
    model = open_model(root / "model")
    assert told["num_parameters"] == model.num_parameters()
    sizes = {"num_layers": 1, "num_heads": 2, "width": 16, "context": 16}
    assert sizes.items() <= told["shape"].items()
    assert (told["num_steps"], told["num_tokens"]) == (4, 4 * 2 * 16)
    assert told["num_epochs"] == 128 / told["train_tokens"]
    assert told["loss"] == rows[-1]["loss"]
    assert [row["step"] for row in told["validation"]] == [0, 4]
    assert told["validation"][1]["validation_loss"] == rows[-1]["validation_loss"]


def test_info_for_people_has_the_same(root):
    told = json.loads(winnow_model("info", "--json", root=root))
    lines = winnow_model("info", root=root).splitlines()
    assert lines[0] == (
        f"{told['num_parameters']:,} parameters: 1 layers of width 16, 2 heads, context 16, "
        f"{told['vocab_size']} ids"
    )
    assert lines[1].startswith("4 steps, 128 tokens, ")
    assert lines[2] == f"loss of the last step: {told['loss']:.4f} nats per token"
    assert len(lines) == 6
    assert lines[5].split()[:2] == ["4", f"{told['validation'][1]['validation_loss']:.4f}"]


def test_a_model_that_gpt2_is_not_is_told_and_not_exported(tmp_path):
    root = make_root(tmp_path / "root", model="gpt1", num_heads=2, band=3)
    kind = "context 16, norms after the sub-layers, bands of 3 in every second layer, "
    assert kind in winnow_model("info", root=root)
    said = winnow_model("export", str(tmp_path / "gpt"), root=root, status=1)
    assert "expected norm pre: GPT2LMHeadModel knows no other" in said
    assert not (tmp_path / "gpt").exists()


def test_the_exported_folder_holds_the_newest_weights_and_the_tokenizer(root, exported):
    assert sorted(path.name for path in exported.iterdir()) == [
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    ]  # fmt: skip
    found, expected = read_gpt2(exported), open_model(root / "model")
    ids = torch.arange(16)[None]
    with torch.no_grad():
        assert torch.equal(found.logits(ids), expected.logits(ids))
    tokenizer = (exported / "tokenizer.json").read_bytes()
    assert tokenizer == (root / "tokenizer" / "tokenizer.json").read_bytes()
    eot = load(root / "tokenizer").eot_id
    assert json.loads((exported / "config.json").read_text())["eos_token_id"] == eot


def test_transformers_loads_the_folder_and_goes_on_with_a_text_alike(root, exported):
    library = pytest.importorskip("transformers")
    model = library.GPT2LMHeadModel.from_pretrained(exported)
    tokenizer = library.AutoTokenizer.from_pretrained(exported)
    vocabulary, ours = load(root / "tokenizer"), open_model(root / "model")
    assert [tokenizer(text)["input_ids"] for text in TEXTS] == vocabulary.encode(TEXTS)
    assert [tokenizer.decode(ids) for ids in vocabulary.encode(TEXTS)] == TEXTS
    assert tokenizer.eos_token_id == tokenizer.bos_token_id == vocabulary.eot_id
    ids = torch.tensor([vocabulary.encode([TEXT])[0][:16]])
    with torch.no_grad():
        difference = model(ids).logits[:, -1] - ours.logits(ids)
    assert difference.abs().max() < 1e-4


def test_a_folder_that_is_not_empty_is_left_alone(root, exported):
    said = winnow_model("export", str(exported), root=root, status=1)
    assert "is there and not empty" in said


def test_before_training_there_is_no_model(tmp_path):
    for arguments in (["info"], ["export", str(tmp_path / "gpt")]):
        said = winnow_model(*arguments, root=tmp_path / "empty", status=1)
        assert "run `winnow run train` first" in said
    assert not (tmp_path / "gpt").exists()


def test_another_tokenizer_or_a_changed_log_is_damage(tmp_path):
    root = make_root(tmp_path / "root")
    with (root / "model" / "train.jsonl").open("a") as log:
        log.write('{"step": 5, "tokens": 160, "loss": 0.1}\n')
    assert "Damaged" in (said := winnow_model("info", root=root, status=1))
    assert "train.jsonl: SHA-256" in said
    path = root / "model" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"tokenizer_sha256": "0" * 64}))
    said = winnow_model("export", str(tmp_path / "gpt"), root=root, status=1)
    assert "the model was trained with 0000000000000000...; run `winnow run train`" in said
    assert not (tmp_path / "gpt").exists()
