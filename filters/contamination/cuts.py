"""What matches leave of each document: pieces, or a reason to go (GPT-3 appendix C)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.contamination import ContaminationSettings
from filters.contamination.spans import merged, numbers, rows
from filters.verdict import verdicts

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CUT_INTO_TOO_MANY_PIECES = "cut_into_too_many_pieces"  # GPT-3 appendix C: more than 10
NOTHING_LEFT = "nothing_left"  # every piece is under 200 characters


class Cut(NamedTuple):
    """What matches leave of one document."""

    starts: Int64Array
    """First character of each piece that stays; none where the document goes."""
    ends: Int64Array
    """One past the last character of each piece."""
    num_matches: int
    """Matches after merging those that overlap."""
    reason: str | None
    """Why the document goes; None where something stays."""


def cut(
    num_characters: int, starts: Int64Array, ends: Int64Array, settings: ContaminationSettings
) -> Cut:
    """Cut the N-grams at characters [starts, ends), with their windows, out of one document."""
    num_matches = len(merged(starts, ends)[0])
    window = settings.window_characters
    first, last = merged(
        np.maximum(starts - window, 0), np.minimum(ends + window, num_characters)
    )
    piece_starts = np.concatenate([np.zeros(1, np.int64), last])
    piece_ends = np.concatenate([first, np.array([num_characters], np.int64)])
    lengths = piece_ends - piece_starts
    stays = (lengths >= settings.min_piece_characters) & (lengths > 0)
    reason = None
    if np.count_nonzero(lengths) > settings.max_pieces:
        reason = CUT_INTO_TOO_MANY_PIECES
    elif not stays.any():
        reason = NOTHING_LEFT
    if reason is not None:
        stays[:] = False
    return Cut(piece_starts[stays], piece_ends[stays], num_matches, reason)


def judge(
    documents: pa.Table, hits: pa.Table, is_exempt: BoolArray, settings: ContaminationSettings
) -> pa.Table:
    """The verdict of each document: its pieces, or why it goes.

    documents: doc_id, num_characters. hits: a table as `ngram_hits`, of these documents.
    is_exempt: bool (num_ngrams,). Returns a table as `contamination`, row for row.
    """
    removed = hits.filter(pa.array(~is_exempt[numbers(hits["ngram"])]))
    lengths = numbers(documents["num_characters"])
    row = rows(removed["doc_id"], documents["doc_id"])
    order = np.argsort(row, kind="stable")
    starts, ends = numbers(removed["start"])[order], numbers(removed["end"])[order]
    found, first = np.unique(row[order], return_index=True)
    edges = np.append(first, len(row))
    cuts = {
        int(r): cut(int(lengths[r]), starts[a:b], ends[a:b], settings)
        for r, a, b in zip(found, edges[:-1], edges[1:], strict=True)
    }
    num_matches = np.zeros(len(lengths), np.int32)
    num_matches[found] = [c.num_matches for c in cuts.values()]
    reasons: list[str | None] = [None] * len(lengths)
    for r, c in cuts.items():
        reasons[r] = c.reason
    return verdicts(
        "contamination", documents["doc_id"], reasons,
        num_matches=num_matches, pieces=_pieces(lengths, cuts),
    )  # fmt: skip


def _pieces(lengths: Int64Array, cuts: dict[int, Cut]) -> pa.ListArray:
    whole = np.ones(len(lengths), np.bool_)
    whole[list(cuts)] = False
    rows = [np.flatnonzero(whole), *(np.full(len(c.starts), r) for r, c in cuts.items())]
    starts = [np.zeros(int(whole.sum()), np.int64), *(c.starts for c in cuts.values())]
    ends = [lengths[whole], *(c.ends for c in cuts.values())]
    row = np.concatenate(rows)
    order = np.argsort(row, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(lengths)))])
    start, end = np.concatenate(starts)[order], np.concatenate(ends)[order]
    values = pa.StructArray.from_arrays([pa.array(start), pa.array(end)], ["start", "end"])
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)
