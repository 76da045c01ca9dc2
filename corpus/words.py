"""The one normal form of text: lower-cased alphanumeric words, as 64-bit hashes.

A word is a maximal run of code points for which `str.isalnum` holds, each lower-cased by itself.
`normalise` says it in plain Python; `split_words` does the same over the offsets and bytes of an
Arrow column, without a Python object per document or word. Deduplication, contamination and the
repetition rules all read these hashes, so that a word means the same everywhere (GPT-2 section 4
uses this form for its 8-gram check).

Limits: lower-casing looks at one code point at a time. U+0130 (I with a dot), the only one whose
`lower()` is longer, becomes `i`; a final sigma stays U+03C3. Accents are kept and no Unicode
normal form is applied: text arrives in NFC. Hashes are not secret and not portable beyond here.
Cost: 300 MB and more of text a second on one core; 3 s to compile once, then cached on disk.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from corpus.utf8 import (
    NUM_CODE_POINTS,
    CodePoints,
    Int64Array,
    TextBytes,
    UInt8Array,
    UInt32Array,
    UInt64Array,
    answers,
    code_points,
    mix,
    text_bytes,
    value_at,
)

# FNV-1a over code points with the golden ratio in place of its sparse prime, then splitmix64's
# finaliser: 3.6 million distinct 64-bit values collide with a chance of 4e-7.
_BASIS = np.uint64(0xCBF29CE484222325)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
# Base of the polynomial that joins the word hashes of an n-gram; any odd number with mixed bits.
_NGRAM_BASE = np.uint64(0xD6E8FEB86659FD93)


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
    letters = "".join(_lower(c) if c.isalnum() else " " for c in text)
    return " ".join(letters.split())


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
    return _ngrams(words.hashes, words.offsets, offsets, n), offsets


def _lower(letter: str) -> str:
    """One lower-case code point for one; see the module's limits."""
    return letter.lower()[0]


def _split_bytes(text: TextBytes) -> Words:
    pages, values = _lower_table()
    # Room for the most words there can be. numpy asks for huge pages, and what is not written is
    # never backed by memory: twice as fast as growing arrays inside the kernel.
    room = int((text.ends - text.starts + 1).sum()) // 2
    hashes = np.empty(room, np.uint64)
    starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    offsets = np.zeros(len(text.starts) + 1, np.int64)
    n = _split(*text, pages, values, hashes, starts, ends, offsets)
    return Words(hashes[:n], starts[:n], ends[:n], offsets)


@cache
def _lower_table() -> CodePoints:
    """Lower case of each alphanumeric code point, 0 for the others, as Python has it."""
    lower = np.zeros(NUM_CODE_POINTS, np.uint32)
    for code_point in np.flatnonzero(answers(str.isalnum)).tolist():
        lower[code_point] = ord(_lower(chr(code_point)))
    return code_points(lower)


@njit(cache=True, nogil=True)
def _split(
    data: UInt8Array,
    starts: Int64Array,
    ends: Int64Array,
    pages: Int64Array,
    values: UInt32Array,
    hashes: UInt64Array,
    word_starts: Int64Array,
    word_ends: Int64Array,
    offsets: Int64Array,
) -> int:
    """Fill in the words of each document and return their number.

    Indexes are unsigned, which spares numba's check for negative ones (a fifth of the time).
    """
    num_documents = len(starts)
    n = 0
    for d in range(num_documents):
        begin, end = np.uint64(starts[d]), np.uint64(ends[d])
        i = begin
        while i < end:
            length = np.uint64(1)
            lower = values[data[i]]
            if data[i] >= 128:
                lower, length = value_at(data, i, end, pages, values)
            if lower == 0:
                i += length
                continue
            word_start = i
            h = _BASIS
            while lower != 0:
                h = (h ^ np.uint64(lower)) * _MULTIPLIER
                i += length
                lower = np.uint32(0)
                while i < end and data[i] < 128:  # the common case, kept tight
                    lower = values[data[i]]
                    if lower == 0:
                        break
                    h = (h ^ np.uint64(lower)) * _MULTIPLIER
                    i += np.uint64(1)
                if i < end and data[i] >= 128:
                    lower, length = value_at(data, i, end, pages, values)
                else:
                    break
            hashes[n] = mix(h)
            word_starts[n] = np.int64(word_start - begin)
            word_ends[n] = np.int64(i - begin)
            n += 1
        offsets[d + 1] = n
    return n


@njit(cache=True, nogil=True)
def _ngrams(
    hashes: UInt64Array, word_offsets: Int64Array, offsets: Int64Array, n: int
) -> UInt64Array:
    """Rolling polynomial of the word hashes modulo 2^64, then mixed."""
    found = np.empty(offsets[-1], np.uint64)
    drop = np.uint64(1)
    for _ in range(n - 1):
        drop *= _NGRAM_BASE
    for d in range(len(offsets) - 1):
        if offsets[d] == offsets[d + 1]:
            continue
        first = word_offsets[d]
        rolling = np.uint64(0)
        for i in range(n - 1):
            rolling = rolling * _NGRAM_BASE + hashes[first + i]
        for j in range(offsets[d + 1] - offsets[d]):
            rolling = rolling * _NGRAM_BASE + hashes[first + j + n - 1]
            found[offsets[d] + j] = mix(rolling)
            rolling -= hashes[first + j] * drop
    return found
