"""Scoring texts, against scikit-learn's pipeline of HashingVectorizer and LogisticRegression.

Both score the same texts with the same 2^18 weights, drawn at random, since speed does not depend
on them, and must agree on the scores' sum. Ours is the same vectoriser with the product taken by
hand: parity is what it can promise, and the target leaves a tenth for the machine's noise.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from filters.quality.model import QualityModel
from tests.benchmarks.frame import BUILD, Peer, Row, in_turn, require, sample_texts

NUM_FEATURES = 2**18


def rows(data: Path) -> list[Row]:
    sample = sample_texts(data, num_bytes=5_000_000)
    weights = np.random.default_rng(0).normal(size=NUM_FEATURES + 1)
    saved = BUILD / "bench" / "weights.npy"
    np.save(saved, weights)
    model = QualityModel(weights=weights[:-1], intercept=float(weights[-1]), scale="length")
    texts = pa.array(sample.texts, pa.large_string())
    with Peer("sklearn_pipeline.py", sample.path, saved) as peer:
        found = in_turn(len(texts), lambda: float(model.score(texts).sum()), peer)
    require(
        bool(np.isclose(found.our_result, found.peer_result)),
        f"sum of scores: {found.our_result}, peer {found.peer_result}",
    )
    return [found.row("quality", "score / scikit-learn's pipeline", unit="docs/s", target=0.9)]
