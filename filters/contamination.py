"""What of a document is benchmark text, and what is cut away with it.

GPT-3's training-set filter (appendix C): a benchmark's N-grams, N being the 5th percentile of its
texts' lengths within 8..13 words, are looked for in every document. N-grams in more than 10
documents are boilerplate and stay. Overlapping N-grams are one match; it is cut with 200 characters
on either side; pieces under 200 characters go; a document cut into more than 10 pieces goes whole.
Where the paper is silent: the text of a field is what is looked for, never across two fields; texts
under 8 words have no say in N; pieces are counted before the short ones go; a document without a
match keeps its whole text, however short.
Matches come from ngram_index.py, confirmed word by word. A benchmark text shorter than its N cannot
be found (`num_ngrams` = 0 in benchmark_items).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.benchmarks import BenchmarkSettings
from corpus.config import Settings
from corpus.schemas import table_named
from filters.ngram_index import NgramIndex, ranges
from filters.verdict import verdicts

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CUT_INTO_TOO_MANY_PIECES = "cut_into_too_many_pieces"  # GPT-3 appendix C: more than 10
NOTHING_LEFT = "nothing_left"  # every piece is under 200 characters


class ContaminationSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which benchmarks must not be trained on, and how their text is found and cut."""

    benchmarks: dict[str, BenchmarkSettings] = msgspec.field(default_factory=dict)
    """Files and fields of each benchmark, by name; none: nothing is looked for."""
    min_ngram_size: int = 8
    """Words; least N, and texts shorter than it have no say in N (GPT-3 appendix C)."""
    max_ngram_size: int = 13
    """Words; greatest N (GPT-3 appendix C)."""
    length_percentile: float = 5.0
    """N is this percentile of the lengths of a benchmark's texts (GPT-3 appendix C)."""
    max_documents: int = 10
    """An N-gram in more documents than this is boilerplate and is not cut (GPT-3 appendix C)."""
    window_characters: int = 200
    """Cut with a match, on either side (GPT-3 appendix C)."""
    min_piece_characters: int = 200
    """A shorter piece that a cut leaves is dropped (GPT-3 appendix C)."""
    max_pieces: int = 10
    """A document cut into more pieces is dropped whole (GPT-3 appendix C)."""
    measured_ngram_size: int = 8
    """Words; size of the N-grams in the overlap table (GPT-2 section 4)."""
    false_positive_rate: float = 1e-8
    """Bound on the overlap table's wrong finds, over all sources together (GPT-2 section 4)."""

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        if not 1 <= self.min_ngram_size <= self.max_ngram_size:
            raise ValueError(
                f"min_ngram_size {self.min_ngram_size}, max_ngram_size {self.max_ngram_size}: "
                "expected 1 <= min <= max"
            )
        if not 0 <= self.length_percentile <= 100:
            raise ValueError(f"length_percentile {self.length_percentile}: expected 0..100")
        if self.measured_ngram_size < 1:
            raise ValueError(f"measured_ngram_size {self.measured_ngram_size}: expected 1 or more")
        if not 1e-15 <= self.false_positive_rate <= 0.5:
            raise ValueError(f"false_positive_rate {self.false_positive_rate}: expected 1e-15..0.5")
        counts = (self.max_documents, self.window_characters, self.min_piece_characters)
        if min(counts) < 0 or self.max_pieces < 1:
            raise ValueError(
                "max_documents, window_characters, min_piece_characters: expected 0 or more; "
                "max_pieces: expected 1 or more"
            )


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


def choose_ngram_size(num_words: Int64Array, settings: ContaminationSettings) -> int:
    """N of one benchmark: a low percentile of its texts' lengths, within the limits."""
    long_enough = num_words[num_words >= settings.min_ngram_size]
    if not len(long_enough):
        return settings.min_ngram_size
    size = int(np.percentile(long_enough, settings.length_percentile, method="lower"))
    return min(max(size, settings.min_ngram_size), settings.max_ngram_size)


