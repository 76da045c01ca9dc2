"""The learned model: token weights, two ensembles, and the cut that they lead to.

The first ensemble scores each block by its measures and by the linear score around it; the second
sees the first one's probabilities around the block as well, so that neighbours, containers and
blocks of one kind agree. A block's probability is the mean of both: the expected share of its words
that are main text. The cut keeps the blocks above the threshold that maximises the expected F1 of
the page's words, so no threshold is set by hand.
A model is stored as arrays; to load it executes nothing.
"""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.errors import Damaged
from corpus.extraction.blocks.features import (
    NUM_KINDS,
    NUM_MEASURES,
    NUM_SURROUND,
    measure,
    surround,
    token_scores,
)
from corpus.extraction.blocks.markup import NUM_TOKENS
from corpus.extraction.blocks.scan import UNITS, WORD_END, WORD_START, Scan
from corpus.extraction.blocks.structure import Structure, repeats, structure_of
from corpus.extraction.blocks.trees import Trees

# Gold pages, cross-validated: 100 or 150 words F1 +.0003, 50 words -.004 (test pages of Readability
# repeat a paragraph of filler text).
MIN_COPY_WORDS, MIN_COPY_SHARE = 100, 0.9

Float32Array = npt.NDArray[np.float32]


class Model(NamedTuple):
    """A trained model."""

    weights: Float32Array
    """float32 (NUM_KINDS, NUM_TOKENS): linear weights of hashed tokens."""
    first: Trees
    """Over NUM_MEASURES + NUM_SURROUND columns."""
    second: Trees
    """Over NUM_SURROUND more, of the first ensemble's probabilities."""

    def probabilities(self, scan: Scan) -> Float32Array:
        """float32 (num_blocks,): expected share of each block's words that are main text."""
        structure = structure_of(scan)
        features = first_features(scan, structure, self.weights)
        first = self.first.probabilities(features)
        second = self.second.probabilities(second_features(scan, structure, features, first))
        return (first + second) / np.float32(2)


def first_features(scan: Scan, structure: Structure, weights: Float32Array) -> Float32Array:
    """float32 (num_blocks, NUM_MEASURES + NUM_SURROUND): the first ensemble's input."""
    scores = token_scores(scan.element, scan.block, scan.tokens, scan.words, weights)
    own = measure(
        scan.element, scan.block, scan.words, scan.title, scan.hints, scores, *structure
    )
    around = surround(scan.element, scan.block, *structure, scores[:, 0] + scores[:, 1])
    return np.hstack([own, around])


def second_features(
    scan: Scan, structure: Structure, features: Float32Array, first: Float32Array
) -> Float32Array:
    """float32 (num_blocks, NUM_MEASURES + 2 * NUM_SURROUND): the second ensemble's input."""
    return np.hstack([features, surround(scan.element, scan.block, *structure, first)])


def choose(probabilities: Float32Array, units: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """The cut with the greatest expected F1 of words: bool (num_blocks,).

    With the blocks in the order of their probability p, of n units each, keeping the first k gives
    F1 = 2 * sum_k(p n) / (sum_k(n) + sum(p n)) where the sums are taken for their expectations.
    """
    order = np.argsort(-probabilities, kind="stable")
    sizes = units[order].astype(np.float64)
    right = np.cumsum(probabilities[order] * sizes)
    expected = 2 * right / (np.cumsum(sizes) + right[-1])
    threshold = probabilities[order[int(np.argmax(expected))]]
    chosen: npt.NDArray[np.bool_] = probabilities >= threshold
    return chosen


def keep_blocks(scan: Scan, probabilities: Float32Array) -> npt.NDArray[np.bool_]:
    """The blocks of the main text, bool (num_blocks,): the cut, without long copies.

    A long block nearly all of whose word 4-grams stand in a kept block before it is a second copy
    of the article, for printing or for a player that reads it out.
    """
    keep = choose(probabilities, scan.block[:, UNITS])
    kept = np.flatnonzero(keep)
    blocks = scan.block[kept]
    is_long = blocks[:, WORD_END] - blocks[:, WORD_START] >= MIN_COPY_WORDS
    if is_long.any():
        is_copy = is_long & (repeats(blocks, scan.words)[:, 0] >= MIN_COPY_SHARE)
        keep[kept[is_copy]] = False
    return keep


def to_bytes(model: Model) -> bytes:
    """The model as an .npz file."""
    file = io.BytesIO()
    arrays: dict[str, Any] = {"weights": model.weights.astype(np.float16)}
    for name, trees in (("first", model.first), ("second", model.second)):
        arrays |= {f"{name}_{field}": array for field, array in trees._asdict().items()}
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def from_bytes(packed: bytes) -> Model:
    """The model of an .npz file; raises Damaged where its arrays do not fit the features."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        first, second = (
            Trees(*(arrays[f"{name}_{field}"] for field in Trees._fields))
            for name in ("first", "second")
        )
        weights = arrays["weights"].astype(np.float32)
    num_first = NUM_MEASURES + NUM_SURROUND
    if (
        weights.shape != (NUM_KINDS, NUM_TOKENS)
        or first.feature.max() >= num_first
        or second.feature.max() >= num_first + NUM_SURROUND
    ):
        raise Damaged(
            f"blocks model: weights {weights.shape}, expected {(NUM_KINDS, NUM_TOKENS)}, and "
            f"features up to {first.feature.max()} and {second.feature.max()}, expected below "
            f"{num_first} and {num_first + NUM_SURROUND}: train it again with this version"
        )
    return Model(weights, first, second)
