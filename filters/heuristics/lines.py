"""The lines of texts, with everything that the rules count: one pass that the rule sets share.

A line is what stands between line feeds, so that a text has one more than it has line feeds and an
empty text has one; a line without a word is blank. A word is a run without white space, and what
is white space, a letter, an upper-case letter or a digit is what Python's `str` says. The kernel
(line_kernel.py) measures; gopher_quality.py, c4.py, fineweb.py and refinedweb.py add the lines up
and judge. None of them reads a text again, except the few lines that a phrase has marked.
Cost: about 500 MB/s of English on one core.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.simd import BLOCK
from corpus.utf8 import (
    NUM_CODE_POINTS,
    CodePoints,
    Int64Array,
    TextBytes,
    UInt8Array,
    answers,
    code_points,
    text_bytes,
)
from filters.heuristics.line_kernel import (
    CLOSER,
    DIGIT,
    ELLIPSIS,
    LETTER,
    NUM_COUNTS,
    NUM_PLACES,
    SPACE,
    UPPER,
    Int32Array,
    cut_lines,
)
from filters.verdict import BoolArray

PADDING = BLOCK + 8
"""Bytes that may be read beyond the last of `Lines.data`: a block, and a code point or eight
bytes from a place near its end."""

CLOSERS = "\"')]\u2019”»"
"""What may stand between a sentence's stop and the white space after it."""


class Lines(NamedTuple):
    """The lines of many documents; those of document i are [offsets[i], offsets[i + 1]).

    Places are bytes of `data`; counts are of code points unless they say otherwise.
    """

    data: UInt8Array
    """uint8: UTF-8 bytes of the documents one after the other, and PADDING."""
    offsets: Int64Array
    """int64 (num_documents + 1,)."""
    starts: Int64Array
    """int64 (num_lines,): where the line begins; that of a document's first is the document's."""
    ends: Int64Array
    """Where it ends, the line feed not included."""
    text_starts: Int64Array
    """Where its first word begins; its end where it is blank."""
    text_ends: Int64Array
    """Where its last word ends."""
    words: Int32Array
    """int32 (num_lines,): words."""
    letterless: Int32Array
    """Words without a letter."""
    characters: Int32Array
    """Characters of its words."""
    blanks: Int32Array
    """White space between them."""
    uppers: Int32Array
    """Upper-case letters."""
    digits: Int32Array
    """Digits."""
    hashes: Int32Array
    """Hash signs."""
    brackets: Int32Array
    """Opening curly brackets."""
    ellipses: Int32Array
    """Ellipses: "..." without overlap, or U+2026."""
    stops: Int32Array
    """Sentence ends: a run of `.`, `!` and `?`, its CLOSERS, and white space or the line's end."""
    margin: Int32Array
    """White space before its first word and after its last."""
    longest: Int32Array
    """Characters of its longest word; exact for words that are longer than 64 bytes, else 0."""
    first: Int32Array
    """Its first word's first code point, 0 where it is blank."""
    last: Int32Array
    """Its last word's last code point, 0 where it is blank."""
    dotted: Int32Array
    """1 where its last word ends in three dots or more."""


class Spans(NamedTuple):
    """Stretches of many documents, those of document i at [offsets[i], offsets[i + 1]).

    In order and without overlap; bytes of the document's own UTF-8.
    """

    offsets: Int64Array
    """int64 (num_documents + 1,)."""
    starts: Int64Array
    """int64 (num_spans,)."""
    ends: Int64Array
    """int64 (num_spans,): one past the last byte."""


def read_lines(texts: pa.Array | pa.ChunkedArray) -> Lines:
    """Cut texts (string or large_string; null is empty) into lines and measure each."""
    text = _one_buffer(texts)
    feeds = np.count_nonzero(text.data[text.starts[0] : text.ends[-1]] == 10) if len(texts) else 0
    most = feeds + len(text.starts)
    places = np.empty((NUM_PLACES, most), np.int64)
    counts = np.zeros((NUM_COUNTS, most), np.int32)
    offsets = np.zeros(len(text.starts) + 1, np.int64)
    num_lines = cut_lines(*text, *flags_of_code_points(), places, counts, offsets)
    return Lines(text.data, offsets, *places[:, :num_lines], *counts[:, :num_lines])


