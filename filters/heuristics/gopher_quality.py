"""Gopher's quality rules: is this text made of words, lines and sentences?

Method: one pass over the bytes counts words, lines and symbols; eight thresholds judge the counts
(Rae et al. 2021, appendix A.1.1). Where the paper leaves room, this file reads it so:
- a word is a run without white space (datatrove asks a tokenizer and leaves out symbols);
- stop words are looked up among normalised words, so that "The," is `the` (datatrove's case and
  punctuation count);
- lines are those with text, so that blank lines between bullets do not hide a list (datatrove
  counts blank lines too).
Limit: made for languages with spaces; a Chinese page has too few words. Cost: about 100 MB/s.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpus.config import Settings
from corpus.utf8 import (
    CodePoints,
    Int64Array,
    UInt8Array,
    UInt32Array,
    answers,
    code_points,
    text_bytes,
    value_at,
)
from corpus.words import Words, split_words
from filters.heuristics.signals import Signals
from filters.verdict import Fault

TOO_FEW_WORDS = "too_few_words"
TOO_MANY_WORDS = "too_many_words"
WORDS_TOO_SHORT = "words_too_short"
WORDS_TOO_LONG = "words_too_long"
TOO_MANY_HASHES = "too_many_hashes"
TOO_MANY_ELLIPSES = "too_many_ellipses"
TOO_MANY_BULLETS = "too_many_bullets"
TOO_MANY_CUT_LINES = "too_many_cut_lines"
TOO_FEW_ALPHABETIC_WORDS = "too_few_alphabetic_words"
TOO_FEW_STOP_WORDS = "too_few_stop_words"

# The paper says "bullet point" and no more. Those of Unicode that lists are written with, and the
# two of plain text (`-` and `*`), which is what a list item becomes in extraction.
BULLETS = "•‣◦\u2043∙·●○■□▪▫▶►◀\u2013-*"
ELLIPSIS = "…"


class GopherQualitySettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds of Gopher A.1.1; a document exactly at one is kept."""

    enabled: bool = True
    """Whether the rules drop anything; the signals are measured in any case."""
    min_words: int = 50
    """Fewest words."""
    max_words: int = 100_000
    """Most words; novels are longer: give books a source with heuristics = false."""
    min_mean_word_length: float = 3.0
    """Fewest characters a word, on average."""
    max_mean_word_length: float = 10.0
    """Most characters a word, on average."""
    max_symbols_per_word: float = 0.1
    """Most hash signs, and most ellipses, for each word."""
    max_bullet_lines: float = 0.9
    """Largest share of lines that begin with a bullet."""
    max_ellipsis_lines: float = 0.3
    """Largest share of lines that end with an ellipsis."""
    min_alphabetic_words: float = 0.8
    """Smallest share of words with a letter in them."""
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")
    """The paper's eight; English."""
    min_stop_words: int = 2
    """Fewest different stop words; 0 for other languages."""

    def __post_init__(self) -> None:
        """Refuse ranges that nothing can pass."""
        if not 0 <= self.min_words <= self.max_words:
            raise ValueError(f"0 <= min_words <= max_words: {self.min_words}, {self.max_words}")
        if self.min_mean_word_length > self.max_mean_word_length:
            raise ValueError("min_mean_word_length exceeds max_mean_word_length")
        if self.min_stop_words > len(self.stop_words):
            raise ValueError(f"min_stop_words is {self.min_stop_words}, of {len(self.stop_words)}")


def measure(
    texts: pa.Array | pa.ChunkedArray, words: Words, settings: GopherQualitySettings
) -> Signals:
    """Count what the rules ask for; `words` are those of the texts."""
    table = _flags()
    parts = [_count(*text, *table) for text in text_bytes(texts)]
    counts = np.concatenate(parts or [np.zeros((0, 8), np.int64)]).astype(np.float64)
    num_words, characters, alphabetic, hashes, ellipses, lines, bullets, cut = counts.T
    some_words, some_lines = np.maximum(num_words, 1), np.maximum(lines, 1)
    return {
        "num_words": num_words,
        "mean_word_length": characters / some_words,
        "hashes_per_word": hashes / some_words,
        "ellipses_per_word": ellipses / some_words,
        "bullet_lines": bullets / some_lines,
        "ellipsis_lines": cut / some_lines,
        "alphabetic_words": alphabetic / some_words,
        "num_stop_words": _count_stop_words(words, settings.stop_words),
    }


