"""Copies whose answer is known: what a run of the stage is tested on while it runs.

A keyed share of the documents is each given one copy, mutated in a named way (`KINDS`). The copies
go through the stage beside the corpus and decide nothing in it; selftest.py then holds what was
found of them against what the bands promise.

A mutation is a function of the text, cut at its words, and of numbers drawn for this plant: blake2b
of (seed, PLANT_STAGE, the plant's id, a counter). Any machine, order or partitioning makes the
same copies. Words are those of corpus/words.py, so that a rate means the same in every script.

How like its original a copy has become is not promised here but measured on the two texts. Limits:
words put in are the document's own, so under shingles of one word even a distant copy is like its
original; a text without a sign or blank to escape has an unchanged copy under `entities`.
Cost: 1 to 2 us a word for each plant.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from html.entities import codepoint2name
from itertools import count
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from corpus.identity import DocId, doc_id_of_place, keyed_hash, keyed_uniform
from corpus.words import split_words
from filters.dedup.shingles import Int64Array

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


class Pieces(NamedTuple):
    """A text cut at its words: gaps[0], words[0], gaps[1], ..., words[n - 1], gaps[n]."""

    words: list[str]
    """str (num_words,), as written."""
    gaps: list[str]
    """str (num_words + 1,): what stands between; empty beside a letter that is a word."""


class Draws:
    """Numbers drawn one after another, fixed by (seed, plant)."""

    def __init__(self, doc_id: DocId, *, seed: int) -> None:
        self._key = f"{seed}\x00{PLANT_STAGE}\x00".encode() + doc_id
        self._numbers = self._digests()

    def below(self, end: int) -> int:
        """Draw an integer of 0..end - 1; return it. Uneven by end / 2^64 at most."""
        return next(self._numbers) * end >> 64

    def between(self, low: float, high: float) -> float:
        """Draw from [low, high); return it."""
        return low + (high - low) * ((next(self._numbers) >> 11) * 2.0**-53)

    def sample(self, size: int, *, end: int) -> list[int]:
        """Draw `size` different integers of 0..end - 1; return them in any order."""
        keys = [next(self._numbers) for _ in range(end)]
        return sorted(range(end), key=keys.__getitem__)[:size]

    def _digests(self) -> Iterator[int]:
        for block in count():
            digest = hashlib.blake2b(self._key + block.to_bytes(8, "little")).digest()
            yield from np.frombuffer(digest, "<u8").tolist()


Mutation = Callable[[Pieces, Draws], str]
"""A text of at least one word, and chance: the text of the copy."""


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
    copy = MUTATIONS[kind](pieces, Draws(plant_id, seed=seed)) if pieces.words else text
    return Plant(doc_id=plant_id, original_doc_id=DocId(doc_id), kind=kind, text=copy)


def cut(text: str) -> Pieces:
    """A text's words and what stands between them."""
    found = split_words(pa.array([text], pa.large_string()))
    data, starts, ends = text.encode(), found.starts.tolist(), found.ends.tolist()
    words = [data[i:j].decode() for i, j in zip(starts, ends, strict=True)]
    gaps = [data[i:j].decode() for i, j in zip([0, *ends], [*starts, len(data)], strict=True)]
    return Pieces(words, gaps)


def joined(words: list[str], gaps: list[str]) -> str:
    """The text that has these words and gaps; one gap more than words."""
    return gaps[0] + "".join(word + gap for word, gap in zip(words, gaps[1:], strict=True))


def _rewrapped(pieces: Pieces, draws: Draws) -> str:
    width = 30 + draws.below(60)
    gaps, column = list(pieces.gaps), 0
    for i, word in enumerate(pieces.words[:-1], start=1):
        column += len(word) + len(gaps[i])
        if gaps[i].count("\n") > 1:  # a paragraph ends
            column = 0
            continue
        gaps[i] = re.sub(r"\s+", " ", gaps[i])
        if column >= width:
            # At a blank, or between letters that are words; not in "don't".
            gaps[i] = gaps[i].replace(" ", "\n", 1) or "\n"
            column = 0 if "\n" in gaps[i] else column
    return joined(pieces.words, gaps)


