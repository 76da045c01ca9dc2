"""A model as training leaves it: config.json beside its checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from corpus.errors import Damaged, InputError
from corpus.trainer.checkpoints import newest_weights
from corpus.trainer.model import GPT
from corpus.trainer.settings import TrainSettings
from corpus.trainer.shapes import ModelShape

CONFIG_FILE = "config.json"


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """config.json: what a model is and how it was trained."""

    shape: ModelShape
    vocab_size: int
    """Ids are below it; the weights are padded to a multiple of 64."""
    eot_id: int
    """The end-of-text id."""
    num_parameters: int
    """Without the padding, embeddings counted once."""
    tokenizer_sha256: str
    """Of tokenizer.json."""
    shards_sha256: str
    """Over the SHA-256 of the train and validation shards, in order."""
    train_tokens: int
    """Tokens of the train split."""
    validation_tokens: int
    """Tokens of the validation split."""
    seed: int
    """Key of the first weights and of the order of samples."""
    settings: TrainSettings


def is_gpt2(folder: Path) -> bool:
    """Whether a model's folder is of a GPT2LMHeadModel, not of ours; raises InputError for none."""
    path = folder / CONFIG_FILE
    try:
        return "model_type" in json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: {error}; expected the folder of a model: a root's model/, or one that "
            "`winnow model export` or transformers' save_pretrained wrote"
        ) from error


def read_config(folder: Path) -> ModelConfig:
    """The config.json of a folder that train() wrote; raises Damaged where it is not one."""
    path = folder / CONFIG_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelConfig)
    except (OSError, msgspec.MsgspecError) as error:
        raise Damaged(f"{path}: {error}; run `winnow run train --force`") from error


def open_model(folder: Path) -> GPT:
    """The model of a folder that train() wrote, with its newest weights, on the CPU."""
    config = read_config(folder)
    model = GPT(config.shape, config.vocab_size)
    model.load_state_dict(newest_weights(folder / "checkpoints"))
    return model.eval()
