"""C4's page rules: is this a page of sentences, and not of code or filler?

Method (Raffel et al. 2020, section 2.2, and its code, c4_utils.py of TensorFlow Datasets): lines
without a final `.`, `!`, `?` or quotation mark, of too few words, or that speak of JavaScript or of
cookie policies are no sentences; a page with too few sentences in its other lines leaves, and so
does one with "lorem ipsum", a curly bracket, or a word of the list given. C4 keeps the other lines
alone (`remove_lines`), without Wikipedia's "[1]" and "[citation needed]" (`remove_citations`).

Where paper and code differ:
- the paper has pages of at least 5 sentences and lines of at least 3 words; the code has 3 and 5.
  The paper's are the default, as in datatrove.
- the code looks for brackets and filler only in lines that it has not yet refused, the paper on the
  page, which is the default (`filler_in`).
- the code counts sentences with NLTK's Punkt, datatrove with spaCy; here a sentence ends with a
  stop, its closing quotes or brackets, and white space or the line's end. A title or an initial
  ("Mr. Smith") is then one too many.
- datatrove takes a final single quotation mark too (`end_marks`).
- the code finds a bad word in the lines it keeps, between bytes that are not a to z; here on the
  page, between characters that are no letter, digit or underscore, as datatrove has it.
Phrases are found in any ASCII case. Cost: 4 ms for 10 MB beside lines.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from corpus.config import Settings
from corpus.words import Words
from filters.heuristics.citations import read_citations
from filters.heuristics.line_kernel import Int32Array
from filters.heuristics.lines import (
    Lines,
    Spans,
    is_one_of,
    merge,
    per_document,
    spans,
    whole_lines,
)
from filters.heuristics.phrases import any_of, phrases_in
from filters.heuristics.signals import Signals
from filters.heuristics.word_lists import has_listed_word
from filters.verdict import BoolArray, Fault

LOREM_IPSUM = "lorem_ipsum"
CURLY_BRACKET = "curly_bracket"
BAD_WORD = "bad_word"
TOO_FEW_SENTENCES = "too_few_sentences"

END_MARKS = '.!?"'  # the paper's and its code's
POLICY_PHRASES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
    "use cookies",
)  # fmt: skip  # C4's code; the paper's text does not list them
_FILLER, _SCRIPT = "lorem ipsum", "javascript"
_PHRASES = (_FILLER, _SCRIPT, *POLICY_PHRASES)
MAX_WORD_CHARACTERS = 1000  # C4's code: a line with a longer one is data, not language


class C4Settings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """C4's page rules, each with its own switch."""

    enabled: bool = True
    """Whether the rules drop anything; the signals are measured in any case."""
    lorem_ipsum: bool = True
    """Whether a page with "lorem ipsum" leaves."""
    curly_bracket: bool = False
    """Whether a page with `{` leaves. C4 and its derivatives say true; it costs every page of
    documentation that shows code, so it is off unless the recipe is theirs."""
    filler_in: Literal["page", "kept_lines"] = "page"
    """Where these two are looked for: on the page, as the paper says, or only in lines that look
    like sentences, as its code does."""
    bad_words: tuple[str, ...] = ()
    """Words and phrases that make a page leave, where they stand between non-letters, in any case.
    C4 used a public list of obscene words, which also removes much harmless text."""
    min_sentences: int = 5
    """Fewest sentences in lines that look like sentences; 0 for no such rule. C4's code has 3."""
    min_words_in_line: int = 3
    """Fewest words of such a line. C4's code has 5."""
    need_end_mark: bool = True
    """Whether such a line must end like a sentence; FineWeb found that this rule costs too much
    text (30 % of the tokens) and leaves it out."""
    end_marks: str = END_MARKS
    """How a sentence's line may end; datatrove's are `.!?"'`. Never with three dots."""
    remove_lines: bool = False
    """Whether the other lines, and blank ones, are removed from pages that stay, as in C4."""
    remove_citations: bool = False
    """Whether "[1]", "[]", "[edit]" and "[citation needed]" are removed too, as in C4. In any case
    they are not looked at where a sentence ends."""


def measure(lines: Lines, words: Words, settings: C4Settings) -> Signals:
    """Sentences, and the page's marks of filler and code (1 where found)."""
    phrases = phrases_in(lines, _PHRASES)
    citations = read_citations(lines)
    worded = _has_words(lines, settings)
    marked = _has_end_mark(lines, citations.last, settings)
    spoken = ~any_of(phrases, _PHRASES, (_SCRIPT,))
    sentences = worded & marked & spoken & ~any_of(phrases, _PHRASES, POLICY_PHRASES)
    filler, bracket = any_of(phrases, _PHRASES, (_FILLER,)), lines.brackets > 0
    if settings.filler_in == "kept_lines":  # in the code's order: only what came before counts
        filler &= worded & marked
        bracket &= worded & marked & spoken
    stops = np.where(sentences, np.maximum(citations.stops, 1), 0)
    return {
        "num_sentences": per_document(lines, stops),
        "lorem_ipsum": np.minimum(per_document(lines, filler), 1),
        "curly_bracket": np.minimum(per_document(lines, bracket), 1),
        "bad_word": has_listed_word(lines, words, settings.bad_words).astype(np.float64),
    }


def judge(signals: Signals, settings: C4Settings) -> Iterator[Fault]:
    """Hold the signals against the settings."""
    if settings.lorem_ipsum:
        yield LOREM_IPSUM, signals["lorem_ipsum"] > 0
    if settings.curly_bracket:
        yield CURLY_BRACKET, signals["curly_bracket"] > 0
    yield BAD_WORD, signals["bad_word"] > 0
    yield TOO_FEW_SENTENCES, signals["num_sentences"] < settings.min_sentences


def bad_lines(lines: Lines, settings: C4Settings) -> BoolArray:
    """Lines that are no sentences, bool (num_lines,); blank ones among them."""
    refused = any_of(phrases_in(lines, _PHRASES), _PHRASES, (_SCRIPT, *POLICY_PHRASES))
    marked = _has_end_mark(lines, read_citations(lines).last, settings)
    return ~_has_words(lines, settings) | ~marked | refused


def removed_lines(lines: Lines, settings: C4Settings) -> BoolArray:
    """The bad lines where the settings say that they leave, bool (num_lines,)."""
    if settings.remove_lines:
        return bad_lines(lines, settings)
    return np.zeros(len(lines.starts), np.bool_)


def removed(lines: Lines, settings: C4Settings) -> Spans:
    """What C4 takes out of the pages that stay, as far as the settings say so."""
    bad = removed_lines(lines, settings)
    taken = whole_lines(lines, bad)
    if not settings.remove_citations:
        return taken
    found = read_citations(lines)
    left = ~bad[found.lines]
    return merge(taken, spans(lines, found.lines[left], found.starts[left], found.ends[left]))


def _has_words(lines: Lines, settings: C4Settings) -> BoolArray:
    enough = (lines.words >= settings.min_words_in_line) & (lines.words > 0)
    return enough & (lines.longest <= MAX_WORD_CHARACTERS)


def _has_end_mark(lines: Lines, last: Int32Array, settings: C4Settings) -> BoolArray:
    """Whether the line ends like a sentence; last: its last code point before citations."""
    if not settings.need_end_mark:
        return np.ones(len(last), np.bool_)
    return is_one_of(last, settings.end_marks) & (lines.dotted == 0)
