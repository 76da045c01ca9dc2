"""A fine-tuned model in a folder: written whole, and opened without running code.

    config.json          architecture, task, classes or scale, settings, seed, and how it did
    model.safetensors    all weights, float32
    tokenizer/           of the model that it began as

`open_finetuned` gives back a model whose `predict` (training.py) answers encoded examples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file

from corpus.errors import Damaged
from corpus.shards import file_sha256
from corpus.tokenizer.files import load, save
from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.checkpoints import MODEL_FILE, save_tensors
from corpus.trainer.finetuning.classifier import Classifier
from corpus.trainer.finetuning.encoding import Targets
from corpus.trainer.finetuning.settings import FinetuneSettings
from corpus.trainer.finetuning.tasks import Task
from corpus.trainer.model import GPT
from corpus.trainer.saved import CONFIG_FILE
from corpus.trainer.shapes import ModelShape

TOKENIZER_FOLDER = "tokenizer"

Start = Literal["pretrained", "from_scratch"]


class FinetunedConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """config.json of a fine-tuned model."""

    task: Task
    targets: Targets
    settings: FinetuneSettings
    start: Start
    """What its weights were before."""
    seed: int
    """Of the new parameters, the order of examples, dropout, and first weights."""
    shape: ModelShape
    vocab_size: int
    """Without the three new tokens, whose ids follow."""
    weights_sha256: str
    """Of model.safetensors."""
    results: dict[str, Any]
    """Rows, losses and development scores, as plain values."""


class Finetuned(NamedTuple):
    """A fine-tuned model as it is opened."""

    model: Classifier
    vocabulary: Vocabulary
    config: FinetunedConfig


def save_finetuned(
    model: Classifier,
    vocabulary: Vocabulary,
    folder: Path,
    *,
    targets: Targets,
    settings: FinetuneSettings,
    start: Start,
    seed: int,
    results: dict[str, Any],
) -> None:
    """Write the three into an empty folder."""
    save_tensors(
        {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()},
        folder / MODEL_FILE,
    )
    (folder / TOKENIZER_FOLDER).mkdir()
    save(vocabulary, folder / TOKENIZER_FOLDER, {})
    config = FinetunedConfig(
        task=model.task,
        targets=targets,
        settings=settings,
        start=start,
        seed=seed,
        shape=model.gpt.shape,
        vocab_size=model.gpt.vocab_size,
        weights_sha256=file_sha256(folder / MODEL_FILE),
        results=results,
    )
    text = msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n"
    (folder / CONFIG_FILE).write_bytes(text)


def open_finetuned(folder: Path) -> Finetuned:
    """The model of a folder that save_finetuned wrote, on the CPU; raises Damaged."""
    try:
        config = msgspec.json.decode((folder / CONFIG_FILE).read_bytes(), type=FinetunedConfig)
        found = file_sha256(folder / MODEL_FILE)
        if found != config.weights_sha256:
            raise Damaged(
                f"{folder / MODEL_FILE}: SHA-256 {found[:16]}..., but {CONFIG_FILE} says "
                f"{config.weights_sha256[:16]}...; expected the file as it was written: fine-tune "
                "anew"
            )
        weights = load_file(folder / MODEL_FILE)
    except (OSError, msgspec.MsgspecError, SafetensorError) as error:
        raise Damaged(
            f"{folder}: {error}; expected a folder that `winnow finetune --out` wrote"
        ) from error
    gpt = GPT(config.shape, config.vocab_size)
    model = Classifier(gpt, config.task, config.targets.num_outputs, seed=config.seed)
    model.load_state_dict(weights)
    return Finetuned(model.eval(), load(folder / TOKENIZER_FOLDER), config)
