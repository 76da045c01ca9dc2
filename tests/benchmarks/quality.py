"""Scoring texts, against scikit-learn's pipeline and fastText's predict, in documents a second.

Ours reads an Arrow column; the peers read a list of strings, fastText's in normal form already.
- scikit-learn has the same 2^18 weights, drawn at random, since speed does not depend on them, and
  the scores' sums must be equal. Its words are those of `[^\\W_]+`; the few documents where ours
  are others (marks, scripts without spaces) are left out.
- fastText has a model of its own (100 dimensions, single words): one rate against another, with no
  common result. Reduced to a number a word, that same model is then scored by our kernel too, and
  the sums must be equal.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpus.fasttext_trainer import END_OF_LINE
from corpus.normal_form import normal_form
from corpus.words import normalise
from filters.quality.classifiers.fasttext import FastTextModel
from filters.quality.classifiers.model import QualityModel
from tests.benchmarks.frame import BUILD, Peer, Row, in_turn, peer_input, require, sample_texts

NUM_FEATURES = 2**18
NUM_BYTES = 20_000_000
WORD = re.compile(r"[^\W_]+")
ADDED = 1e-5  # by fastText, before the logarithm that it ranks labels by


def rows(data: Path) -> list[Row]:
    texts = [
        text
        for text in sample_texts(data, num_bytes=NUM_BYTES).texts
        if WORD.findall(text.lower()) == normalise(text).split(" ")
    ]
    weights = np.random.default_rng(0).normal(size=NUM_FEATURES + 1)
    model = QualityModel(weights=weights[:-1], intercept=float(weights[-1]), scale="length")
    column = pa.array(texts, pa.large_string())
    lines = peer_input("quality-lines", normal_form(column).to_pylist())
    return [
        _scikit_learn(column, model, peer_input("quality-texts", texts)),
        *_fasttext(column, model, lines),
    ]


def _scikit_learn(column: pa.Array, model: QualityModel, texts: Path) -> Row:
    saved = BUILD / "bench" / "weights.npy"
    np.save(saved, np.append(model.weights, model.intercept))
    with Peer("sklearn_pipeline.py", texts, saved) as peer:
        found = in_turn(len(column), lambda: float(model.score(column).sum()), peer)
    _require_same(found.our_result, found.peer_result)
    return found.row("quality", "score / scikit-learn's pipeline", unit="docs/s", target=10.0)


def _fasttext(column: pa.Array, model: QualityModel, lines: Path) -> list[Row]:
    folder = BUILD / "bench" / "fasttext"
    with Peer("fasttext_predict.py", lines, folder, "1") as peer:
        other = in_turn(len(column), lambda: float(model.score(column).sum()), peer)
        own = reduced(folder)
        same = in_turn(len(column), lambda: float(own.score(column).sum()), peer)
    _require_same(same.our_result + len(column) * ADDED, same.peer_result)
    return [
        other.row("quality", "score / fastText's predict", unit="docs/s", target=5.0),
        same.row("quality", "fastText's scores / its predict", unit="docs/s", target=3.0),
    ]


def reduced(folder: Path) -> FastTextModel:
    """The peer's model as a number a word."""
    words = (folder / "words.txt").read_text(encoding="utf-8").split("\n")
    inputs, outputs = (np.load(folder / f"{name}.npy") for name in ("inputs", "outputs"))
    sums = inputs.astype(np.float64) @ (outputs[0] - outputs[1]).astype(np.float64)
    end = words.index(END_OF_LINE)
    return FastTextModel(
        words=tuple(words[:end] + words[end + 1 :]),
        weights=np.delete(sums[: len(words)], end),
        run_weights=np.zeros(0),
        end_weight=float(sums[end]),
        ngrams=1,
        intercept=0.0,
    )


def _require_same(ours: float, theirs: float) -> None:
    require(bool(np.isclose(ours, theirs)), f"sum of scores: {ours}, peer {theirs}")