def judge(signals: Signals, settings: GopherQualitySettings) -> Iterator[Fault]:
    """Hold the signals against the thresholds, in the paper's order."""
    yield TOO_FEW_WORDS, signals["num_words"] < settings.min_words
    yield TOO_MANY_WORDS, signals["num_words"] > settings.max_words
    yield WORDS_TOO_SHORT, signals["mean_word_length"] < settings.min_mean_word_length
    yield WORDS_TOO_LONG, signals["mean_word_length"] > settings.max_mean_word_length
    yield TOO_MANY_HASHES, signals["hashes_per_word"] > settings.max_symbols_per_word
    yield TOO_MANY_ELLIPSES, signals["ellipses_per_word"] > settings.max_symbols_per_word
    yield TOO_MANY_BULLETS, signals["bullet_lines"] > settings.max_bullet_lines
    yield TOO_MANY_CUT_LINES, signals["ellipsis_lines"] > settings.max_ellipsis_lines
    yield TOO_FEW_ALPHABETIC_WORDS, signals["alphabetic_words"] < settings.min_alphabetic_words
    yield TOO_FEW_STOP_WORDS, signals["num_stop_words"] < settings.min_stop_words


def _count_stop_words(words: Words, stop_words: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Different stop words in each document, float64 (num_documents,)."""
    found = np.zeros(len(words.offsets) - 1)
    for stop_hash in split_words(pa.array(stop_words, pa.string())).hashes:
        before = np.concatenate([[0], np.cumsum(words.hashes == stop_hash)])
        found += before[words.offsets[1:]] > before[words.offsets[:-1]]
    return found


_SPACE, _ALPHABETIC, _BULLET, _HASH, _DOT, _ELLIPSIS, _NEWLINE = (1 << bit for bit in range(7))


@cache
def _flags() -> CodePoints:
    """What the kernel must know of each code point, as bits."""

    flags = answers(str.isspace) * np.uint32(_SPACE) | answers(str.isalpha) * np.uint32(_ALPHABETIC)
    for characters, flag in (
        (BULLETS, _BULLET), ("#", _HASH), (".", _DOT), (ELLIPSIS, _ELLIPSIS), ("\n", _NEWLINE),
    ):  # fmt: skip
        flags[[ord(c) for c in characters]] |= np.uint32(flag)
    return code_points(flags)


@njit(cache=True, nogil=True)
def _count(
    data: UInt8Array, starts: Int64Array, ends: Int64Array, pages: Int64Array, values: UInt32Array
) -> Int64Array:
    """Counts of each document, int64 (num_documents, 8).

    Columns: words, their characters, words with a letter, hash signs, ellipses ("..." without
    overlap, or U+2026), lines with text, of them those that begin with a bullet, and those that
    end with an ellipsis (three dots or more, or U+2026; white space after it does not count).
    """
    counts = np.zeros((len(starts), 8), np.int64)
    for d in range(len(starts)):
        i, end = np.uint64(starts[d]), np.uint64(ends[d])
        words = characters = alphabetic = hashes = ellipses = lines = bullets = cut = 0
        in_word = has_letter = has_text = cut_here = False
        dots = 0
        while i < end:
            flags = values[data[i]]
            length = np.uint64(1)
            if data[i] >= 128:
                flags, length = value_at(data, i, end, pages, values)
            i += length
            if flags & _SPACE:
                alphabetic += has_letter
                in_word = has_letter = False
                dots = 0
                if flags & _NEWLINE:
                    cut += cut_here
                    has_text = cut_here = False
                continue
            characters += 1
            if not in_word:
                in_word = True
                words += 1
            if not has_text:
                has_text = True
                lines += 1
                bullets += (flags & _BULLET) != 0
            has_letter |= (flags & _ALPHABETIC) != 0
            hashes += (flags & _HASH) != 0
            dots = dots + 1 if flags & _DOT else 0
            ellipses += (flags & _ELLIPSIS) != 0 or (dots > 0 and dots % 3 == 0)
            cut_here = (flags & _ELLIPSIS) != 0 or dots >= 3
        alphabetic += has_letter
        cut += cut_here
        counts[d] = (words, characters, alphabetic, hashes, ellipses, lines, bullets, cut)
    return counts
