"""Screen: language, URL rules, and the Gopher and C4 heuristics.

One task per part reads the texts that were extracted and writes a verdict for each, with every
signal beside it (filters/screen.py).
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import pyarrow as pa

from corpus.blocklists import (
    BlockLists,
    Counts,
    FileMark,
    list_files,
    mark_files,
    read_block_lists,
    told,
)
from corpus.datasets import in_turns
from corpus.errors import InputError
from corpus.publishing import PartOutput
from corpus.sources import Source
from filters import screen as screening
from filters.edits import counts
from filters.screen import ScreenSettings
from filters.url import UrlSettings

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe


def files(recipe: Recipe) -> list[str]:
    """The block lists; raises InputError where one is missing."""
    return list_files(recipe.screen.url.list_patterns())


def run(job: Job) -> None:
    """Judge every document that has a text."""
    recipe = job.recipe
    marks = mark_files(recipe.screen.url.list_patterns())
    for path, count in _read_lists(recipe.screen.url, marks)[1].items():
        job.log(f"{path}: {told(count)}")
    job.judge(
        partial(_judge, recipe.screen, recipe.sources, marks),
        after="documents",
        columns=screening.COLUMNS,
        verdicts="screen",
    )
    _log_edits(job)


def _log_edits(job: Job) -> None:
    """Say how often each kind of edit stands in the documents that stay."""
    screened = job.input("screen")
    found: Counter[str] = Counter()
    for part in range(screened.num_parts):
        rows = screened.read(part, ["keep", "edits"])
        found.update(counts(rows.filter(rows["keep"])["edits"]))
    if found:
        said = ", ".join(f"{kind} {number:,}" for kind, number in sorted(found.items()))
        job.log(f"edits of the documents kept: {said}")


def _judge(
    settings: ScreenSettings,
    sources: dict[str, Source],
    marks: tuple[FileMark, ...],
    documents: pa.Table,
    out: PartOutput,
) -> pa.Table:
    lists, _ = _read_lists(settings.url, marks)
    turns = list(in_turns(documents)) or [documents]
    return pa.concat_tables(screening.screen(turn, settings, sources, lists) for turn in turns)


@lru_cache(maxsize=1)
def _read_lists(settings: UrlSettings, marks: tuple[FileMark, ...]) -> tuple[BlockLists, Counts]:
    """The lists, read once a process: a task brings their names, not millions of domains."""
    here = mark_files(settings.list_patterns())
    if here != marks:
        path = next((a.path for a, b in zip(here, marks, strict=False) if a != b), "their number")
        raise InputError(
            f"block lists: {path} is not what it was when the stage began; got {here}, expected "
            f"{marks}; run the stage again, with the same files on every machine"
        )
    return read_block_lists(
        addresses=settings.block_lists,
        words=settings.word_lists,
        subwords=settings.subword_lists,
        soft_words=settings.soft_word_lists,
    )


if __name__ == "__main__":  # spark-submit jobs/screen.py --recipe tiny --root out
    from jobs.cli import main

    main(["run", "screen", *sys.argv[1:]])
