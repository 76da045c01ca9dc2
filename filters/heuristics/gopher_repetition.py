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
Cost: about 130 MB/s, nine hash tables a document. Limit: two n-grams with one 64-bit hash are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpus.config import Settings
from corpus.utf8 import Int64Array, UInt8Array, UInt64Array, mix, text_bytes
from corpus.words import Words
from filters.heuristics.signals import Signals
from filters.verdict import BoolArray, Fault

REPEATED_LINES = "repeated_lines"
REPEATED_LINE_CHARACTERS = "repeated_line_characters"
REPEATED_PARAGRAPHS = "repeated_paragraphs"
REPEATED_PARAGRAPH_CHARACTERS = "repeated_paragraph_characters"
FREQUENT_NGRAM = "frequent_{n}_gram"
REPEATED_NGRAMS = "repeated_{n}_grams"

TOP_NGRAMS = (2, 3, 4)
REPEATED_NGRAM_SIZES = (5, 6, 7, 8, 9, 10)

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # golden ratio; makes the order of words count


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


def measure(
    texts: pa.Array | pa.ChunkedArray, words: Words, settings: GopherRepetitionSettings
) -> Signals:
    """Shares of repeated lines, paragraphs and n-grams; `words` are those of the texts."""
    parts = [_repeated_lines(*text) for text in text_bytes(texts)]
    counts = np.concatenate(parts or [np.zeros((0, 7), np.int64)]).T
    lines, paragraphs, num_bytes = np.maximum(counts[[0, 2, 4]], 1)
    signals = {
        "repeated_lines": counts[1] / lines,
        "repeated_line_characters": counts[5] / num_bytes,
        "repeated_paragraphs": counts[3] / paragraphs,
        "repeated_paragraph_characters": counts[6] / num_bytes,
    }
    ngrams = _repeated_ngrams(
        words.hashes, words.ends - words.starts, words.offsets, settings.repeats == "all"
    )
    names = [f"frequent_{n}_gram" for n in TOP_NGRAMS]
    names += [f"repeated_{n}_grams" for n in REPEATED_NGRAM_SIZES]
    return signals | dict(zip(names, ngrams.T, strict=True))


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


@njit(cache=True, nogil=True)
def _table_size(most: int) -> int:
    """Slots for a hash table that is at most half full: a power of two."""
    size = 16
    while size < 2 * most:
        size *= 2
    return size


@njit(cache=True, nogil=True, inline="always")
def _slot(key: np.uint64, keys: UInt64Array, stamps: Int64Array, stamp: int) -> np.int64:
    """Where the key stands, or the free slot where it may; a slot of another stamp is free."""
    mask = np.uint64(len(keys) - 1)
    slot = key & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@njit(cache=True, nogil=True)
def _seen(key: np.uint64, keys: UInt64Array, stamps: Int64Array, stamp: int) -> bool:
    """Whether the key was there already; it is now."""
    slot = _slot(key, keys, stamps, stamp)
    if stamps[slot] == stamp:
        return True
    stamps[slot] = stamp
    keys[slot] = key
    return False


@njit(cache=True, nogil=True)
def _most_lines(data: UInt8Array, starts: Int64Array, ends: Int64Array) -> int:
    most = 0
    for d in range(len(starts)):
        lines = 1
        for i in range(starts[d], ends[d]):
            lines += data[i] == 10
        most = max(most, lines)
    return most


@njit(cache=True, nogil=True)
def _line_hash(data: UInt8Array, begin: int, end: int) -> tuple[np.uint64, int]:
    """Hash and length of the line data[begin:end] without the ASCII white space around it."""
    while begin < end and data[begin] <= 32:
        begin += 1
    while begin < end and data[end - 1] <= 32:
        end -= 1
    h = np.uint64(end - begin)
    for i in range(begin, end):
        h = (h ^ np.uint64(data[i])) * _MULTIPLIER
    return mix(h), end - begin