def cut(
    num_characters: int, starts: Int64Array, ends: Int64Array, settings: ContaminationSettings
) -> Cut:
    """Cut the N-grams at characters [starts, ends), with their windows, out of one document."""
    num_matches = len(_merged(starts, ends)[0])
    window = settings.window_characters
    first, last = _merged(
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
    removed = hits.filter(pa.array(~is_exempt[_numbers(hits["ngram"])]))
    lengths = _numbers(documents["num_characters"])
    row = _rows(removed["doc_id"], documents["doc_id"])
    order = np.argsort(row, kind="stable")
    starts, ends = _numbers(removed["start"])[order], _numbers(removed["end"])[order]
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


def matches(
    hits: pa.Table, doc_ids: pa.ChunkedArray, index: NgramIndex, items: pa.Table,
    num_documents: Int64Array, settings: ContaminationSettings,
) -> pa.Table:  # fmt: skip
    """Name the benchmark items of each hit, and merge a document's overlapping hits of one item.

    hits: as `ngram_hits`. items: benchmark, item_id, field of each text of the index.
    num_documents: int64 (num_ngrams,), documents that hold each N-gram. Returns a table as `hits`.
    An exempt N-gram, in many documents and often in many items, is named for its first item alone.
    """
    row, ngram = _rows(hits["doc_id"], doc_ids), _numbers(hits["ngram"])
    start, end = _numbers(hits["start"]), _numbers(hits["end"])
    exempt = num_documents[ngram] > settings.max_documents
    hit, text = _texts_of(ngram, exempt, index)
    order = np.lexsort((start[hit], exempt[hit], text, row[hit]))
    hit, text = hit[order], text[order]
    same = (row[hit], text, exempt[hit])
    first, last = _overlapping(start[hit], end[hit], same)
    order = np.lexsort((text[first], end[hit[last]], start[hit[first]], row[hit[first]]))
    first, last = first[order], last[order]
    a, z = hit[first], hit[last]  # the first and the last hit of each match
    item = items.take(pa.array(text[first]))
    columns = {
        "doc_id": doc_ids.take(pa.array(row[a])), "start": start[a], "end": end[z],
        "benchmark": item["benchmark"], "item_id": item["item_id"], "field": item["field"],
        "num_ngrams": (last - first + 1).astype(np.int32),
        "ngram": pa.array([index.ngram(number) for number in ngram[a]], pa.string()),
        "document_frequency": num_documents[ngram[a]], "exempt": exempt[a],
    }  # fmt: skip
    return pa.table(columns, schema=table_named("hits").arrow)


def found_in_items(
    index: NgramIndex, num_documents: Int64Array, settings: ContaminationSettings
) -> dict[str, npt.NDArray[np.generic]]:
    """For each text of the index: its words, N, N-grams, and those found and exempt."""
    found, exempt = num_documents > 0, num_documents > settings.max_documents
    num_found = _sums(found[index.held], index.held_offsets)
    return {
        "num_words": np.diff(index.offsets).astype(np.int32),
        "ngram_size": index.sizes.astype(np.int32),
        "num_ngrams": np.diff(index.held_offsets).astype(np.int32),
        "num_found": num_found,
        "num_exempt": _sums(exempt[index.held], index.held_offsets),
        "dirty": num_found > 0,
    }


def _texts_of(
    ngram: Int64Array, exempt: BoolArray, index: NgramIndex
) -> tuple[Int64Array, Int64Array]:
    """Pairs of a hit's position and a text that holds its N-gram."""
    asked = np.zeros(len(index.keys), np.bool_)
    asked[ngram] = True
    places = np.flatnonzero(asked[index.held])
    text = np.searchsorted(index.held_offsets, places, side="right") - 1
    pairs = np.unique(np.stack([index.held[places], text]), axis=1)
    first = np.searchsorted(pairs[0], ngram)
    counts = np.searchsorted(pairs[0], ngram, side="right") - first
    counts[exempt] = 1
    return np.repeat(np.arange(len(ngram)), counts), pairs[1][ranges(first, counts)]


def _overlapping(
    start: Int64Array, end: Int64Array, same: tuple[npt.NDArray[Any], ...]
) -> tuple[Int64Array, Int64Array]:
    """First and last position of each run of ranges that overlap or touch, equal in `same`."""
    begins = np.ones(len(start), np.bool_)
    begins[1:] = start[1:] > end[:-1]
    for key in same:
        begins[1:] |= key[1:] != key[:-1]
    first = np.flatnonzero(begins)
    return first, np.append(first, len(start))[1:] - 1


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


def _merged(starts: Int64Array, ends: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The union of ranges, as ranges that neither overlap nor touch."""
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    first, last = _overlapping(starts, reach, ())
    return starts[first], reach[last]


def _sums(counted: BoolArray, offsets: Int64Array) -> npt.NDArray[np.int32]:
    before = np.concatenate([[0], np.cumsum(counted)])
    return (before[offsets[1:]] - before[offsets[:-1]]).astype(np.int32)


def _rows(doc_ids: pa.ChunkedArray, among: pa.ChunkedArray) -> Int64Array:
    rows = pc.index_in(doc_ids, value_set=among.combine_chunks())
    if rows.null_count:
        raise ValueError(f"{rows.null_count} hits are of no document given; expected this part's")
    return rows.cast(pa.int64()).to_numpy()


def _numbers(column: pa.ChunkedArray) -> Int64Array:
    return column.cast(pa.int64()).to_numpy()
