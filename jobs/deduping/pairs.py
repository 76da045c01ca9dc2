"""Proof: a home compares the shingle sets of its likely candidates.

It holds the sets of its own documents that are in a pair, and those of one other volume at a time,
as they were lent: 8 bytes a distinct shingle, and no text but its own.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import Dataset
from corpus.publishing import PartOutput
from corpus.storage import Store
from filters.dedup import Banding, Measure
from filters.dedup.records import Int64Array
from filters.dedup.signing import sets_of_rows
from filters.dedup.verify import Float64Array, are_duplicates, similarities
from jobs.deduping.loans import Borrowed, borrowed
from jobs.deduping.volumes import Library

if TYPE_CHECKING:
    from jobs.parts import Job


def prove(job: Job, library: Library, banding: Banding) -> None:
    """Write `pairs` of the corpus, and `plant_pairs` of what was planted beside it."""
    likely = job.input("likely")
    for name, homes in (
        ("plant_pairs", range(library.first_own)),
        ("pairs", library.own_homes),
    ):
        job.map_parts(
            partial(_prove, library, likely, banding, job.store, name),
            homes,
            outputs=(name,),
            counted=name,
            step=name,
            expected=[likely.part_rows(home) for home in homes],
        )


def _prove(
    library: Library,
    likely: Dataset,
    banding: Banding,
    store: Store,
    name: str,
    out: PartOutput,
    home: int,
) -> None:
    given = likely.read(home)
    out.taken(given.num_rows)
    if not given.num_rows:
        return
    own = _own_sets(library, given, banding, home)
    volumes = given["volume_b"].to_numpy()  # ascending, so that each is borrowed from once
    edges = np.flatnonzero(np.diff(volumes, prepend=-1, append=-1)).tolist()
    for first, end in pairwise(edges):
        volume, pairs = int(volumes[first]), given.slice(first, end - first)
        other = own if volume == home else borrowed(store, volume, home)
        row_a, row_b = (pairs[side].to_numpy().astype(np.int64) for side in ("row_a", "row_b"))
        left, right = np.searchsorted(own.rows, row_a), np.searchsorted(other.rows, row_b)
        ends = {
            "a": (own.doc_ids.take(pa.array(left)), library.part_of(home), row_a),
            "b": (other.doc_ids.take(pa.array(right)), library.part_of(volume), row_b),
        }
        alike = similarities(own.sets, left, other.sets, right)
        out.write(name, _rows(ends, pairs, alike, banding))


def _own_sets(library: Library, given: pa.Table, banding: Banding, home: int) -> Borrowed:
    """The home's own documents that are in a likely pair."""
    inner = given.filter(pc.equal(given["volume_b"], home))
    rows = np.union1d(given["row_a"].to_numpy(), inner["row_b"].to_numpy()).astype(np.int64)
    sets = sets_of_rows(library.texts(home), rows, banding)
    return Borrowed(rows, library.doc_ids(home, rows), sets)


def _rows(
    ends: dict[str, tuple[pa.Array, int, Int64Array]],
    pairs: pa.Table,
    alike: dict[Measure, Float64Array],
    banding: Banding,
) -> pa.Table:
    columns = {f"doc_id_{side}": ids for side, (ids, _, _) in ends.items()}
    for side, (_, part, rows) in ends.items():
        columns[f"part_{side}"] = pa.array(np.full(len(rows), part, np.int32))
        columns[f"row_{side}"] = pa.array(rows.astype(np.int32))
    return pa.table(
        {
            **columns,
            "num_shared_bands": pairs["num_shared_bands"],
            "anchored": pairs["anchored"],
            "jaccard": pa.array(alike["jaccard"].astype(np.float32)),
            "containment": pa.array(alike["containment"].astype(np.float32)),
            "verified": pa.array(are_duplicates(alike, banding)),
        }
    )
