"""datatrove's verdicts rule by rule: as its code is, and with our readings put into it.

usage: datatrove_verdicts.py TEXTS.jsonl, which has of each text its `text` and our `words` of it,
joined by blanks.

Each rule is a filter of datatrove's with its other rules off, so that datatrove's code decides. Our
readings are put in from outside, one after the other: other words, another text, another length of
it. Where the last answer of a rule is ours, nothing but these readings differs, and the first
reading that brings our answer is the difference's cause. An answer is true (the rule drops the
text), false, or null where the code raises an error; of C4's lines it is the hash of what is left.
A pass gives, for each rule, the answers of all texts by reading.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from math import inf
from pathlib import Path

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    c4_filters,
)
from datatrove.pipeline.filters import fineweb_quality_filter as fineweb
from datatrove.pipeline.filters import gopher_quality_filter as quality
from datatrove.pipeline.filters import gopher_repetition_filter as repetition
from datatrove.pipeline.filters.base_filter import BaseFilter
from passes import serve

BULLETS = tuple("•‣◦\u2043∙·●○■□▪▫▶►◀\u2013-*")  # filters/heuristics/gopher_quality.py


quality_words = lru_cache(2)(quality.split_into_words)  # spaCy's, with the marks as words


class Sized(str):
    """A text that says another length, by which the shares are divided."""

    size = 0

    def __len__(self) -> int:
        return self.size


def sized(text: str, size: int) -> str:
    result = Sized(text)
    result.size = max(size, 1)
    return result


@dataclass(frozen=True)
class Reading:
    """What datatrove's code works on."""

    text: Callable[[str], str] = str
    words: Callable[[str], list[str]] = quality_words
    symbols: frozenset[str] = frozenset(quality.PUNCTUATION_SET)
    top: Callable[[list[str]], int] = repetition.find_top_duplicate
    sentences: Callable[[str, str], list[str]] = c4_filters.split_into_sentences


def as_bytes(text: str) -> str:
    """The text's UTF-8, a character for each byte."""
    return text.encode().decode("latin-1")


OUR_WORDS: dict[str, list[str]] = {}
"""The words of corpus/words.py, of the one text that is being judged."""


def normalised(text: str) -> list[str]:
    return OUR_WORDS[text]


@lru_cache(2)
def lower_case_words(text: str) -> list[str]:
    return [word.lower() for word in quality_words(text)]


def normalised_bytes(text: str) -> list[str]:
    return [as_bytes(word) for word in normalised(text)]


def our_bullets(text: str) -> str:
    lines = (line.lstrip() for line in text.split("\n"))
    return "\n".join("-" if line.startswith(BULLETS) else "x" for line in lines if line)


def datatrove_lines_our_bullets(text: str) -> str:
    return "\n".join("-" if s.lstrip().startswith(BULLETS) else "x" for s in text.splitlines())


