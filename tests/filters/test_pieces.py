"""What stays of cut documents, in characters and in bytes."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from filters.pieces import kept_bytes, kept_texts


def columns(rows: list[tuple[str, list[tuple[int, int]]]]):
    texts = pa.chunked_array([[text for text, _ in rows]], pa.large_string())
    lengths = pa.chunked_array([[len(text) for text, _ in rows]], pa.int64())
    kind = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64())]))
    cuts = [[{"start": start, "end": end} for start, end in pieces] for _, pieces in rows]
    return texts, lengths, pa.chunked_array([cuts], kind)


def test_pieces_are_counted_in_characters_and_measured_in_bytes():
    rows = [("naïve", [(0, 5)]), ("a日本語b", [(0, 2), (3, 5)]), ("x", [])]
    texts, lengths, pieces = columns(rows)
    assert kept_texts(texts, pieces) == [["naïve"], ["a日", "語b"], []]
    assert kept_bytes(texts, lengths, pieces).tolist() == [6, 8, 0]


def test_a_document_without_text_is_no_piece():
    assert kept_bytes(*columns([])).tolist() == []


@given(
    st.lists(
        st.tuples(st.text(), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3)),
        max_size=5,
    )
)
def test_bytes_are_those_of_the_texts(rows):
    texts, lengths, pieces = columns(rows)
    expected = [sum(len(t.encode()) for t in kept) for kept in kept_texts(texts, pieces)]
    assert kept_bytes(texts, lengths, pieces).tolist() == expected
