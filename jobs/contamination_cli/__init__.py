"""`winnow contamination`: what of which benchmark the corpus holds, item by item."""

from __future__ import annotations

import click

from jobs.contamination_cli.documents import doc
from jobs.contamination_cli.export import export
from jobs.contamination_cli.lists import items, ngrams
from jobs.contamination_cli.overlap import overlap
from jobs.contamination_cli.scan import scan
from jobs.contamination_cli.show import show
from jobs.contamination_cli.summaries import diff, summary


@click.group()
def contamination() -> None:
    """Inspect what the stage found, compare runs, export clean items, scan other corpora.

    \b
    Example: winnow contamination summary --root build/real
             winnow contamination items boolq --how near_whole --root build/real
             winnow contamination show boolq:117 --root build/real
             winnow contamination ngrams --exempt | head
             winnow contamination export clean/ --root build/real
    """


for command in (summary, items, show, doc, ngrams, diff, export, scan, overlap):
    contamination.add_command(command)

__all__ = ["contamination"]
