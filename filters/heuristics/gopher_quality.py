"""Gopher's quality rules: is this text made of words, lines and sentences?

Method: eight thresholds judge the counts of words, symbols and lines (Rae et al. 2021, appendix
A.1.1). Where the paper leaves room, this file reads it so; datatrove's reading is a setting except
for the first, and DATATROVE.md has both sides' verdicts:
- a word is a run without white space. datatrove asks spaCy's tokenizer, and leaves out the tokens
  that are marks alone when it counts words and their mean length, but not when it asks how many
  have a letter, so that prose of short sentences has too few;
- stop words are looked up among normalised words, so that "The," is `the` (`stop_word_case`);
- lines are those with text, so that blank lines between bullets hide no list (`blank_lines`);
- bullets are Unicode's marks for lists, and `-` and `*` (`bullets`; datatrove knows two).
Limit: made for languages with spaces; a Chinese page has too few words.
Cost: 6 ms for 10 MB beside lines.py's and words.py's, which other rules need too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpus.config import Settings
from corpus.simd import KERNEL
from corpus.utf8 import Int64Array, UInt8Array, UInt64Array
from corpus.words import Words, split_words
from filters.heuristics.lines import Lines, is_one_of, per_document
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
    bullets: str = BULLETS
    """Characters that are bullets; datatrove's are `•-`."""
    max_ellipsis_lines: float = 0.3
    """Largest share of lines that end with an ellipsis."""
    blank_lines: bool = False
    """Whether blank lines count as lines, as in datatrove."""
    min_alphabetic_words: float = 0.8
    """Smallest share of words with a letter in them."""
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")
    """The paper's eight; English."""
    min_stop_words: int = 2
    """Fewest different stop words; 0 for other languages."""
    stop_word_case: bool = False
    """Whether a stop word must be written as it stands in stop_words, as in datatrove: `The` at a
    sentence's beginning is none then."""

    def __post_init__(self) -> None:
        """Refuse ranges that nothing can pass."""
        if not 0 <= self.min_words <= self.max_words:
            raise ValueError(f"0 <= min_words <= max_words: {self.min_words}, {self.max_words}")
        if self.min_mean_word_length > self.max_mean_word_length:
            raise ValueError("min_mean_word_length exceeds max_mean_word_length")
        if self.min_stop_words > len(self.stop_words):
            raise ValueError(f"min_stop_words is {self.min_stop_words}, of {len(self.stop_words)}")


def measure(lines: Lines, words: Words, settings: GopherQualitySettings) -> Signals:
    """Count what the rules ask for; `lines` and `words` are those of the same texts."""
    num_words = per_document(lines, lines.words)
    has_text = lines.words > 0
    counted = ~_is_after_the_end(lines) if settings.blank_lines else has_text
    bullets = is_one_of(lines.first, settings.bullets) & has_text
    cut = (lines.dotted > 0) | (lines.last == ord(ELLIPSIS))
    some_words = np.maximum(num_words, 1)
    some_lines = np.maximum(per_document(lines, counted), 1)
    return {
        "num_words": num_words,
        "mean_word_length": per_document(lines, lines.characters) / some_words,
        "hashes_per_word": per_document(lines, lines.hashes) / some_words,
        "ellipses_per_word": per_document(lines, lines.ellipses) / some_words,
        "bullet_lines": per_document(lines, bullets) / some_lines,
        "ellipsis_lines": per_document(lines, cut) / some_lines,
        "alphabetic_words": (num_words - per_document(lines, lines.letterless)) / some_words,
        "num_stop_words": _count_stop_words(lines, words, settings),
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


def _is_after_the_end(lines: Lines) -> npt.NDArray[np.bool_]:
    """The empty line after a text's last line feed, which `str.splitlines` does not have."""
    after = np.zeros(len(lines.starts), np.bool_)
    after[lines.offsets[1:] - 1] = True
    return after & (lines.starts == lines.ends)


def _count_stop_words(
    lines: Lines, words: Words, settings: GopherQualitySettings
) -> npt.NDArray[np.float64]:
    """Different stop words in each document, float64 (num_documents,)."""
    found = np.zeros(len(words.offsets) - 1)
    stops = _stop_words(settings.stop_words, settings.stop_word_case)
    seen = np.full(len(stops.hashes), -1)
    _find_stop_words(
        lines.data, lines.starts[lines.offsets[:-1]], words.hashes, words.starts, words.ends,
        words.offsets, *stops, settings.stop_word_case, seen, found,
    )  # fmt: skip
    return found


class _StopWords(NamedTuple):
    """Stop words for the kernel."""

    is_candidate: npt.NDArray[np.bool_]
    """bool (4096,): whether a stop word's hash has these lowest bits."""
    hashes: UInt64Array
    """uint64 (num_stop_words,)."""
    text: UInt8Array
    """uint8 (num_stop_words, longest): UTF-8, filled up with zeros."""


@cache
def _stop_words(stop_words: tuple[str, ...], exact: bool) -> _StopWords:
    distinct = sorted({word if exact else word.lower() for word in stop_words})
    hashes = split_words(pa.array(distinct, pa.string())).hashes
    if len(hashes) != len(distinct):
        raise ValueError(f"stop_words {distinct}: expected one word of letters and digits each")
    is_candidate = np.zeros(4096, np.bool_)
    is_candidate[hashes & np.uint64(4095)] = True
    encoded = [word.encode() for word in distinct]
    text = np.zeros((len(encoded), max(map(len, encoded), default=0)), np.uint8)
    for row, word in zip(text, encoded, strict=True):
        row[: len(word)] = np.frombuffer(word, np.uint8)
    return _StopWords(is_candidate, hashes, text)


@njit(**KERNEL)
def _find_stop_words(
    data: UInt8Array, document_starts: Int64Array, hashes: UInt64Array, starts: Int64Array,
    ends: Int64Array, offsets: Int64Array, is_candidate: npt.NDArray[np.bool_],
    stop_hashes: UInt64Array, text: UInt8Array, exact: bool, seen: Int64Array,
    found: npt.NDArray[np.float64],
) -> None:  # fmt: skip
    """Count the distinct stop words of each document; seen[k] is the last that had word k."""
    for d in range(len(document_starts)):
        for i in range(np.uint64(offsets[d]), np.uint64(offsets[d + 1])):
            if not is_candidate[hashes[i] & np.uint64(4095)]:
                continue
            for k in range(len(stop_hashes)):
                if stop_hashes[k] == hashes[i] and seen[k] != d:
                    begin, end = document_starts[d] + starts[i], document_starts[d] + ends[i]
                    if not exact or _is_written_so(data, begin, end, text, k):
                        seen[k] = d
                        found[d] += 1


@njit(**KERNEL)
def _is_written_so(data: UInt8Array, begin: int, end: int, text: UInt8Array, k: int) -> bool:
    for i in range(begin, end):
        if i - begin >= text.shape[1] or data[i] != text[k, i - begin]:
            return False
    return end - begin == text.shape[1] or text[k, end - begin] == 0
