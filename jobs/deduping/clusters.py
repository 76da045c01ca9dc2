"""The decision: documents in proved pairs and the pairs themselves meet by component.

Where there are few pairs all meet in one task; else the components are shared out among as many
tasks as keep each within `max_edges`. What is decided goes back to each document's own part.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from corpus.datasets import Dataset
from corpus.identity import DOC_ID
from corpus.publishing import PartOutput
from filters.dedup import DedupSettings
from filters.dedup.clusters import REASONS, SPLITS, Graph, answers, cluster
from filters.dedup.records import (
    ANSWER,
    EDGE,
    NODE,
    Int64Array,
    ids_of,
    in_order,
    places,
    records,
    rows_of,
    volumes_of,
)
from jobs.deduping.components import edges_of
from jobs.deduping.volumes import Library
from jobs.exchange import Flow, Records, Sent, send, target_of

if TYPE_CHECKING:
    from jobs.parts import Job


def decide(job: Job, library: Library, num_edges: int) -> None:
    """Write `clusters`: a part for each part of the corpus."""
    settings = job.recipe.dedup
    components, pairs, copies = (job.input(name) for name in ("components", "pairs", "copies"))
    num_targets = max(-(-num_edges // settings.max_edges), 1)

    def flow() -> Flow:
        sent = send(
            job.session,
            partial(_graph, library, components, pairs, copies, num_targets),
            components.num_parts,
            kinds=(NODE, EDGE),
            num_targets=num_targets,
        )
        handle = partial(_decide, library, settings, job.seed)
        return sent.through(handle, kinds=(ANSWER,), num_targets=library.num_parts)

    job.receive(
        flow,
        partial(_write, library),
        num_parts=library.num_parts,
        outputs=("clusters",),
        counted="clusters",
        step="clusters",
    )


def _graph(
    library: Library,
    components: Dataset,
    pairs: Dataset,
    copies: Dataset,
    num_targets: int,
    part: int,
) -> Iterator[Sent]:
    """A volume's documents that are in proved pairs, and the pairs that have their home there."""
    members = components.read(part)
    rows, component = members["row"].to_numpy(), members["component"].to_numpy()
    yield from _nodes(library, part, rows, component, num_targets)
    if part < library.num_parts:
        near, copied = edges_of(library, pairs, copies, part)
        for (a, b), is_copy in ((near, 0), (copied, 1)):
            its_component = component[np.searchsorted(rows, rows_of(a))]
            edges = records(EDGE, component=its_component, a=a, b=b, is_copy=is_copy)
            yield Sent(edges, _target(its_component, num_targets))


def _nodes(
    library: Library, part: int, rows: Int64Array, component: Int64Array, num_targets: int
) -> Iterator[Sent]:
    volume = library.first_own + part
    table = library.signed(volume, ("doc_id", "preference"))
    table = table.take(pa.array(np.searchsorted(table["row"].to_numpy(), rows)))
    nodes = records(
        NODE,
        component=component,
        place=places(part, rows),
        order=library.order(volume, table),
        flags=library.flags(volume, table),
    )
    yield Sent(nodes, _target(component, num_targets))


def _target(component: Int64Array, num_targets: int) -> Int64Array:
    """The task that decides on a component: by a multiplicative hash, as places are not uniform."""
    return target_of(component.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), num_targets)


def _decide(
    library: Library, settings: DedupSettings, seed: int, _: int, nodes: Records, edges: Records
) -> Iterator[Sent]:
    nodes = in_order(nodes, "place")
    place = np.ascontiguousarray(nodes["place"])
    left, right = (np.searchsorted(place, edges[end]) for end in "ab")
    graph = Graph(
        order=np.ascontiguousarray(nodes["order"]),
        flags=np.ascontiguousarray(nodes["flags"]),
        left=left,
        right=right,
        is_copy=edges["is_copy"] > 0,
    )
    found = cluster(
        graph, keeps_none=settings.keep == "none", keeps_all=settings.keep == "all"
    )
    told = answers(graph, found, place, held_out_fraction=settings.held_out_fraction, seed=seed)
    told = told[volumes_of(place) < library.num_parts]
    yield Sent(told, volumes_of(np.ascontiguousarray(told["place"])))


def _write(library: Library, out: PartOutput, told: Records) -> None:
    told = in_order(told, "place")
    rows = rows_of(np.ascontiguousarray(told["place"]))
    ids = library.doc_ids(library.first_own + out.number, rows)
    reason, split = (
        pa.array(names, pa.string()).take(pa.array(np.ascontiguousarray(told[key])))
        for names, key in ((REASONS, "reason"), (SPLITS, "split"))
    )
    out.taken(len(told))
    out.write(
        "clusters",
        pa.table(
            {
                "doc_id": ids,
                "part": pa.array(np.full(len(told), out.number, np.int32)),
                "row": pa.array(rows.astype(np.int32)),
                "cluster_id": ids_of(told["cluster"]).cast(DOC_ID),
                "kept_doc_id": ids_of(told["kept"]).cast(DOC_ID),
                "num_members": pa.array(np.ascontiguousarray(told["size"])),
                "reason": reason,
                "split": split,
            }
        ),
    )
