"""Two self-contained pages: the run as a whole, and the contamination of its benchmarks by item.

reporting/gather.py reads what the stages published, reporting/page.py writes it as HTML: funnel,
scores, duplicates, contamination, mixture, loss, sample. reporting/contamination.py and
contamination_page.py do so for the benchmarks' items. The pages need no network, and the first no
script; what comes from documents is always escaped text, and a content security policy forbids the
browser everything else. The same tables give the same bytes.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.config import Settings
from corpus.datasets import MANIFEST, open_dataset
from corpus.storage import Store
from jobs.reporting.contamination import gather_contamination
from jobs.reporting.contamination_page import FILE, SCRIPT, write_contamination_page
from jobs.reporting.gather import gather
from jobs.reporting.page import write_page

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe


class ReportSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the pages show."""

    num_bins: int = 40
    """Bars of a histogram."""
    num_domains: int = 20
    """Domains shown with the share that the keep rule kept of them, the largest first."""
    drift_from: str = ""
    """Root of another run, the last crawl's say, that the quality scores are compared with."""
    num_clusters: int = 8
    """Duplicate clusters shown, the largest first."""
    num_members: int = 6
    """Members shown of a cluster."""
    num_hits: int = 12
    """Benchmark matches shown on the first page."""
    num_items: int = 100_000
    """Benchmark items listed, the most contaminated first; a clean one takes 10 bytes."""
    num_passages: int = 5
    """Passages of documents shown of an item, of each field the longest first."""
    contamination_characters: int = 5_000_000
    """Characters shown of items and passages together; the rest are counts. 1 to 6 bytes each."""
    num_ngrams: int = 40
    """N-grams shown, the most frequent first."""
    sample_characters: int = 4_000
    """Characters shown of the model's sample."""

    def __post_init__(self) -> None:
        """Refuse sizes that are not positive."""
        for name in self.__struct_fields__:
            if name != "drift_from" and getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1")


def files(recipe: Recipe) -> list[str]:
    """The style sheet and the script, where they are files, and the run compared with."""
    own = (resources.files("jobs") / name for name in ("report.css", SCRIPT))
    found = [str(path) for path in own if isinstance(path, Path)]
    other = recipe.report.drift_from
    if not other:
        return found
    scores = open_dataset(Store(other), "quality")  # raises where that run has none
    return [*found, str(scores.local(MANIFEST))] if scores.store.is_local else found


def run(job: Job) -> None:
    """Gather the facts and write the pages; the second where there are benchmarks."""
    facts = gather(job.store, job.recipe)
    items = gather_contamination(job.store, job.recipe.report)
    with job.folder("report") as folder:
        (folder / "index.html").write_text(write_page(facts), encoding="utf-8")
        if items is not None:
            page = write_contamination_page(items, name=job.recipe.name)
            (folder / FILE).write_text(page, encoding="utf-8")
    job.log(f"the page is {job.store.path('report', 'index.html')}")


if __name__ == "__main__":  # spark-submit jobs/report.py --recipe tiny --root out
    from jobs.cli import main

    main(["run", "report", *sys.argv[1:]])
