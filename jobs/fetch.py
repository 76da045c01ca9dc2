"""Find each link in the local captures, crawl the rest, list every capture.

The archives are scanned once, an archive a part. Spark joins their keys with the links: where
several captures meet a link, the newest whole one with a status of success serves it. What is left
goes to the crawler, a registered domain's links in one part, so that its hosts see one crawler and
its pauses hold however many parts are in flight; a killed crawl goes on at the next part.
`captures` lists the archives' records first (part k is archive k), then the crawl's, in file order.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as sql

from corpus import schemas
from corpus.crawl_settings import FetchSettings
from corpus.crawler import NOT_CAPTURED, crawl_links
from corpus.datasets import Dataset
from corpus.errors import InputError, LedgerImbalance
from corpus.frontier import forget_frontiers, frontier_folder
from corpus.identity import doc_id_of_place, doc_id_of_record
from corpus.publishing import PartOutput
from corpus.sources import source_files
from corpus.storage import Store, storage_errors
from corpus.urls import registered_domain, url_key
from corpus.warc import Capture, read_captures

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe

SCAN_ROWS = 10_000  # captures of a batch while an archive is scanned
CAPTURED = "captured"
CRAWLED = "crawled"
FAILED = "failed"


class Archive(NamedTuple):
    """A local archive, by its number among the recipe's."""

    number: int
    source: str
    path: str


def files(recipe: Recipe) -> list[str]:
    """The local archives."""
    return [path for _, path in source_files(recipe.sources, "warc")]


def run(job: Job) -> None:
    """Scan, match, crawl, list."""
    places = source_files(job.recipe.sources, "warc")
    archives = [Archive(number, *place) for number, place in enumerate(places)]
    job.map_parts(_scan, archives, outputs=("scanned",), counted="scanned", step="scan")
    check_distinct(job.frame("scanned", ["doc_id", "warc_path", "offset"]))
    _match(job, num_archives=len(archives))
    _crawl(job)
    _list(job)


def check_distinct(scanned: DataFrame) -> None:
    """Raise InputError where two records have one doc_id."""
    place = sql.struct("warc_path", "offset")
    twice = (
        scanned.groupBy("doc_id")
        .agg(sql.count("*").alias("num"), sql.min(place).alias("a"), sql.max(place).alias("b"))
        .where("num > 1")
    )
    first = twice.orderBy("a").limit(1).collect()
    if first:
        a, b = first[0]["a"], first[0]["b"]
        raise InputError(
            f"sources: the record at {a['warc_path']}:{a['offset']} has the same WARC-Record-ID as "
            f"the one at {b['warc_path']}:{b['offset']}; expected each record once: take one of "
            "the two archives out of the recipe"
        )


def serving(scanned: DataFrame, links: DataFrame) -> DataFrame:
    """Links that a capture serves, as `served` has them, with the number of its archive."""
    newest = Window.partitionBy("url_key").orderBy(sql.desc_nulls_last("fetched_at"), "doc_id")
    best = (
        scanned.where("can_serve")
        .select("url_key", "doc_id", "fetched_at", "archive")
        .withColumn("rank", sql.row_number().over(newest))
        .where("rank = 1")
    )
    columns = ("doc_id", "url_key", "url", "source", "karma", "archive")
    return links.join(best, "url_key").select(*columns)


