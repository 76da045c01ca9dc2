"""Which archives there are; bring those here that lie elsewhere; scan them.

A copy lies in the cache (commoncrawl.cache, or ROOT/_downloads), where it stays when settings
change, and counts on the disk that holds it: the whole of what the recipe's listings, share and
limit name, and nothing bounds it but them. An archive that cannot be had is a row with a reason,
and the run goes on without it; a file of an index that cannot be had stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from corpus.commoncrawl.copies import cache_path, copy_file
from corpus.commoncrawl.listings import IS_LISTING, drawn, full_address, read_listing
from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.commoncrawl.transfer import Counts, Transfer, TransferFailed
from corpus.errors import InputError
from corpus.identity import doc_id_of_place, doc_id_of_record
from corpus.ledger import Ledger
from corpus.publishing import PartOutput
from corpus.sources import REMOTE_KINDS, is_remote, source_files
from corpus.storage import storage_errors
from corpus.urls import url_key
from corpus.warc.captures import Capture, Tally, read_captures

if TYPE_CHECKING:
    from jobs.parts import Job

SCAN_ROWS = 10_000  # captures of a batch while an archive is scanned
RECORDS = "records"  # unit of the ledger: of any type, where "rows" are responses


class Place(NamedTuple):
    """One file of a source: a path of this machine, or an address."""

    source: str
    kind: str
    path: str


class Archive(NamedTuple):
    """An archive that lies here, by its number among the recipe's."""

    number: int
    source: str
    path: str


def cache_folder(job: Job) -> Path:
    """Where transfers keep what they brought."""
    given = job.recipe.commoncrawl.cache
    return Path(given) if given else job.store.local("_downloads")


def planned(job: Job) -> list[Place]:
    """Every file of the warc, wet and index sources, listings read, samples drawn."""
    settings = job.recipe.commoncrawl
    places = []
    for kind in REMOTE_KINDS:
        by_source: dict[str, list[str]] = {}
        for source, path in source_files(job.recipe.sources, kind):
            by_source.setdefault(source, []).extend(_listed(path, settings))
        for source, paths in by_source.items():
            section = job.recipe.sources[source]
            distinct = dict.fromkeys(paths)
            kept = drawn(distinct, share=section.share, limit=section.limit, seed=job.seed)
            places += [Place(source, kind, path) for path in kept]
    return places


def _listed(path: str, settings: CommonCrawlSettings) -> list[str]:
    """The addresses that a listing names; any other path itself."""
    if not IS_LISTING.search(path):
        return [path]
    return [full_address(line, settings) for line in read_listing(path, settings)]


def connections_a_task(job: Job, num_items: int) -> tuple[int, int]:
    """(tasks at the same time, connections of each), so that all together keep to the setting."""
    allowed = job.recipe.commoncrawl.connections
    tasks = max(1, min(allowed, num_items, job.session.num_slots if num_items else 1))
    return tasks, allowed // tasks


def bring(job: Job, places: Sequence[Place]) -> dict[str, list[tuple[str, str]]]:
    """Copy what lies elsewhere; returns (source, path) of all files that are here, by kind.

    Raises InputError where nothing that lies elsewhere could be had.
    """
    remote = [place for place in places if is_remote(place.path)]
    items = [place for place in places if is_remote(place.path) or place.kind == "wet"]
    tasks, connections = connections_a_task(job, len(items))
    cache = cache_folder(job) if remote else Path()
    task = partial(_bring, job.recipe.commoncrawl, cache, connections)
    job.map_parts(
        task,
        items,
        outputs=("transfers", "downloads"),
        counted="downloads",
        step="copy",
        at_once=tasks,
    )
    rows = job.input("downloads").read_all(["address", "path", "reason", "num_bytes"]).to_pylist()
    here = {row["address"]: row["path"] for row in rows if row["path"] is not None}
    failed = [row for row in rows if row["path"] is None]
    if remote:
        num_bytes = sum(row["num_bytes"] for row in rows)
        job.log(f"{len(failed):,} of {len(rows):,} files could not be had; {num_bytes:,} bytes can")
    if remote and len(failed) == len(remote):
        raise InputError(
            f"sources: none of {len(remote)} files could be had, the first, {failed[0]['address']},"
            f" for {failed[0]['reason']}; check the addresses, commoncrawl.base and the network"
        )
    found: dict[str, list[tuple[str, str]]] = {kind: [] for kind in REMOTE_KINDS}
    for place in places:
        path = here.get(place.path) if is_remote(place.path) else place.path
        if path is not None:
            found[place.kind].append((place.source, path))
    return found


def _bring(
    settings: CommonCrawlSettings, cache: Path, connections: int, out: PartOutput, place: Place
) -> None:
    """Write a row of `downloads`, and copy what it speaks of, where that lies elsewhere."""
    out.taken()
    row = {"source": place.source, "kind": place.kind, "address": place.path, "num_bytes": 0}
    transfer = Transfer(settings, connections=connections)
    try:
        if is_remote(place.path):
            with storage_errors(str(cache)):
                path = cache_path(cache, place.path)
                copied = asyncio.run(copy_file(transfer, place.path, path))
            row |= {"path": copied.path, "num_bytes": copied.num_bytes, "sha256": copied.sha256}
        else:
            row |= {"path": place.path, "num_bytes": Path(place.path).stat().st_size}
    except TransferFailed as failure:
        if place.kind == "index":
            raise InputError(
                f"{place.path}: cannot be had ({failure.reason}), and an index with a gap would "
                "send its links to the crawler; run fetch again, or take it out of the recipe"
            ) from failure
        row["reason"] = failure.reason
    out.write_rows("downloads", [row])
    out.write_rows("transfers", [traffic(transfer.counts)])


def traffic(counts: Counts) -> dict[str, float]:
    """The columns that say what transfers cost."""
    return {
        "num_received": counts.num_bytes,
        "num_requests": counts.num_requests,
        "num_retries": counts.num_retries,
        "seconds_waited": round(counts.seconds_waited, 3),
    }


def scan(out: PartOutput, archive: Archive) -> None:
    """Write a `scanned` row for each response of an archive, and account for all its records."""
    rows: list[dict[str, Any]] = []
    tally = Tally()
    for capture in read_captures(archive.path, headers_only=True, tally=tally):
        out.taken()
        rows.append(_scanned_row(capture, archive))
        if len(rows) == SCAN_ROWS:
            out.write_rows("scanned", rows)
            rows = []
    out.write_rows("scanned", rows)
    account = out.ledger.account(RECORDS)
    account.kept = tally.num_readable
    account.dropped = tally.damaged + tally.skipped
    account.taken = account.kept + account.dropped.total()


def scanned_line(ledger: Ledger) -> str:
    """What the archives hold, in a line."""
    account = ledger.account(RECORDS)
    others = ", ".join(f"{num:,} {what}" for what, num in account.dropped.most_common())
    return f"{account.taken:,} records: {account.kept:,} readable responses" + (
        f", {others}" if others else ""
    )


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
