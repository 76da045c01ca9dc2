"""What matches leave of each document: pieces, or a reason to go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.contamination import Rule
from filters.contamination.index import NgramIndex
from filters.contamination.shares import contained, shared, similar
from filters.contamination.spans import merged, numbers, rows
from filters.verdict import verdicts

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CUT_INTO_TOO_MANY_PIECES = "cut_into_too_many_pieces"  # GPT-3 appendix C: more than 10
NOTHING_LEFT = "nothing_left"  # every piece is under 200 characters
WHOLE = {  # why a document goes whole, by the removal that drops it
    "document": "has_benchmark_ngram",
    "similar": "similar_to_benchmark_text",
    "contained": "contains_benchmark_text",
}
_SENTENCE_ENDS = ".!?"  # Megatron-LM, filter_ngrams.py


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
    num_characters: int, starts: Int64Array, ends: Int64Array, rule: Rule, text: str = ""
) -> Cut:
    """Cut the N-grams at characters [starts, ends), with their windows, out of one document.

    text: the document's, where the rule cuts to the ends of sentences.
    """
    num_matches = len(merged(starts, ends)[0])
    if rule.removal == "cut_to_sentences":
        first, last = _to_sentences(text, starts, ends, rule)
    else:
        first, last = starts - rule.window_characters, ends + rule.window_characters
    first, last = merged(np.maximum(first, 0), np.minimum(last, num_characters))
    piece_starts = np.concatenate([np.zeros(1, np.int64), last])
    piece_ends = np.concatenate([first, np.array([num_characters], np.int64)])
    lengths = piece_ends - piece_starts
    stays = (lengths >= rule.min_piece_characters) & (lengths > 0)
    counted = stays if rule.removal == "cut_to_sentences" else lengths > 0
    reason = None
    if np.count_nonzero(counted) > rule.max_pieces:
        reason = CUT_INTO_TOO_MANY_PIECES
    elif not stays.any():
        reason = NOTHING_LEFT
    if reason is not None:
        stays[:] = False
    return Cut(piece_starts[stays], piece_ends[stays], num_matches, reason)


def judge(
    documents: pa.Table, hits: pa.Table, is_exempt: BoolArray, rule: Rule, index: NgramIndex
) -> pa.Table:
    """The verdict of each document: its pieces, or why it goes.

    documents: doc_id, num_characters, and text where the rule reads it. hits: a table as
    `ngram_hits`, of these documents. is_exempt: bool (num_ngrams,). Returns a table as
    `contamination`, row for row.
    """
    removed = hits.filter(pa.array(~is_exempt[numbers(hits["ngram"])]))
    row = rows(removed["doc_id"], documents["doc_id"])
    order = np.argsort(row, kind="stable")
    removed, row = removed.take(pa.array(order)), row[order]
    if rule.removal in WHOLE:
        cuts = _whole(documents, removed, row, is_exempt, rule, index)
    else:
        cuts = _cuts(documents, removed, row, rule)
    lengths = numbers(documents["num_characters"])
    num_matches = np.zeros(len(lengths), np.int32)
    reasons: list[str | None] = [None] * len(lengths)
    for r, one in cuts.items():
        num_matches[r], reasons[r] = one.num_matches, one.reason
    return verdicts(
        "contamination", documents["doc_id"], reasons,
        num_matches=num_matches, pieces=_pieces(lengths, cuts),
    )  # fmt: skip


def _cuts(documents: pa.Table, removed: pa.Table, row: Int64Array, rule: Rule) -> dict[int, Cut]:
    """What the matches of each document cut."""
    lengths = numbers(documents["num_characters"])
    return {
        r: cut(
            int(lengths[r]), starts, ends, rule,
            documents["text"][r].as_py() if rule.reads_text else "",
        )
        for r, starts, ends in _by_document(removed, row)
    }  # fmt: skip


def _whole(
    documents: pa.Table, removed: pa.Table, row: Int64Array, is_exempt: BoolArray, rule: Rule,
    index: NgramIndex,
) -> dict[int, Cut]:  # fmt: skip
    """Which of the documents with matches go, whole; of the others nothing is cut."""
    found = shared(row, numbers(removed["ngram"]), is_exempt, index)
    if rule.removal == "similar":
        goes = similar(found, documents["text"], rule)
    else:
        goes = contained(found, rule) if rule.removal == "contained" else row
    dropped = set(goes.tolist())
    lengths = numbers(documents["num_characters"])
    none, all_ = np.zeros(0, np.int64), np.zeros(1, np.int64)
    cuts = {}
    for r, starts, ends in _by_document(removed, row):
        num_matches = len(merged(starts, ends)[0])
        if r in dropped:
            cuts[r] = Cut(none, none, num_matches, WHOLE[rule.removal])
        else:
            cuts[r] = Cut(all_, lengths[r : r + 1], num_matches, None)
    return cuts


def _by_document(
    hits: pa.Table, row: Int64Array
) -> Iterator[tuple[int, Int64Array, Int64Array]]:
    """Row, starts and ends of each document's hits, which are sorted by row."""
    starts, ends = numbers(hits["start"]), numbers(hits["end"])
    found, first = np.unique(row, return_index=True)
    edges = np.append(first, len(row)).tolist()
    for r, a, z in zip(found.tolist(), edges[:-1], edges[1:], strict=True):
        yield r, starts[a:z], ends[a:z]


def _to_sentences(
    text: str, starts: Int64Array, ends: Int64Array, rule: Rule
) -> tuple[Int64Array, Int64Array]:
    """Windows from the sentence's end before each match to the one after it, or the text's.

    As Megatron-LM goes about it: from left to right, and what is gone with one match is no other.
    """
    first, last, done = [], [], 0
    for match in np.lexsort((-ends, starts)).tolist():
        start, end = int(starts[match]), int(ends[match])
        if start < done:
            continue
        before, after = start - rule.window_characters + 1, end + rule.window_characters
        found = [text.rfind(sign, done, max(before, done)) for sign in _SENTENCE_ENDS]
        first.append(max(*found, done - 1) + 1)
        found = [text.find(sign, after) for sign in _SENTENCE_ENDS]
        done = min([at for at in found if at >= 0], default=len(text)) + 1
        last.append(done)
    return np.array(first, np.int64), np.array(last, np.int64)


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
