"""Which stretches of a text stand elsewhere too: runs of `span` equal words and more.

Exact substring deduplication (Penedo et al. 2023, section 3.3 and appendix G.3, EXACTSUBSTR-CUT;
after Lee et al. 2022) without a suffix array over the corpus. A stretch that repeats is a union of
L-grams that do, L = span; few records tell which:
1. The fingerprint of an L-gram is the smallest hash of its k-grams, the rightmost of equals, k half
   of L (winnowing, Schleimer et al. 2003): equal L-grams have the same one at the same place.
2. Only an L-gram whose fingerprint is selected at two places can repeat; 128 bits of hash decide.
3. Of equal L-grams the first one of the best document stays, and with it those that overlap it: a
   text of fewer than 2 L words repeats nothing of itself. The others are cut, or all are.
`find_repeats` says so in memory; in a cluster the same functions stand on both sides of a grouping
by fingerprint and one by hash.

Limits: what stays of one L-gram may lose words to another, of which a still better text has the
first. Words whose 64-bit hashes collide are equal. A letter of an unspaced script is a word.
Cost, of real texts at L = 50 on one core, after splitting: 300 to 550 MB/s for the fingerprints,
400 to 650 for the candidates, 16 bytes a word; 0.4 us a candidate to decide. Records a word: 0.07
fingerprints (4 in L + 4), and 0.0001 (novels) to 0.09 (news) candidates, half of which and more
repeat where 1 % of the words do.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import njit

from corpus.simd import KERNEL
from corpus.utf8 import Int64Array, UInt64Array, characters_before, mix, text_bytes
from corpus.word_kernels import fold_ngrams
from corpus.words import Words, split_words
from filters.verdict import BoolArray

SPAN = 50
"""Words of the shortest stretch that is cut. The papers have 50 tokens (RefinedWeb, section 3.3);
50 words of English are 60 to 70 of GPT-2's, so that somewhat less is cut here."""
MIN_CHARACTERS_LEFT = 20
"""A document with fewer characters left is dropped (RefinedWeb G.3, EXACTSUBSTR-CUT)."""

_ZERO, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
# Two polynomials modulo 2^64, the second over words that are mixed again: what makes the one
# collide says nothing of the other. Odd and 3 modulo 8, so that few powers lose low bits.
_BASE_A, _BASE_B = np.uint64(0x9FB21C651E98DF2B), np.uint64(0xC2B2AE3D27D4EB4B)
_SALT_B = np.uint64(0x9E3779B97F4A7C15)


