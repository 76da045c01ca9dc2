"""`winnow contamination selftest`: what a run found of the items that were planted in it."""

from __future__ import annotations

import json

import click

from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.storage import Store
from jobs.options import json_option, root_option


@click.command()
@root_option
@json_option
def selftest(root: str, as_json: bool) -> None:
    """Show what the stage found, named and cut of items planted with --plant, and false hits.

    Due: a plain twin finds an N-gram of the item in what was planted. Too frequent: all of those
    are in so many documents that they stay. Status 1 where something is wrong.

    \b
    Example: winnow run contamination --plant 1000 --root build/real
             winnow contamination selftest --root build/real
    """
    from filters.contamination.selftest import lines

    store = Store(root)
    open_dataset(store, "contamination_self_test")
    found = json.loads(store.read("contamination_self_test", "self_test.json"))
    if not found:
        raise InputError(
            f"{root}: no item was planted; expected a run with some: "
            "`winnow run contamination --plant 1000`"
        )
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        for line in lines(found):
            click.echo(line)
    if found["faults"]:
        raise SystemExit(1)
