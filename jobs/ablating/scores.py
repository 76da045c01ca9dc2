"""Nats of each text under each model, kept beside the models so that none is scored twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus.datasets import Dataset, open_dataset
from corpus.storage import Store
from corpus.tokenizer.files import load
from corpus.trainer import prepare_torch
from jobs.ablating.texts import HeldText

FloatArray = npt.NDArray[np.float64]

SCORES_FILE = ("_ablation", "scores.json")
"""In the root of a model: the nats of each text, and of what they are."""
NUM_SEQUENCES = 16
MIN_CONTEXT = 1
"""Windows as lm-evaluation-harness's, each token scored once in one pass: what is compared is
models, and half a context before each token would take two."""


def score(store: Store, texts: Sequence[HeldText]) -> FloatArray:
    """Nats of each text under the root's model, float64 (num_texts,): read, or made and kept."""
    model, tokenizer = open_dataset(store, "model"), open_dataset(store, "tokenizer")
    mark = _mark(model, tokenizer, texts)
    if store.exists(*SCORES_FILE):
        known = json.loads(store.read(*SCORES_FILE))
        if known["of"] == mark:
            return np.array(known["nats"], np.float64)
    nats = _score(model.folder(), tokenizer.folder(), texts)
    store.write(json.dumps({"of": mark, "nats": nats.tolist()}).encode(), *SCORES_FILE)
    return nats


def _mark(model: Dataset, tokenizer: Dataset, texts: Sequence[HeldText]) -> str:
    """SHA-256 of everything that the nats depend on but code."""
    of = [model.digest(), tokenizer.digest(), [(text.text_id, text.pieces) for text in texts]]
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()


def _score(folder: Path, tokenizer: Path, texts: Sequence[HeldText]) -> FloatArray:
    prepare_torch()
    from corpus.trainer.evaluation.scoring import score_texts
    from corpus.trainer.saved import open_model, read_config
    from corpus.trainer.training import torch_set

    pieces = [(str(row), piece) for row, text in enumerate(texts) for piece in text.pieces]
    with torch_set(read_config(folder).settings) as device:
        found = score_texts(
            open_model(folder).to(device), load(tokenizer), pieces,
            num_sequences=NUM_SEQUENCES, min_context=MIN_CONTEXT,
        )  # fmt: skip
    rows = np.array([int(one.text_id) for one in found], np.int64)
    return np.bincount(rows, [one.nats for one in found], len(texts)).astype(np.float64)