def lines_with_text(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def stripped(text: str) -> str:
    """Lines without white space around them; blank ones part paragraphs."""
    blocks: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            blocks[-1].append(line.strip())
        elif blocks[-1]:
            blocks.append([])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def stripped_bytes(text: str) -> str:
    whole = as_bytes(stripped(text))
    return sized(whole, len(whole.replace("\n", "")))


def of_word_bytes(text: str) -> str:
    return sized(text, sum(map(len, normalised_bytes(text))))


def top(grams: list[str], least: int) -> int:
    """Bytes of the most frequent n-grams without blanks; of equally frequent ones the longest."""
    counts = Counter(grams)
    most = max(counts.values())
    if most < least:
        return 0
    return most * max(len(gram) - gram.count(" ") for gram, n in counts.items() if n == most)


def our_sentences(line: str, _language: str) -> list[str]:
    """filters/heuristics/c4.py: a sentence for each stop at a word's end, and one at least."""
    return re.findall(r"[.!?]+[\"')\]\u2019\u201d\u00bb]*(?=\s|$)", line) or [line]


def line_feeds(text: str) -> str:
    """Other characters that part lines for Python are white space to us."""
    return re.sub(r"[\r\v\f\x1c-\x1e\x85\u2028\u2029]", " ", text)


def citations_at_once(text: str) -> str:
    """Without the white space that a line's first and last citations leave at its ends there."""
    text = stripped_each(line_feeds(text))
    some = r"(?:(?:\[\d*]|\[edit]|\[citation needed])[^\S\n]*)+"
    text = re.sub(rf"(?m)[^\S\n]+({some})$", r"\1", text)
    return re.sub(rf"(?m)^({some})(?<=\s)", lambda found: found[0].rstrip(), text)


class C4Left(C4QualityFilter):
    """What C4's line rules leave of any page."""

    def __init__(self) -> None:
        super().__init__(min_num_sentences=-1, filter_lorem_ipsum=False, filter_curly_bracket=False)

    def filter(self, doc: Document) -> str:
        super().filter(doc)
        return blake2b(doc.text.encode(), digest_size=8).hexdigest()


def stripped_each(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("\n"))


AS_IT_IS = Reading()
SPACED = replace(AS_IT_IS, words=str.split)
NORMAL = replace(AS_IT_IS, words=normalised)
WORD_BYTES = Reading(of_word_bytes, normalised_bytes, frozenset(), lambda grams: top(grams, 1))
WORDS = {"words": SPACED, "symbols": replace(SPACED, symbols=frozenset())}
LINES = {
    "white space": replace(AS_IT_IS, text=stripped),
    "length": replace(AS_IT_IS, text=stripped_bytes),
}
REPEATED = {"words": NORMAL, "length": WORD_BYTES}
FREQUENT = {**REPEATED, "once": replace(WORD_BYTES, top=lambda grams: top(grams, 2))}

GOPHER_QUALITY = {
    "too_few_words": ({"min_doc_words": 50}, WORDS),
    "too_many_words": ({"max_doc_words": 100_000}, WORDS),
    "words_too_short": ({"min_avg_word_length": 3}, WORDS),
    "words_too_long": ({"max_avg_word_length": 10}, WORDS),
    "too_many_symbols": ({"max_symbol_word_ratio": 0.1}, WORDS),
    "too_many_bullets": (
        {"max_bullet_lines_ratio": 0.9},
        {"bullets": replace(SPACED, text=datatrove_lines_our_bullets),
         "blank lines": replace(SPACED, text=our_bullets)},
    ),
    "too_many_cut_lines": (
        {"max_ellipsis_lines_ratio": 0.3},
        {"blank lines": replace(SPACED, text=lines_with_text)},
    ),
    "too_few_alphabetic_words": ({"max_non_alpha_words_ratio": 0.8}, WORDS),
    "too_few_stop_words": (
        {"min_stop_words": 2}, {"case": replace(AS_IT_IS, words=lower_case_words), "words": NORMAL}
    ),
}  # fmt: skip
GOPHER_REPETITION = {
    "repeated_lines": ({"dup_line_frac": 0.3}, LINES),
    "repeated_paragraphs": ({"dup_para_frac": 0.3}, LINES),
    "repeated_line_characters": ({"dup_line_char_frac": 0.2}, LINES),
    "repeated_paragraph_characters": ({"dup_para_char_frac": 0.2}, LINES),
    **{
        f"frequent_{n}_gram": ({"top_n_grams": ((n, share),)}, FREQUENT)
        for n, share in ((2, 0.2), (3, 0.18), (4, 0.16))
    },
    **{
        f"repeated_{n}_grams": ({"dup_n_grams": ((n, share),)}, REPEATED)
        for n, share in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1))
    },
}
STRIPPED = {"white space": replace(AS_IT_IS, text=stripped_each)}
FINEWEB = {
    "too_few_end_marks": ({"line_punct_thr": 0.12}, STRIPPED),
    "too_many_short_lines": ({"short_line_thr": 0.67}, STRIPPED),
    "too_many_duplicate_characters": ({"char_duplicates_ratio": 0.01}, STRIPPED),
    "too_many_newlines": ({"new_line_ratio": 0.3}, {"words": SPACED}),
}
C4 = {
    "c4": (
        {},
        {
            "sentences": replace(AS_IT_IS, sentences=our_sentences),
            "line breaks": Reading(line_feeds, sentences=our_sentences),
            "white space": Reading(citations_at_once, sentences=our_sentences),
        },
    ),
}
C4_LEFT = {
    "c4_left": (
        {},
        {"line breaks": Reading(line_feeds), "white space": Reading(citations_at_once)},
    ),
}  # fmt: skip

OFF = {  # each filter's settings under which it drops nothing
    GopherQualityFilter: dict.fromkeys(
        ["min_doc_words", "max_doc_words", "min_avg_word_length", "max_avg_word_length",
         "max_symbol_word_ratio", "max_bullet_lines_ratio", "max_ellipsis_lines_ratio",
         "max_non_alpha_words_ratio", "min_stop_words"]
    ),
    GopherRepetitionFilter: {
        "dup_line_frac": None, "dup_para_frac": None, "dup_line_char_frac": None,
        "dup_para_char_frac": None, "top_n_grams": (), "dup_n_grams": (),
    },
    FineWebQualityFilter: {
        "line_punct_thr": 0, "short_line_thr": inf, "char_duplicates_ratio": inf,
        "new_line_ratio": inf,
    },
    C4QualityFilter: {},
    C4Left: {},
}  # fmt: skip
TABLES = {
    GopherQualityFilter: GOPHER_QUALITY, GopherRepetitionFilter: GOPHER_REPETITION,
    FineWebQualityFilter: FINEWEB, C4QualityFilter: C4, C4Left: C4_LEFT,
}  # fmt: skip
RULES = {
    name: (kind(**{**OFF[kind], **on}), {"datatrove": AS_IT_IS, **readings})
    for kind, table in TABLES.items()
    for name, (on, readings) in table.items()
}


def answer(rule: BaseFilter, reading: Reading, text: str) -> bool | str | None:
    """Whether the rule drops the text, or the hash of what it leaves; None where it fails."""
    for module in (quality, repetition, fineweb):
        module.split_into_words = lambda _text, _language: reading.words(text)
    quality.PUNCTUATION_SET = reading.symbols
    repetition.find_top_duplicate = reading.top
    c4_filters.split_into_sentences = reading.sentences
    try:
        found = rule.filter(Document(text=reading.text(text), id=""))
        return found if isinstance(found, str) else found is not True
    except (ZeroDivisionError, AssertionError):
        return None


def answers(path: str) -> dict[str, dict[str, list[bool | str | None]]]:
    """The answers of each rule under each of its readings."""
    found = {name: {label: [] for label in readings} for name, (_, readings) in RULES.items()}
    with Path(path).open(encoding="utf-8") as lines:
        for line in lines:
            text, words = (json.loads(line)[key] for key in ("text", "words"))
            OUR_WORDS.clear()
            OUR_WORDS[text] = words.split(" ") if words else []
            for name, (rule, readings) in RULES.items():
                for label, reading in readings.items():
                    found[name][label].append(answer(rule, reading, text))
    return found


if __name__ == "__main__":
    np.seterr(all="ignore")
    serve(lambda: answers(sys.argv[1]))
