"""Candidate pairs: the band keys of each document are sent to where all of that key meet.

Keys are uniform, so a target is a range of them. What it makes of its buckets goes to the pair's
home, where the bands that a pair shares are added up.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from corpus.datasets import Dataset
from corpus.publishing import PartOutput
from filters.dedup import DedupSettings
from filters.dedup.bands import banding
from filters.dedup.buckets import added_up, bucket_pairs
from filters.dedup.preference import rank
from filters.dedup.records import (
    BAND,
    PAIR,
    Int64Array,
    places,
    records,
    rows_of,
    volumes_of,
)
from jobs.deduping.volumes import Library
from jobs.exchange import Flow, Records, Sent, num_targets_for, send, target_of

if TYPE_CHECKING:
    from jobs.parts import Job

SAME_PAIR = "same_pair"  # a record of a pair that another target has told of as well
_ROWS_AT_ONCE = 100_000  # documents whose keys are packed at a time


def find_candidates(job: Job, library: Library) -> None:
    """Write `candidates`: a part for each home."""
    settings = job.recipe.dedup
    num_targets = num_targets_for(library.num_documents * banding(settings).num_bands)
    copies = job.input("copies")

    def flow() -> Flow:
        sent = send(
            job.session,
            partial(_bands, library, copies, num_targets),
            library.num_volumes,
            kinds=(BAND,),
            num_targets=num_targets,
        )
        handle = partial(_pairs, library, settings)
        return sent.through(handle, kinds=(PAIR,), num_targets=library.first_older)

    job.receive(
        flow,
        partial(_write, library),
        num_parts=library.first_older,
        outputs=("candidates",),
        counted="candidates",
        step="candidates",
    )


def _bands(library: Library, copies: Dataset, num_targets: int, volume: int) -> Iterator[Sent]:
    """The bands of a volume's documents that speak for themselves."""
    table = library.signed(volume, ("doc_id", "preference", "bands"))
    if volume < library.first_older:
        is_copy = np.isin(table["row"].to_numpy(), copies.read(volume, ("row",))["row"].to_numpy())
        table = table.filter(pa.array(~is_copy))
    for first in range(0, table.num_rows, _ROWS_AT_ONCE):
        some = table.slice(first, _ROWS_AT_ONCE)
        keys = some["bands"].combine_chunks().flatten().to_numpy()
        num_bands = len(keys) // some.num_rows
        found = records(
            BAND,
            key=keys,
            rank=np.repeat(rank(library.order(volume, some)), num_bands),
            place=np.repeat(places(volume, some["row"].to_numpy()), num_bands),
        )
        yield Sent(found, target_of(keys.view(np.uint64), num_targets))


def _pairs(library: Library, settings: DedupSettings, _: int, bands: Records) -> Iterator[Sent]:
    found = bucket_pairs(
        bands,
        max_bucket=settings.max_bucket,
        first_own=_place(library.first_own),
        first_older=_place(library.first_older),
    )
    yield Sent(found, volumes_of(found["a"]))


def _place(volume: int) -> int:
    return int(places(volume, np.zeros(1, np.int64))[0])


def _write(library: Library, out: PartOutput, pairs: Records) -> None:
    """The pairs of one home, by the volume of the other document: it is read once."""
    found = added_up(pairs)
    order: Int64Array = np.lexsort((found["b"], found["a"], volumes_of(found["b"])))
    found = found[order]
    out.taken(len(pairs))
    out.dropped(SAME_PAIR, len(pairs) - len(found))
    out.write(
        "candidates",
        pa.table(
            {
                "row_a": pa.array(rows_of(found["a"]).astype(np.int32)),
                "volume_b": pa.array(volumes_of(found["b"]).astype(np.int32)),
                "row_b": pa.array(rows_of(found["b"]).astype(np.int32)),
                "num_shared_bands": pa.array(np.ascontiguousarray(found["num_bands"])),
                "anchored": pa.array(found["anchored"] > 0),
            }
        ),
    )
