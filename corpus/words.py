"""The one normal form of text: lower-cased words of letters and digits, as 64-bit hashes.

`normalise` says it in plain Python; `split_words` does the same over the offsets and bytes of an
Arrow column, without a Python object per document or word. Deduplication, contamination, the rules
and the classifier all read these words, so that a word means the same everywhere (GPT-2 section 4
uses this form for its 8-gram check).

A word is a run of letters and digits (`str.isalnum`), each lower-cased by itself. Two things that
English has not:
- a combining mark (Mn, Mc) after a letter, a digit or another mark is of the word, without which
  Hindi, Thai and vowelled Arabic would fall into pieces; after anything else it parts words;
- in a script written without spaces (`UNSPACED`) each letter, with the marks after it, is a word:
  a whole sentence as one word would tell n-grams, MinHash and features nothing.

Limits: U+0130 (I with a dot), whose `lower()` alone is two code points, becomes `i`; a final sigma
stays U+03C3. Accents are kept and no Unicode normal form is applied: text arrives in NFC. Joiners
(U+200C, U+200D) part words. Hashes are not secret and not portable beyond here.
Cost: 660 MB of text a second on one core in batches of 10 MB, 250 where half is not ASCII; 24 bytes
a word, of which a batch of 20 MB and more loses a third of the speed. 2 s to compile once, then
cached on disk, and 0.3 s a process for the table of code points.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from corpus.utf8 import (
    NUM_CODE_POINTS,
    CodePoints,
    Int64Array,
    TextBytes,
    UInt64Array,
    answers,
    code_points,
    padded,
    text_bytes,
)
from corpus.word_kernels import (
    KIND_SHIFT,
    LETTER,
    LONE,
    MARK,
    SEPARATOR,
    fold_ngrams,
    most_words,
    split,
)

# Where each letter is a word: the scripts whose words no sign parts. Those that UAX #14 lets a line
# break between any two letters (its classes ID and CJ) or only by a dictionary (SA). Not Hangul and
# Ethiopic, which part words; nor Tibetan, where a sign ends each syllable.
UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x3000, 0x312F),  # Han numerals and repeat marks, Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31BF), (0x31F0, 0x31FF),  # Bopomofo and Katakana, extended
    (0x3400, 0xA4CF),  # Han, Yi
    (0xA9E0, 0xA9FF), (0xAA60, 0xAADF),  # Myanmar, extended; Tai Viet
    (0xF900, 0xFAFF),  # Han, for compatibility
    (0xFF66, 0xFF9F),  # Katakana of half width
    (0x11700, 0x1174F),  # Ahom
    (0x16FE0, 0x18DFF),  # Tangut, Khitan
    (0x1AFF0, 0x1B2FF),  # Kana, extended; Nushu
    (0x20000, 0x3FFFF),  # Han, supplements
)  # fmt: skip
_EDGES = [edge for first, last in UNSPACED for edge in (first, last + 1)]


class Words(NamedTuple):
    """Words of many documents; those of document i are [offsets[i], offsets[i + 1])."""

    hashes: UInt64Array
    """uint64 (num_words,): hash of each normalised word."""
    starts: Int64Array
    """int64 (num_words,): byte offset of the word in its document's UTF-8 text."""
    ends: Int64Array
    """int64 (num_words,): one past its last byte."""
    offsets: Int64Array
    """int64 (num_documents + 1,)."""


def normalise(text: str) -> str:
    """Return the normalised words of a text, joined by one space."""
    return " ".join(normalised(text, word_spans(text)))


def normalised(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[str]:
    """The normalised word at each of the spans."""
    return ("".join(map(_lower, text[start:end])) for start, end in spans)


def word_spans(text: str) -> list[tuple[int, int]]:
    """First character of each word of a text, and one past its last."""
    starts: list[int] = []
    ends: list[int] = []
    before = SEPARATOR
    for place, letter in enumerate(text):
        kind = _kind(letter)
        if kind == MARK and before == SEPARATOR:
            continue
        if kind == MARK or kind == before == LETTER:
            ends[-1] = place + 1
            continue
        if kind != SEPARATOR:
            starts.append(place)
            ends.append(place + 1)
        before = kind
    return list(zip(starts, ends, strict=True))


def split_words(texts: pa.Array | pa.ChunkedArray) -> Words:
    """Split and hash the words of each document (string or large_string; null has none)."""
    parts = [_split_bytes(text) for text in text_bytes(texts)]
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([np.zeros(1, np.int64), *(np.diff(part.offsets) for part in parts)])
    return Words(
        np.concatenate([part.hashes for part in parts] or [np.zeros(0, np.uint64)]),
        np.concatenate([part.starts for part in parts] or [np.zeros(0, np.int64)]),
        np.concatenate([part.ends for part in parts] or [np.zeros(0, np.int64)]),
        np.cumsum(counts),
    )


def ngram_hashes(words: Words, n: int) -> tuple[UInt64Array, Int64Array]:
    """Hash each run of n words of each document.

    Returns uint64 (num_ngrams,) and int64 offsets (num_documents + 1,): n-gram j of document i
    begins at its word j. A document with fewer than n words has none; for n = 1 the hashes are
    those of the words. Raises ValueError where n < 1.
    """
    if n < 1:
        raise ValueError(f"n-grams of {n} words: expected n >= 1")
    if n == 1:
        return words.hashes, words.offsets
    counts = np.maximum(np.diff(words.offsets) - (n - 1), 0)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    found = np.empty(offsets[-1], np.uint64)
    fold_ngrams(words.hashes, words.offsets, offsets, n, found)
    return found, offsets


@lru_cache(maxsize=1 << 14)
def _kind(letter: str) -> int:
    """What a code point does to a word."""
    if letter.isalnum():
        is_unspaced = bisect(_EDGES, ord(letter)) % 2 == 1
        is_number = unicodedata.category(letter) in ("Nd", "No")
        return LONE if is_unspaced and not is_number else LETTER
    return MARK if _is_mark(letter) else SEPARATOR


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter) in ("Mn", "Mc")


def _lower(letter: str) -> str:
    """One lower-case code point for one; see the module's limits."""
    return letter.lower()[0]


def _split_bytes(text: TextBytes) -> Words:
    """The words of one chunk, in arrays of hardly more than their size: fresh memory is slow."""
    parts = list(padded(text))
    room = sum(most_words(*part) for part in parts)
    hashes = np.empty(room, np.uint64)
    starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    offsets = np.zeros(len(text.starts) + 1, np.int64)
    num_words = num_documents = 0
    for part in parts:
        own = offsets[num_documents:]
        num_words = split(*part, *word_table(), hashes, starts, ends, own, num_words)
        num_documents += len(part.starts)
    return Words(hashes[:num_words], starts[:num_words], ends[:num_words], offsets)


@cache
def word_table() -> CodePoints:
    """Each code point's kind and lower case, as word_kernels.py wants them; 0.3 s to build."""
    numbers = np.zeros(NUM_CODE_POINTS, np.uint32)
    for code_point in np.flatnonzero(answers(str.isalnum) | answers(_is_mark)).tolist():
        letter = chr(code_point)
        numbers[code_point] = _kind(letter) << KIND_SHIFT | ord(_lower(letter))
    return code_points(numbers)
