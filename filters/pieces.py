"""What stays of a document when its tokens are made: its pieces, with the screen's edits made.

Pieces are what the contamination stage leaves, in characters of the text as it was extracted;
edits (edits.py) take lines out of them and mask personal data in them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.utf8 import Int64Array
from filters.edits import edited


def kept_texts(
    texts: pa.ChunkedArray, pieces: pa.ChunkedArray, edits: pa.ChunkedArray
) -> list[list[str]]:
    """The pieces of each document that stay, as strings; one of which nothing stays is left out."""
    rows = zip(texts.to_pylist(), pieces.to_pylist(), edits.to_pylist(), strict=True)
    kept = []
    for text, its_pieces, its_edits in rows:
        spans = [(piece["start"], piece["end"]) for piece in its_pieces]
        if its_edits:
            left = [edited(text, start, end, its_edits) for start, end in spans]
            kept.append([piece for piece in left if piece.strip()])
        else:
            kept.append([text[start:end] for start, end in spans])
    return kept


class Kept(NamedTuple):
    """What stays of some documents, text after text."""

    texts: pa.Array
    """All texts of all documents, in order."""
    num_texts: Int64Array
    """Texts of each document, int64 (num_documents,); 0 where nothing stays."""


def kept(
    texts: pa.ChunkedArray,
    num_characters: pa.ChunkedArray,
    pieces: pa.ChunkedArray,
    edits: pa.ChunkedArray,
) -> Kept:
    """The texts that stay of each document; one of which nothing stays is left out.

    Only documents that are cut or edited become Python strings; the others stay where they lie.
    """
    is_whole = _is_whole(num_characters, pieces, edits)
    flat = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    if is_whole.all():
        return Kept(flat, np.ones(len(flat), np.int64))
    changed = pa.array(np.flatnonzero(~is_whole))
    found = kept_texts(texts.take(changed), pieces.take(changed), edits.take(changed))
    num_texts = np.ones(len(flat), np.int64)
    num_texts[~is_whole] = [len(its_texts) for its_texts in found]
    own = pa.array([text for its_texts in found for text in its_texts], flat.type)
    pool = pa.concat_arrays([flat, own])
    of_whole = np.repeat(is_whole, num_texts)
    places = np.empty(len(of_whole), np.int64)
    places[of_whole] = np.flatnonzero(is_whole)
    places[~of_whole] = len(flat) + np.arange(len(own))
    return Kept(pool.take(pa.array(places)), num_texts)


def sums_by_document(values: Int64Array, num_texts: Int64Array) -> Int64Array:
    """The sum of a value of each text over each document's texts, int64 (num_documents,)."""
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    ends = np.cumsum(num_texts)
    return before[ends] - before[ends - num_texts]


def _is_whole(
    num_characters: pa.ChunkedArray, pieces: pa.ChunkedArray, edits: pa.ChunkedArray
) -> npt.NDArray[np.bool_]:
    """Whether a document's only piece is all of it, and nothing in it is edited."""
    edited = pc.fill_null(pc.greater(pc.list_value_length(edits), 0), False).to_numpy()
    is_one = pc.fill_null(pc.equal(pc.list_value_length(pieces), 1), False).to_numpy()
    whole = is_one & ~edited
    rows = pa.array(np.flatnonzero(whole))
    spans = pc.list_flatten(pieces.take(rows))
    starts = pc.struct_field(spans, "start").to_numpy()
    ends = pc.struct_field(spans, "end").to_numpy()
    whole[whole] = (starts == 0) & (ends == num_characters.take(rows).to_numpy())
    return whole
