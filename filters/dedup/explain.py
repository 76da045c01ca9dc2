"""Why are two texts duplicates, or not: what they share, and how likely the bands were to see it.

Everything here is what the stage itself computes for the pair (shingles.py, bands.py, verify.py),
with the shared shingles given back as text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from corpus.words import split_words
from filters.dedup import Banding
from filters.dedup.bands import detection_probability, shingle_digests
from filters.dedup.shingles import shingle_sets, word_shingles
from filters.dedup.verify import jaccard

CURVE = tuple(step / 20 for step in range(2, 21))
"""Similarities at which a curve is told: 0.10, 0.15, ... 1."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two texts side by side; pairs of numbers are of the first and of the second."""

    num_words: tuple[int, int]
    num_shingles: tuple[int, int]
    """Distinct shingles."""
    num_shared: int
    """Distinct shingles that both have."""
    shared: tuple[str, ...]
    """Some of them, as the first text has them, in its order."""
    jaccard: float
    """Shared over all; 0 where neither text has a word."""
    containment: tuple[float, float]
    """Share of the first's shingles that the second has, and the other way round."""
    num_shared_bands: int
    num_bands: int
    num_rows: int
    """Hashes a band."""
    chance: float
    """Chance that two texts of this similarity share a band."""
    threshold: float
    is_duplicate: bool
    """Whether they are duplicates once they are proposed: a text without a word never is."""


def compare(first: str, second: str, banding: Banding, *, seed: int, num_texts: int) -> Comparison:
    """Compare two texts as the stage does; num_texts: shared shingles given as text at most."""
    words = split_words(pa.array([first, second], pa.large_string()))
    found = word_shingles(words, ngram_size=banding.ngram_size)
    sets = shingle_sets(found)
    a, b = (sets.hashes[sets.offsets[i] : sets.offsets[i + 1]] for i in range(2))
    common = np.intersect1d(a, b, assume_unique=True)
    similarity = float(jaccard(sets, np.array([0]), np.array([1]))[0])
    digests = shingle_digests(found, banding, seed=seed)
    shared_bands = int((digests[0] == digests[1]).sum()) if len(a) and len(b) else 0
    in_first = found.hashes[: found.offsets[1]]
    _, occurs = np.unique(in_first, return_index=True)
    places = np.sort(occurs[np.isin(in_first[occurs], common)])[:num_texts].tolist()
    data, last = first.encode(), int(words.offsets[1]) - 1
    shared = [
        data[words.starts[at] : words.ends[min(at + banding.ngram_size - 1, last)]].decode()
        for at in places
    ]
    chance = detection_probability(
        np.array([similarity]), num_bands=banding.num_bands, num_rows=banding.num_rows
    )
    return Comparison(
        num_words=(int(words.offsets[1]), int(words.offsets[2] - words.offsets[1])),
        num_shingles=(len(a), len(b)),
        num_shared=len(common),
        shared=tuple(shared),
        jaccard=similarity,
        containment=(len(common) / max(len(a), 1), len(common) / max(len(b), 1)),
        num_shared_bands=shared_bands,
        num_bands=banding.num_bands,
        num_rows=banding.num_rows,
        chance=float(chance[0]),
        threshold=banding.threshold,
        is_duplicate=similarity >= banding.threshold,
    )


def curve(banding: Banding) -> list[tuple[float, float]]:
    """Chance to be proposed, 1 - (1 - s^rows)^bands, at each similarity of CURVE."""
    at = np.array(CURVE)
    chances = detection_probability(at, num_bands=banding.num_bands, num_rows=banding.num_rows)
    return list(zip(CURVE, chances.tolist(), strict=True))
