"""Benchmark items that are planted in clean text: what a run of the stage is tested on.

Items are planted in named ways (`KINDS`), each in a document of its own, between stretches of text
in which the stage has found nothing. The documents go through the stage's own search, naming and
cutting beside the corpus and decide nothing in it; selftest.py holds what was said of them against
a plain twin (twin.py).

Kinds and benchmarks are taken in turns, so that each has its share however few are planted; which
items, and all that is drawn, are fixed by blake2b of (seed, PLANT_STAGE, item, kind): any machine,
order or partitioning plants the same. More plants are those of fewer, and others.
Limit: at most NUM_BOOKS plants are books, of BOOK_CHARACTERS each.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import partial
from itertools import islice, repeat, zip_longest
from typing import NamedTuple

from corpus.identity import DocId, doc_id_of_place
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
    vocabulary,
)

PLANT_STAGE = "contamination_plant"  # key of the hash that chooses items and draws their mutations
NUM_BOOKS = 3  # their twin costs 3 s each
BOOK_CHARACTERS = 3_000_000  # a long novel, or the whole of a small encyclopedia
QUOTE_WORDS = 23  # 11 N-grams of 13 words: one match, not eleven
EDITED_PERCENT = 10

KINDS: dict[str, str] = {
    "verbatim": "the whole item as it is, between two paragraphs",
    "rewrapped": "lines broken at another width",
    "recased": "all upper case, all lower case, title case or case swapped",
    "repunctuated": "signs added, removed or changed at a fifth of the gaps",
    "inline": "on one line, in the middle of a sentence",
    "alone": "the item is the whole document",
    "book": "between two paragraphs of a document of 3,000,000 characters",
    "quote": "23 words of its longest text, or all of a shorter one",
    "question": "the question alone",
    "answer": "the answer alone",
    "entities": "signs and blanks as HTML entities, whose names are new words: & is &amp;, so amp",
    "edited": "one word in ten replaced, inserted or deleted",
    "near_miss": "every N-th word is another: runs of N - 1 words of the item, and no N-gram",
    "shuffled": "its words in disorder",
}
SAME_WORDS = (
    "verbatim", "rewrapped", "recased", "repunctuated", "inline", "alone", "book", "quote",
    "question", "answer",
)  # fmt: skip
"""Kinds that leave the words of a text as they are: what is long enough must be found."""
CONTROLS = ("near_miss", "shuffled")
"""Kinds in which no N-gram of the item is left, as a rule."""


class Text(NamedTuple):
    """One field of an item."""

    field: str
    text: str
    num_words: int
    ngram_size: int
    """N by which it is looked for."""


class Item(NamedTuple):
    """An item of a benchmark."""

    benchmark: str
    item_id: str
    texts: tuple[Text, ...]


class Plant(NamedTuple):
    """An item that is planted in a document."""

    doc_id: DocId
    """Its own, of (item, kind): no document of the corpus has it."""
    kind: str
    """One of KINDS."""
    benchmark: str
    item_id: str
    num_words: int
    """Words of the longest text that is planted, before it is changed."""
    ngram_size: int
    """N of that text."""
    text: str
    """The whole document."""
    start: int
    """First character of what is planted in it."""
    end: int
    """One past the last."""


def choose(
    items: Sequence[Item], *, num_plants: int, min_words: int, seed: int
) -> list[tuple[Item, str]]:
    """Items to plant and in what way each, at most so many, in turns of kinds and benchmarks.

    A kind takes items of which it plants a text of min_words and more.
    """
    rings: dict[str, list[Item]] = {}
    for item in sorted(items, key=partial(_digest, seed=seed)):
        rings.setdefault(item.benchmark, []).append(item)
    queues = []
    names = sorted(rings)
    for turn in range(len(names)):
        for number, kind in enumerate(KINDS):
            ring = rings[names[(number + turn) % len(names)]]
            own = [item for item in ring if _is_plantable(item, kind, min_words)]
            first = number * len(own) // len(KINDS)  # so that kinds begin at different items
            most = int(turn < NUM_BOOKS) if kind == "book" else len(own)
            queues.append(zip([*own[first:], *own[:first]][:most], repeat(kind)))
    turns = (one for turn in zip_longest(*queues) for one in turn if one is not None)
    return list(islice(turns, num_plants))


def plant(item: Item, kind: str, filler: str, *, side: int, seed: int) -> Plant:
    """The document of one plant.

    filler: clean text, BOOK_CHARACTERS of it for books. side: characters of it on either side of
    the plant. Raises ValueError where the kind is not one of KINDS.
    """
    if kind not in KINDS:
        raise ValueError(f"kind of plant is {kind!r}, expected one of {', '.join(KINDS)}")
    draws = Draws(_digest(item, kind, seed=seed))
    texts = _planted(item, kind)
    planted = _changed_texts(texts, kind, draws)
    before, after = _carrier(filler, kind, side, draws)
    longest = max(texts, key=lambda text: text.num_words)
    num_words = min(longest.num_words, QUOTE_WORDS) if kind == "quote" else longest.num_words
    name = f"{item.benchmark}\x00{item.item_id}"
    return Plant(
        doc_id_of_place(PLANT_STAGE, name, list(KINDS).index(kind)), kind, item.benchmark,
        item.item_id, num_words, longest.ngram_size, before + planted + after,
        len(before), len(before) + len(planted),
    )  # fmt: skip


def _digest(item: Item, kind: str = "", *, seed: int) -> bytes:
    key = "\x00".join((str(seed), PLANT_STAGE, item.benchmark, item.item_id, kind))
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _planted(item: Item, kind: str) -> tuple[Text, ...]:
    """The texts of an item that are planted."""
    if kind in ("question", "answer"):
        return tuple(text for text in item.texts if text.field == kind)
    if kind == "quote":
        return (max(item.texts, key=lambda text: text.num_words),)
    return tuple(text for text in item.texts if text.num_words)


def _is_plantable(item: Item, kind: str, min_words: int) -> bool:
    texts = [text for text in _planted(item, kind) if text.num_words >= min_words]
    if kind == "near_miss":
        return any(text.num_words >= text.ngram_size > 1 for text in texts)
    return bool(texts)


def _changed_texts(texts: Sequence[Text], kind: str, draws: Draws) -> str:
    if kind == "near_miss":
        return "\n".join(_near_miss(text, draws) for text in texts)
    whole = "\n".join(text.text for text in texts)
    if kind == "inline":
        return re.sub(r"\s+", " ", whole).strip()
    return _MUTATIONS[kind](cut(whole), draws) if kind in _MUTATIONS else whole


def _near_miss(text: Text, draws: Draws) -> str:
    pieces, size = cut(text.text), text.ngram_size
    others = vocabulary(pieces)
    places = range(size - 1, len(pieces.words), size)
    return changed(pieces, {i: other_than(pieces.words[i], others, draws) for i in places})


def _quote(pieces: Pieces, draws: Draws) -> str:
    first = draws.below(max(len(pieces.words) - QUOTE_WORDS, 0) + 1)
    words = pieces.words[first : first + QUOTE_WORDS]
    return joined(words, ["", *pieces.gaps[first + 1 : first + len(words)], ""])


def _shuffled(pieces: Pieces, draws: Draws) -> str:
    order = draws.sample(len(pieces.words), end=len(pieces.words))
    return " ".join(pieces.words[i] for i in order)


_MUTATIONS: dict[str, Mutation] = {
    "rewrapped": rewrapped,
    "recased": recased,
    "repunctuated": repunctuated,
    "entities": entities,
    "edited": partial(edited, percent=EDITED_PERCENT),
    "quote": _quote,
    "shuffled": _shuffled,
}


def _carrier(filler: str, kind: str, side: int, draws: Draws) -> tuple[str, str]:
    """What stands before a plant and after it."""
    if kind == "alone" or not filler:
        return "", ""
    if kind == "book":
        place = _blank(filler, round(draws.between(0.2, 0.8) * len(filler)))
        return f"{filler[:place]}\n\n", f"\n\n{filler[place:]}"
    if kind == "inline":
        both = _stretch(filler, 2 * side, draws)
        found = re.compile(r"(?<=\w) (?=\w)").search(both, len(both) // 2)
        place = found.start() if found else len(both)
        return f"{both[:place]} ", f" {both[place:].lstrip()}"
    return f"{_stretch(filler, side, draws)}\n\n", f"\n\n{_stretch(filler, side, draws)}"


def _stretch(filler: str, length: int, draws: Draws) -> str:
    """About so many characters of the filler, from blank to blank; all of it where it has fewer."""
    start = draws.below(max(len(filler) - length, 0) + 1)
    return filler[_blank(filler, start) if start else 0 : _blank(filler, start + length)].strip()


def _blank(text: str, place: int) -> int:
    """The next white space from a place on; the place where there is none for 100 characters."""
    found = re.compile(r"\s").search(text, place, place + 100)
    return found.start() if found else min(place, len(text))
