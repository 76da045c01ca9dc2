"""Loans: the shingle sets that a home must see of documents of other volumes.

Each home asks for them; each volume then reads its text once and writes the sets that it is asked
for into one file, those of one home together, so that a home reads one stretch of each file. So a
text is read once however many homes it concerns, and no text or set passes through Spark.

    int64 (num_homes + 1,)     byte where each home's stretch begins, the last one's end
    each stretch:
      int64                    number of documents n
      int64 (n,)               their rows in the volume, ascending
      int64 (n + 1,)           where each one's shingles begin, counted from 0
      uint64                   the shingles, of each document ascending

Cost: 8 bytes a distinct shingle of a document and home that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import IO, TYPE_CHECKING

import numpy as np

from corpus.datasets import Dataset
from corpus.errors import Damaged
from corpus.publishing import PartOutput
from corpus.storage import Store
from filters.dedup import Banding
from filters.dedup.records import LOAN, Int64Array, records
from filters.dedup.shingles import Shingles
from filters.dedup.signing import sets_of_rows
from jobs.deduping.volumes import Library
from jobs.exchange import Flow, Records, Sent, send

if TYPE_CHECKING:
    from jobs.parts import Job


def lend(job: Job, library: Library, banding: Banding) -> None:
    """Write `loans`: a file for each volume."""
    candidates = job.input("candidates")

    def flow() -> Flow:
        return send(
            job.session,
            partial(_ask, candidates),
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


def borrowed(store: Store, volume: int, home: int) -> tuple[Int64Array, Shingles]:
    """The sets that a volume lends to a home: rows of the documents, ascending, and shingles.

    Raises Damaged where the file is shorter than it says.
    """
    name = loan_name(volume)
    begin, end = np.frombuffer(_bytes(store, name, 8 * home, 16), np.int64).tolist()
    raw = _bytes(store, name, begin, end - begin)
    if not raw:
        return np.empty(0, np.int64), Shingles(np.empty(0, np.uint64), np.zeros(1, np.int64))
    num = int(np.frombuffer(raw, np.int64, 1)[0])
    rows = np.frombuffer(raw, np.int64, num, 8)
    offsets = np.frombuffer(raw, np.int64, num + 1, 8 * (1 + num))
    hashes = np.frombuffer(raw, np.uint64, int(offsets[-1]), 8 * (2 + 2 * num))
    return rows, Shingles(hashes, offsets)


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


def _ask(candidates: Dataset, home: int) -> Iterator[Sent]:
    """The documents of other volumes that a home's candidates need, each once."""
    pairs = candidates.read(home, ("volume_b", "row_b"))
    places = np.unique(
        pairs["volume_b"].to_numpy().astype(np.int64) << 32 | pairs["row_b"].to_numpy()
    )
    places = places[places >> 32 != home]
    volumes = places >> 32
    asked = records(LOAN, home=home, row=places & 0xFFFFFFFF, volume=volumes)
    yield Sent(asked, volumes)


def _lend(library: Library, banding: Banding, out: PartOutput, asked: Records) -> None:
    asked = np.sort(asked, order=("home", "row"))
    rows, at = np.unique(asked["row"], return_inverse=True)
    out.taken(0)
    with out.file("loans", loan_name(out.number)).open("wb") as file:
        file.write(np.zeros(library.first_older + 1, np.int64).tobytes())
        sets = Shingles(np.empty(0, np.uint64), np.zeros(1, np.int64))
        if len(rows):
            sets = sets_of_rows(library.texts(out.number), rows, banding)
        ends = _write_stretches(file, asked["home"], asked["row"], at, sets, library.first_older)
        file.seek(0)
        file.write(ends.tobytes())


def _write_stretches(
    file: IO[bytes],
    homes: Int64Array,
    rows: Int64Array,
    at: Int64Array,
    sets: Shingles,
    num_homes: int,
) -> Int64Array:
    """Write each home's stretch; returns where they begin, int64 (num_homes + 1,)."""
    begins = np.full(num_homes + 1, file.tell(), np.int64)
    edges = np.searchsorted(homes, np.arange(num_homes + 1))
    for home in np.flatnonzero(np.diff(edges)).tolist():
        own = slice(int(edges[home]), int(edges[home + 1]))
        sizes = np.diff(sets.offsets)[at[own]]
        file.write(np.int64(len(sizes)).tobytes())
        file.write(rows[own].astype(np.int64).tobytes())
        file.write(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64).tobytes())
        for document in at[own].tolist():
            file.write(sets.hashes[sets.offsets[document] : sets.offsets[document + 1]].tobytes())
        begins[home + 1 :] = file.tell()
    return begins
