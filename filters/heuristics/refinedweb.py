"""RefinedWeb's line-wise corrections: counters, buttons and headings of capitals out of the page.

Method (Penedo et al. 2023, section 3.2 and appendix G.2): a line goes if it is mainly composed of
upper-case characters, only of numerical ones, is a counter ("3 likes") or has one word; a line of
10 words at most is edited if it begins with, ends in or has a given pattern. Where that takes more
than 5 % of a page's words, the page goes.

The paper gives examples of the patterns and no more, and its code is not public. Thresholds, the
counters' form and what an edit takes are those of DCLM's rewriting (Li et al. 2024,
baselines/mappers/modifiers.py and dclm_baseline_refinedweb.yaml), with these differences:
- its `Read more...` is a regular expression, in which any three characters stand for the dots; here
  the pattern is the text.
- "only numerical" is there a line of digits without a blank, which has one word anyway; here it is
  a line whose words are digits alone.
- words are runs without white space, and lines are looked at without the white space around them.
`remove_lines` removes; what a removal would take is measured in any case.
Cost: 3 ms for 10 MB beside lines.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.config import Settings
from corpus.simd import KERNEL
from corpus.utf8 import Int64Array, UInt8Array, UInt32Array, value_at
from filters.heuristics.line_kernel import DIGIT, LETTER
from filters.heuristics.lines import (
    Lines,
    Spans,
    flags_of_code_points,
    merge,
    per_document,
    spans,
    whole_lines,
)
from filters.heuristics.phrases import phrases_in
from filters.heuristics.signals import Signals
from filters.verdict import BoolArray, Fault

TOO_MANY_BAD_LINES = "too_many_bad_lines"

COUNTERS = (
    "likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes",
    "downvotes", "downloads", "views", "followers",
)  # fmt: skip  # DCLM's


class RefinedWebSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The line rules of RefinedWeb's appendix G.2, and what a page may lose by them."""

    enabled: bool = False
    """Whether pages that would lose too much are dropped; the signal is measured in any case."""
    max_removed_words: float = 0.05
    """Largest share of words in lines and parts of lines that the rules take."""
    remove_lines: bool = False
    """Whether they are removed from the pages that stay."""
    max_uppercase: float = 0.5
    """Largest share of upper-case letters among a line's characters; the paper says "mainly"."""
    numeric_lines: bool = True
    """Whether lines of numbers alone go."""
    counters: tuple[str, ...] = COUNTERS
    """What is counted in lines that go: "3 likes", "1.2k views"; lower-case words of a to z."""
    min_words_in_line: int = 2
    """Fewest words of a line that stays."""
    max_words_to_edit: int = 10
    """Most words of a line from which the patterns are taken."""
    line_starts: tuple[str, ...] = ("sign-in",)
    """Patterns at a line's beginning, in any case; the paper's example."""
    line_ends: tuple[str, ...] = ("read more...",)
    """Patterns at its end."""
    line_parts: tuple[str, ...] = ("items in cart",)
    """Patterns anywhere in it."""


def measure(lines: Lines, settings: RefinedWebSettings) -> Signals:
    """The share of words that the rules take."""
    bad, edits = _read(lines, settings)
    removed = per_document(lines, np.where(bad, lines.words, 0))
    kept = ~bad[edits.lines]
    edited = np.zeros(len(bad), np.int64)
    np.add.at(edited, edits.lines[kept], edits.words[kept])
    num_words = np.maximum(per_document(lines, lines.words), 1)
    return {"removed_words": (removed + per_document(lines, edited)) / num_words}


def judge(signals: Signals, settings: RefinedWebSettings) -> Iterator[Fault]:
    """Hold the share against the threshold."""
    yield TOO_MANY_BAD_LINES, signals["removed_words"] > settings.max_removed_words


def bad_lines(lines: Lines, settings: RefinedWebSettings) -> BoolArray:
    """Lines that the rules remove, bool (num_lines,); blank ones stay."""
    return _read(lines, settings)[0]


def removed(lines: Lines, settings: RefinedWebSettings) -> Spans:
    """What the rules take out of the pages that stay: nothing, unless the settings say so."""
    if not settings.remove_lines:
        return whole_lines(lines, np.zeros(len(lines.starts), np.bool_))
    bad, edits = _read(lines, settings)
    left = ~bad[edits.lines]
    parts = spans(lines, edits.lines[left], edits.starts[left], edits.ends[left])
    return merge(whole_lines(lines, bad), parts)


class _Edits(NamedTuple):
    """Parts of lines that go, in order."""

    lines: Int64Array
    starts: Int64Array
    ends: Int64Array
    words: Int64Array


def _read(lines: Lines, settings: RefinedWebSettings) -> tuple[BoolArray, _Edits]:
    """The bad lines, and the edits in any line."""
    has_text = lines.words > 0
    sizes = lines.characters + lines.blanks
    bad = lines.uppers > settings.max_uppercase * sizes
    if settings.numeric_lines:
        bad |= lines.digits == lines.characters
    bad |= lines.words < settings.min_words_in_line
    bad |= _is_counter(lines, settings.counters)
    edits = _find_edits(lines, settings)
    left = lines.text_ends - lines.text_starts
    np.subtract.at(left, edits.lines, edits.ends - edits.starts)
    return (bad | (left == 0)) & has_text, edits


