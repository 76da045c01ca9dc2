"""Where the URL index has a capture for each link that no archive serves.

Spark reads the index (Parquet tables, and CDX files, one task a file) and joins it with the links
on the SURT key. What the key alone proposes, our own `url_key` must confirm, since SURT folds case.
Of the captures of a link one serves it: of status 200 and a wanted media type; a whole body before
a truncated one; then the newest; then the smallest file name and offset. A link that has none but a
redirect goes on to that redirect's target, in another reading of the index; the newest redirect
says where.
Cost: a reading of the index's columns for each hop. Limit: a look-up that is killed begins again;
captures under an address with tracking parameters do not meet the link, which has none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as sql

from corpus.commoncrawl.cdx import parse_line
from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.commoncrawl.surt import surt_key
from corpus.datasets import MANIFEST
from corpus.urls import canonical_and_key, url_key

if TYPE_CHECKING:
    from jobs.parts import Job

NOT_IN_INDEX = "not_in_index"
NO_GOOD_CAPTURE = "no_good_capture"  # captures there are, but of errors or of other media types
MALFORMED_INDEX_LINE = "malformed_index_line"  # and no other
REDIRECT_NOT_IN_INDEX = "redirect_not_in_index"  # a capture redirects to what was not captured
BAD_REDIRECT = "bad_redirect"  # to no address of the web
INDEX_REDIRECT_LOOP = "index_redirect_loop"
INDEX_TOO_MANY_REDIRECTS = "index_too_many_redirects"

GOOD, MOVED, OTHER, MALFORMED = range(4)  # kinds of captures, the better first
REDIRECTS = (301, 302, 303, 307, 308)

MAX_BROADCAST_LINKS = 500_000  # whose keys every task holds: about 0.2 kB each, 100 MB

IS_CDX = re.compile(r"(?:^|/)[^/]*cdx[^/]*$", re.I)  # cdx-00000.gz, index.cdxj, crawl.cdx.gz
LINE = (
    "capture_url: string, fetched_at: timestamp, status: int, mime: string, charset: string, "
    "digest: string, redirect: string, truncated: string, filename: string, offset: bigint, "
    "length: bigint"
)
LINE_COLUMNS = tuple(part.split(":")[0] for part in LINE.split(", "))
# Columns of Common Crawl's table that are read; older crawls lack the newer ones, which are null.
TABLE_SCHEMA = (
    "url_surtkey string, url string, fetch_time timestamp, fetch_status int, "
    "content_mime_detected string, content_mime_type string, content_charset string, "
    "content_digest string, fetch_redirect string, content_truncated string, "
    "warc_filename string, warc_record_offset bigint, warc_record_length bigint"
)
TABLE_NAMES = {
    "capture_url": "url", "fetched_at": "fetch_time", "status": "fetch_status",
    "charset": "content_charset", "digest": "content_digest", "redirect": "fetch_redirect",
    "truncated": "content_truncated", "filename": "warc_filename",
    "offset": "warc_record_offset", "length": "warc_record_length",
}  # fmt: skip
PLACE_COLUMNS = (
    "capture_url", "filename", "offset", "length", "digest", "charset", "fetched_at",
)  # fmt: skip


def look_up(job: Job, indexes: Sequence[str]) -> None:
    """Write `lookups`: the links that no archive serves; none where there is no index."""
    if job.store.exists("lookups", MANIFEST):  # of the same attempt: looking up is not for nothing
        return
    settings = job.recipe.commoncrawl
    links = job.frame("links", ["url_key", "url", "source", "karma"])
    found = links.join(job.frame("served", ["url_key"]), "url_key", "left_anti")
    num_sought = job.input("links").num_rows - job.input("served").num_rows
    num_parts = -(-num_sought // settings.captures_per_part) if indexes else 0
    if num_parts:
        is_small = num_sought <= MAX_BROADCAST_LINKS
        answers = looked_up(found, read_indexes(job, indexes), settings, is_small=is_small)
        found = _placed(answers, settings, num_parts)
    job.write_frame(
        found,
        "lookups",
        part="part",
        num_parts=num_parts,
        order_by=("warc_address", "offset", "url_key"),
        step="lookup",
    )


def _placed(found: DataFrame, settings: CommonCrawlSettings, num_parts: int) -> DataFrame:
    """With `warc_address`, and a part: one for all captures of an archive."""
    is_whole = sql.instr("filename", "://") > 0
    address = sql.concat(sql.lit(settings.prefix), sql.ltrim("filename", sql.lit("/")))
    place = sql.xxhash64(sql.coalesce("filename", "url_key"))
    return found.withColumns({
        "warc_address": sql.when(is_whole, sql.col("filename")).otherwise(address),
        "part": sql.pmod(place, sql.lit(num_parts)),
    })


def read_indexes(job: Job, paths: Sequence[str]) -> list[DataFrame]:
    """The index as frames, each with `surt` and either the columns of LINE or a whole `line`."""
    cdx = [path for path in paths if IS_CDX.search(path)]
    tables = [path for path in paths if path not in cdx and "/subset=robotstxt/" not in path]
    frames = []
    if tables:
        # Files are named one by one, so nothing is to be learnt from the folders' names.
        reader = job.spark.read.option("recursiveFileLookup", "true").schema(TABLE_SCHEMA)
        rows = reader.parquet(*tables)
        columns = [sql.col(theirs).alias(ours) for ours, theirs in TABLE_NAMES.items()]
        mime = sql.coalesce("content_mime_detected", "content_mime_type").alias("mime")
        frames.append(rows.select(sql.col("url_surtkey").alias("surt"), mime, *columns))
    if cdx:
        lines = job.spark.read.text(cdx).withColumnRenamed("value", "line")
        frames.append(lines.select(sql.substring_index("line", " ", 1).alias("surt"), "line"))
    return frames


def looked_up(
    sought: DataFrame,
    index: Sequence[DataFrame],
    settings: CommonCrawlSettings,
    *,
    is_small: bool,
) -> DataFrame:
    """The links with `reason`, `num_hops` and the place of the capture that serves them.

    is_small: whether every task may hold all keys, which spares the index a shuffle.
    """
    # Functions without hints throughout: pyspark warns of those that it cannot use.
    surt = sql.udf(lambda url: surt_key(url), "string")
    pending = sought.withColumns({
        "surt": surt("url"), "target": sql.col("url_key"), "trail": sql.array("url_key"),
    })
    answers = []
    for hop in range(settings.max_index_hops + 1):
        keys = pending.select("url_key", "surt", "target")
        keys = sql.broadcast(keys) if is_small else keys
        hits = reduce(DataFrame.unionByName, [_hits(keys, frame) for frame in index])
        state = _hop(pending, hits, hop, settings).persist(StorageLevel.DISK_ONLY)
        answers.append(state.where("next is null").drop("next", "trail"))
        pending = state.where("next is not null").select(
            "url_key", "url", "source", "karma",
            sql.col("next.surt").alias("surt"),
            sql.col("next.target").alias("target"),
            sql.array_append("trail", sql.col("next.target")).alias("trail"),
        )  # fmt: skip
        if pending.isEmpty():
            break
    return reduce(DataFrame.unionByName, answers)


def _hop(
    pending: DataFrame, hits: DataFrame, hop: int, settings: CommonCrawlSettings
) -> DataFrame:
    """One reading of the index: each pending link with its answer, or with where to go next."""
    rated = {"kind": _kind(settings), "is_cut": sql.col("truncated").isNotNull()}
    best = Window.partitionBy("url_key").orderBy(
        "kind", "is_cut", sql.desc_nulls_last("fetched_at"), "filename", "offset"
    )
    first = (
        hits.withColumns(rated)
        .withColumn("rank", sql.row_number().over(best))
        .where("rank = 1")
        .drop("rank", "is_cut")
    )
    step = sql.udf(lambda *both: _next(*both), "struct<target: string, surt: string>")
    joined = pending.join(first, "url_key", "left").withColumn(
        "step", sql.when(sql.col("kind") == MOVED, step("capture_url", "redirect"))
    )
    reason = _reason(hop, is_last=hop == settings.max_index_hops)
    judged = joined.withColumn("reason", reason)
    goes_on = (sql.col("kind") == MOVED) & sql.col("reason").isNull()
    is_found = sql.col("kind") == GOOD
    place = [sql.when(is_found, sql.col(name)).alias(name) for name in PLACE_COLUMNS]
    return judged.select(
        "url_key", "url", "source", "karma", "trail", "reason", *place,
        sql.lit(hop).alias("num_hops"),
        sql.when(goes_on, sql.col("step")).alias("next"),
    )  # fmt: skip


def _hits(keys: DataFrame, index: DataFrame) -> DataFrame:
    """The captures of the pending links' addresses, and the lines of their key that are broken."""
    met = index.join(keys, "surt")
    if "line" in index.columns:
        parse = sql.udf(lambda line: _parsed(line), f"struct<{LINE}>")
        met = met.withColumn("parsed", parse("line"))
        columns = [sql.col(f"parsed.{name}").alias(name) for name in LINE_COLUMNS]
        met = met.select("url_key", "target", *columns)
    key = sql.udf(lambda url: url and url_key(url), "string")
    is_ours = sql.col("capture_url").isNull() | (key("capture_url") == sql.col("target"))
    return met.where(is_ours).select("url_key", *LINE_COLUMNS)


