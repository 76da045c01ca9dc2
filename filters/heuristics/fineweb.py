"""FineWeb's own line rules: is this page made of lines that are text, and of different ones?

Method (Penedo et al. 2024, section 3.6; the code is datatrove's fineweb_quality_filter.py): of the
lines with text, the share that end like a sentence, the share that are short, the share of
characters in lines that repeat an earlier one; and line feeds for each word.

Where paper and code differ, or the code surprises:
- the paper gives 0.1 for the repeated characters, the code 0.01, and only the code has a rule for
  line feeds; the code made the data set, so its values are the default.
- the paper's lines are short below 30 characters, the code's up to 30 (`short_line`); a page at a
  threshold is dropped by the paper and kept by the code, and here.
- the code does not strip lines, so that a blank after the stop hides it; here white space around a
  line does not count (`strip_lines`).
- a quotation mark after the stop ends no sentence in the code; nor does it here (`end_marks`).
- FineWeb lets C4's rules remove lines first, and then asks these rules: lines that are gone do not
  count for anything.
- the code asks spaCy's tokenizer for words, which counts marks as words too, about one in seven;
  here a word is a run without white space, so that a page may have that many fewer line feeds.
Cost: 6 ms for 10 MB beside lines.py's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from corpus.config import Settings
from corpus.utf8 import Int64Array
from filters.heuristics.lines import Lines, is_one_of, per_document
from filters.heuristics.repeats import repeated_lines
from filters.heuristics.signals import Signals
from filters.verdict import BoolArray, Fault

TOO_FEW_END_MARKS = "too_few_end_marks"
TOO_MANY_SHORT_LINES = "too_many_short_lines"
TOO_MANY_DUPLICATE_CHARACTERS = "too_many_duplicate_characters"
TOO_MANY_NEWLINES = "too_many_newlines"

# Unicode 15's Sentence_Terminal and three marks of Khmer, as datatrove lists them: code points and
# ranges in hexadecimal.
_SENTENCE_TERMINAL = """
21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 166e 1735-1736
17d4-17d6 17d9-17da 1803 1809 1944-1945 1aa8-1aab 1b5a-1b5b 1b5e-1b5f 1b7d-1b7e 1c3b-1c3c 1c7e-1c7f
203c-203d 2047-2049 2e2e 2e3c 2e53-2e54 3002 a4ff a60e-a60f a6f3 a6f7 a876-a877 a8ce-a8cf a92f
a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb fe52 fe56-fe57 ff01 ff0e ff1f ff61 10a56-10a57 10f55-10f59
10f86-10f89 11047-11048 110be-110c1 11141-11143 111c5-111c6 111cd 111de-111df 11238-11239
1123b-1123c 112a9 1144b-1144c 115c2-115c3 115c9-115d7 11641-11642 1173c-1173e 11944 11946
11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 11f43-11f44 16a6e-16a6f 16af5 16b37-16b38 16b44
16e98 1bc9f 1da88
"""
END_MARKS = "".join(
    chr(code)
    for first, _, last in (part.partition("-") for part in _SENTENCE_TERMINAL.split())
    for code in range(int(first, 16), int(last or first, 16) + 1)
)


class FineWebSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds of FineWeb's rules; a document exactly at one is kept."""

    enabled: bool = False
    """Whether the rules drop anything; the signals are measured in any case."""
    min_end_mark_lines: float = 0.12
    """Smallest share of lines that end with a mark that ends sentences."""
    end_marks: str = ""
    """The marks; when empty those of all scripts, as datatrove has them."""
    max_short_lines: float = 0.67
    """Largest share of short lines."""
    short_line: int = 30
    """Most characters of a short line."""
    max_duplicate_characters: float = 0.01
    """Characters of lines equal to an earlier one, of all but line feeds. The paper has 0.1."""
    max_newlines_per_word: float = 0.3
    """Most line feeds for each word; the code's rule, not the paper's."""
    strip_lines: bool = True
    """Whether white space around a line does not count; false is datatrove's reading."""


def measure(lines: Lines, gone: BoolArray, settings: FineWebSettings) -> Signals:
    """Shares of the lines with text, and line feeds for each word.

    gone: bool (num_lines,), lines that another rule set has removed before.
    """
    words = np.where(gone, 0, lines.words)
    has_text = words > 0
    sizes = lines.characters + lines.blanks
    starts, ends = lines.text_starts, lines.text_ends
    marked = is_one_of(lines.last, settings.end_marks or END_MARKS) & has_text
    if not settings.strip_lines:
        sizes += lines.margin
        starts, ends = lines.starts, lines.ends
        marked &= lines.text_ends == lines.ends
    some_lines = np.maximum(per_document(lines, has_text), 1)
    some_words = np.maximum(per_document(lines, words), 1)
    some_characters = np.maximum(per_document(lines, np.where(gone, 0, sizes)), 1)
    short = has_text & (sizes <= settings.short_line)
    repeated = np.where(_is_repeated(lines, starts, ends, has_text), sizes, 0)
    return {
        "end_mark_lines": per_document(lines, marked) / some_lines,
        "short_lines": per_document(lines, short) / some_lines,
        "duplicate_characters": per_document(lines, repeated) / some_characters,
        "newlines_per_word": np.maximum(per_document(lines, ~gone) - 1, 0) / some_words,
    }


def judge(signals: Signals, settings: FineWebSettings) -> Iterator[Fault]:
    """Hold the signals against the thresholds, in the code's order."""
    yield TOO_FEW_END_MARKS, signals["end_mark_lines"] < settings.min_end_mark_lines
    yield TOO_MANY_SHORT_LINES, signals["short_lines"] > settings.max_short_lines
    most = settings.max_duplicate_characters
    yield TOO_MANY_DUPLICATE_CHARACTERS, signals["duplicate_characters"] > most
    yield TOO_MANY_NEWLINES, signals["newlines_per_word"] > settings.max_newlines_per_word


def _is_repeated(
    lines: Lines, starts: Int64Array, ends: Int64Array, has_text: BoolArray
) -> BoolArray:
    """Whether an earlier line of the document has the same bytes from its start to its end."""
    first, end = np.where(has_text, starts, 0), np.where(has_text, ends, 0)
    return repeated_lines(lines.data, lines.offsets, first, end)[1]
