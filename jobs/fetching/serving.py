"""The links that an archive here serves.

Where several captures meet a link, the newest whole one with a status of success serves it. A
record that stands in several archives counts once: where it first stands whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as sql

if TYPE_CHECKING:
    from jobs.parts import Job


def match_archives(job: Job, *, num_archives: int) -> None:
    """Write `served`."""
    links = job.frame("links", ["url_key", "url", "source", "karma"])
    job.write_frame(
        serving(job.frame("scanned"), links),
        "served",
        part="archive",
        num_parts=num_archives,
        order_by=("doc_id",),
        step="serve",
    )
    num_links, num_served = job.input("links").num_rows, job.input("served").num_rows
    job.log(f"{num_served:,} links captured here, {num_links - num_served:,} not")


def serving(scanned: DataFrame, links: DataFrame) -> DataFrame:
    """Links that a capture serves, as `served` has them, with the number of its archive."""
    first = Window.partitionBy("doc_id").orderBy("archive", "offset")
    newest = Window.partitionBy("url_key").orderBy(sql.desc_nulls_last("fetched_at"), "doc_id")
    best = (
        scanned.where("can_serve")
        .select("url_key", "doc_id", "fetched_at", "archive", "offset")
        .withColumn("copy", sql.row_number().over(first))
        .where("copy = 1")
        .withColumn("rank", sql.row_number().over(newest))
        .where("rank = 1")
    )
    columns = ("doc_id", "url_key", "url", "source", "karma", "archive")
    return links.join(best, "url_key").select(*columns)
