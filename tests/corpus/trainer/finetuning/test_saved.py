"""A fine-tuned model in a folder answers as it did, and one whose bytes changed is refused."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

from corpus.errors import Damaged
from corpus.tokenizer.files import load
from corpus.trainer.finetuning.classifier import Classifier
from corpus.trainer.finetuning.encoding import Targets, encode_examples
from corpus.trainer.finetuning.saved import open_finetuned, save_finetuned
from corpus.trainer.finetuning.settings import FinetuneSettings
from corpus.trainer.finetuning.tasks import Example, Task
from corpus.trainer.finetuning.training import predict
from corpus.trainer.model import GPT
from corpus.trainer.shapes import ModelShape

SHAPE = ModelShape(num_layers=1, num_heads=2, width=16, context=32)
TASK = Task(kind="entailment", fields={"premise": "p"})
TARGETS = Targets(classes=("no", "yes"))
SETTINGS = FinetuneSettings()
ROWS = [
    Example(line=1, texts=("the cat sat", "one dog run"), label="no"),
    Example(line=2, texts=("two small trees", "the cat"), label="yes"),
]


@pytest.fixture
def saved(data, tmp_path):
    """A folder with a model, and what the model answers."""
    vocabulary = load(data.tokenizer)
    model = Classifier(GPT(SHAPE, vocabulary.size, seed=4), TASK, 2, seed=9)
    encoded = encode_examples(ROWS, TASK, TARGETS, vocabulary, context=32)
    save_finetuned(
        model, vocabulary, tmp_path, targets=TARGETS, settings=SETTINGS, start="pretrained",
        seed=9, results={"epochs": [{"accuracy": 0.5}]},
    )  # fmt: skip
    return tmp_path, predict(model, encoded, SETTINGS)


def test_an_opened_model_answers_as_it_did(saved):
    folder, answers = saved
    model, vocabulary, config = open_finetuned(folder)
    encoded = encode_examples(ROWS, config.task, config.targets, vocabulary, context=32)
    assert predict(model, encoded, config.settings) == answers
    assert (config.task, config.targets, config.shape) == (TASK, TARGETS, SHAPE)
    assert (config.start, config.seed) == ("pretrained", 9)
    assert config.results == {"epochs": [{"accuracy": 0.5}]}


def test_weights_that_are_not_those_written_are_refused(saved):
    folder, _ = saved
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged, match=r"model.safetensors: SHA-256 .* but config.json says"):
        open_finetuned(folder)


def test_another_config_is_refused(saved):
    folder, _ = saved
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(Damaged, match="expected a folder that `winnow finetune --out` wrote"):
        open_finetuned(folder)
    with pytest.raises(Damaged, match="expected a folder that"):
        open_finetuned(folder / "none")
