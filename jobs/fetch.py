"""Find each link in archives and indexes, crawl the rest, list every capture.

Archives that lie elsewhere are brought here; each is scanned once, an archive a part. Spark joins
their keys with the links; what is left is looked up in the URL index, whose captures come by byte
range; what is left then goes to the polite crawler. `captures` lists each record once: the
archives' first (part k is archive k), then those of byte ranges, then the crawl's, in file order.
The steps are in jobs/fetching.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from corpus.sources import REMOTE_KINDS, local_files
from jobs.fetching.archives import Archive, bring, planned, scan, scanned_line
from jobs.fetching.crawling import crawl, want
from jobs.fetching.listing import list_captures
from jobs.fetching.lookup import look_up
from jobs.fetching.ranges import fetch_ranges
from jobs.fetching.serving import match_archives

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe


def files(recipe: Recipe) -> list[str]:
    """The archives, indexes and listings of this machine."""
    return local_files(recipe.sources, *REMOTE_KINDS)


def run(job: Job) -> None:
    """Bring, scan, match, look up, crawl, list."""
    found = bring(job, planned(job))
    archives = [Archive(number, *place) for number, place in enumerate(found["warc"])]
    scanned = job.map_parts(scan, archives, outputs=("scanned",), counted="scanned", step="scan")
    job.log(scanned_line(scanned))
    match_archives(job, num_archives=len(archives))
    look_up(job, [path for _, path in found["index"]])
    fetch_ranges(job)
    want(job)
    crawl(job)
    list_captures(job)


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "fetch", *sys.argv[1:]])
