"""Which documents are in a proved pair, and which of them a chain of pairs connects.

Few pairs are all decided in one task, and need no component: it is 0. More than `max_edges` are
connected by Spark first, by the alternating stars of Kiveris et al. 2014 ("Connected components in
MapReduce and beyond", algorithms 1 and 2), so that the deciding can be shared out by component:

- large star: each document's larger neighbours are linked to the smallest of it and its neighbours;
- small star: its smaller neighbours and itself are linked to the smallest of them.

Both keep what is connected connected. They take turns until a turn changes no edge: then each
component is one star, its smallest place the centre. Every turn is written to disk, which cuts
Spark's lineage, and its number of edges and a checksum of them are counted and logged.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as sql

from corpus.datasets import Dataset
from corpus.publishing import PartOutput
from filters.dedup.records import MEMBER, ROW_BITS, Int64Array, places, records, volumes_of
from jobs.deduping.volumes import Library
from jobs.exchange import BLOCKS, Flow, Records, Sent, packed, send

if TYPE_CHECKING:
    from jobs.parts import Job

MAX_TURNS = 60
"""Turns at most; the paper proves log^2 of the documents, and saw 4 to 6."""

Edges = tuple[Int64Array, Int64Array]


def connect(job: Job, library: Library) -> int:
    """Write `components`: a part for each volume but the planted ones; returns how many edges."""
    pairs, copies = job.input("pairs"), job.input("copies")
    num_copies = sum(copies.part_rows(home) for home in library.own_homes)
    num_edges = num_copies + count_verified(pairs)
    is_shared_out = num_edges > job.recipe.dedup.max_edges
    num_parts = library.num_volumes - library.first_own

    def flow() -> Flow:
        if is_shared_out:
            labels = stars(job, _edge_frame(job, library))
            return _labelled(labels, num_parts)
        return send(
            job.session,
            partial(_ends, library, pairs, copies),
            library.num_parts,
            kinds=(MEMBER,),
            num_targets=num_parts,
        )

    job.receive(
        flow,
        _write,
        num_parts=num_parts,
        outputs=("components",),
        counted="components",
        step="components",
    )
    return num_edges


def count_verified(pairs: Dataset) -> int:
    """Verified pairs, from the narrow column alone."""
    return sum(
        int(pairs.read(part, ("verified",))["verified"].to_numpy().sum())
        for part in range(pairs.num_parts)
    )


def edges_of(library: Library, pairs: Dataset, copies: Dataset, part: int) -> tuple[Edges, Edges]:
    """A part's proved pairs, and its copies with their firsts: places, a planted volume being 0.

    Places count the volumes after the planted ones, so that a part's number is its volume's.
    """
    rows = pairs.read(part, ("part_a", "row_a", "part_b", "row_b", "verified"))
    rows = rows.filter(rows["verified"])
    near = [
        _places(rows[f"part_{side}"].to_numpy(), rows[f"row_{side}"].to_numpy()) for side in "ab"
    ]
    told = copies.read(library.first_own + part, ("row", "first_volume", "first_row"))
    volumes = told["first_volume"].to_numpy().astype(np.int64) - library.first_own
    own = places(part, told["row"].to_numpy())
    return (near[0], near[1]), (own, _places(volumes, told["first_row"].to_numpy()))


def _places(volumes: Int64Array, rows: Int64Array) -> Int64Array:
    return volumes.astype(np.int64) << ROW_BITS | rows


def _ends(library: Library, pairs: Dataset, copies: Dataset, part: int) -> Iterator[Sent]:
    near, copied = edges_of(library, pairs, copies, part)
    found = np.unique(np.concatenate([*near, *copied]))
    yield Sent(records(MEMBER, place=found, component=0), volumes_of(found))


def _write(out: PartOutput, members: Records) -> None:
    place, at = np.unique(members["place"], return_index=True)
    out.taken(len(place))
    rows = (place & ((1 << ROW_BITS) - 1)).astype(np.int32)
    component = np.ascontiguousarray(members["component"][at])
    out.write("components", pa.table({"row": pa.array(rows), "component": pa.array(component)}))


def _edge_frame(job: Job, library: Library) -> DataFrame:
    """All edges as a frame of two places, the larger one first."""
    pairs, copies = job.input("pairs"), job.input("copies")

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for part in batch["id"].to_pylist():
                near, copied = edges_of(library, pairs, copies, part)
                a, b = (np.concatenate([near[i], copied[i]]) for i in range(2))
                yield pa.record_batch(
                    {"u": pa.array(np.maximum(a, b)), "v": pa.array(np.minimum(a, b))}
                )

    parts = job.session.spark.range(0, library.num_parts, 1, max(library.num_parts, 1))
    return parts.mapInArrow(read, "u long, v long")


def stars(job: Job, edges: DataFrame) -> DataFrame:
    """The smallest place that a chain of edges connects each document to: columns u, v.

    edges: u, v, long, u > v. A document that is the smallest of its own has no row.
    """
    before = None
    for turn in range(1, MAX_TURNS + 1):
        edges = _written(job, small_star(large_star(edges)), turn)
        seen = _checksum(edges)
        changed = "none changed" if seen == before else "some changed"
        job.log(f"turn {turn} of connecting: {seen[0]:,} edges, {changed}")
        if seen == before:
            return edges
        before = seen
    raise RuntimeError(f"components: {MAX_TURNS} turns did not connect the edges")


def large_star(edges: DataFrame) -> DataFrame:
    """Link each document's larger neighbours to the smallest of it and its neighbours."""
    turned = edges.select(sql.col("v").alias("u"), sql.col("u").alias("v"))
    both = edges.select("u", "v").union(turned)
    smallest = sql.least(sql.min("v").over(Window.partitionBy("u")), "u")
    linked = both.withColumn("m", smallest).where("v > u")
    return linked.select(sql.col("v").alias("u"), sql.col("m").alias("v")).distinct()


def small_star(edges: DataFrame) -> DataFrame:
    """Link each document and its smaller neighbours to the smallest of them."""
    smallest = sql.min("v").over(Window.partitionBy("u"))
    linked = edges.withColumn("m", smallest)
    neighbours = linked.where("v != m").select(sql.col("v").alias("u"), sql.col("m").alias("v"))
    own = linked.select("u", sql.col("m").alias("v"))
    return neighbours.union(own).distinct()


def _checksum(edges: DataFrame) -> tuple[int, int]:
    """Number of the edges, and a sum of their hashes modulo 2^61: equal where nothing changed."""
    hashed = sql.pmod(sql.xxhash64("u", "v"), sql.lit(2**31))
    row = edges.agg(sql.count("*").alias("n"), sql.sum(hashed).alias("s")).first()
    assert row is not None
    return int(row["n"]), int(row["s"] or 0)


def _written(job: Job, edges: DataFrame, turn: int) -> DataFrame:
    """The edges of a turn on disk, and read from there."""
    path = job.store.path("_stages", job.stage.name, "turns", f"{turn:02d}")
    edges.write.mode("overwrite").parquet(path)
    return job.session.spark.read.parquet(path)


def _labelled(labels: DataFrame, num_parts: int) -> Flow:
    """Every document of a star with its centre, on its way to its own volume."""

    def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            u, v = (np.asarray(batch[name]) for name in "uv")
            centres = np.unique(v)
            place, component = np.concatenate([u, centres]), np.concatenate([v, centres])
            members = records(MEMBER, place=place, component=component)
            yield from packed(Sent(members, volumes_of(place)), (MEMBER,), num_parts)

    frame = labels.mapInArrow(pack, BLOCKS)
    return Flow(frame, (MEMBER,), num_parts)