def _match(job: Job, *, num_archives: int) -> None:
    links = job.frame("links", ["url_key", "url", "source", "karma"])
    job.write_frame(
        serving(job.frame("scanned"), links),
        "served",
        part="archive",
        num_parts=num_archives,
        order_by=("doc_id",),
        step="serve",
    )
    num_wanted = job.input("links").num_rows - job.input("served").num_rows
    num_parts = -(-num_wanted // job.recipe.fetch.links_per_part)
    job.log(f"{job.input('served').num_rows:,} links captured, {num_wanted:,} not")
    wanted = links.join(job.frame("served", ["url_key"]), "url_key", "left_anti")
    job.write_frame(
        wanted.withColumn("part", _domain_part("url", max(num_parts, 1))),
        "wanted",
        part="part",
        num_parts=num_parts,
        order_by=("url_key",),
        step="want",
    )


def _domain_part(url: str, num_parts: int) -> Any:
    """A part by the hash of the address's registered domain."""
    # A function without hints: pyspark warns of those that it cannot use.
    domain = sql.udf(lambda address: registered_domain(address), "string")
    return sql.pmod(sql.xxhash64(domain(sql.col(url))), sql.lit(num_parts))


def _crawl(job: Job) -> None:
    wanted = job.input("wanted")
    job.map_parts(
        partial(_crawl_part, job.recipe.fetch, job.store, wanted),
        range(wanted.num_parts),
        outputs=("crawl", "crawled"),
        counted="crawled",
        step="crawl",
        expected=[wanted.part_rows(part) for part in range(wanted.num_parts)],
    )
    forget_frontiers(job.store)


def _list(job: Job) -> None:
    scanned, served = job.input("scanned"), job.input("served")
    wanted, crawled = job.input("wanted"), job.input("crawled")
    task = partial(_list_part, job.store, scanned, served, wanted, crawled)
    items = [(dataset.name, k) for dataset in (scanned, crawled) for k in range(dataset.num_parts)]
    job.map_parts(task, items, outputs=("captures", "fetches"), counted="fetches", step="list")
    answered, asked = job.input("fetches").num_rows, job.input("links").num_rows
    if answered != asked:
        raise LedgerImbalance(
            f"fetch: {answered} links were answered, expected {asked} as links has; "
            "run the stage again with --force"
        )


def _scan(out: PartOutput, archive: Archive) -> None:
    rows: list[dict[str, Any]] = []
    for capture in read_captures(archive.path, headers_only=True):
        out.taken()
        rows.append(_scanned_row(capture, archive))
        if len(rows) == SCAN_ROWS:
            _write(out, "scanned", rows)
            rows = []
    _write(out, "scanned", rows)


def _scanned_row(capture: Capture, archive: Archive) -> dict[str, Any]:
    name = Path(archive.path).name
    if capture.record_id is not None:
        doc_id = doc_id_of_record(capture.record_id)
    else:
        doc_id = doc_id_of_place(archive.source, name, capture.offset)
    # A record without HTTP headers (a resource) is a page as it stands.
    has_page = capture.status is None or 200 <= capture.status < 300
    return {
        "doc_id": doc_id,
        "source": archive.source,
        "url": capture.url,
        "url_key": url_key(capture.url) if capture.url else None,
        "archive": archive.number,
        "warc_file": name,
        "warc_path": archive.path,
        "offset": capture.offset,
        "length": capture.length,
        "fetched_at": capture.fetched_at,
        "can_serve": capture.damage is None and has_page,
    }


def _crawl_part(
    settings: FetchSettings, store: Store, wanted: Dataset, out: PartOutput, part: int
) -> None:
    links = wanted.read(part, ["url_key", "url"])
    out.taken(links.num_rows)
    if not settings.crawl:
        rows = [{**link, "reason": NOT_CAPTURED} for link in links.to_pylist()]
        _write(out, "crawled", rows)
        return
    path = out.file("crawl", _warc_name(part))
    frontier = frontier_folder(store, part)
    with storage_errors(str(path)):
        fetched = crawl_links(links["url"].to_pylist(), settings, path, frontier=frontier)
    rows = [
        {
            **link,
            "reason": page.reason,
            "doc_id": doc_id_of_record(page.record_id) if page.record_id else None,
            "final_url": page.final_url,
            "offset": page.offset,
            "length": page.length,
        }
        for link, page in zip(links.to_pylist(), fetched, strict=True)
    ]
    _write(out, "crawled", rows)


def _warc_name(part: int) -> str:
    return f"crawl-{part:05d}.warc.gz"


def _list_part(
    store: Store,
    scanned: Dataset,
    served: Dataset,
    wanted: Dataset,
    crawled: Dataset,
    out: PartOutput,
    item: tuple[str, int],
) -> None:
    name, part = item
    if name == scanned.name:
        captures = _local_captures(scanned.read(part), served.read(part))
        fetches = _fetches(served.read(part), CAPTURED)
    else:
        answers, links = crawled.read(part), wanted.read(part)
        captures = _crawled_captures(answers, links, store.path("crawl", _warc_name(part)))
        fetches = _fetches(answers, CRAWLED)
    out.taken(fetches.num_rows)
    out.write("captures", captures)
    out.write("fetches", fetches)


def _local_captures(scanned: pa.Table, served: pa.Table) -> pa.Table:
    """An archive's records: those that serve a link are of its source, the others of their own."""
    found = pc.index_in(scanned["doc_id"], value_set=served["doc_id"].combine_chunks())
    source = pc.coalesce(served["source"].take(found), scanned["source"])
    columns = {name: scanned[name] for name in scanned.column_names}
    return _table("captures", {**columns, "source": source, "karma": served["karma"].take(found)})


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


def _write(out: PartOutput, dataset: str, rows: Sequence[dict[str, Any]]) -> None:
    out.write(dataset, pa.Table.from_pylist(list(rows), schema=schemas.table_named(dataset).arrow))


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "fetch", *sys.argv[1:]])
