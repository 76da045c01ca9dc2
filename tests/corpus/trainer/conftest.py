"""A small tokenizer and small shards for the trainer's tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from corpus.shards import (
    HEADER_BYTES,
    MANIFEST,
    ShardInfo,
    ShardManifest,
    Split,
    TokenFormat,
    file_sha256,
    make_manifest,
    shard_name,
    write_manifest,
)
from corpus.tokenizer.files import TOKENIZER_FILE, save
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.training import learn

# As corpus.trainer.prepare_torch, before any test imports torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

TEXT = "the cat sat on a mat and saw one dog run by two small trees in green rain"
WORDS = TEXT.split(" ")


class Data(NamedTuple):
    """What a training run reads."""

    shards: Path
    tokenizer: Path


def _write_shards(
    folder: Path, token_format: TokenFormat, splits: dict[Split, Sequence[np.ndarray]]
) -> ShardManifest:
    """Write headers, ids and the manifest of some shards; indexes are hashed here, but not read."""
    folder.mkdir(parents=True, exist_ok=True)
    infos = []
    for split, shards in splits.items():
        for number, tokens in enumerate(shards):
            name = shard_name(split, number)
            path = folder / f"{name}.bin"
            ids = tokens.astype(token_format.dtype).tobytes()
            path.write_bytes(token_format.header(len(tokens)) + ids)
            assert path.stat().st_size == HEADER_BYTES + len(ids)
            index = path.with_suffix(".idx")
            index.write_bytes(b"an index")
            infos.append(
                ShardInfo(
                    name=name,
                    split=split,
                    number=number,
                    num_tokens=len(tokens),
                    num_documents=1,
                    num_texts=1,
                    sha256=file_sha256(path),
                    index_sha256=file_sha256(index),
                )
            )
    manifest = make_manifest(token_format, infos, seed=0)
    write_manifest(folder / MANIFEST, manifest)
    return manifest


def random_text(num_words: int, seed: int) -> str:
    """Words in an order that a small model can learn something of: each hints at the next."""
    draw = np.random.default_rng(seed)
    word, words = 0, []
    for _ in range(num_words):
        word = (word + int(draw.integers(1, 4))) % len(WORDS)
        words.append(WORDS[word])
    return " ".join(words)


@pytest.fixture(scope="session")
def write_shards():
    return _write_shards


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Data:
    """Two train shards and one validation shard of made-up text, vocabulary of 300."""
    folder = tmp_path_factory.mktemp("data")
    texts = [random_text(1500, seed) for seed in range(3)]
    vocabulary = learn(*count_pretokens(pa.array(texts)), vocab_size=300)
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    save(vocabulary, tokenizer, {})
    token_format = TokenFormat(
        vocab_size=vocabulary.size,
        eot_id=vocabulary.eot_id,
        tokenizer_sha256=file_sha256(tokenizer / TOKENIZER_FILE),
    )
    ids = [np.array([vocabulary.eot_id, *encoded]) for encoded in vocabulary.encode(texts)]
    _write_shards(folder / "shards", token_format, {"train": ids[:2], "validation": ids[2:]})
    return Data(folder / "shards", tokenizer)
