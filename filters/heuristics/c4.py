"""C4's page rules: is this a page of sentences, and not of code or filler?

Method (Raffel et al. 2020, section 2.2, and its code in TensorFlow Datasets): lines without a final
`.`, `!`, `?` or quotation mark, of fewer than three words, or that speak of JavaScript or of cookie
policies are no sentences; a page with fewer than five sentences in its other lines leaves, and so
does one with "lorem ipsum", a curly bracket, or a word of the list given.

C4 removes the bad lines and keeps the rest of the page. The screen only judges documents, and the
text stays as it was extracted: lines are looked at here to count sentences, never to cut.
Where code and paper differ: the code looks for brackets and filler only in the lines that it keeps,
the paper on the page; here it is the page. The code counts sentences with NLTK's Punkt; here a
sentence ends with a stop, its closing quotes or brackets, and white space or the line's end.
Cost: about 20 MB/s in plain Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.config import Settings
from filters.heuristics.signals import Signals
from filters.verdict import Fault

LOREM_IPSUM = "lorem_ipsum"
CURLY_BRACKET = "curly_bracket"
BAD_WORD = "bad_word"
TOO_FEW_SENTENCES = "too_few_sentences"

END_MARKS = (".", "!", "?", '"')  # the paper's; datatrove also takes a single quotation mark
POLICY_PHRASES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
    "use cookies",
)  # fmt: skip  # C4's code; the paper's text does not list them
MAX_WORD_CHARACTERS = 1000  # C4's code: a line with a longer one is data, not language
_NOT_A_SENTENCE = re.compile("javascript|" + "|".join(POLICY_PHRASES))
_SENTENCE_END = re.compile(r"[.!?]+[\"')\]]*(?=\s|$)")


class C4Settings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """C4's page rules, each with its own switch."""

    enabled: bool = True
    """Whether the rules drop anything; the signals are measured in any case."""
    lorem_ipsum: bool = True
    """Whether a page with "lorem ipsum" leaves."""
    curly_bracket: bool = False
    """Whether a page with `{` leaves. C4 and its derivatives say true; it costs every page of
    documentation that shows code, so it is off unless the recipe is theirs."""
    bad_words: tuple[str, ...] = ()
    """Words and phrases that make a page leave, where they stand between non-letters, in any case.
    C4 used a public list of obscene words, which also removes much harmless text."""
    min_sentences: int = 5
    """Fewest sentences in lines that look like sentences; 0 for no such rule."""
    min_words_in_line: int = 3
    """Fewest words of such a line."""
    need_end_mark: bool = True
    """Whether such a line must end like a sentence; FineWeb found that this rule costs too much
    text (30 % of the tokens) and leaves it out."""


def measure(texts: pa.Array | pa.ChunkedArray, settings: C4Settings) -> Signals:
    """Sentences, and the page's marks of filler and code (1 where found)."""
    lower = pc.utf8_lower(texts)
    bad = np.zeros(len(texts))
    if settings.bad_words:
        words = "|".join(map(re.escape, sorted(w.lower() for w in settings.bad_words)))
        bad = _as_float(pc.match_substring_regex(lower, rf"(^|[^\pL\pN_])({words})($|[^\pL\pN_])"))
    sentences = [count_sentences(text or "", settings) for text in texts.to_pylist()]
    return {
        "num_sentences": np.array(sentences, np.float64),
        "lorem_ipsum": _as_float(pc.match_substring(lower, "lorem ipsum")),
        "curly_bracket": _as_float(pc.match_substring(texts, "{")),
        "bad_word": bad,
    }


def judge(signals: Signals, settings: C4Settings) -> Iterator[Fault]:
    """Hold the signals against the settings."""
    if settings.lorem_ipsum:
        yield LOREM_IPSUM, signals["lorem_ipsum"] > 0
    if settings.curly_bracket:
        yield CURLY_BRACKET, signals["curly_bracket"] > 0
    yield BAD_WORD, signals["bad_word"] > 0
    yield TOO_FEW_SENTENCES, signals["num_sentences"] < settings.min_sentences


def count_sentences(text: str, settings: C4Settings) -> int:
    """Sentences in the lines that C4 would keep."""
    num_sentences = 0
    for line in text.split("\n"):
        stripped = line.strip()
        if settings.need_end_mark and (
            not stripped.endswith(END_MARKS) or stripped.endswith("...")
        ):
            continue
        words = stripped.split()
        if len(words) < settings.min_words_in_line:
            continue
        if len(stripped) > MAX_WORD_CHARACTERS and max(map(len, words)) > MAX_WORD_CHARACTERS:
            continue
        if _NOT_A_SENTENCE.search(stripped.lower()):
            continue
        num_sentences += max(1, len(_SENTENCE_END.findall(stripped)))
    return num_sentences


def _as_float(found: pa.Array | pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(pc.fill_null(found, False)).astype(np.float64)