@njit(cache=True, nogil=True)
def _repeated_lines(data: UInt8Array, starts: Int64Array, ends: Int64Array) -> Int64Array:
    """Counts of each document, int64 (num_documents, 7).

    Columns: lines, repeated lines, paragraphs, repeated paragraphs, bytes of all lines, of the
    repeated lines, of the repeated paragraphs.
    """
    counts = np.zeros((len(starts), 7), np.int64)
    size = _table_size(_most_lines(data, starts, ends))
    line_keys, line_stamps = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    block_keys, block_stamps = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    for d in range(len(starts)):
        stamp = d + 1
        block, block_bytes = np.uint64(0), 0
        i = starts[d]
        while i <= ends[d]:
            begin = i
            while i < ends[d] and data[i] != 10:
                i += 1
            h, length = _line_hash(data, begin, i)
            if length:
                counts[d, 0] += 1
                counts[d, 4] += length
                if _seen(h, line_keys, line_stamps, stamp):
                    counts[d, 1] += 1
                    counts[d, 5] += length
                block = mix(block ^ h)
                block_bytes += length
            if block_bytes and (length == 0 or i >= ends[d]):
                counts[d, 2] += 1
                if _seen(block, block_keys, block_stamps, stamp):
                    counts[d, 3] += 1
                    counts[d, 6] += block_bytes
                block, block_bytes = np.uint64(0), 0
            i += 1
    return counts


@njit(cache=True, nogil=True)
def _repeated_ngrams(
    hashes: UInt64Array, lengths: Int64Array, offsets: Int64Array, every: bool
) -> npt.NDArray[np.float64]:
    """Shares of each document, float64 (num_documents, 9): top 2..4, then repeated 5..10."""
    shares = np.zeros((len(offsets) - 1, 9))
    most = 0
    for d in range(len(offsets) - 1):
        most = max(most, offsets[d + 1] - offsets[d])
    size = _table_size(most)
    keys = np.zeros(size, np.uint64)
    stamps, counts = np.zeros(size, np.int64), np.zeros(size, np.int64)
    grams, before = np.zeros(most, np.uint64), np.zeros(most + 1, np.int64)
    marked = np.zeros(most, np.bool_)
    stamp = 0
    for d in range(len(offsets) - 1):
        first, num = offsets[d], offsets[d + 1] - offsets[d]
        for j in range(num):
            grams[j] = hashes[first + j]
            before[j + 1] = before[j] + lengths[first + j]
        for n in range(2, 11):
            left = num - n + 1
            if left < 2:
                break
            for j in range(left):  # the hash of n words from that of n - 1
                grams[j] = mix(grams[j] * _MULTIPLIER + hashes[first + j + n - 1])
            stamp += 1
            if n < 5:
                inside = _top(grams, before, n, left, keys, stamps, counts, stamp)
            elif every:
                inside = _all_repeats(grams, before, n, left, keys, stamps, counts, stamp, marked)
            else:
                inside = _later_repeats(grams, before, n, left, keys, stamps, stamp)
            shares[d, n - 2] = min(inside / before[num], 1.0)
    return shares


@njit(cache=True, nogil=True)
def _top(
    grams: UInt64Array, before: Int64Array, n: int, left: int,
    keys: UInt64Array, stamps: Int64Array, counts: Int64Array, stamp: int,
) -> int:  # fmt: skip
    """Bytes of the most frequent n-gram times its count; of equally frequent ones the longest."""
    best_count, best_length = 1, 0
    for j in range(left):
        slot = _slot(grams[j], keys, stamps, stamp)
        if stamps[slot] != stamp:
            stamps[slot], keys[slot], counts[slot] = stamp, grams[j], 0
        counts[slot] += 1
        length = before[j + n] - before[j]
        if counts[slot] > best_count:
            best_count, best_length = counts[slot], length
        elif counts[slot] == best_count and best_count > 1:
            best_length = max(best_length, length)
    return best_count * best_length


@njit(cache=True, nogil=True)
def _later_repeats(
    grams: UInt64Array, before: Int64Array, n: int, left: int,
    keys: UInt64Array, stamps: Int64Array, stamp: int,
) -> int:  # fmt: skip
    """Bytes of n-grams seen before, left to right; a repeat is stepped over whole."""
    inside = 0
    j = 0
    while j < left:
        if _seen(grams[j], keys, stamps, stamp):
            inside += before[j + n] - before[j]
            j += n
        else:
            j += 1
    return inside


@njit(cache=True, nogil=True)
def _all_repeats(
    grams: UInt64Array, before: Int64Array, n: int, left: int,
    keys: UInt64Array, stamps: Int64Array, places: Int64Array, stamp: int, marked: BoolArray,
) -> int:  # fmt: skip
    """Bytes of words inside any n-gram that occurs twice, the first occurrence included."""
    marked[: left + n - 1] = False
    for j in range(left):
        slot = _slot(grams[j], keys, stamps, stamp)
        if stamps[slot] == stamp:
            marked[j : j + n] = True
            marked[places[slot] : places[slot] + n] = True
        else:
            stamps[slot], keys[slot], places[slot] = stamp, grams[j], j
    inside = 0
    for j in range(left + n - 1):
        if marked[j]:
            inside += before[j + 1] - before[j]
    return inside
