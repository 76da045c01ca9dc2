"""The polite crawler, for links that no capture serves.

A registered domain's links are in one part, so that its hosts see one crawler and its pauses hold
however many parts are in flight; a killed crawl goes on where it was.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as sql

from corpus.crawler.crawl import NOT_CAPTURED, crawl_links
from corpus.crawler.frontier import forget_frontiers, frontier_folder
from corpus.crawler.settings import FetchSettings
from corpus.datasets import Dataset
from corpus.identity import doc_id_of_record
from corpus.publishing import PartOutput
from corpus.storage import Store, storage_errors
from corpus.urls import registered_domain

if TYPE_CHECKING:
    from jobs.parts import Job


def want(job: Job) -> None:
    """Write `wanted`: the links that neither an archive nor the index serves."""
    served, ranges = job.input("served"), job.input("ranges")
    num_wanted = job.input("links").num_rows - served.num_rows - ranges.num_kept
    num_parts = -(-num_wanted // job.recipe.fetch.links_per_part)
    links = job.frame("links", ["url_key", "url", "source", "karma"])
    answers = job.frame("ranges", ["url_key", "keep", "reason"])
    wanted = (
        links.join(job.frame("served", ["url_key"]), "url_key", "left_anti")
        .join(answers, "url_key", "left")
        .where("not coalesce(keep, false)")
        .drop("keep")
    )
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


def crawl(job: Job) -> None:
    """Write `crawled`, and the WARC files `crawl`."""
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


def crawl_name(part: int) -> str:
    """The name of a part's WARC file."""
    return f"crawl-{part:05d}.warc.gz"


def _crawl_part(
    settings: FetchSettings, store: Store, wanted: Dataset, out: PartOutput, part: int
) -> None:
    links = wanted.read(part, ["url_key", "url", "reason"])
    out.taken(links.num_rows)
    if not settings.crawl:
        rows = [{**link, "reason": link["reason"] or NOT_CAPTURED} for link in links.to_pylist()]
        out.write_rows("crawled", rows)
        return
    path = out.file("crawl", crawl_name(part))
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
    out.write_rows("crawled", rows)
