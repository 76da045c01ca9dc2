"""Why are two texts duplicates, or not: what they share, and how likely the bands were to see it.

Everything here is what the stage itself computes for the pair (shingles.py, bands.py, sketches.py,
verify.py), with the shared shingles given back as text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from corpus.words import Words, split_words
from filters.dedup import Banding, Measure
from filters.dedup.bands import detection_probability, digest_bands
from filters.dedup.copies import text_digests
from filters.dedup.minhash import signatures
from filters.dedup.shingles import UInt64Array, shingle_sets, shingles_of
from filters.dedup.sketches import agreements, least_agreements, num_hashes, sketches
from filters.dedup.verify import are_duplicates, similarities

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
    is_copy: bool
    """Whether they are the same word by word: such texts are duplicates before anything else."""
    num_shared_bands: int
    num_bands: int
    num_rows: int
    """Hashes a band."""
    chance: float
    """Chance that two texts of this similarity share a band."""
    num_agreeing: int
    """Hashes in which their sketches agree."""
    least_agreeing: int
    """In how many they must, or the pair is ruled out before it is compared."""
    threshold: float
    measure: Measure
    """What the threshold is of: of containment, the larger of the two counts."""
    is_duplicate: bool
    """Whether they are duplicates once they are proposed: a text without a word never is."""


def compare(first: str, second: str, banding: Banding, *, seed: int, num_texts: int) -> Comparison:
    """Compare two texts as the stage does; num_texts: shared shingles given as text at most."""
    texts = pa.array([first, second], pa.large_string())
    words = split_words(texts)
    found = shingles_of(texts, words, banding)
    sets = shingle_sets(found)
    a, b = (sets.hashes[sets.offsets[i] : sets.offsets[i + 1]] for i in range(2))
    common = np.intersect1d(a, b, assume_unique=True)
    similar = similarities(sets, np.array([0]), sets, np.array([1]))
    similarity = float(similar["jaccard"][0])
    length = num_hashes(banding)
    hashes = signatures(found, num_hashes=length, seed=seed, scheme=banding.scheme)
    keys, sketch = digest_bands(hashes, banding), sketches(hashes)
    digests = text_digests(words)
    chance = detection_probability(
        np.array([similarity]), num_bands=banding.num_bands, num_rows=banding.num_rows
    )
    has_words = bool(len(a) and len(b))
    return Comparison(
        num_words=(int(words.offsets[1]), int(words.offsets[2] - words.offsets[1])),
        num_shingles=(len(a), len(b)),
        num_shared=len(common),
        shared=_shown(first, words, common, banding)[:num_texts],
        jaccard=similarity,
        containment=(len(common) / max(len(a), 1), len(common) / max(len(b), 1)),
        is_copy=has_words and bool((digests[0] == digests[1]).all()),
        num_shared_bands=int((keys[0] == keys[1]).sum()) if has_words else 0,
        num_bands=banding.num_bands,
        num_rows=banding.num_rows,
        chance=float(chance[0]),
        num_agreeing=int(agreements(sketch[:1], sketch[1:])[0]) if has_words else 0,
        least_agreeing=least_agreements(banding),
        threshold=banding.threshold,
        measure=banding.measure,
        is_duplicate=bool(are_duplicates(similar, banding)[0]),
    )


def _shown(text: str, words: Words, common: UInt64Array, banding: Banding) -> tuple[str, ...]:
    """The first of the texts' shingles that are in common, each once, as it has them."""
    data, num_words = text.encode(), int(words.offsets[1])
    size = min(banding.ngram_size, num_words)
    runs = [
        data[words.starts[at] : words.ends[at + size - 1]].decode()
        for at in range(num_words - size + 1 if num_words else 0)
    ]
    column = pa.array(runs, pa.large_string())
    hashes = shingles_of(column, split_words(column), banding).hashes
    _, occurs = np.unique(hashes, return_index=True)
    places = np.sort(occurs[np.isin(hashes[occurs], common)])
    return tuple(runs[at] for at in places.tolist())


def curve(banding: Banding) -> list[tuple[float, float]]:
    """Chance to be proposed, 1 - (1 - s^rows)^bands, at each similarity of CURVE."""
    at = np.array(CURVE)
    chances = detection_probability(at, num_bands=banding.num_bands, num_rows=banding.num_rows)
    return list(zip(CURVE, chances.tolist(), strict=True))
