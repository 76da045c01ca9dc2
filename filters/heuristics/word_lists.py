"""Which documents hold an entry of a long list of words and phrases, as whole words in any case.

An entry counts where it stands between the text's ends or characters that are no letter, digit or
underscore. Method: of each entry the longest word is looked for among the text's words by its hash
(corpus/words.py); where it is, the entry's other words and what stands around them are compared. So
the cost does not grow with the list: 5 ms for 10 MB. An entry of marks alone, such as an emoji, is
looked for as a phrase (phrases.py), whatever stands beside it.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpus.simd import KERNEL
from corpus.utf8 import Int64Array, UInt8Array, UInt64Array
from corpus.words import Words, split_words
from filters.heuristics.lines import Lines, per_document
from filters.heuristics.phrases import MAX_PHRASES, phrases_in
from filters.verdict import BoolArray

_LOW_BITS = np.uint64(0xFFFF)
_UNDERSCORE = ord("_")


class _Entries(NamedTuple):
    """Entries for the kernel, in the order of their longest word's hash."""

    is_candidate: BoolArray
    """bool (65536,): whether a longest word's hash has these lowest bits."""
    keys: UInt64Array
    """uint64 (num_entries,): hash of the longest word, ascending."""
    key_at: Int64Array
    """int64 (num_entries,): which word of the entry that is."""
    hashes: UInt64Array
    """uint64 (num_words,): hashes of all words, entry after entry."""
    offsets: Int64Array
    """int64 (num_entries + 1,): where each entry's words begin."""
    gaps: UInt8Array
    """uint8: what stands before, between and after an entry's words, one after the other."""
    gap_offsets: Int64Array
    """int64 (num_words + num_entries + 1,): the gap before word w of entry e is w + e's."""


def has_listed_word(lines: Lines, words: Words, entries: tuple[str, ...]) -> BoolArray:
    """Whether each document holds an entry, bool (num_documents,); both are of the same texts."""
    found = np.zeros(len(words.offsets) - 1, np.bool_)
    worded, marks = _split_list(entries)
    for i in range(0, len(marks), MAX_PHRASES):
        found |= per_document(lines, phrases_in(lines, marks[i : i + MAX_PHRASES]) > 0) > 0
    if worded is not None:
        starts, ends = lines.starts[lines.offsets[:-1]], lines.ends[lines.offsets[1:] - 1]
        _find(lines.data, starts, ends, *words, *worded, found)
    return found


@cache
def _split_list(entries: tuple[str, ...]) -> tuple[_Entries | None, tuple[str, ...]]:
    """Entries with a word, encoded, and those of marks alone."""
    texts = sorted({entry.strip().lower() for entry in entries} - {""})
    words = split_words(pa.array(texts, pa.large_string()))
    has_words = np.diff(words.offsets) > 0
    marks = tuple(text for text, worded in zip(texts, has_words, strict=True) if not worded)
    if not has_words.any():
        return None, marks
    rows = [_encode(text, words, d) for d, text in enumerate(texts) if has_words[d]]
    rows.sort(key=lambda row: int(row[0][row[1]]))
    hashes, key_at, gaps = zip(*rows, strict=True)
    keys = np.array([row[at] for row, at in zip(hashes, key_at, strict=True)], np.uint64)
    is_candidate = np.zeros(int(_LOW_BITS) + 1, np.bool_)
    is_candidate[keys & _LOW_BITS] = True
    flat_gaps = [gap for row in gaps for gap in row]
    encoded = _Entries(
        is_candidate, keys, np.array(key_at), np.concatenate(hashes),
        _offsets([len(row) for row in hashes]),
        np.frombuffer(b"".join(flat_gaps), np.uint8),
        _offsets([len(gap) for gap in flat_gaps]),
    )  # fmt: skip
    return encoded, marks


def _encode(text: str, words: Words, d: int) -> tuple[UInt64Array, int, list[bytes]]:
    """The hashes of an entry's words, which of them is the longest, and the gaps around them."""
    mine = slice(words.offsets[d], words.offsets[d + 1])
    starts, ends, data = words.starts[mine].tolist(), words.ends[mine].tolist(), text.encode()
    gaps = [data[a:b] for a, b in zip([0, *ends], [*starts, len(data)], strict=True)]
    sizes = [end - start for start, end in zip(starts, ends, strict=True)]
    return words.hashes[mine], sizes.index(max(sizes)), gaps


def _offsets(counts: list[int]) -> Int64Array:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


@njit(**KERNEL)
def _find(
    data: UInt8Array, document_starts: Int64Array, document_ends: Int64Array, hashes: UInt64Array,
    starts: Int64Array, ends: Int64Array, offsets: Int64Array, is_candidate: BoolArray,
    keys: UInt64Array, key_at: Int64Array, entry_hashes: UInt64Array, entry_offsets: Int64Array,
    gaps: UInt8Array, gap_offsets: Int64Array, found: npt.NDArray[np.bool_],
) -> None:  # fmt: skip
    """Set the documents in which an entry is found."""
    for d in range(len(document_starts)):
        for i in range(np.uint64(offsets[d]), np.uint64(offsets[d + 1])):
            if not is_candidate[hashes[i] & _LOW_BITS]:
                continue
            entry = _first_not_less(keys, hashes[i])
            while entry < len(keys) and keys[entry] == hashes[i] and not found[d]:
                found[d] = _is_there(
                    data, document_starts[d], document_ends[d], hashes, starts, ends,
                    offsets[d], offsets[d + 1], np.int64(i) - key_at[entry], entry,
                    entry_hashes, entry_offsets, gaps, gap_offsets,
                )  # fmt: skip
                entry += 1
            if found[d]:
                break


@njit(**KERNEL)
def _first_not_less(keys: UInt64Array, key: np.uint64) -> int:
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@njit(**KERNEL)
def _is_there(
    data: UInt8Array, begin: int, end: int, hashes: UInt64Array, starts: Int64Array,
    ends: Int64Array, first_word: int, end_word: int, word: int, entry: int,
    entry_hashes: UInt64Array, entry_offsets: Int64Array, gaps: UInt8Array, gap_offsets: Int64Array,
) -> bool:  # fmt: skip
    """Whether the entry's first word is this word of the document data[begin:end]."""
    first = entry_offsets[entry]
    num_words = entry_offsets[entry + 1] - first
    if word < first_word or word + num_words > end_word:
        return False
    for k in range(num_words):
        if hashes[word + k] != entry_hashes[first + k]:
            return False
    gap = first + entry  # the first of the entry's gaps
    before = begin + starts[word] - (gap_offsets[gap + 1] - gap_offsets[gap])
    gap_end = gap + num_words
    after = begin + ends[word + num_words - 1] + gap_offsets[gap_end + 1] - gap_offsets[gap_end]
    if before < begin or after > end:
        return False
    for k in range(num_words + 1):
        left = before if k == 0 else begin + ends[word + k - 1]
        right = after if k == num_words else begin + starts[word + k]
        size = gap_offsets[gap + k + 1] - gap_offsets[gap + k]
        if right - left != size:
            return False
        for i in range(size):
            if data[left + i] != gaps[gap_offsets[gap + k] + i]:
                return False
    joined_before = word > first_word and begin + ends[word - 1] == before
    joined_before = joined_before or (before > begin and data[before - 1] == _UNDERSCORE)
    last = word + num_words
    joined_after = last < end_word and begin + starts[last] == after
    joined_after = joined_after or (after < end and data[after] == _UNDERSCORE)
    return not joined_before and not joined_after