def _kind(settings: CommonCrawlSettings) -> Column:
    is_good = (sql.col("status") == 200) & sql.col("mime").isin(*settings.content_types)
    is_moved = sql.col("status").isin(*REDIRECTS) & sql.col("redirect").isNotNull()
    is_broken = sql.expr(
        "capture_url is null or filename is null or offset is null or coalesce(length, 0) <= 0"
    )
    kind = sql.when(is_broken, MALFORMED).when(is_good, GOOD).when(is_moved, MOVED)
    return kind.otherwise(OTHER)


def _reason(hop: int, *, is_last: bool) -> Column:
    kind = sql.col("kind")
    absent = REDIRECT_NOT_IN_INDEX if hop else NOT_IN_INDEX
    reason = (
        sql.when(kind.isNull(), absent)
        .when(kind == OTHER, NO_GOOD_CAPTURE)
        .when(kind == MALFORMED, MALFORMED_INDEX_LINE)
        .when(kind == GOOD, None)
        .when(sql.col("step").isNull(), BAD_REDIRECT)
        # To another spelling of itself (http to https): that one was not captured.
        .when(sql.col("step.target") == sql.col("target"), REDIRECT_NOT_IN_INDEX)
        .when(sql.array_contains("trail", sql.col("step.target")), INDEX_REDIRECT_LOOP)
    )
    return reason.otherwise(INDEX_TOO_MANY_REDIRECTS if is_last else None)


def _parsed(line: str) -> tuple[Any, ...] | None:
    """A line of a CDX file in the order of LINE."""
    found = parse_line(line)
    if found is None:
        return None
    return (
        found.url, found.fetched_at, found.status, found.mime, found.charset, found.digest,
        found.redirect, found.truncated, found.filename, found.offset, found.length,
    )  # fmt: skip


def _next(url: str | None, redirect: str | None) -> tuple[str, str] | None:
    """(url_key, SURT key) of where a redirect leads, or None where to no address of the web."""
    if url is None or redirect is None:  # Spark asks for every row, whatever `when` says
        return None
    try:
        both = canonical_and_key(urljoin(url, redirect))
    except ValueError:
        return None
    surt = surt_key(both[0]) if both else None
    return (both[1], surt) if both and surt else None
