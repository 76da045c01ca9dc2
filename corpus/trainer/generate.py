"""Text from a trained model: sample.txt.

Ancestral sampling with a temperature over the top_k likeliest tokens, from a seeded generator on
the CPU, so that the same weights give the same text. Each token costs a pass over all tokens before
it (no key-value cache): right for a sample, too slow for serving.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch

from corpus.errors import Damaged
from corpus.tokenizer.files import load
from corpus.trainer.checkpoints import newest_weights
from corpus.trainer.model import GPT
from corpus.trainer.settings import ModelShape, TrainSettings

CONFIG_FILE = "config.json"
SAMPLE_FILE = "sample.txt"


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


def write_samples(folder: Path, *, tokenizer: Path, settings: TrainSettings, seed: int) -> str:
    """Write and return sample.txt: one continuation of each prompt."""
    model, vocabulary = open_model(folder), load(tokenizer)
    texts = []
    for number, prompt in enumerate(settings.sample_prompts):
        ids = [vocabulary.eot_id, *vocabulary.encode([prompt])[0]]
        sampled = generate(
            model,
            ids,
            eot_id=vocabulary.eot_id,
            num_tokens=settings.sample_tokens,
            min_tokens=min(settings.sample_min_tokens, settings.sample_tokens),
            temperature=settings.temperature,
            top_k=settings.top_k,
            seed=seed + number,
        )
        texts.append(prompt + vocabulary.decode(sampled))
    joined = "\n\n=====\n\n".join(texts) + "\n"
    (folder / SAMPLE_FILE).write_text(joined, encoding="utf-8")
    return joined


@torch.no_grad()
def generate(
    model: GPT,
    prompt: Sequence[int],
    *,
    eot_id: int,
    num_tokens: int,
    min_tokens: int = 0,
    temperature: float = 1.0,
    top_k: int = 0,
    seed: int = 0,
) -> list[int]:
    """Ids that follow the prompt: at most num_tokens, without the end-of-text that may end them.

    Before min_tokens end-of-text is never drawn.
    prompt: at least one id; of a long one the last `context` count. temperature 0 = the likeliest.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = list(prompt)
    while len(ids) < len(prompt) + num_tokens:
        window = torch.tensor([ids[-model.shape.context :]], device=model.tokens.weight.device)
        logits = model.logits(window)[0].cpu()
        if len(ids) < len(prompt) + min_tokens:
            logits[eot_id] = -torch.inf
        token = _choose(logits, temperature=temperature, top_k=top_k, generator=generator)
        if token == eot_id:
            break
        ids.append(token)
    return ids[len(prompt) :]


def _choose(
    logits: torch.Tensor, *, temperature: float, top_k: int, generator: torch.Generator
) -> int:
    if temperature == 0:
        return int(logits.argmax())
    kept = min(top_k or len(logits), len(logits))
    values, indices = torch.topk(logits, kept)
    chances = torch.softmax(values / temperature, 0)
    return int(indices[torch.multinomial(chances, 1, generator=generator)])
