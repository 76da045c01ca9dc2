"""Edits: put in order, and made in a text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpus.schemas import EDITS
from filters.edits import counts, edited, edits_column, merged, nothing_left
from filters.heuristics.lines import Spans
from filters.personal import Found


def spans(*documents):
    """Spans in bytes, a list of (start, end) a document."""
    pairs = [pair for document in documents for pair in document]
    offsets = np.cumsum([0, *map(len, documents)])
    starts, ends = np.array(pairs, np.int64).reshape(-1, 2).T
    return Spans(offsets, starts, ends)


def rows(column):
    assert column.type == EDITS
    return [[tuple(edit.values()) for edit in edits] for edits in column.to_pylist()]


def test_bytes_become_characters_and_edits_stand_in_order():
    texts = pa.chunked_array([["é\nzé\n", None], ["plain"]], pa.large_string())
    removed = {"c4_line": spans([(0, 3)], [], [(1, 2)])}
    masked = [Found(0, 2, 4, "email", "M"), Found(2, 4, 5, "ip", "I")]
    column = edits_column(texts, removed, masked)
    assert rows(column) == [
        [(0, 2, "c4_line", ""), (2, 4, "email", "M")],
        [],
        [(1, 2, "c4_line", ""), (4, 5, "ip", "I")],
    ]
    assert counts(column) == {"c4_line": 2, "email": 1, "ip": 1}
    assert rows(edits_column(texts, {}, [])) == [[], [], []]


def test_what_is_taken_out_already_is_not_masked_and_a_mask_keeps_what_is_left():
    texts = pa.array(["0123456789"], pa.large_string())
    removed = {"line": spans([(2, 6)])}
    masked = [Found(0, 3, 5, "email", "M"), Found(0, 5, 8, "ip", "I")]
    assert rows(edits_column(texts, removed, masked)) == [[(2, 6, "line", ""), (6, 8, "ip", "I")]]


def test_edits_are_made_inside_a_piece_and_masks_are_never_halved():
    edits = [
        {"start": 0, "end": 2, "replacement": ""},
        {"start": 4, "end": 6, "replacement": "<ip>"},
    ]
    text = "0123456789"
    assert edited(text, 0, 10, edits) == "23<ip>6789"
    assert edited(text, 1, 5, edits) == "23<ip>"  # the mask of what the piece's end cuts
    assert edited(text, 5, 10, edits) == "<ip>6789"
    assert edited(text, 6, 10, edits) == "6789"
    assert edited(text, 2, 4, edits) == "23"
    assert edited(text, 0, 2, edits) == ""


def test_a_text_of_which_no_word_is_left_is_empty():
    texts = pa.array(["a b\n \nc", "a b\n \nc", "", None], pa.large_string())
    column = edits_column(texts, {"line": spans([(0, 4), (6, 7)], [(0, 4)], [], [])}, [])
    assert nothing_left(texts, column).tolist() == [True, False, False, False]


intervals = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 5)), max_size=6)


@given(st.lists(intervals, min_size=1, max_size=3))
def test_any_overlapping_edits_leave_what_none_of_them_covers(documents):
    text = "abcdefghijklmnopqrst"
    masked = [
        Found(row, start, start + length, "email", "")
        for row, edits in enumerate(documents)
        for start, length in edits
    ]
    column = edits_column(pa.array([text] * len(documents), pa.large_string()), {}, masked)
    for edits, found in zip(documents, column.to_pylist(), strict=True):
        covered = {at for start, length in edits for at in range(start, start + length)}
        kept = "".join(c for at, c in enumerate(text) if at not in covered)
        assert edited(text, 0, len(text), found) == kept
        ends = [edit["end"] for edit in found]
        starts = [edit["start"] for edit in found]
        assert all(a <= b for a, b in zip(ends, starts[1:], strict=False))


def column(*documents):
    """Edits of some documents, (start, end, kind, replacement) each; None where there are none."""
    names = ("start", "end", "kind", "replacement")
    values = [
        None if edits is None else [dict(zip(names, edit, strict=True)) for edit in edits]
        for edits in documents
    ]
    return pa.chunked_array([pa.array(values, EDITS)])


def test_edits_of_two_judges_stand_in_order_and_an_overlap_is_the_earlier_ones():
    screen = column([(5, 9, "email", "M")], [], [(0, 4, "c4", "")], None)
    dedup = column([(0, 6, "repeated_text", "")], [(1, 2, "repeated_text", "")], [], [])
    assert rows(merged(screen, dedup)) == [
        [(0, 6, "repeated_text", ""), (6, 9, "email", "M")],
        [(1, 2, "repeated_text", "")],
        [(0, 4, "c4", "")],
        [],
    ]


def test_nothing_is_made_of_what_no_one_edits():
    none = column([], None)
    assert merged(none, column([], [])).to_pylist() == [[], None]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=5),
       st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=5))
def test_two_lists_of_edits_take_out_what_both_do_together(one, other):
    text = "abcdefghij"

    def separate(pairs):
        """In order and without overlap, as each judge has them."""
        ends, found = 0, []
        for start, end in sorted((min(p), max(p)) for p in pairs):
            if start >= ends and end > start:
                found.append((start, end, "x", ""))
                ends = end
        return found

    first, second = separate(one), separate(other)
    both = merged(column(first), column(second))[0].as_py() or []
    gone = {i for start, end, *_ in [*first, *second] for i in range(start, end)}
    assert edited(text, 0, 10, both) == "".join(c for i, c in enumerate(text) if i not in gone)
