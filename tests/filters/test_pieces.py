"""What stays of cut and edited documents, in characters and in bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpus.schemas import EDITS
from filters.pieces import Kept, kept, kept_texts, sums_by_document


def columns(rows: list[tuple[str, list[tuple[int, int]]]]):
    texts = pa.chunked_array([[text for text, _ in rows]], pa.large_string())
    lengths = pa.chunked_array([[len(text) for text, _ in rows]], pa.int64())
    kind = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64())]))
    cuts = [[{"start": start, "end": end} for start, end in pieces] for _, pieces in rows]
    return texts, lengths, pa.chunked_array([cuts], kind), edits_of([[]] * len(rows))


def edits_of(documents: list[list[tuple[int, int, str]]]):
    rows = [
        [{"start": a, "end": b, "kind": "test", "replacement": mask} for a, b, mask in edits]
        for edits in documents
    ]
    return pa.chunked_array([rows], EDITS)


def nested(found: Kept) -> list[list[str]]:
    texts = iter(found.texts.to_pylist())
    return [[next(texts) for _ in range(num)] for num in found.num_texts.tolist()]


def test_pieces_are_counted_in_characters():
    rows = [("naïve", [(0, 5)]), ("a日本語b", [(0, 2), (3, 5)]), ("x", [])]
    texts, lengths, pieces, edits = columns(rows)
    assert kept_texts(texts, pieces, edits) == [["naïve"], ["a日", "語b"], []]
    assert nested(kept(texts, lengths, pieces, edits)) == [["naïve"], ["a日", "語b"], []]


def test_edits_are_made_in_the_pieces_and_a_piece_without_text_is_left_out():
    texts, lengths, pieces, _ = columns([("é one\ntwo", [(0, 5), (6, 9)]), ("abc", [(0, 3)])])
    edits = edits_of([[(0, 1, "<x>"), (6, 9, "")], []])
    assert kept_texts(texts, pieces, edits) == [["<x> one"], ["abc"]]
    assert nested(kept(texts, lengths, pieces, edits)) == [["<x> one"], ["abc"]]


def test_of_no_document_nothing_stays():
    assert nested(kept(*columns([]))) == []


spans = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3)


@given(st.lists(st.tuples(st.text(), spans, st.booleans()), max_size=6), st.integers(1, 6))
def test_texts_are_those_of_the_readable_twin_in_any_chunks(rows, cut):
    given_rows = [(text, [(0, len(text))] if whole else pieces) for text, pieces, whole in rows]
    texts, lengths, pieces, edits = columns(given_rows)
    parts = [
        pa.chunked_array([c.chunk(0).slice(0, cut), c.chunk(0).slice(cut)], c.type)
        for c in (texts, lengths, pieces, edits)
    ]
    expected = kept_texts(texts, pieces, edits)
    assert nested(kept(texts, lengths, pieces, edits)) == expected
    assert nested(kept(*parts)) == expected


def test_values_of_texts_add_up_by_document():
    sums = sums_by_document(np.array([5, 1, 2, 7]), np.array([1, 0, 3, 0]))
    assert sums.tolist() == [5, 0, 10, 0]
    assert sums_by_document(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