def _find_edits(lines: Lines, settings: RefinedWebSettings) -> _Edits:
    """The patterns in short lines, with a blank beside them."""
    places = (settings.line_starts, settings.line_parts, settings.line_ends)
    marked = phrases_in(lines, tuple(dict.fromkeys(p.lower() for kind in places for p in kind))) > 0
    pattern, found = _pattern(*places), []
    for line in np.flatnonzero(marked & (lines.words <= settings.max_words_to_edit)).tolist():
        start, end = lines.text_starts[line], lines.text_ends[line]
        for match in pattern.finditer(lines.data[start:end].tobytes()):
            found.append((line, start + match.start(), start + match.end(), len(match[0].split())))
    return _Edits(*np.array(found, np.int64).reshape(-1, 4).T)


@cache
def _pattern(
    starts: tuple[str, ...], parts: tuple[str, ...], ends: tuple[str, ...]
) -> re.Pattern[bytes]:
    """The edits of a line as one expression: a blank goes with them, so that the rest joins."""

    def one_of(patterns: tuple[str, ...]) -> bytes:
        return b"(?:" + b"|".join(re.escape(p.lower().encode()) for p in patterns) + b")"

    kinds = ((starts, rb"\A%s\s?"), (parts, rb"\s?%s"), (ends, rb"\s?%s\Z"))
    whole = b"|".join(form % one_of(patterns) for patterns, form in kinds if patterns)
    return re.compile(whole or rb"(?!)", re.IGNORECASE)


def _is_counter(lines: Lines, counters: tuple[str, ...]) -> BoolArray:
    """Whether the line is a number of something that is counted, and marks around them."""
    found = np.zeros(len(lines.words), np.bool_)
    maybe = np.flatnonzero((lines.digits > 0) & (lines.words > 1) & (lines.characters < 100))
    if counters and len(maybe):
        texts = (lines.data, lines.text_starts, lines.text_ends)
        _find_counters(*texts, maybe, *flags_of_code_points(), _table(counters), found)
    return found


@cache
def _table(words: tuple[str, ...]) -> UInt8Array:
    """The words, uint8 (num_words, longest + 1), filled up with zeros."""
    table = np.zeros((len(words), max(map(len, words)) + 1), np.uint8)
    for row, word in zip(table, words, strict=True):
        if not (word.isascii() and word.isalpha() and word.islower()):
            raise ValueError(f"counters has {word!r}: expected lower-case words of a to z")
        row[: len(word)] = list(word.encode())
    return table


@njit(**KERNEL)
def _find_counters(
    data: UInt8Array, starts: Int64Array, ends: Int64Array, lines: Int64Array, pages: Int64Array,
    values: UInt32Array, table: UInt8Array, found: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """DCLM's expression: `^\\W*\\d[,.\\d]*[kmb]?\\s+(?:likes|shares|...)\\W*$`."""
    for line in lines:
        end = ends[line]
        first = _skip_marks(data, starts[line], end, pages, values)
        i = first
        while i < end and (
            ord("0") <= data[i] <= ord("9") or (i > first and (data[i] == 0x2C or data[i] == 0x2E))
        ):
            i += 1
        if i == first:
            continue
        if i < end and (data[i] | 0x20 in (ord("k"), ord("m"), ord("b"))):
            i += 1
        blank = i
        while i < end and (data[i] == 0x20 or 9 <= data[i] <= 13):
            i += 1
        if i == blank:
            continue
        i = _skip_word(data, i, end, table)
        found[line] = i > 0 and _skip_marks(data, i, end, pages, values) == end


@njit(**KERNEL)
def _skip_marks(
    data: UInt8Array, i: np.int64, end: np.int64, pages: Int64Array, values: UInt32Array
) -> np.int64:
    """Where the first letter, digit or underscore stands, or the end."""
    while i < end:
        flags, length = value_at(data, np.uint64(i), np.uint64(end), pages, values)
        if flags & (LETTER | DIGIT) or data[i] == ord("_"):
            return i
        i += np.int64(length)
    return i


@njit(**KERNEL)
def _skip_word(data: UInt8Array, i: np.int64, end: np.int64, table: UInt8Array) -> np.int64:
    """One past the word of the table that stands at i, or 0 where none does."""
    for row in range(len(table)):
        k = 0
        while table[row, k] and i + k < end and (data[i + k] | 0x20) == table[row, k]:
            k += 1
        if table[row, k] == 0 and (i + k == end or not _is_letter(data[i + k])):
            return i + k
    return np.int64(0)


@njit(**KERNEL, inline="always")
def _is_letter(byte: np.uint8) -> np.bool_:
    return (byte | 0x20 >= ord("a")) & (byte | 0x20 <= ord("z"))
