"""Copies whose answer is known: what a run of the stage is tested on while it runs.

A keyed share of the documents is each given one copy, mutated in a named way (`KINDS`). The copies
go through the stage beside the corpus and decide nothing in it; selftest.py then holds what was
found of them against what the bands promise.

The numbers that a mutation (filters/mutations.py) draws are keyed by seed, PLANT_STAGE and plant.
How like its original a copy has become is not promised here but measured on the two texts. Limit:
words put in are the document's own, so under shingles of one word even a distant copy is like its
original.
Cost: 1 to 2 us a word for each plant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from corpus.identity import DocId, doc_id_of_place, keyed_hash, keyed_uniform
from corpus.words import split_words
from filters.dedup.shingles import Int64Array
from filters.mutations import (
    Draws,
    Mutation,
    Pieces,
    changed,
    cut,
    edited,
    entities,
    joined,
    other_than,
    recased,
    repunctuated,
    rewrapped,
    some,
    vocabulary,
)

PLANT_STAGE = "plant"  # key of the hash that chooses originals and draws their mutations
MIN_WORDS = 50  # as Gopher A1.1; of fewer, one edit of 5-word shingles moves the similarity by 0.2

KINDS: dict[str, str] = {
    "rewrapped": "lines broken at another width; every word stays",
    "recased": "all upper case, all lower case, title case or case swapped; every word stays",
    "repunctuated": "signs added, removed or changed at a fifth of the gaps; every word stays",
    "entities": "signs and blanks as HTML entities, whose names are new words: & is &amp;, so amp",
    "edited_1": "1 % of the words replaced, inserted or deleted",
    "edited_2": "2 % of the words replaced, inserted or deleted",
    "edited_4": "4 % of the words replaced, inserted or deleted",
    "edited_8": "8 % of the words replaced, inserted or deleted",
    "edited_16": "16 % of the words replaced, inserted or deleted",
    "truncated": "the first 70 to 99 % of the words",
    "embedded": "the whole text between its own words in disorder, 40 to 70 % of all words",
    "distant": "30 to 50 % of the words replaced: as a rule no duplicate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One mutated copy."""

    doc_id: DocId
    """Its own id, of (original, kind): no document of the corpus has it."""
    original_doc_id: DocId
    kind: str
    """One of KINDS."""
    text: str


class Chosen(NamedTuple):
    """Documents that a copy is planted of."""

    rows: Int64Array
    """int64 (num_chosen,), ascending."""
    kinds: list[str]
    """The kind of each copy."""


def choose(doc_ids: pa.Array | pa.ChunkedArray, *, share: float, seed: int) -> Chosen:
    """Documents to plant a copy of, each with the chance `share`, and the kinds of the copies.

    doc_ids: binary(16) (num_documents,). For N plants, share is N / documents of the whole corpus:
    N on average. All kinds are equally likely. Both depend on seed and document alone, and a
    larger share adds documents without changing those of a smaller one.
    Raises ValueError where share is not 0..1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share of documents to plant is {share}, expected 0..1")
    rows = np.flatnonzero(keyed_uniform(doc_ids, seed=seed, stage=PLANT_STAGE) < share)
    numbers = keyed_hash(doc_ids, seed=seed, stage=PLANT_STAGE)[rows] % np.uint64(len(KINDS))
    names = list(KINDS)
    return Chosen(rows, [names[number] for number in numbers.tolist()])


def is_long_enough(text: str) -> bool:
    """Whether a text has the MIN_WORDS words without which its plant says little."""
    return len(split_words(pa.array([text], pa.large_string())).starts) >= MIN_WORDS


def plant(doc_id: bytes, text: str, kind: str, *, seed: int) -> Plant:
    """The copy of this kind of a document; of a text without words, the text as it is.

    doc_id: the original's, 16 bytes. Raises ValueError where the kind is not one of KINDS.
    """
    if kind not in KINDS:
        raise ValueError(f"kind of plant is {kind!r}, expected one of {', '.join(KINDS)}")
    plant_id = doc_id_of_place(PLANT_STAGE, doc_id.hex(), list(KINDS).index(kind))
    pieces = cut(text)
    draws = Draws(f"{seed}\x00{PLANT_STAGE}\x00".encode() + plant_id)
    copy = MUTATIONS[kind](pieces, draws) if pieces.words else text
    return Plant(doc_id=plant_id, original_doc_id=DocId(doc_id), kind=kind, text=copy)


def _distant(pieces: Pieces, draws: Draws) -> str:
    words, others = pieces.words, vocabulary(pieces)
    replaced = some(words, draws.between(0.3, 0.5), draws)
    return changed(pieces, {i: other_than(words[i], others, draws) for i in replaced})


def _truncated(pieces: Pieces, draws: Draws) -> str:
    num_kept = max(1, round(draws.between(0.70, 0.99) * len(pieces.words)))
    return joined(pieces.words[:num_kept], [*pieces.gaps[:num_kept], ""])


def _embedded(pieces: Pieces, draws: Draws) -> str:
    num_words = len(pieces.words)
    num_filler = round(num_words / draws.between(0.4, 0.7)) - num_words
    filler = [pieces.words[draws.below(num_words)] for _ in range(num_filler)]
    place = draws.below(num_filler + 1)
    text = joined(pieces.words, pieces.gaps)
    return "\n\n".join([" ".join(filler[:place]), text, " ".join(filler[place:])])


MUTATIONS: dict[str, Mutation] = {
    "rewrapped": rewrapped,
    "recased": recased,
    "repunctuated": repunctuated,
    "entities": entities,
    **{f"edited_{percent}": partial(edited, percent=percent) for percent in (1, 2, 4, 8, 16)},
    "truncated": _truncated,
    "embedded": _embedded,
    "distant": _distant,
}
