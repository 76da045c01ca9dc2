"""`winnow shards`: the token files of a run looked into, checked, handed on and redacted."""

from __future__ import annotations

import click

from jobs.options import LazyGroup

_COMMANDS = {
    "cat": "jobs.shards_cli.documents",
    "export": "jobs.shards_cli.export",
    "head": "jobs.shards_cli.documents",
    "redact": "jobs.shards_cli.redact",
    "stat": "jobs.shards_cli.stat",
    "verify": "jobs.shards_cli.verify",
}


@click.group(cls=LazyGroup, modules=_COMMANDS)
def shards() -> None:
    """Check shards, show what is in them, hand them on, take documents out.

    \b
    Example: winnow shards verify --root build/real
             winnow shards stat --root build/real
             winnow shards head -n 3 --root build/real
             winnow shards cat https://example.com/a --root build/real
             winnow shards export nanogpt/ --to nanogpt --root build/real
             winnow shards redact --url https://example.com/a --root build/real
    """


__all__ = ["shards"]
