"""Edits: what is taken out of a document's text, or masked in it, when its tokens are made.

The text that `extract` wrote is never changed: the screen and dedup list their edits, each stretch
with what stands in its place, and every later judge reads the text as it was extracted, so that
places mean the same in all tables. `pieces.py` applies them. Lines that a rule set removes, and
text that stands elsewhere too, have nothing in their place; personal data has its mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.schemas import EDITS
from corpus.utf8 import Int64Array, characters_before, text_bytes
from filters.heuristics.lines import Spans
from filters.personal import Found
from filters.verdict import BoolArray

_MOST = np.int64(2**40)  # characters; more than any document has


def edits_column(
    texts: pa.Array | pa.ChunkedArray, removed: Mapping[str, Spans], masked: Sequence[Found]
) -> pa.Array:
    """The edits of each document, in order and without overlap: rows of `screen.edits`.

    removed: the stretches that leave, by what removes them. Where two edits overlap the earlier has
    its whole stretch, the later what is left of it.
    """
    kinds = [*removed, *sorted({(found.kind, found.mask) for found in masked})]
    place_of = {kind: number for number, kind in enumerate(kinds)}
    parts = [_in_characters(texts, spans, place_of[name]) for name, spans in removed.items()]
    masks = [(f.row, f.start, f.end, place_of[(f.kind, f.mask)]) for f in masked]
    parts.append(np.array(masks, np.int64).reshape(-1, 4))
    rows, starts, ends, numbers = _without_overlap(np.concatenate(parts)).T
    names = pa.array([kind if isinstance(kind, str) else kind[0] for kind in kinds], pa.string())
    instead = pa.array(["" if isinstance(kind, str) else kind[1] for kind in kinds], pa.string())
    taken = pa.array(numbers)
    fields = [pa.array(starts), pa.array(ends), names.take(taken), instead.take(taken)]
    offsets = np.searchsorted(rows, np.arange(len(texts) + 1)).astype(np.int32)
    values = pa.StructArray.from_arrays(fields, fields=list(EDITS.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=EDITS)


def merged(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.Array:
    """The edits of two judges of the same documents, in order and without overlap.

    Where two overlap the earlier has its whole stretch, the later what is left of it.
    """
    both = [column.combine_chunks() for column in (one, other)]
    if not any(len(column.flatten()) for column in both):
        return both[0]
    values = pa.concat_arrays([column.flatten() for column in both])
    rows = np.concatenate([column.value_parent_indices().to_numpy() for column in both])
    start, end = (values.field(name).to_numpy() for name in ("start", "end"))
    found = _without_overlap(np.stack([rows, start, end, np.arange(len(values))], axis=1))
    rows, starts, ends, numbers = found.T
    taken = values.take(pa.array(numbers))
    fields = [pa.array(starts), pa.array(ends), taken.field("kind"), taken.field("replacement")]
    offsets = np.searchsorted(rows, np.arange(len(one) + 1)).astype(np.int32)
    structs = pa.StructArray.from_arrays(fields, fields=list(EDITS.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets), structs, type=EDITS)


def counts(edits: pa.Array | pa.ChunkedArray) -> dict[str, int]:
    """How many edits there are of each kind."""
    kinds = pc.value_counts(pc.struct_field(pc.list_flatten(edits), "kind")).to_pylist()
    return {row["values"]: row["counts"] for row in sorted(kinds, key=lambda row: row["values"])}


def nothing_left(texts: pa.Array | pa.ChunkedArray, edits: pa.Array) -> BoolArray:
    """Whether edits leave no more than white space of a text that had more."""
    empty = np.zeros(len(texts), np.bool_)
    num_edits = pc.list_value_length(edits).to_numpy()
    for row in np.flatnonzero(num_edits).tolist():
        text = texts[row].as_py()
        empty[row] = not edited(text, 0, len(text), edits[row].as_py()).strip()
    return empty


def edited(text: str, start: int, end: int, edits: Sequence[Mapping[str, Any]]) -> str:
    """The characters [start, end) of a text, with its edits made.

    Of an edit that reaches beyond an end only the mask is left, whole.
    """
    kept: list[str] = []
    at = start
    for edit in edits:
        if edit["end"] <= at or edit["start"] >= end:
            continue
        kept += (text[at : max(at, edit["start"])], edit["replacement"])
        at = edit["end"]
    kept.append(text[at:end])
    return "".join(kept)


def _in_characters(
    texts: pa.Array | pa.ChunkedArray, spans: Spans, number: int
) -> npt.NDArray[np.int64]:
    """Rows (document, start, end, number) of spans that are in bytes."""
    rows = np.repeat(np.arange(len(texts)), np.diff(spans.offsets))
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    (text,) = text_bytes(whole)
    starts, ends = (
        characters_before(text.data, text.starts, rows, places)
        for places in (spans.starts, spans.ends)
    )
    return np.stack([rows, starts, ends, np.full(len(rows), number)], axis=1)


def _without_overlap(edits: Int64Array) -> Int64Array:
    """Rows (document, start, end, number) in order, each from where those before have ended."""
    edits = edits[np.lexsort((edits[:, 3], -edits[:, 2], edits[:, 1], edits[:, 0]))]
    base = edits[:, 0] * _MOST
    ended = np.maximum.accumulate(base + edits[:, 2])
    ended = np.concatenate([np.zeros(1, np.int64), ended[:-1]])[: len(edits)]
    edits[:, 1] = np.maximum(base + edits[:, 1], ended) - base
    return edits[edits[:, 1] < edits[:, 2]]