def per_document(lines: Lines, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Sum of the lines' values in each document, float64 (num_documents,)."""
    if len(lines.offsets) == 1:
        return np.zeros(0)
    sums = np.add.reduceat(values, lines.offsets[:-1], dtype=np.int64)  # each has a line
    return sums.astype(np.float64)


def is_one_of(found: Int32Array, characters: str) -> BoolArray:
    """Whether each code point is one of these characters, bool (num_lines,)."""
    return _members(characters)[found]


def whole_lines(lines: Lines, chosen: BoolArray) -> Spans:
    """Spans of the chosen lines, bool (num_lines,), such that what is left joins cleanly.

    A line goes with its line feed, and a text's last line with the one before it. Lines that
    follow each other are one span; so lines that several rules choose must be chosen together.
    """
    is_first = np.zeros(len(chosen), np.bool_)
    is_first[lines.offsets[:-1]] = True
    is_last = np.roll(is_first, -1)
    begins = np.flatnonzero(chosen & (is_first | ~np.roll(chosen, 1)))
    finishes = np.flatnonzero(chosen & (is_last | ~np.roll(chosen, -1)))
    starts = lines.starts[begins] - (is_last[finishes] & ~is_first[begins])
    ends = lines.ends[finishes] + ~is_last[finishes]
    some = starts < ends  # nothing is left of an empty text
    return spans(lines, begins[some], starts[some], ends[some])


def spans(lines: Lines, line: Int64Array, starts: Int64Array, ends: Int64Array) -> Spans:
    """Spans from places in `lines.data`, in order; line: a line of the document of each."""
    document = np.searchsorted(lines.offsets, line, side="right") - 1
    origin = lines.starts[lines.offsets[document]]
    offsets = np.searchsorted(document, np.arange(len(lines.offsets)))
    return Spans(offsets, starts - origin, ends - origin)


def merge(some: Spans, others: Spans) -> Spans:
    """Spans of both in one order; they may not overlap."""
    counts = np.diff(some.offsets), np.diff(others.offsets)
    document = np.concatenate([np.repeat(np.arange(len(count)), count) for count in counts])
    starts = np.concatenate([some.starts, others.starts])
    order = np.lexsort((starts, document))
    ends = np.concatenate([some.ends, others.ends])
    return Spans(some.offsets + others.offsets, starts[order], ends[order])


def of_documents(spans: Spans, chosen: BoolArray) -> Spans:
    """The spans of the chosen documents, bool (num_documents,); the others have none."""
    counts = np.diff(spans.offsets)
    kept = np.repeat(chosen, counts)
    offsets = np.concatenate([[0], np.cumsum(np.where(chosen, counts, 0))])
    return Spans(offsets, spans.starts[kept], spans.ends[kept])


def _one_buffer(texts: pa.Array | pa.ChunkedArray) -> TextBytes:
    """The texts as one chunk whose last byte has PADDING after it; a copy only where it must be."""
    chunk = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    (text,) = text_bytes(chunk)
    if len(text.ends) and text.ends[-1] + PADDING <= len(text.data):
        return text
    first, end = (text.starts[0], text.ends[-1]) if len(text.ends) else (0, 0)
    data = np.zeros(end - first + PADDING, np.uint8)
    data[: end - first] = text.data[first:end]
    return TextBytes(data, text.starts - first, text.ends - first)


@cache
def _members(characters: str) -> BoolArray:
    table = np.zeros(NUM_CODE_POINTS, np.bool_)
    table[[ord(character) for character in characters]] = True
    return table


@cache
def flags_of_code_points() -> CodePoints:
    """What the kernels must know of each code point, as bits (line_kernel.py)."""
    flags = np.zeros(NUM_CODE_POINTS, np.uint32)
    for question, flag in (
        (str.isspace, SPACE), (str.isalpha, LETTER), (str.isupper, UPPER), (str.isdigit, DIGIT),
    ):  # fmt: skip
        flags |= answers(question) * np.uint32(flag)
    flags |= _members(CLOSERS) * np.uint32(CLOSER) | _members("…") * np.uint32(ELLIPSIS)
    return code_points(flags)
