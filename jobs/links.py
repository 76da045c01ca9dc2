"""Outbound links of the Reddit dumps that earned enough karma.

One task reads one dump, as each is a single packed stream: part k of `posts` is dump k. Then one
shuffle of the keys makes `links`: a row for each address, in the part that its key's hash names.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as sql

from corpus.publishing import PartOutput
from corpus.reddit import LinkSettings, read_dump
from corpus.sources import source_files

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe


def files(recipe: Recipe) -> list[str]:
    """The dumps."""
    return [path for _, path in source_files(recipe.sources, "reddit")]


def run(job: Job) -> None:
    """Read every dump, then bring the posts of each address together."""
    settings = job.recipe.links
    job.map_parts(
        partial(_read_dump, settings),
        source_files(job.recipe.sources, "reddit"),
        outputs=("posts",),
        counted="posts",
        step="read",
    )
    num_posts = job.input("posts").num_rows
    num_parts = -(-num_posts // settings.links_per_part)
    links = links_of(job.frame("posts"))
    part = sql.expr(f"pmod(xxhash64(url_key), {max(num_parts, 1)})")
    job.write_frame(
        links.withColumn("part", part),
        "links",
        part="part",
        num_parts=num_parts,
        order_by=("url_key",),
        step="links",
    )
    job.log(f"{num_posts:,} posts of {job.input('links').num_rows:,} links")


def links_of(posts: DataFrame) -> DataFrame:
    """One row for each address of `posts`, as `links` has it, whatever the order of the posts."""
    best = sql.min(sql.struct((-sql.col("karma")).alias("minus_karma"), "source"))
    return (
        posts.groupBy("url_key")
        .agg(
            sql.min("url").alias("url"),
            best.alias("best"),
            sql.count("*").alias("num_posts"),
            sql.min("created_at").alias("first_posted_at"),
        )
        .withColumn("source", sql.col("best.source"))
        .withColumn("karma", -sql.col("best.minus_karma"))
    )


def _read_dump(settings: LinkSettings, out: PartOutput, dump: tuple[str, str]) -> None:
    source, path = dump
    for batch in read_dump(path, settings, source=source):
        out.taken(batch.num_lines)
        for reason, num in batch.dropped.items():
            out.dropped(reason, num)
        out.write("posts", batch.posts)


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "links", *sys.argv[1:]])
