"""Repeated runs of words in what dedup keeps: `dedup.repeated_words` of them and more.

Twice records of words meet: the fingerprints of all texts, one for 14 of their words, to mark what
may be repeated; and the marked runs in whole, to decide. In between each part is split into words
again, a slice at a time. Of a run that stands twice, that of the held-out document stays before
others, then that of the better document; where no copy is to stay, none of a run does.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.datasets import Dataset
from corpus.publishing import PartOutput
from corpus.schemas import SPANS
from corpus.words import Words, split_words
from filters.dedup.records import (
    FINGERPRINT,
    MARK,
    SPAN,
    Int64Array,
    UInt64Array,
    in_order,
    places,
    records,
    rows_of,
    volumes_of,
)
from filters.dedup.signing import slices
from filters.dedup.spans import (
    candidate_spans,
    character_spans,
    fingerprints,
    later_occurrences,
    merge_spans,
    repeated,
)
from filters.dedup.verdicts import held_out
from jobs.deduping.volumes import Library
from jobs.exchange import Flow, Records, Sent, num_targets_for, send, target_of

if TYPE_CHECKING:
    from filters.dedup import DedupSettings
    from jobs.parts import Job

_FEW_WORDS = 10  # words a fingerprint, at the least
_MANY_SPANS = 14  # runs that have one marked fingerprint, in the mean
_TRAIN = np.uint64(1) << np.uint64(63)  # above all order keys: what is held out comes first


def find_spans(job: Job, library: Library) -> None:
    """Write `span_marks` and `spans`: a part for each part of the corpus, none where not asked."""
    settings = job.recipe.dedup
    if not settings.repeated_words:
        for name in ("span_marks", "spans"):
            job.map_parts(_nothing, (), outputs=(name,), counted=name, step=name)
        return
    kept = Kept(library, job.input("clusters"), settings, job.seed)
    num_words = sum(kept.num_words(part) for part in range(library.num_parts))
    num_targets = num_targets_for(num_words // _FEW_WORDS)
    job.receive(
        lambda: _marks(job, kept, num_targets),
        _write_marks,
        num_parts=library.num_parts,
        outputs=("span_marks",),
        counted="span_marks",
        step="span_marks",
    )
    marks = job.input("span_marks")
    num_targets = num_targets_for(marks.num_rows * _MANY_SPANS)
    job.receive(
        lambda: _repeats(job, kept, marks, num_targets),
        partial(_write_spans, kept),
        num_parts=library.num_parts,
        outputs=("spans",),
        counted="spans",
        step="spans",
    )


class Kept:
    """The documents that stay so far, as rows of their part; their texts in slices."""

    def __init__(
        self, library: Library, clusters: Dataset, settings: DedupSettings, seed: int
    ) -> None:
        self.library = library
        self.settings = settings
        self.span = settings.repeated_words
        self._clusters = clusters
        self._seed = seed

    def rows(self, part: int) -> Int64Array:
        """Rows of the part that stay, ascending."""
        goes = self._clusters.read(part, ("row", "reason"))
        goes = goes.filter(goes["reason"].is_valid())["row"].to_numpy()
        return np.setdiff1d(np.arange(self.library.quality.part_kept(part)), goes)

    def num_words(self, part: int) -> int:
        """Words of all documents of the part."""
        table = self.library.signed(self.library.first_own + part, ("num_words",))
        return int(table["num_words"].to_numpy().sum())

    def words(self, part: int, rows: Int64Array) -> Iterator[tuple[Int64Array, pa.Array, Words]]:
        """Rows, texts and words of these documents, a slice at a time."""
        texts = self.library.texts(self.library.first_own + part).take(pa.array(rows))
        first = 0
        for some in slices(texts):
            yield rows[first : first + len(some)], some, split_words(some)
            first += len(some)

    def order(self, part: int, rows: Int64Array) -> UInt64Array:
        """Order keys of these documents, those that are held out first."""
        library, volume = self.library, self.library.first_own + part
        table = library.signed(volume, ("doc_id", "preference"))
        table = table.take(pa.array(np.searchsorted(table["row"].to_numpy(), rows)))
        order = library.order(volume, table)
        order[~self._is_held_out(part, rows, table), 0] |= _TRAIN
        return order

    def _is_held_out(self, part: int, rows: Int64Array, table: pa.Table) -> npt.NDArray[np.bool_]:
        sources = self.library.sources(part).take(pa.array(rows))
        own = held_out(
            table["doc_id"].combine_chunks(),
            sources,
            held_out_sources=self.settings.held_out_sources,
            held_out_fraction=self.settings.held_out_fraction,
            seed=self._seed,
        )
        members = self._clusters.read(part, ("row", "split"))
        at = np.searchsorted(members["row"].to_numpy(), rows)
        at = np.minimum(at, max(members.num_rows - 1, 0))
        if members.num_rows:
            is_member = members["row"].to_numpy()[at] == rows
            is_validation = np.asarray(members["split"].to_pylist())[at] == "validation"
            own = np.where(is_member, is_validation, own)
        return np.asarray(own, np.bool_)


def _nothing(out: PartOutput, part: int) -> None:
    raise AssertionError(f"part {part}: nothing was asked for")


def _marks(job: Job, kept: Kept, num_targets: int) -> Flow:
    sent = send(
        job.session,
        partial(_fingerprints, kept, num_targets),
        kept.library.num_parts,
        kinds=(FINGERPRINT,),
        num_targets=num_targets,
    )
    return sent.through(_repeated, kinds=(MARK,), num_targets=kept.library.num_parts)


def _fingerprints(kept: Kept, num_targets: int, part: int) -> Iterator[Sent]:
    for rows, _, words in kept.words(part, kept.rows(part)):
        keys, at, positions = fingerprints(words.hashes, words.offsets, span=kept.span)
        found = records(FINGERPRINT, key=keys, place=places(part, rows[at]), position=positions)
        yield Sent(found, target_of(keys, num_targets))


def _repeated(_: int, found: Records) -> Iterator[Sent]:
    marked = found[repeated(np.ascontiguousarray(found["key"]))]
    mark = records(MARK, place=marked["place"], position=marked["position"])
    yield Sent(mark, volumes_of(np.ascontiguousarray(marked["place"])))


def _write_marks(out: PartOutput, marks: Records) -> None:
    marks = in_order(marks, "place", "position")
    out.taken(len(marks))
    out.write(
        "span_marks",
        pa.table(
            {
                "row": pa.array(rows_of(marks["place"]).astype(np.int32)),
                "position": pa.array(np.ascontiguousarray(marks["position"]).astype(np.int32)),
            }
        ),
    )


def _repeats(job: Job, kept: Kept, marks: Dataset, num_targets: int) -> Flow:
    sent = send(
        job.session,
        partial(_candidates, kept, marks, num_targets),
        kept.library.num_parts,
        kinds=(SPAN,),
        num_targets=num_targets,
    )
    later = partial(_later, kept.span, kept.settings.keep != "none")
    return sent.through(later, kinds=(MARK,), num_targets=kept.library.num_parts)


def _candidates(kept: Kept, marks: Dataset, num_targets: int, part: int) -> Iterator[Sent]:
    marked = marks.read(part)
    marked_rows = marked["row"].to_numpy().astype(np.int64)
    positions = marked["position"].to_numpy().astype(np.int64)
    concerned = np.unique(marked_rows)
    order = kept.order(part, concerned)
    for rows, _, words in kept.words(part, concerned):
        own = slice(*np.searchsorted(marked_rows, [rows[0], rows[-1] + 1]).tolist())
        hash_a, hash_b, at, starts = candidate_spans(
            words.hashes, words.offsets, np.searchsorted(rows, marked_rows[own]), positions[own],
            span=kept.span,
        )  # fmt: skip
        found = records(
            SPAN,
            hash=np.stack([hash_a, hash_b], axis=1),
            order=order[np.searchsorted(concerned, rows[at])],
            place=places(part, rows[at]),
            position=starts,
        )
        yield Sent(found, target_of(hash_a, num_targets))


def _later(span: int, keep_first: bool, _: int, found: Records) -> Iterator[Sent]:
    hashes = np.ascontiguousarray(found["hash"])
    later = later_occurrences(
        np.ascontiguousarray(hashes[:, 0]), np.ascontiguousarray(hashes[:, 1]),
        np.ascontiguousarray(found["order"]), np.ascontiguousarray(found["position"]),
        span=span, keep_first=keep_first,
    )  # fmt: skip
    cut = found[later]
    mark = records(MARK, place=cut["place"], position=cut["position"])
    yield Sent(mark, volumes_of(np.ascontiguousarray(cut["place"])))


def _write_spans(kept: Kept, out: PartOutput, cuts: Records) -> None:
    """The stretches to cut of each document that has some, in characters of its text."""
    cuts = in_order(cuts, "place", "position")
    cut_rows = rows_of(np.ascontiguousarray(cuts["place"]))
    positions = np.ascontiguousarray(cuts["position"])
    concerned = np.unique(cut_rows)
    out.taken(len(concerned))
    for rows, texts, words in kept.words(out.number, concerned):
        own = slice(*np.searchsorted(cut_rows, [rows[0], rows[-1] + 1]).tolist())
        offsets, starts, ends = merge_spans(
            np.searchsorted(rows, cut_rows[own]), positions[own], span=kept.span,
            num_documents=len(rows),
        )  # fmt: skip
        first, last = character_spans(texts, words, offsets, starts, ends)
        values = pa.StructArray.from_arrays(
            [pa.array(first), pa.array(last)], fields=list(SPANS.value_type)
        )
        columns = {
            "doc_id": kept.library.doc_ids(kept.library.first_own + out.number, rows),
            "row": pa.array(rows.astype(np.int32)),
            "spans": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=SPANS),
        }
        out.write("spans", pa.table(columns))
