"""`winnow contamination`: what of which benchmark the corpus holds, item by item."""

from __future__ import annotations

import click

from jobs.options import LazyGroup

_COMMANDS = {
    "benchmarks": "jobs.contamination_cli.benchmarks",
    "diff": "jobs.contamination_cli.summaries",
    "doc": "jobs.contamination_cli.documents",
    "export": "jobs.contamination_cli.export",
    "items": "jobs.contamination_cli.lists",
    "ngrams": "jobs.contamination_cli.lists",
    "overlap": "jobs.contamination_cli.overlap",
    "scan": "jobs.contamination_cli.scan",
    "selftest": "jobs.contamination_cli.selftest",
    "show": "jobs.contamination_cli.show",
    "summary": "jobs.contamination_cli.summaries",
}


@click.group(cls=LazyGroup, modules=_COMMANDS)
def contamination() -> None:
    """Inspect what the stage found, compare runs, export clean items, scan other corpora.

    \b
    Example: winnow contamination summary --root build/real
             winnow contamination items boolq --how near_whole --root build/real
             winnow contamination show boolq:117 --root build/real
             winnow contamination ngrams --exempt | head
             winnow contamination export clean/ --root build/real
             winnow contamination benchmarks --recipe real_pages --set data=DATA
    """


__all__ = ["contamination"]
