"""fastText's predict over the bytes of an Arrow column: tokens, n-grams, their mean, the tree.

A sample's tokens lie between fastText's white space: the space, bytes 9 to 13, and zero. A token
that is a word of the model adds that word's row; every token adds the rows of its n-grams of
`shortest` to `longest` characters, with < and > set before and after it. The mean of the rows, that
of the line's end among them, walks down the Huffman tree to the most likely label.
What a token adds is kept under the hash of its bytes, for four of five were seen a short while ago:
one cache line to read in place of two dozen look-ups. It is the same sum whether it was kept or
not, so an answer does not depend on what came before. Tokens' ends are found 64 bytes at a time
(corpus/simd.py).
Other than fastText: a literal `</s>` in a text does not end it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from corpus.simd import BLOCK, KERNEL, eight_bytes, equal_mask, lowest_bit, num_bits, range_mask
from corpus.utf8 import CodePoints, Int64Array, TextBytes, UInt8Array, UInt64Array, mix
from filters.fasttext_hash import BASIS, hash_on
from filters.language.model import LABEL, Float32Array, Int32Array, Tables
from filters.language.sampling import Limits, continues, cut_sample, first_look, join_pieces

_NUM_KEPT = 1 << 15  # tokens, 2.5 MB with their sums; half as many cost 8 % of time, twice 3 % less
_SPACE = np.zeros(256, np.bool_)
_SPACE[list(b" \t\n\v\f\r\0")] = True
_LABEL = np.frombuffer(LABEL, np.uint8)
_BEGIN, _END = np.uint8(ord("<")), np.uint8(ord(">"))
_BLANK, _TAB, _RETURN = np.uint8(ord(" ")), np.uint8(ord("\t")), np.uint8(ord("\r"))
_WIDE_BASIS = np.uint64(0xCBF29CE484222325)
_LEAST = 1e-5  # added to a probability, so that it has a logarithm


class Scratch(NamedTuple):
    """Room that the kernel works in."""

    pieces: Int64Array
    """int64 (num_samples, 2): where each piece of a sample begins and ends."""
    sample: UInt8Array
    """uint8 (longest sample + BLOCK,): the pieces with blanks between them, then zeros."""
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
    longest = int((text.ends - text.starts).max(initial=0))
    longest = min(longest, 4 * num_samples * piece_length) + num_samples - 1
    num_labels, dim = len(tables.nodes) + 1, tables.nodes.shape[1]
    return Scratch(
        pieces=np.zeros((num_samples, 2), np.int64),
        sample=np.zeros(longest + BLOCK, np.uint8),
        padded=np.zeros(longest + 3, np.uint8),
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
        size = join_pieces(text.data, room.pieces, num_pieces, room.sample)
        labels[d] = first_look(room.sample, size, num_pieces, kinds, limits)
        if labels[d] < 0:
            continue
        for k in range(len(room.total)):
            room.total[k] = tables.rows[tables.end_of_line, k]
        num_rows = 1 + _add_tokens(room.sample, size, tables, room)
        for k in range(len(room.total)):
            room.total[k] /= np.float32(num_rows)
        labels[d], confidences[d] = _best_label(tables, room)


@njit(**KERNEL)
def _add_tokens(sample: UInt8Array, size: int, tables: Tables, room: Scratch) -> int:
    """Add the rows of the sample's tokens to room.total; return how many there were."""
    num_rows = 0
    i, stop = np.uint64(0), np.uint64(size)
    while i < stop:
        if _SPACE[sample[i]]:
            i += np.uint64(1)
            continue
        start = i
        spaces = _spaces(sample, i)
        while spaces == 0:
            i += np.uint64(BLOCK)
            spaces = _spaces(sample, i)
        i += np.uint64(lowest_bit(spaces))
        key = _token_key(sample, start, i)
        slot = (key >> np.uint64(32)) & np.uint64(_NUM_KEPT - 1)
        if room.keys[slot] != key:
            room.keys[slot] = key
            room.counts[slot] = _sum_token(sample, start, i, tables, room.padded, room.sums, slot)
        num_rows += room.counts[slot]
        for k in range(len(room.total)):
            room.total[k] += room.sums[slot, k]
    return num_rows


@njit(**KERNEL, inline="always")
def _spaces(sample: UInt8Array, at: np.uint64) -> np.uint64:
    """Mask of fastText's white space in the block."""
    return (
        equal_mask(sample, at, _BLANK)
        | range_mask(sample, at, _TAB, _RETURN)
        | equal_mask(sample, at, np.uint8(0))
    )


@njit(**KERNEL, inline="always")
def _token_key(sample: UInt8Array, start: np.uint64, end: np.uint64) -> np.uint64:
    """Hash of the token's bytes and length, never 0."""
    h = _WIDE_BASIS ^ (end - start)
    while end - start > np.uint64(8):
        h = mix(h ^ eight_bytes(sample, start))
        start += np.uint64(8)
    unused = np.uint64(64) - ((end - start) << np.uint64(3))
    return mix(h ^ (eight_bytes(sample, start) << unused)) | np.uint64(1)


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
    h = BASIS
    for i in range(size):
        padded[i + 1] = data[start + np.uint64(i)]
        h = hash_on(h, padded[i + 1])
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
        i, h = first, BASIS
        n = 1
        while i < size and n <= tables.longest:
            h = hash_on(h, padded[i])
            i += np.uint64(1)
            while continues(padded[i]):
                h = hash_on(h, padded[i])
                i += np.uint64(1)
            if n >= tables.shortest and not (n == 1 and (first == 0 or i == size)):
                bucket = np.uint64(h % num_buckets)
                word = tables.buckets[bucket >> np.uint64(5)]
                bit = np.uint64(1) << (bucket & np.uint64(31))
                if word & bit:
                    before = np.uint64(num_bits(word & (bit - np.uint64(1))))
                    row = (word >> np.uint64(32)) + before
                    num_rows += 1
                    for k in range(sums.shape[1]):
                        sums[slot, k] += tables.rows[row, k]
            n += 1
        first += np.uint64(1)
        while continues(padded[first]):
            first += np.uint64(1)
    return num_rows


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
