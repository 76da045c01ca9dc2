"""Copies of a text that are changed in a known way: lines, case, signs, entities, words.

A mutation is a function of a text, cut at its words, and of numbers drawn for it: blake2b of a key
and a counter, so that any machine, order or partitioning makes the same copy. Words are those of
corpus/words.py, so that a rate means the same in every script.

Limits: words put in are the text's own; a text without a sign or blank to escape has an unchanged
copy under `entities`.
Cost: 1 to 2 us a word.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from html.entities import codepoint2name
from itertools import count
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from corpus.words import split_words


class Pieces(NamedTuple):
    """A text cut at its words: gaps[0], words[0], gaps[1], ..., words[n - 1], gaps[n]."""

    words: list[str]
    """str (num_words,), as written."""
    gaps: list[str]
    """str (num_words + 1,): what stands between; empty beside a letter that is a word."""


class Draws:
    """Numbers drawn one after another, fixed by a key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
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


def rewrapped(pieces: Pieces, draws: Draws) -> str:
    """Break the lines at another width; every word stays."""
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


def recased(pieces: Pieces, draws: Draws) -> str:
    """Upper, lower, swapped or title case; every word stays."""
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


def repunctuated(pieces: Pieces, draws: Draws) -> str:
    """Add, remove or change signs at a fifth of the gaps; every word stays."""
    gaps = list(pieces.gaps)
    for i, gap in enumerate(gaps):
        if draws.below(5) == 0:
            blanks = "".join(letter for letter in gap if letter.isspace())
            # Words that a sign parts stay parted when it goes.
            gaps[i] = SIGNS[draws.below(len(SIGNS))] + blanks or gap
    return joined(pieces.words, gaps)


NAMED = {ord("'"): "#39", **codepoint2name}
BLANK_STEP = 100  # one blank of so many has become &nbsp;


def entities(pieces: Pieces, draws: Draws) -> str:
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


def edited(pieces: Pieces, draws: Draws, *, percent: int) -> str:
    """So many words replaced, followed by a new one, or deleted: a third each, one at least."""
    words, others = pieces.words, vocabulary(pieces)
    changes: dict[int, str] = {}
    for i in some(words, percent / 100, draws):
        edit, other = draws.below(3), other_than(words[i], others, draws)
        changes[i] = (other, f"{words[i]} {other}", " ")[edit]
    return changed(pieces, changes)


def some(words: list[str], share: float, draws: Draws) -> list[int]:
    """Places of this share of the words, one at least."""
    return draws.sample(max(1, round(share * len(words))), end=len(words))


def vocabulary(pieces: Pieces) -> list[str]:
    """The distinct words, lower-cased."""
    return sorted({word.lower() for word in pieces.words})


def other_than(word: str, vocabulary: list[str], draws: Draws) -> str:
    """Another word of the vocabulary; the word written twice where there is no other."""
    if len(vocabulary) == 1:
        return word + word
    other = vocabulary[draws.below(len(vocabulary) - 1)]
    return vocabulary[-1] if other == word.lower() else other


def changed(pieces: Pieces, changes: Mapping[int, str]) -> str:
    """The text with other words in some places, parted from those that no sign parts them from."""
    words, gaps = list(pieces.words), list(pieces.gaps)
    for i, change in changes.items():
        words[i] = change
        gaps[i], gaps[i + 1] = gaps[i] or " ", gaps[i + 1] or " "
    return joined(words, gaps)