def find_repeats(
    texts: pa.Array | pa.ChunkedArray, order: UInt64Array, *, span: int, keep_first: bool = True
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Spans of words that repeat, in texts that are all here: see `merge_spans` for the answer.

    order: uint64 (num_documents, 4), as `later_occurrences` wants it.
    """
    words = split_words(texts)
    keys, rows, positions = fingerprints(words.hashes, words.offsets, span=span)
    marked = repeated(keys)
    hash_a, hash_b, rows, positions = candidate_spans(
        words.hashes, words.offsets, rows[marked], positions[marked], span=span
    )
    later = later_occurrences(
        hash_a, hash_b, order[rows], positions, span=span, keep_first=keep_first
    )
    return merge_spans(rows[later], positions[later], span=span, num_documents=len(texts))


def fingerprint_size(span: int) -> int:
    """Words of a k-gram for L-grams of `span` words; raises ValueError where span < 1."""
    if span < 1:
        raise ValueError(f"spans of {span} words: expected at least 1")
    return (span + 1) // 2


def fingerprints(
    hashes: UInt64Array, offsets: Int64Array, *, span: int
) -> tuple[UInt64Array, Int64Array, Int64Array]:
    """The fingerprints of each document: hash, row, and position of the first word of the k-gram.

    hashes, offsets: of `Words`. Returns three of (num_fingerprints,), each place once, ascending by
    row and position. A document with fewer than `span` words has none.
    """
    grams, chosen = _winnow(hashes, offsets, span)
    is_selected = np.zeros(len(hashes) + 1, np.bool_)  # the last stands for no L-gram
    is_selected[chosen] = True
    places = np.flatnonzero(is_selected[:-1])
    return grams[places], *_rows_and_positions(places, offsets)


def repeated(keys: UInt64Array) -> BoolArray:
    """Which keys occur twice or more: bool (num_keys,)."""
    by_key = np.argsort(keys)
    is_equal = keys[by_key[1:]] == keys[by_key[:-1]]
    found = np.zeros(len(keys), np.bool_)
    found[by_key[1:]] = is_equal
    found[by_key[:-1]] |= is_equal
    return found


def candidate_spans(
    hashes: UInt64Array,
    offsets: Int64Array,
    marked_rows: Int64Array,
    marked_positions: Int64Array,
    *,
    span: int,
) -> tuple[UInt64Array, UInt64Array, Int64Array, Int64Array]:
    """The L-grams whose fingerprint is marked: two hashes, row, and position of the first word.

    hashes, offsets: of `Words`. marked_rows, marked_positions: of the fingerprints that occur twice
    or more, in any order. Returns four of (num_candidates,), ascending by row and position.
    """
    _, chosen = _winnow(hashes, offsets, span)
    is_marked = np.zeros(len(hashes) + 1, np.bool_)  # the last stands for no L-gram
    is_marked[offsets[marked_rows] + marked_positions] = True
    places = np.flatnonzero(is_marked[chosen])
    hash_a, hash_b = np.empty(len(places), np.uint64), np.empty(len(places), np.uint64)
    _fold_spans(hashes, places, span, hash_a, hash_b)
    return hash_a, hash_b, *_rows_and_positions(places, offsets)


def later_occurrences(
    hash_a: UInt64Array,
    hash_b: UInt64Array,
    order: UInt64Array,
    positions: Int64Array,
    *,
    span: int,
    keep_first: bool = True,
) -> BoolArray:
    """Which of these L-grams are to be cut, given every occurrence of each: bool (num_records,).

    order: uint64 (num_records, 4), the document's key, most significant first, the smallest is the
    best; no two documents have the same. An occurrence that overlaps the first one stays with it,
    or the first would be cut too. Without keep_first every L-gram that occurs twice is cut.
    """
    ranked = np.lexsort((positions, *order.T[::-1], hash_b, hash_a))
    is_new = np.ones(len(ranked), np.bool_)
    is_new[1:] = np.diff(hash_a[ranked]).astype(bool) | np.diff(hash_b[ranked]).astype(bool)
    group = np.cumsum(is_new) - 1
    found = np.zeros(len(ranked), np.bool_)
    if keep_first:
        first = ranked[is_new][group]
        is_here = (order[ranked] == order[first]).all(axis=1)
        found[ranked] = ~is_here | (positions[ranked] - positions[first] >= span)
    else:
        found[ranked] = np.bincount(group)[group] > 1
    return found


def merge_spans(
    rows: Int64Array, positions: Int64Array, *, span: int, num_documents: int
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Spans of words that L-grams cover; those that touch or overlap are one.

    rows, positions: of the L-grams, ascending by both. Returns offsets (num_documents + 1,), and
    first words and ends (num_spans,): the spans of document i are [offsets[i], offsets[i + 1]).
    """
    is_apart = (np.diff(rows) != 0) | (np.diff(positions) > span)
    starts = np.flatnonzero(np.concatenate([np.ones(1, np.bool_), is_apart])[: len(rows)])
    ends = np.append(starts[1:], len(rows))[: len(starts)] - 1
    offsets = np.searchsorted(rows[starts], np.arange(num_documents + 1))
    return offsets, positions[starts], positions[ends] + span


def character_spans(
    texts: pa.Array | pa.ChunkedArray,
    words: Words,
    span_offsets: Int64Array,
    starts: Int64Array,
    ends: Int64Array,
) -> tuple[Int64Array, Int64Array]:
    """The characters [start, end) of each span of words in its text: int64 (num_spans,) each.

    They reach from the first character of the first word to the last one of the last word. words:
    of the texts. span_offsets, starts, ends: from `merge_spans`.
    """
    rows = np.repeat(np.arange(len(texts)), np.diff(span_offsets))
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    (text,) = text_bytes(whole)
    first = words.starts[words.offsets[rows] + starts]
    last = words.ends[words.offsets[rows] + ends - 1]
    return (
        characters_before(text.data, text.starts, rows, first),
        characters_before(text.data, text.starts, rows, last),
    )


def _winnow(hashes: UInt64Array, offsets: Int64Array, span: int) -> tuple[UInt64Array, Int64Array]:
    """The k-gram at each word, and the L-gram's fingerprint there: the place of its k-gram.

    Returns uint64 (num_words - k + 1,), those over a border of documents too, which no one chooses;
    and int64 (num_words,), -1 where no L-gram begins.
    """
    size = fingerprint_size(span)
    num_grams = max(len(hashes) - size + 1, 0)
    grams = np.empty(num_grams, np.uint64)
    fold_ngrams(hashes, np.array([0, len(hashes)]), np.array([0, num_grams]), size, grams)
    chosen = np.full(len(hashes), -1, np.int64)
    _choose(grams, offsets, span, span - size + 1, chosen)
    return grams, chosen


def _rows_and_positions(places: Int64Array, offsets: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The document of each word, and the word's number there."""
    rows = np.searchsorted(offsets, places, side="right") - 1
    return rows, places - offsets[rows]


@njit(**KERNEL)
def _choose(
    grams: UInt64Array, offsets: Int64Array, span: int, window: int, chosen: Int64Array
) -> None:
    """Place of the smallest of each `window` k-grams of a document, the rightmost of equals.

    In linear time and without a branch on hashes, which none could foretell: `window` of them from
    a block of so many on are the rest of the block and a beginning of the next, and of both the
    smallest is known by one walk (van Herk 1992, Gil and Werman 1993).
    """
    for d in range(len(offsets) - 1):
        last = offsets[d + 1] - span
        for block in range(offsets[d], last + 1, window):
            end = min(block + window, last + 1)
            best, least = block + window - 1, _ALL
            for place in range(block + window - 1, block - 1, -1):
                gram = grams[place]
                best, least = (place, gram) if gram < least else (best, least)
                if place < end:
                    chosen[place] = best
            best, least = block, _ALL
            for place in range(block + 1, end):
                gram = grams[place + window - 1]
                best = place + window - 1 if gram <= least else best
                least = min(gram, least)
                left = chosen[place]
                chosen[place] = best if least <= grams[left] else left


@njit(**KERNEL)
def _fold_spans(
    hashes: UInt64Array, places: Int64Array, span: int, hash_a: UInt64Array, hash_b: UInt64Array
) -> None:
    """Both hashes of the `span` words at each place; places ascend, and no word is added twice."""
    drop_a, drop_b = _ONE, _ONE
    for _ in range(span):
        drop_a *= _BASE_A
        drop_b *= _BASE_B
    a, b = _ZERO, _ZERO
    begin, end = np.int64(0), np.int64(0)  # the words that have been added since the last gap
    for i in range(len(places)):
        if places[i] >= end:
            a, b = _ZERO, _ZERO
            begin = end = places[i]
        for j in range(end, places[i] + span):
            a = a * _BASE_A + hashes[j]
            b = b * _BASE_B + mix(hashes[j] ^ _SALT_B)
            if j >= begin + span:
                a -= hashes[j - span] * drop_a
                b -= mix(hashes[j - span] ^ _SALT_B) * drop_b
        end = places[i] + span
        hash_a[i], hash_b[i] = mix(a), mix(b)
