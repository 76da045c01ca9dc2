"""Each record once, each link answered.

`captures` lists the archives' records first (part k is archive k), then the files of byte ranges,
then the crawl's, each in file order. Overlapping crawls hold some records twice: the copy that
serves a link stays, else the first that can, else the first by archive and offset; the others are
counted as duplicate_record, or, where two different records bear one id, conflicting_record_id.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as sql

from corpus import schemas
from corpus.datasets import Dataset
from corpus.errors import LedgerImbalance
from corpus.publishing import PartOutput
from corpus.storage import Store
from corpus.urls import url_key
from jobs.fetching.crawling import crawl_name
from jobs.fetching.ranges import ranged_name

if TYPE_CHECKING:
    from jobs.parts import Job

CAPTURED = "captured"
INDEXED = "indexed"
CRAWLED = "crawled"
FAILED = "failed"

DUPLICATE_RECORD = "duplicate_record"  # the same address and time, under one WARC-Record-ID
CONFLICTING_RECORD_ID = "conflicting_record_id"  # another page under the id of the one that stays
CAPTURES = "captures"  # the unit of the ledger that says how many are passed over


class _Inputs(NamedTuple):
    scanned: Dataset
    served: Dataset
    ranges: Dataset
    wanted: Dataset
    crawled: Dataset
    repeats: Dataset


def list_captures(job: Job) -> None:
    """Write `repeats`, `captures` and `fetches`."""
    num_scanned = job.input("scanned").num_parts
    num_files = num_scanned + job.input("ranges").num_parts
    job.write_frame(
        repeats_of(
            job.frame("scanned"), _by_part(job, "served"), _by_part(job, "ranges"), num_scanned
        ),
        "repeats",
        part="part",
        num_parts=num_files,
        order_by=("offset", "doc_id"),
        step="repeats",
    )
    if num_repeats := job.input("repeats").num_rows:
        job.log(f"{num_repeats:,} records stand in the archives twice; each is taken once")
    inputs = _Inputs(*(job.input(name) for name in _Inputs._fields))
    parts = {name: getattr(inputs, name).num_parts for name in ("scanned", "ranges", "crawled")}
    items = [(name, part) for name, num_parts in parts.items() for part in range(num_parts)]
    task = partial(_list_part, job.store, inputs)
    job.map_parts(task, items, outputs=("captures", "fetches"), counted="fetches", step="list")
    answered, asked = job.input("fetches").num_rows, job.input("links").num_rows
    if answered != asked:
        raise LedgerImbalance(
            f"fetch: {answered} links were answered, expected {asked} as links has; "
            "run the stage again with --force"
        )


def _by_part(job: Job, dataset: str) -> DataFrame:
    """A table with the number of each row's part, out of its file's name."""
    number = sql.regexp_extract(sql.input_file_name(), r"part-(\d+)\.parquet", 1).cast("int")
    return job.frame(dataset).withColumn("part", number)


def repeats_of(
    scanned: DataFrame, served: DataFrame, ranges: DataFrame, num_scanned: int
) -> DataFrame:
    """Records that are passed over, as `repeats` has them, with their part of `captures`."""
    serves = served.select("doc_id", "part", sql.lit(0).alias("rank"))
    here = scanned.select(
        "doc_id", sql.col("archive").alias("part"), "offset", "url", "fetched_at", "can_serve"
    )
    here = here.join(serves, ["doc_id", "part"], "left").withColumn(
        "rank", sql.coalesce("rank", sql.when(sql.col("can_serve"), 1).otherwise(2))
    )
    there = (
        ranges.where("keep")
        .withColumns({
            "part": sql.col("part") + num_scanned, "url": sql.col("capture_url"), "rank": sql.lit(0)
        })
        .select("doc_id", "part", "offset", "url", "fetched_at", "rank")
        .distinct()
    )
    order = Window.partitionBy("doc_id").orderBy("rank", "part", "offset")
    page = sql.struct("url", "fetched_at")
    records = here.drop("can_serve").unionByName(there)
    same = sql.col("page").eqNullSafe(sql.col("kept"))
    return (
        records.withColumns({"page": page, "place": sql.row_number().over(order)})
        .withColumn("kept", sql.first("page").over(order))
        .where("place > 1")
        .withColumn(
            "reason", sql.when(same, DUPLICATE_RECORD).otherwise(CONFLICTING_RECORD_ID)
        )
        .select("doc_id", "offset", "reason", "part")
    )


def _list_part(store: Store, inputs: _Inputs, out: PartOutput, item: tuple[str, int]) -> None:
    name, part = item
    if name == "scanned":
        captures = _local_captures(inputs.scanned.read(part), inputs.served.read(part))
        fetches = _fetches(inputs.served.read(part), CAPTURED)
    elif name == "ranges":
        answers = inputs.ranges.read(part)
        answers = answers.filter(answers["keep"])
        captures = _ranged_captures(answers, store.path("ranged", ranged_name(part)))
        fetches = _fetches(answers, INDEXED)
    else:
        answers, links = inputs.crawled.read(part), inputs.wanted.read(part)
        captures = _crawled_captures(answers, links, store.path("crawl", crawl_name(part)))
        fetches = _fetches(answers, CRAWLED)
    if out.number < inputs.repeats.num_parts:
        repeats = inputs.repeats.read(out.number)
    else:
        repeats = inputs.repeats.read_all().slice(0, 0)
    out.taken(fetches.num_rows)
    out.write("captures", _once(captures, repeats, out))
    out.write("fetches", fetches)


def _once(captures: pa.Table, repeats: pa.Table, out: PartOutput) -> pa.Table:
    """The captures without those passed over, which the ledger counts."""
    reasons = {
        (row["doc_id"], row["offset"]): row["reason"] for row in repeats.to_pylist()
    }
    places = zip(captures["doc_id"].to_pylist(), captures["offset"].to_pylist(), strict=True)
    found = [reasons.get(place) for place in places] if reasons else [None] * captures.num_rows
    account = out.ledger.account(CAPTURES)
    account.taken += captures.num_rows
    account.dropped.update(Counter(reason for reason in found if reason is not None))
    kept = captures.filter(pa.array([reason is None for reason in found], pa.bool_()))
    account.kept += kept.num_rows
    return kept


def _local_captures(scanned: pa.Table, served: pa.Table) -> pa.Table:
    """An archive's records: those that serve a link are of its source, the others of their own."""
    found = pc.index_in(scanned["doc_id"], value_set=served["doc_id"].combine_chunks())
    source = pc.coalesce(served["source"].take(found), scanned["source"])
    columns = {name: scanned[name] for name in scanned.column_names}
    karma = served["karma"].take(found)
    charset = [None] * scanned.num_rows
    return _table("captures", {**columns, "source": source, "karma": karma, "charset": charset})


