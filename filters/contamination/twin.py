"""What the stage ought to say of a few documents, in plain Python: slow, and simple on purpose.

It shares with the stage's kernels the normal form's plain definition (`corpus.words.normalised`)
and nothing else: no hash, no filter, no index, no array of places.
Cost: 0.5 us a word of the benchmarks for each call, 2 us a word of the documents and 400 bytes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from corpus.words import normalise, normalised, word_spans
from filters.contamination import Rule
from filters.contamination.cuts import CUT_INTO_TOO_MANY_PIECES, NOTHING_LEFT, WHOLE


class Ngram(NamedTuple):
    """An N-gram at its place in a document."""

    start: int
    """Its first character."""
    end: int
    """One past its last."""
    words: str
    """Normalised, joined by one space."""


class Words(NamedTuple):
    """A text of a benchmark."""

    words: Sequence[str]
    """Normalised."""
    ngram_size: int


Span = tuple[int, int]
Found = Mapping[Ngram, Collection[int]]
"""The N-grams of a document, and the numbers of the texts that each is of."""
Verdict = tuple[list[Span], str | None]
"""The pieces that stay, and why none does."""


def plain_find(documents: Sequence[str], texts: Sequence[Words]) -> list[Found]:
    """For each document the N-grams of the texts that it holds."""
    least = min((text.ngram_size for text in texts), default=1)
    spans = [word_spans(document) for document in documents]
    words = [list(normalised(*both)) for both in zip(documents, spans, strict=True)]
    begins: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for number, own in enumerate(words):
        for place in range(len(own) - least + 1):
            begins[tuple(own[place : place + least])].append((number, place))
    found: list[dict[Ngram, set[int]]] = [{} for _ in documents]
    for text, ngram in _ngrams(texts, begins, least):
        size = len(ngram)
        for number, first in begins[ngram[:least]]:
            if tuple(words[number][first : first + size]) == ngram:
                start, end = spans[number][first][0], spans[number][first + size - 1][1]
                found[number].setdefault(Ngram(start, end, " ".join(ngram)), set()).add(text)
    return list(found)


def plain_matches(found: Found, exempt: Collection[str]) -> set[tuple[int, int, int]]:
    """Start, end and text of each match: N-grams of one text that overlap or touch are one.

    exempt: words of the N-grams that are too frequent to be removed; they make no match.
    """
    by_text: dict[int, list[Span]] = {}
    for ngram, texts in sorted(found.items()):
        for text in texts if ngram.words not in exempt else ():
            own = by_text.setdefault(text, [])
            if own and ngram.start <= own[-1][1]:
                own[-1] = (own[-1][0], max(own[-1][1], ngram.end))
            else:
                own.append((ngram.start, ngram.end))
    return {(*span, text) for text, spans in by_text.items() for span in spans}


def plain_verdict(
    document: str, found: Found, texts: Sequence[Words], exempt: Collection[str], rule: Rule
) -> Verdict:
    """The pieces that stay of a document, or why none does."""
    removed = {ngram: own for ngram, own in found.items() if ngram.words not in exempt}
    whole = [(0, len(document))]
    if not removed:
        return whole, None
    if rule.removal in WHOLE:
        goes = _goes(document, removed, texts, exempt, rule)
        return ([], WHOLE[rule.removal]) if goes else (whole, None)
    stays = bytearray(b"x" * len(document))
    for start, end in _windows(document, removed, rule):
        stays[start:end] = b" " * len(stays[start:end])
    pieces = [match.span() for match in re.finditer(rb"x+", stays)]
    long = [(a, z) for a, z in pieces if z - a >= rule.min_piece_characters]
    counted = long if rule.removal == "cut_to_sentences" else pieces
    if len(counted) > rule.max_pieces:
        return [], CUT_INTO_TOO_MANY_PIECES
    return long, None if long else NOTHING_LEFT


def _windows(document: str, removed: Iterable[Ngram], rule: Rule) -> Iterator[Span]:
    """What goes with each N-gram: so many characters, or whole sentences from left to right."""
    around, done = rule.window_characters, 0
    for start, end, _ in sorted(removed, key=lambda ngram: (ngram.start, -ngram.end)):
        if rule.removal == "cut":
            yield max(start - around, 0), end + around
        elif start >= done:
            ends = [match.end() for match in re.finditer("[.!?]", document)]
            before = [place for place in ends if done < place <= start - around + 1]
            after = [place for place in ends if place > end + around]
            first = before[-1] if before else done
            done = after[0] if after else len(document) + 1
            yield first, done


def _goes(
    document: str, removed: Found, texts: Sequence[Words], exempt: Collection[str], rule: Rule
) -> bool:
    """Whether the document has enough of any text to go whole."""
    if rule.removal == "document":
        return True
    own = {ngram.words for ngram in removed}
    words = Words(normalise(document).split(), rule.max_ngram_size)
    num_own = len(_distinct(words)) if rule.removal == "similar" else 0
    for number in {text for numbers in removed.values() for text in numbers}:
        wanted = _distinct(texts[number]) - set(exempt)
        both = len(own & wanted)
        if rule.removal == "similar":
            enough = both >= rule.min_share * (num_own + len(wanted) - both)
        else:
            least = min(rule.min_ngrams, len(wanted))
            enough = both >= least and both >= rule.min_share * len(wanted)
        if enough:
            return True
    return False


def _distinct(text: Words) -> set[str]:
    words, size = text
    return {" ".join(words[i : i + size]) for i in range(len(words) - size + 1)}


def _ngrams(
    texts: Sequence[Words], begins: Mapping[tuple[str, ...], object], least: int
) -> Iterable[tuple[int, tuple[str, ...]]]:
    """Each N-gram of each text, once, whose first words are among the beginnings."""
    for number, (words, size) in enumerate(texts):
        places = [
            place
            for place in range(len(words) - size + 1)
            if tuple(words[place : place + least]) in begins
        ]
        for ngram in {tuple(words[place : place + size]) for place in places}:
            yield number, ngram
