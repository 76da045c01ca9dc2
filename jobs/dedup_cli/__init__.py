"""`winnow dedup`: what the stage did and why, what it will cost, and the same for any files."""

from __future__ import annotations

import click

from jobs.dedup_cli.clusters import cluster
from jobs.dedup_cli.curve import curve
from jobs.dedup_cli.estimate import estimate
from jobs.dedup_cli.explain import explain
from jobs.dedup_cli.scan import scan


@click.group()
def dedup() -> None:
    """Explain a pair, show a cluster, draw the detection curve, estimate a run, scan files.

    \b
    Example: winnow dedup explain https://example.com/a https://example.com/b --root build/real
             winnow dedup cluster https://example.com/a --root build/real
             winnow dedup curve --all
             winnow dedup estimate --root build/real --cores 1000
             winnow dedup scan corpus/*.jsonl.gz
    """


for command in (explain, cluster, curve, estimate, scan):
    dedup.add_command(command)

__all__ = ["dedup"]
