"""Candidates that a sketch rules out: a home asks other volumes for 48 bytes of each document.

What is left is worth its shingles (loans.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from corpus.datasets import Dataset
from corpus.publishing import PartOutput
from filters.dedup import Banding
from filters.dedup.records import (
    LOAN,
    ROW_BITS,
    SKETCH,
    Int64Array,
    UInt64Array,
    in_order,
    places,
    records,
    rows_of,
    volumes_of,
)
from filters.dedup.sketches import WORDS, agreements, least_agreements
from jobs.deduping.volumes import Library
from jobs.exchange import Flow, Records, Sent, send

if TYPE_CHECKING:
    from jobs.parts import Job

RULED_OUT = "sketches_differ"


def rule_out(job: Job, library: Library, banding: Banding) -> None:
    """Write `likely`: a part for each home, the rows of `candidates` that may be duplicates."""
    candidates = job.input("candidates")

    def flow() -> Flow:
        asked = send(
            job.session,
            partial(ask, candidates),
            library.first_older,
            kinds=(LOAN,),
            num_targets=library.num_volumes,
        )
        answer = partial(_answer, library)
        return asked.through(answer, kinds=(SKETCH,), num_targets=library.first_older)

    job.receive(
        flow,
        partial(_write, library, candidates, least_agreements(banding)),
        num_parts=library.first_older,
        outputs=("likely",),
        counted="likely",
        step="likely",
    )


def ask(pairs: Dataset, home: int) -> Iterator[Sent]:
    """The documents of other volumes that a home's pairs name, each once."""
    given = pairs.read(home, ("volume_b", "row_b"))
    found = np.unique(_places_b(given))
    found = found[volumes_of(found) != home]
    yield Sent(records(LOAN, home=home, row=rows_of(found)), volumes_of(found))


def _places_b(given: pa.Table) -> Int64Array:
    volumes = given["volume_b"].to_numpy().astype(np.int64)
    return volumes << ROW_BITS | given["row_b"].to_numpy()


def _answer(library: Library, volume: int, asked: Records) -> Iterator[Sent]:
    rows, sketch = _sketches(library, volume)
    at = np.searchsorted(rows, asked["row"])
    found = records(SKETCH, place=places(volume, asked["row"]), sketch=sketch[at])
    yield Sent(found, asked["home"].astype(np.int64))


def _sketches(library: Library, volume: int) -> tuple[Int64Array, UInt64Array]:
    """Rows of a volume's documents with words, ascending, and the sketch of each."""
    table = library.signed(volume, ("sketch",))
    raw = table["sketch"].combine_chunks()
    values = np.frombuffer(raw.buffers()[1] or b"", np.uint64).reshape(-1, WORDS)
    return table["row"].to_numpy(), values[raw.offset : raw.offset + len(raw)]


def _write(
    library: Library, candidates: Dataset, least: int, out: PartOutput, lent: Records
) -> None:
    given = candidates.read(out.number)
    out.taken(given.num_rows)
    rows, own = _sketches(library, out.number)
    lent = in_order(lent, "place")
    lent_places = np.ascontiguousarray(lent["place"])
    place_b = _places_b(given)
    is_own = volumes_of(place_b) == out.number
    right = np.empty((given.num_rows, WORDS), np.uint64)
    right[is_own] = own[np.searchsorted(rows, rows_of(place_b[is_own]))]
    right[~is_own] = lent["sketch"][np.searchsorted(lent_places, place_b[~is_own])]
    left = own[np.searchsorted(rows, given["row_a"].to_numpy())]
    is_likely = agreements(left, right) >= least
    out.dropped(RULED_OUT, int((~is_likely).sum()))
    out.write("likely", given.filter(pa.array(is_likely)))
