"""Loans: the shingle sets that a home must see of documents of other volumes.

Each home asks for them; each volume then reads its text once and writes the sets that it is asked
for into one file, those of one home together, so that a home reads one stretch of each file. So a
text is read once however many homes it concerns, and no text or set passes through Spark.

    int64 (num_homes + 1,)     byte where each home's stretch begins, the last one's end
    each stretch:
      int64                    number of documents n
      int64 (n,)               their rows in the volume, ascending
      16 bytes (n,)            their ids
      int64 (n + 1,)           where each one's shingles begin, counted from 0
      uint64                   the shingles, of each document ascending

Cost: 8 bytes a distinct shingle of a document and home that asks for it.
"""

from __future__ import annotations

from functools import partial
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from corpus.errors import Damaged
from corpus.identity import DOC_ID, doc_id_words
from corpus.publishing import PartOutput
from corpus.storage import Store
from filters.dedup import Banding
from filters.dedup.records import (
    LOAN,
    Int64Array,
    UInt64Array,
    in_order,
)
from filters.dedup.shingles import Shingles
from filters.dedup.signing import sets_of_rows
from jobs.deduping.sketches import ask
from jobs.deduping.volumes import Library
from jobs.exchange import Flow, Records, send

if TYPE_CHECKING:
    from jobs.parts import Job


def lend(job: Job, library: Library, banding: Banding) -> None:
    """Write `loans`: a file for each volume."""
    likely = job.input("likely")

    def flow() -> Flow:
        return send(
            job.session,
            partial(ask, likely),
            library.first_older,
            kinds=(LOAN,),
            num_targets=library.num_volumes,
        )

    job.receive(
        flow,
        partial(_lend, library, banding),
        num_parts=library.num_volumes,
        outputs=("loans",),
        counted="loans",
        step="loans",
    )


class Borrowed(NamedTuple):
    """What a volume lends to a home."""

    rows: Int64Array
    """int64 (num_documents,): of the documents in their volume, ascending."""
    doc_ids: pa.Array
    sets: Shingles


def borrowed(store: Store, volume: int, home: int) -> Borrowed:
    """What a volume lends to a home; raises Damaged where the file is shorter than it says."""
    name = loan_name(volume)
    begin, end = np.frombuffer(_bytes(store, name, 8 * home, 16), np.int64).tolist()
    raw = pa.py_buffer(_bytes(store, name, begin, end - begin) or np.zeros(2, np.int64).tobytes())
    num = int(np.frombuffer(raw, np.int64, 1)[0])
    rows = np.frombuffer(raw, np.int64, num, 8)
    ids = pa.FixedSizeBinaryArray.from_buffers(DOC_ID, num, [None, raw.slice(8 * (1 + num))])
    offsets = np.frombuffer(raw, np.int64, num + 1, 8 * (1 + 3 * num))
    hashes = np.frombuffer(raw, np.uint64, int(offsets[-1]), 8 * (2 + 4 * num))
    return Borrowed(rows, ids, Shingles(hashes, offsets))


def _bytes(store: Store, name: str, start: int, size: int) -> bytes:
    found = store.read_range("loans", name, start=start, size=size) if size else b""
    if len(found) != size:
        raise Damaged(
            f"{store.path('loans', name)}: {len(found)} bytes from {start} on, expected {size}; "
            "run `winnow run dedup --force`"
        )
    return found


def loan_name(volume: int) -> str:
    """File name of a volume's loans."""
    return f"volume-{volume:05d}.sets"


def _lend(library: Library, banding: Banding, out: PartOutput, asked: Records) -> None:
    asked = in_order(asked, "home", "row")
    rows, at = np.unique(asked["row"], return_inverse=True)
    out.taken(0)
    with out.file("loans", loan_name(out.number)).open("wb") as file:
        file.write(np.zeros(library.first_older + 1, np.int64).tobytes())
        begins = np.full(library.first_older + 1, file.tell(), np.int64)
        if len(rows):
            ids = doc_id_words(library.doc_ids(out.number, rows))
            sets = sets_of_rows(library.texts(out.number), rows, banding)
            edges = np.searchsorted(asked["home"], np.arange(library.first_older + 1))
            for home in np.flatnonzero(np.diff(edges)).tolist():
                own = at[edges[home] : edges[home + 1]]
                _write_stretch(file, rows[own], ids[own], own, sets)
                begins[home + 1 :] = file.tell()
        file.seek(0)
        file.write(begins.tobytes())


def _write_stretch(
    file: IO[bytes], rows: Int64Array, ids: UInt64Array, at: Int64Array, sets: Shingles
) -> None:
    """Write what one home gets: these rows, which are `at` among the sets."""
    sizes = np.diff(sets.offsets)[at]
    file.write(np.int64(len(rows)).tobytes())
    file.write(rows.astype(np.int64).tobytes())
    file.write(ids.tobytes())
    file.write(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64).tobytes())
    for document in at.tolist():
        file.write(sets.hashes[sets.offsets[document] : sets.offsets[document + 1]].tobytes())
