"""The captures that the index names, by byte range: one WARC file a part.

The captures of one archive are in one part, so that near ones come by one request and no archive is
asked by two tasks. Captures that were had, and are good, stay in the cache: a run with longer
back-off, or more links, asks for the others only.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.commoncrawl.captures import Got, Place, fetch_captures
from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.commoncrawl.transfer import Transfer
from corpus.datasets import Dataset
from corpus.identity import doc_id_of_place, doc_id_of_record
from corpus.publishing import PartOutput
from corpus.storage import storage_errors
from jobs.fetching.archives import cache_folder, connections_a_task, traffic

if TYPE_CHECKING:
    from jobs.parts import Job


def fetch_ranges(job: Job) -> None:
    """Write `ranges`, and the WARC files `ranged`."""
    lookups = job.input("lookups")
    num_parts = lookups.num_parts
    tasks, connections = connections_a_task(job, num_parts)
    cache = cache_folder(job) if num_parts else Path()
    job.map_parts(
        partial(_fetch_part, job.recipe.commoncrawl, lookups, cache, connections),
        range(num_parts),
        outputs=("ranged", "range_transfers", "ranges"),
        counted="ranges",
        step="ranges",
        expected=[lookups.part_rows(part) for part in range(num_parts)],
        at_once=tasks,
    )
    if num_parts:
        ranges = job.input("ranges")
        costs = job.input("range_transfers").read_all().to_pydict()
        job.log(
            f"{ranges.num_kept:,} links from the index, {ranges.num_rows - ranges.num_kept:,} not; "
            f"{sum(costs['num_requests']):,} requests, {sum(costs['num_retries']):,} again, "
            f"{sum(costs['num_received']):,} bytes, {sum(costs['seconds_waited']):.0f} s waited"
        )


def ranged_name(part: int) -> str:
    """The name of a part's WARC file."""
    return f"ranged-{part:05d}.warc.gz"


def _fetch_part(
    settings: CommonCrawlSettings,
    lookups: Dataset,
    cache: Path,
    connections: int,
    out: PartOutput,
    part: int,
) -> None:
    rows = lookups.read(part).to_pylist()
    out.taken(len(rows))
    places = list(dict.fromkeys(_place(row) for row in rows if row["reason"] is None))
    transfer = Transfer(settings, connections=connections)
    got: dict[Place, Got] = {}
    if places:
        path = out.file("ranged", ranged_name(part))
        with storage_errors(str(cache)):
            answers = fetch_captures(places, settings, path, cache=cache, transfer=transfer)
        got = dict(zip(places, answers, strict=True))
    out.write_rows("ranges", [_row(row, got, ranged_name(part)) for row in rows])
    out.write_rows("range_transfers", [traffic(transfer.counts)])


def _place(row: dict[str, Any]) -> Place:
    return Place(
        url=row["capture_url"],
        address=row["warc_address"],
        offset=row["offset"],
        length=row["length"],
        digest=row["digest"],
    )


def _row(row: dict[str, Any], got: dict[Place, Got], name: str) -> dict[str, Any]:
    """A row of `ranges`, from its row of `lookups`."""
    link = {column: row[column] for column in ("url_key", "url", "source", "karma")}
    if row["reason"] is not None:
        return {**link, "keep": False, "reason": row["reason"]}
    found = got[_place(row)]
    if found.reason is not None or found.offset is None:
        return {**link, "keep": False, "reason": found.reason}
    if found.record_id is not None:
        doc_id = doc_id_of_record(found.record_id)
    else:
        doc_id = doc_id_of_place("", name, found.offset)
    return {
        **link,
        "doc_id": doc_id,
        "keep": True,
        "capture_url": row["capture_url"],
        "charset": row["charset"],
        "fetched_at": row["fetched_at"],
        "offset": found.offset,
        "length": found.length,
    }
