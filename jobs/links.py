"""Outbound links of the Reddit dumps that earned enough karma.

Dumps are cut into pieces where their packing allows it, and one task reads one piece: part k of
`posts` is piece k, and the pieces are a dump's own, whatever the number of cores. Then one shuffle
of the keys makes `links`: a row for each address, in the part that its key's hash names.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as sql

from corpus.pieces import Piece, cut
from corpus.reddit.posts import PieceCount, check_dump, read_posts, young_scores
from corpus.reddit.rules import LinkSettings
from corpus.sources import source_files

if TYPE_CHECKING:
    from corpus.publishing import PartOutput
    from jobs.parts import Job
    from jobs.recipe import Recipe


Dump = tuple[str, str]  # its source and path

_COUNTS = ("num_lines", "num_bytes", "num_submissions", "num_young", "num_malformed")


def files(recipe: Recipe) -> list[str]:
    """The dumps."""
    return [path for _, path in source_files(recipe.sources, "reddit")]


def run(job: Job) -> None:
    """Read every dump, then bring the posts of each address together."""
    settings = job.recipe.links
    dumps = source_files(job.recipe.sources, "reddit")
    pieces = [
        (source, piece) for source, path in dumps for piece in cut(path, settings.bytes_per_task)
    ]
    job.map_parts(
        partial(_read_piece, settings), pieces, outputs=("pieces", "posts"), counted="posts",
        step="read",
    )  # fmt: skip
    held = _check_dumps(job)
    job.map_parts(
        _place_malformed, [held[dump] for dump in dumps], outputs=("malformed",),
        counted="malformed", step="malformed",
    )  # fmt: skip
    num_posts = job.input("posts").num_rows
    num_parts = -(-num_posts // settings.links_per_part)
    links = links_of(job.frame("posts"), settings)
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


def links_of(posts: DataFrame, settings: LinkSettings) -> DataFrame:
    """One row for each address of `posts`, as `links` has it, whatever the order of the posts.

    Where the recipe sums karma, an address whose posts have too little together has no row: each
    address is asked, the last one too (OpenWebText2's generate_urls.py lets its last one pass).
    """
    best = sql.min(sql.struct((-sql.col("karma")).alias("minus_karma"), "source"))
    is_sum = settings.karma_rule == "sum"
    return (
        posts.groupBy("url_key")
        .agg(
            sql.min("url").alias("url"),
            best.alias("best"),
            sql.sum("karma").alias("total"),
            sql.count("*").alias("num_posts"),
            sql.min("created_at").alias("first_posted_at"),
        )
        .withColumn("source", sql.col("best.source"))
        .withColumn("karma", sql.col("total") if is_sum else -sql.col("best.minus_karma"))
        .where(sql.col("karma") >= settings.min_karma)
    )


def _read_piece(settings: LinkSettings, out: PartOutput, item: tuple[str, Piece]) -> None:
    source, piece = item
    count = PieceCount()
    for batch in read_posts(piece, settings, source=source, count=count):
        out.taken(batch.num_lines)
        for reason, num in batch.dropped.items():
            out.dropped(reason, num)
        out.write("posts", batch.posts)
    row = {
        "source": source,
        "path": piece.path,
        "piece": piece.number,
        **{name: getattr(count, name) for name in _COUNTS},
        "places": [place._asdict() for place in count.places],
    }
    out.write_rows("pieces", [row])


def _check_dumps(job: Job) -> dict[Dump, list[dict[str, Any]]]:
    """The rows of `pieces` by dump; raises InputError where one is no dump, and warns of others."""
    held: dict[Dump, list[dict[str, Any]]] = {}
    for row in job.input("pieces").read_all().to_pylist():
        held.setdefault((row["source"], row["path"]), []).append(row)
    for (_, path), rows in held.items():
        count = PieceCount(**{name: sum(row[name] for row in rows) for name in _COUNTS})
        check_dump(path, count)
        if count.num_young:
            job.log(f"warning: {young_scores(path, count)}")
        if count.num_malformed:
            job.log(f"{path}: malformed lines: {count.num_malformed:,}; see `malformed`")
    return held


def _place_malformed(out: PartOutput, pieces: list[dict[str, Any]]) -> None:
    """Places in a dump from those in its pieces: one's lines begin where those before end."""
    first_line, first_byte = 1, 0
    rows = []
    for piece in sorted(pieces, key=lambda piece: piece["piece"]):
        rows += [
            {
                "path": piece["path"],
                "line": first_line + place["line"],
                "byte": first_byte + place["byte"],
                "reason": place["reason"],
            }
            for place in piece["places"]
        ]
        first_line += piece["num_lines"]
        first_byte += piece["num_bytes"]
    out.taken(len(rows))
    out.write_rows("malformed", rows)


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "links", *sys.argv[1:]])
