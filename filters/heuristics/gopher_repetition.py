"""Gopher's repetition rules: does this text say the same thing over and over?

Method (Rae et al. 2021, table A1): shares of lines and paragraphs that repeat an earlier one, and
of characters inside frequent or repeated word n-grams. Words have the normal form of
corpus/words.py, and the n-gram shares are of the words' own bytes, so that a text that is all one
phrase reads 1. Lines are stripped; blank lines part paragraphs and count for nothing else.

Where the paper and datatrove's code differ:
- "characters contained within all duplicate n-grams, taking care not to count characters that occur
  in overlapping n-grams more than once": `repeats = "all"` marks every occurrence, `"later"` leaves
  out the first and steps over whole n-grams, as datatrove does. FineWeb's keep rates and its
  thresholds' record are those of "later", which is the default.
- the most frequent n-gram counts only when it occurs twice (in datatrove once is enough, which
  drops short texts for their longest pair of words).
Cost: 2 ms for 1 MB beside lines.py's and words.py's (repeats.py says how). Limit: two lines or
n-grams with one 64-bit hash are one; an n-gram's bytes are those of the longest way to write it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from corpus.config import Settings
from corpus.words import Words
from filters.heuristics.lines import Lines
from filters.heuristics.repeats import (
    LINE_BYTES,
    LINES,
    NUM_REPEATED_LINES,
    NUM_REPEATED_PARAGRAPHS,
    PARAGRAPHS,
    REPEATED_LINE_BYTES,
    REPEATED_NGRAM_SIZES,
    REPEATED_PARAGRAPH_BYTES,
    TOP_NGRAMS,
    repeated_lines,
    repeated_ngrams,
)
from filters.heuristics.signals import Signals
from filters.verdict import Fault

REPEATED_LINES = "repeated_lines"
REPEATED_LINE_CHARACTERS = "repeated_line_characters"
REPEATED_PARAGRAPHS = "repeated_paragraphs"
REPEATED_PARAGRAPH_CHARACTERS = "repeated_paragraph_characters"
FREQUENT_NGRAM = "frequent_{n}_gram"
REPEATED_NGRAMS = "repeated_{n}_grams"


class GopherRepetitionSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds of Gopher table A1, each a largest share; a document exactly at one is kept."""

    enabled: bool = True
    """Whether the rules drop anything; the signals are measured in any case."""
    max_repeated_lines: float = 0.30
    """Lines equal to an earlier one, of all lines."""
    max_repeated_line_characters: float = 0.20
    """Their bytes, of the bytes of all lines."""
    max_repeated_paragraphs: float = 0.30
    """Paragraphs equal to an earlier one, of all paragraphs."""
    max_repeated_paragraph_characters: float = 0.20
    """Their bytes, of the bytes of all paragraphs."""
    max_frequent_ngram: tuple[float, float, float] = (0.20, 0.18, 0.16)
    """Bytes of the most frequent 2-, 3- and 4-gram (length times count), of all words' bytes."""
    max_repeated_ngrams: tuple[float, float, float, float, float, float] = (
        0.15, 0.14, 0.13, 0.12, 0.11, 0.10,
    )  # fmt: skip
    """Bytes inside repeated 5- to 10-grams, of all words' bytes."""
    repeats: Literal["later", "all"] = "later"
    """Which occurrences of a repeated n-gram count; see the module."""


def measure(lines: Lines, words: Words, settings: GopherRepetitionSettings) -> Signals:
    """Shares of repeated lines, paragraphs and n-grams; of the `lines` and `words` of the texts."""
    counts, _ = repeated_lines(lines.data, lines.offsets, lines.text_starts, lines.text_ends)
    some_lines, some_paragraphs, some_bytes = np.maximum(counts[[LINES, PARAGRAPHS, LINE_BYTES]], 1)
    ngrams = repeated_ngrams(*words, every=settings.repeats == "all")
    names = [FREQUENT_NGRAM.format(n=n) for n in TOP_NGRAMS]
    names += [REPEATED_NGRAMS.format(n=n) for n in REPEATED_NGRAM_SIZES]
    return {
        "repeated_lines": counts[NUM_REPEATED_LINES] / some_lines,
        "repeated_line_characters": counts[REPEATED_LINE_BYTES] / some_bytes,
        "repeated_paragraphs": counts[NUM_REPEATED_PARAGRAPHS] / some_paragraphs,
        "repeated_paragraph_characters": counts[REPEATED_PARAGRAPH_BYTES] / some_bytes,
    } | dict(zip(names, ngrams, strict=True))


def judge(signals: Signals, settings: GopherRepetitionSettings) -> Iterator[Fault]:
    """Hold the signals against the thresholds, in the order of the paper's table."""
    yield REPEATED_LINES, signals["repeated_lines"] > settings.max_repeated_lines
    yield REPEATED_PARAGRAPHS, signals["repeated_paragraphs"] > settings.max_repeated_paragraphs
    most = settings.max_repeated_line_characters
    yield REPEATED_LINE_CHARACTERS, signals["repeated_line_characters"] > most
    most = settings.max_repeated_paragraph_characters
    yield REPEATED_PARAGRAPH_CHARACTERS, signals["repeated_paragraph_characters"] > most
    for n, most in zip(TOP_NGRAMS, settings.max_frequent_ngram, strict=True):
        yield FREQUENT_NGRAM.format(n=n), signals[f"frequent_{n}_gram"] > most
    for n, most in zip(REPEATED_NGRAM_SIZES, settings.max_repeated_ngrams, strict=True):
        yield REPEATED_NGRAMS.format(n=n), signals[f"repeated_{n}_grams"] > most