def _recased(pieces: Pieces, draws: Draws) -> str:
    recase = (str.upper, str.lower, str.swapcase, str.title)[draws.below(4)]
    if recase is not str.title:
        return joined([_each(word, recase) for word in pieces.words], pieces.gaps)
    words = [_each(word[0], str.upper) + _each(word[1:], str.lower) for word in pieces.words]
    return joined(words, pieces.gaps)


def _each(letters: str, recase: Callable[[str], str]) -> str:
    """Letters recased one by one, but where that would make another word: of ß, SS."""
    recased = [(letter, recase(letter)) for letter in letters]
    return "".join(
        new if len(new) == 1 and new.lower()[0] == old.lower()[0] else old for old, new in recased
    )


SIGNS = ("", "", "", ",", ".", ";", ":", "!", " -", "\u2014", "\u2026", "\u3001", "\u3002")


def _repunctuated(pieces: Pieces, draws: Draws) -> str:
    gaps = list(pieces.gaps)
    for i, gap in enumerate(gaps):
        if draws.below(5) == 0:
            blanks = "".join(letter for letter in gap if letter.isspace())
            # Words that a sign parts stay parted when it goes.
            gaps[i] = SIGNS[draws.below(len(SIGNS))] + blanks or gap
    return joined(pieces.words, gaps)


NAMED = {ord("'"): "#39", **codepoint2name}
BLANK_STEP = 100  # one blank of so many has become &nbsp;


def _entities(pieces: Pieces, draws: Draws) -> str:
    """Each sign in all its places or in none, as a decoder that forgets some entities has it."""
    signs = sorted({letter for gap in pieces.gaps for letter in gap if _is_escaped(letter)})
    half = [sign for sign in signs if draws.below(2)] or signs[:1]
    table = {ord(sign): f"&{NAMED.get(ord(sign), f'#{ord(sign)}')};" for sign in half}
    gaps = [gap.translate(table) for gap in pieces.gaps]
    for i, gap in enumerate(gaps):
        if gap == " " and draws.below(BLANK_STEP) == 0:
            gaps[i] = "&nbsp;"
    return joined(pieces.words, gaps)


def _is_escaped(letter: str) -> bool:
    return letter in "&<>\"'\u00a0" or not (letter.isascii() or letter.isspace())


def _edited(pieces: Pieces, draws: Draws, *, percent: int) -> str:
    """So many words replaced, followed by a new one, or deleted: a third each, one at least."""
    words, others = pieces.words, _vocabulary(pieces)
    changes: dict[int, str] = {}
    for i in _some(words, percent / 100, draws):
        edit, other = draws.below(3), _other_than(words[i], others, draws)
        changes[i] = (other, f"{words[i]} {other}", " ")[edit]
    return _changed(pieces, changes)


def _distant(pieces: Pieces, draws: Draws) -> str:
    words, others = pieces.words, _vocabulary(pieces)
    replaced = _some(words, draws.between(0.3, 0.5), draws)
    return _changed(pieces, {i: _other_than(words[i], others, draws) for i in replaced})


def _some(words: list[str], share: float, draws: Draws) -> list[int]:
    """Places of this share of the words, one at least."""
    return draws.sample(max(1, round(share * len(words))), end=len(words))


def _vocabulary(pieces: Pieces) -> list[str]:
    return sorted({word.lower() for word in pieces.words})


def _other_than(word: str, vocabulary: list[str], draws: Draws) -> str:
    """Another word of the vocabulary; the word written twice where there is no other."""
    if len(vocabulary) == 1:
        return word + word
    other = vocabulary[draws.below(len(vocabulary) - 1)]
    return vocabulary[-1] if other == word.lower() else other


def _changed(pieces: Pieces, changes: Mapping[int, str]) -> str:
    """The text with other words in some places, parted from those that no sign parts them from."""
    words, gaps = list(pieces.words), list(pieces.gaps)
    for i, change in changes.items():
        words[i] = change
        gaps[i], gaps[i + 1] = gaps[i] or " ", gaps[i + 1] or " "
    return joined(words, gaps)


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
    "rewrapped": _rewrapped,
    "recased": _recased,
    "repunctuated": _repunctuated,
    "entities": _entities,
    **{f"edited_{percent}": partial(_edited, percent=percent) for percent in (1, 2, 4, 8, 16)},
    "truncated": _truncated,
    "embedded": _embedded,
    "distant": _distant,
}