def _ranged_captures(answers: pa.Table, path: str) -> pa.Table:
    """The members of a part's WARC file, in its order: each of the link of most karma."""
    links = answers.to_pylist()
    best: dict[int, dict[str, Any]] = {}
    for link in sorted(links, key=lambda link: (link["offset"], -link["karma"], link["url_key"])):
        best.setdefault(link["offset"], link)
    rows = [
        {
            **link,
            "url": link["capture_url"],
            "url_key": url_key(link["capture_url"]),
            "warc_file": Path(path).name,
            "warc_path": path,
        }
        for link in best.values()
    ]
    schema = schemas.table_named("captures").arrow
    return pa.Table.from_pylist(
        [{name: row[name] for name in schema.names} for row in rows], schema=schema
    )


def _crawled_captures(answers: pa.Table, links: pa.Table, path: str) -> pa.Table:
    """The pages that were fetched, in the order of their file."""
    is_page = answers["doc_id"].is_valid()
    pages, links = answers.filter(is_page), links.filter(is_page)
    urls = pages["final_url"].to_pylist()
    return _table(
        "captures",
        {
            "doc_id": pages["doc_id"],
            "source": links["source"],
            "url": urls,
            "url_key": [url_key(url) for url in urls],
            "warc_file": [Path(path).name] * len(urls),
            "warc_path": [path] * len(urls),
            "offset": pages["offset"],
            "length": pages["length"],
            "charset": [None] * len(urls),
            "karma": links["karma"],
        },
    )


def _fetches(answers: pa.Table, outcome: str) -> pa.Table:
    """Links with what became of them; `outcome` where they have a document."""
    keep = answers["doc_id"].is_valid()
    reasons = answers["reason"] if "reason" in answers.column_names else [None] * len(keep)
    return _table(
        "fetches",
        {
            "url_key": answers["url_key"],
            "url": answers["url"],
            "outcome": pc.if_else(keep, outcome, FAILED),
            "keep": keep,
            "reason": reasons,
            "doc_id": answers["doc_id"],
        },
    )


def _table(dataset: str, columns: dict[str, Any]) -> pa.Table:
    schema = schemas.table_named(dataset).arrow
    arrays = [
        column.cast(field.type)
        if isinstance(column := columns[field.name], pa.ChunkedArray)
        else pa.array(column, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
