"""What stays of cut and edited documents, in characters and in bytes."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpus.schemas import EDITS
from filters.pieces import kept_bytes, kept_texts


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


def test_pieces_are_counted_in_characters_and_measured_in_bytes():
    rows = [("naïve", [(0, 5)]), ("a日本語b", [(0, 2), (3, 5)]), ("x", [])]
    texts, lengths, pieces, edits = columns(rows)
    assert kept_texts(texts, pieces, edits) == [["naïve"], ["a日", "語b"], []]
    assert kept_bytes(texts, lengths, pieces, edits).tolist() == [6, 8, 0]


def test_edits_are_made_in_the_pieces_and_a_piece_without_text_is_left_out():
    texts, lengths, pieces, _ = columns([("é one\ntwo", [(0, 5), (6, 9)]), ("abc", [(0, 3)])])
    edits = edits_of([[(0, 1, "<x>"), (6, 9, "")], []])
    assert kept_texts(texts, pieces, edits) == [["<x> one"], ["abc"]]
    assert kept_bytes(texts, lengths, pieces, edits).tolist() == [7, 3]


def test_a_document_without_text_is_no_piece():
    assert kept_bytes(*columns([])).tolist() == []


@given(
    st.lists(
        st.tuples(st.text(), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3)),
        max_size=5,
    )
)
def test_bytes_are_those_of_the_texts(rows):
    texts, lengths, pieces, edits = columns(rows)
    expected = [sum(len(t.encode()) for t in kept) for kept in kept_texts(texts, pieces, edits)]
    assert kept_bytes(texts, lengths, pieces, edits).tolist() == expected
