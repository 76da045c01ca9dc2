"""What stays of a document when its tokens are made: its pieces, with the screen's edits made.

Pieces are what the contamination stage leaves, in characters of the text as it was extracted;
edits (edits.py) take lines out of them and mask personal data in them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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


def kept_bytes(
    texts: pa.ChunkedArray,
    num_characters: pa.ChunkedArray,
    pieces: pa.ChunkedArray,
    edits: pa.ChunkedArray,
) -> npt.NDArray[np.int64]:
    """UTF-8 bytes of what stays of each document, int64 (num_documents,).

    Decodes only the documents that are cut or edited.
    """
    num_bytes = pc.binary_length(texts).to_numpy().astype(np.int64)
    is_edited = pc.fill_null(pc.greater(pc.list_value_length(edits), 0), False).to_pylist()
    whole = [
        len(found) == 1 and found[0]["start"] == 0 and found[0]["end"] == length and not changed
        for found, length, changed in zip(
            pieces.to_pylist(), num_characters.to_pylist(), is_edited, strict=True
        )
    ]
    rows = np.flatnonzero(~np.array(whole, np.bool_))
    taken = pa.array(rows, pa.int64())
    kept = kept_texts(texts.take(taken), pieces.take(taken), edits.take(taken))
    num_bytes[rows] = [sum(len(piece.encode()) for piece in its_pieces) for its_pieces in kept]
    return num_bytes
