"""Screen: language, URL rules, and the Gopher and C4 heuristics.

One task per part reads the texts that were extracted and writes a verdict for each, with every
signal beside it (filters/heuristics.py).
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from filters import heuristics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from corpus.config import Source
    from corpus.publishing import PartOutput
    from filters.heuristics import ScreenSettings
    from jobs.parts import Job


def run(job: Job) -> None:
    """Judge every document that has a text."""
    recipe = job.recipe
    job.judge(
        partial(_judge, recipe.screen, recipe.sources),
        after="documents",
        columns=heuristics.COLUMNS,
        verdicts="screen",
    )


def _judge(
    settings: ScreenSettings, sources: Mapping[str, Source], documents: pa.Table, out: PartOutput
) -> pa.Table:
    return heuristics.screen(documents, settings, sources)


if __name__ == "__main__":  # spark-submit jobs/screen.py --recipe tiny --root out
    from jobs.cli import main

    main(["run", "screen", *sys.argv[1:]])
