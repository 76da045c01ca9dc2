"""Exact copies: each document's digest is sent to where all of that digest meet.

Of the copies that one part holds only the best is sent, so that a text that stands a million times
in a thousand parts meets itself a thousand times.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from corpus.identity import DOC_ID, doc_id_words
from corpus.publishing import PartOutput
from filters.dedup.copies import first_copies
from filters.dedup.records import (
    COPY,
    TEXT,
    Int64Array,
    UInt64Array,
    ids_of,
    places,
    records,
    rows_of,
    volumes_of,
)
from jobs.deduping.volumes import Library
from jobs.exchange import Flow, Records, Sent, num_targets_for, send, target_of

if TYPE_CHECKING:
    from jobs.parts import Job


def find_copies(job: Job, library: Library) -> None:
    """Write `copies`: a part for each home."""
    num_targets = num_targets_for(library.num_documents)

    def flow() -> Flow:
        sent = send(
            job.session,
            partial(_texts, library, num_targets),
            library.num_volumes,
            kinds=(TEXT,),
            num_targets=num_targets,
        )
        handle = partial(_first, library)
        return sent.through(handle, kinds=(COPY,), num_targets=library.first_older)

    job.receive(
        flow,
        partial(_write, library),
        num_parts=library.first_older,
        outputs=("copies",),
        counted="copies",
        step="copies",
    )


def _local(library: Library, volume: int) -> tuple[pa.Table, UInt64Array, UInt64Array, Int64Array]:
    """A volume's documents with words: ids and rows, digests, order, and the first of each text."""
    table = library.signed(volume, ("doc_id", "preference"))
    digests = doc_id_words(table["text_digest"])
    order = library.order(volume, table)
    return table, digests, order, first_copies(digests, order)


def _texts(library: Library, num_targets: int, volume: int) -> Iterator[Sent]:
    table, digests, order, first = _local(library, volume)
    is_first = first == np.arange(len(first))
    rows = table["row"].to_numpy()
    found = records(TEXT, digest=digests, order=order, place=places(volume, rows))[is_first]
    yield Sent(found, target_of(found["digest"][:, 0], num_targets))


def _first(library: Library, _: int, texts: Records) -> Iterator[Sent]:
    """A COPY for each document that has an equal one before it; planted ones are no one's first."""
    planted = volumes_of(texts["place"]) < library.first_own
    order = np.ascontiguousarray(texts["order"])
    order[planted] = np.uint64(2**64 - 1)
    first = first_copies(np.ascontiguousarray(texts["digest"]), order)
    is_copy = (first != np.arange(len(first))) & ~planted[first]
    home = volumes_of(texts["place"])
    is_copy &= home < library.first_older
    found = records(
        COPY,
        place=texts["place"][is_copy],
        first=texts["place"][first[is_copy]],
        first_id=texts["order"][first[is_copy], 2:],
    )
    yield Sent(found, home[is_copy])


def _write(library: Library, out: PartOutput, copies: Records) -> None:
    """The copies of one home: those that were told, and what follows within the part."""
    table, _, order, first = _local(library, out.number)
    rows = table["row"].to_numpy()
    told = np.searchsorted(rows, rows_of(copies["place"]))
    place = places(out.number, rows)[first]
    first_id = order[first, 2:]
    follows = np.full(len(rows), -1, np.int64)
    follows[told] = np.arange(len(told))
    at = follows[first]
    place[at >= 0] = copies["first"][at[at >= 0]]
    first_id[at >= 0] = copies["first_id"][at[at >= 0]]
    is_copy = place != places(out.number, rows)
    if out.number < library.first_own:  # planted copies of one text are not each other's
        is_copy &= at >= 0
    found = np.flatnonzero(is_copy)
    out.taken(len(found))
    out.write(
        "copies",
        pa.table(
            {
                "doc_id": table["doc_id"].combine_chunks().take(pa.array(found)),
                "row": pa.array(rows[found].astype(np.int32)),
                "first_volume": pa.array(volumes_of(place[found]).astype(np.int32)),
                "first_row": pa.array(rows_of(place[found]).astype(np.int32)),
                "first_doc_id": ids_of(first_id[found]).cast(DOC_ID),
            }
        ),
    )
