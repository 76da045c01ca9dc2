"""What stays of a document after the contamination stage has cut it: pieces, in characters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def kept_texts(texts: pa.ChunkedArray, pieces: pa.ChunkedArray) -> list[list[str]]:
    """The pieces of each document that stay, as strings; pieces are in characters."""
    return [
        [text[piece["start"] : piece["end"]] for piece in its_pieces]
        for text, its_pieces in zip(texts.to_pylist(), pieces.to_pylist(), strict=True)
    ]


def kept_bytes(
    texts: pa.ChunkedArray, num_characters: pa.ChunkedArray, pieces: pa.ChunkedArray
) -> npt.NDArray[np.int64]:
    """UTF-8 bytes of each document's pieces, int64 (num_documents,): decodes only what is cut."""
    num_bytes = pc.binary_length(texts).to_numpy().astype(np.int64)
    whole = [
        len(found) == 1 and found[0]["start"] == 0 and found[0]["end"] == length
        for found, length in zip(pieces.to_pylist(), num_characters.to_pylist(), strict=True)
    ]
    rows = np.flatnonzero(~np.array(whole, np.bool_))
    cut = pa.array(rows, pa.int64())
    for row, kept in zip(rows, kept_texts(texts.take(cut), pieces.take(cut)), strict=True):
        num_bytes[row] = sum(len(piece.encode()) for piece in kept)
    return num_bytes
