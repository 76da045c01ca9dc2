"""The stage's answer for each document: kept or not, in which split, and what is cut of it.

What is cut is listed as edits (filters/edits.py), which are made when tokens are. A document of
which cuts leave next to nothing goes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.identity import keyed_uniform
from corpus.schemas import EDITS, table_named
from filters.dedup.clusters import HELD_OUT_STAGE, TRAIN, VALIDATION
from filters.dedup.spans import MIN_CHARACTERS_LEFT

REPEATED_TEXT = "repeated_text"  # reason, and the kind of the edits that cut it


def verdicts(
    given: pa.Table, members: pa.Table, cuts: pa.Table, is_held_out: npt.NDArray[np.bool_]
) -> pa.Table:
    """Rows of the table `dedup` for the documents of one part.

    given: doc_id, num_characters. members: rows of `clusters` for this part: row (into given),
    cluster_id, kept_doc_id, reason, split. cuts: rows of `spans`: row, spans. A document that is no
    member is a cluster of its own; is_held_out: bool (num_documents,), in which split it then is.
    """
    doc_ids = given["doc_id"].combine_chunks()
    at = _places(members["row"], len(doc_ids))
    own_split = pa.array(np.where(is_held_out, VALIDATION, TRAIN), pa.string())
    cluster_ids, kept_ids, reason, split = (
        members[name].combine_chunks().take(at)
        for name in ("cluster_id", "kept_doc_id", "reason", "split")
    )
    edits, num_left = _edits(given["num_characters"], cuts)
    too_little = pc.and_(pc.less(num_left, MIN_CHARACTERS_LEFT), pc.greater(_lengths(edits), 0))
    none = pa.scalar(None, pa.string())
    reason = pc.coalesce(reason, pc.if_else(too_little, REPEATED_TEXT, none))
    columns = {
        "doc_id": doc_ids,
        "keep": reason.is_null(),
        "reason": reason,
        "cluster_id": pc.coalesce(cluster_ids, doc_ids),
        "kept_doc_id": pc.coalesce(kept_ids, doc_ids),
        "split": pc.coalesce(split, own_split),
        "edits": edits,
    }
    return pa.table(columns, schema=table_named("dedup").arrow)


def held_out(
    doc_ids: pa.Array, sources: pa.ChunkedArray, *, held_out_sources: tuple[str, ...],
    held_out_fraction: float, seed: int,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Whether each document is held out where it is a cluster of its own: bool (num_documents,)."""
    chance = keyed_uniform(doc_ids, seed=seed, stage=HELD_OUT_STAGE)
    named = pc.is_in(sources.combine_chunks(), value_set=pa.array([*held_out_sources], pa.string()))
    return np.asarray((chance < held_out_fraction) | named.to_numpy(zero_copy_only=False))


def _places(rows: pa.ChunkedArray, num_documents: int) -> pa.Array:
    """Where each document stands among these rows; null where it is none of them."""
    where = np.full(num_documents, -1, np.int64)
    where[rows.to_numpy()] = np.arange(len(rows))
    return pa.array(where, mask=where < 0)


def _edits(lengths: pa.ChunkedArray, cuts: pa.Table) -> tuple[pa.ListArray, pa.Array]:
    """The cuts of each document as edits, and the characters that they leave of it."""
    spans = cuts["spans"].combine_chunks()
    counts = np.zeros(len(lengths), np.int32)
    counts[cuts["row"].to_numpy()] = _lengths(spans).to_numpy()
    start, end = (spans.flatten().field(name) for name in ("start", "end"))
    kind, instead = (pa.repeat(word, len(start)) for word in (REPEATED_TEXT, ""))
    values = pa.StructArray.from_arrays([start, end, kind, instead], fields=list(EDITS.value_type))
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    edits = pa.ListArray.from_arrays(pa.array(ends), values, type=EDITS)
    cut = np.concatenate([[0], np.cumsum(pc.subtract(end, start).to_numpy())])
    return edits, pc.subtract(lengths.combine_chunks(), pa.array(np.diff(cut[ends])))


def _lengths(lists: pa.ListArray) -> pa.Array:
    return pc.fill_null(pc.list_value_length(lists), 0)
