"""Screen: language, URL rules, and the Gopher and C4 heuristics.

One task per part reads the texts that were extracted and writes a verdict for each, with every
signal beside it (filters/screen.py).
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from corpus.publishing import PartOutput
from corpus.sources import Source
from filters import screen as screening
from filters.screen import ScreenSettings

if TYPE_CHECKING:
    from jobs.parts import Job

BATCH_ROWS = 2000  # documents measured at a time: 10 MB of text as a rule


def run(job: Job) -> None:
    """Judge every document that has a text."""
    recipe = job.recipe
    job.judge(
        partial(_judge, recipe.screen, recipe.sources),
        after="documents",
        columns=screening.COLUMNS,
        verdicts="screen",
    )


def _judge(
    settings: ScreenSettings, sources: dict[str, Source], documents: pa.Table, out: PartOutput
) -> pa.Table:
    return pa.concat_tables(
        screening.screen(documents.slice(start, BATCH_ROWS), settings, sources)
        for start in range(0, max(documents.num_rows, 1), BATCH_ROWS)
    )


if __name__ == "__main__":  # spark-submit jobs/screen.py --recipe tiny --root out
    from jobs.cli import main

    main(["run", "screen", *sys.argv[1:]])
