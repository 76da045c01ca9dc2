"""Which words of a benchmark's text stand in N-grams that documents hold.

Its N-grams are looked up by their words among those that the stage found (`benchmark_ngrams`), so
that marks are what was counted: no document is read for them.
Cost: a second for a million characters of the texts asked for, whatever else the table holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.words import normalise, split_words
from jobs.reporting.contamination_facts import EXEMPT, FOUND, PLAIN, Marked, Ngram, Piece


class Field(NamedTuple):
    """A field of an item, and N of its benchmark."""

    name: str
    text: str
    ngram_size: int


class Marker:
    """Knows the found N-grams of some fields."""

    def __init__(self, fields: Sequence[Field], ngrams: pa.Table) -> None:
        """Look up every N-gram of the fields; ngrams: as `benchmark_ngrams`."""
        asked = {ngram for field in fields for ngram in _ngrams(field)}
        value_set = pa.array(sorted(asked), pa.string())
        found = ngrams.filter(pc.is_in(ngrams["ngram"], value_set=value_set))
        self._found = {
            row["ngram"]: Ngram(words=row.pop("ngram"), **row) for row in found.to_pylist()
        }

    def marked(self, field: Field) -> Marked:
        """The text in pieces; a word in an N-gram that is removed is FOUND, whatever else holds."""
        words = split_words(pa.array([field.text], pa.large_string()))
        kinds = self._kinds(field, len(words.starts))
        edges = np.flatnonzero(np.diff(kinds, prepend=-1, append=-1)).tolist()
        raw, at = field.text.encode(), 0
        pieces: Marked = []
        for first, end in pairwise(edges):
            if kinds[first] != PLAIN:
                start, stop = int(words.starts[first]), int(words.ends[end - 1])
                found = Piece(int(kinds[first]), raw[start:stop].decode())
                pieces += [Piece(PLAIN, raw[at:start].decode()), found]
                at = stop
        pieces.append(Piece(PLAIN, raw[at:].decode()))
        return [piece for piece in pieces if piece.text]

    def most_frequent(self, fields: Sequence[Field], limit: int) -> list[Ngram]:
        """The N-grams of some fields that most documents hold, ties by their words."""
        held = {ngram for field in fields for ngram in _ngrams(field)} & self._found.keys()
        found = sorted((self._found[ngram] for ngram in held),
                       key=lambda ngram: (-ngram.num_documents, ngram.words))  # fmt: skip
        return found[:limit]

    def _kinds(self, field: Field, num_words: int) -> npt.NDArray[np.int64]:
        """int64 (num_words,): kind of each word of a text."""
        kinds = np.full(num_words, PLAIN, np.int64)
        for place, words in enumerate(_ngrams(field)):
            ngram = self._found.get(words)
            if ngram is not None:
                own = kinds[place : place + field.ngram_size]
                own[own != FOUND] = EXEMPT if ngram.exempt else FOUND
        return kinds


def _ngrams(field: Field) -> list[str]:
    """Each N-gram of a field, as the tables have it."""
    words = normalise(field.text).split()
    size = field.ngram_size
    return [" ".join(words[k : k + size]) for k in range(len(words) - size + 1)]
