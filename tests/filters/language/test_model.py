"""fastText's file: what is read of the bundled model, and what is refused."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.errors import Damaged
from filters.fasttext_hash import fnv1a
from filters.language import bundled_model
from filters.language.model import END_OF_LINE, huffman_tree, read_model
from tests.filters.language.files import bundled_bytes, tiny_model


def test_the_bundled_model_is_the_one_of_176_languages():
    tables, labels = bundled_model()
    assert len(labels) == len(set(labels)) == 176
    assert {"en", "de", "zh", "ja", "th", "km", "my", "lo", "bo", "arz"} <= set(labels)
    assert tables.rows.shape == (50_000, 16)
    assert tables.rows.dtype == np.float32
    assert tables.nodes.shape == (175, 16)
    assert (tables.num_buckets, tables.shortest, tables.longest) == (2_000_000, 2, 4)


def test_every_bucket_with_a_row_is_found_by_its_bit_and_rank():
    tables = bundled_model().tables
    has_row = np.unpackbits(tables.buckets.astype("<u4").view(np.uint8), bitorder="little")
    num_words = len(tables.word_offsets) - 1
    assert has_row.sum() == 50_000 - num_words
    rows = num_words + np.cumsum(has_row) - has_row
    assert np.array_equal(rows[::32], tables.buckets >> np.uint64(32))


def test_every_word_is_found_by_its_hash():
    tables = bundled_model().tables
    words = [
        tables.word_bytes[a:b].tobytes()
        for a, b in zip(tables.word_offsets, tables.word_offsets[1:], strict=False)
    ]
    assert words[tables.end_of_line] == END_OF_LINE
    assert words[1:5] == [b"de", b"in", b"and", b"la"]
    last = len(tables.word_slots) - 1
    for row, word in enumerate(words):
        slot = fnv1a(word) & last
        while tables.word_slots[slot] != row + 1:
            assert tables.word_slots[slot] != 0
            slot = (slot + 1) & last


def test_the_rarest_labels_lie_deepest():
    # 1 + 1, then 2 + 2 (the node goes before the label of its weight), then 4 + 4.
    assert huffman_tree([4, 2, 1, 1]).tolist() == [[3, 2], [4, 1], [5, 0]]
    assert huffman_tree([9, 1]).tolist() == [[1, 0]]


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=200))
def test_no_tree_over_the_labels_has_a_shorter_mean_path(counts):
    counts = sorted(counts, reverse=True)
    children = huffman_tree(counts)
    depths = {2 * len(counts) - 2: 0}
    for node in range(2 * len(counts) - 2, len(counts) - 1, -1):
        for child in children[node - len(counts)].tolist():
            assert child < node
            assert child not in depths
            depths[child] = depths[node] + 1
    weight = sum(count * depths[label] for label, count in enumerate(counts))
    best, heap = 0, sorted(counts)
    while len(heap) > 1:
        merged = heap.pop(0) + heap.pop(0)
        best += merged
        heap.append(merged)
        heap.sort()
    assert weight == best


def test_a_model_of_a_few_words_is_read_whole():
    tables, labels = read_model(tiny_model(), "tiny")
    assert labels == ["en", "de"]
    # The second half of a row is of the second centroids; lengths 2 for the word, 1 for the n-gram.
    assert tables.rows.tolist() == [[0, 0], [2, 20], [1, 10]]
    assert tables.nodes.tolist() == [[0.5, -0.5]]
    assert tables.word_bytes.tobytes() == b"</s>of"


def test_a_file_cut_anywhere_is_refused():
    whole = tiny_model()
    for size in range(len(whole)):
        with pytest.raises(Damaged, match=r"^language model cut: .* at byte .*pip install"):
            read_model(whole[:size], "cut")
    with pytest.raises(Damaged, match=r"bytes left over at byte .*: got 1, expected 0"):
        read_model(whole + b"\0", "long")


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0, 1, r"magic number and version at byte 8: got \(1, 12\), expected \(793712314, 12\)"),
        (4, 11, r"got \(793712314, 11\)"),
        (8, 0, r"0 numbers a row, n-grams of 2 to 4 in 1000 buckets at byte .*: got impossible"),
        (28, 2, "arguments at byte .*'word_ngrams': 2"),
        (32, 3, "arguments at byte .*'loss': 3"),
        (44, 0, "n-grams of 0 to 4"),
        (48, 1, "n-grams of 2 to 1"),
        (40, 0, "in 0 buckets"),
        (64, 3, "entries at byte .*got 3, expected 4"),
    ],
)
def test_what_this_reader_does_not_know_is_refused(at, value, message):
    data = bytearray(tiny_model())
    struct.pack_into("<i", data, at, value)
    with pytest.raises(Damaged, match=message):
        read_model(bytes(data), "odd")


@settings(max_examples=300)
@given(st.data())
def test_any_damage_is_refused_or_leaves_a_model_that_ends(data):
    damaged = bytearray(tiny_model())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        tables, labels = read_model(bytes(damaged), "damaged")
    except Damaged:
        return
    assert len(tables.nodes) == len(labels) - 1
    assert (tables.children < len(labels) + np.arange(len(tables.children))[:, None]).all()


def test_the_rows_of_words_have_the_lengths_of_the_file():
    # A row is a direction of eight pairs, times a length of its own: none is empty or infinite.
    lengths = np.linalg.norm(bundled_model().tables.rows, axis=1)
    assert math.isfinite(lengths.max())
    assert lengths.min() > 0


def test_the_bundled_file_without_its_end_is_refused():
    with pytest.raises(Damaged, match="length at byte"):
        read_model(bundled_bytes()[:-1], "cut")
