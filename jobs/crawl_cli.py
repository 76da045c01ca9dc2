"""`winnow crawl`: what Common Crawl has, before any of it is fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from corpus.commoncrawl.listings import (
    IS_LISTING,
    KINDS,
    drawn,
    full_address,
    list_crawls,
    listing_address,
    read_listing,
)
from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.errors import InputError


@click.group()
def crawl() -> None:
    """See which crawls and files Common Crawl has.

    \b
    Example: winnow crawl list
             winnow crawl list CC-MAIN-2024-22
             winnow crawl list CC-MAIN-2024-22 --kind wet --limit 5
    """


@crawl.command(name="list")
@click.argument("name", required=False, metavar="[CRAWL|FILE.paths.gz]")
@click.option("--kind", type=click.Choice(KINDS), help="Print the addresses of these files.")
@click.option("--limit", type=int, default=0, help="Of them, a sample of so many.")
@click.option("--seed", type=int, default=0, help="Key of the sample; a recipe's seed.")
@click.option("--base", default=CommonCrawlSettings().base, show_default=True,
              help="Server or folder that has the files.")  # fmt: skip
@click.option("--index-server", default=CommonCrawlSettings().index_server, show_default=True,
              help="Server that lists the crawls.")  # fmt: skip
@click.option("--collinfo", help="The list of crawls as a file, in place of the server's.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(
    name: str | None,
    kind: str | None,
    limit: int,
    seed: int,
    base: str,
    index_server: str,
    collinfo: str | None,
    as_json: bool,
) -> None:
    """List the crawls, the files of one by kind, or the files that a listing names."""
    # Someone is waiting: three attempts.
    settings = CommonCrawlSettings(base=base, index_server=index_server, max_attempts=3)
    if name is None:
        _print_crawls(settings, collinfo, as_json=as_json)
    elif kind is None and not IS_LISTING.search(name):
        _print_kinds(name, settings, as_json=as_json)
    else:
        is_listing = IS_LISTING.search(name) is not None
        listing = name if is_listing else listing_address(name, kind or KINDS[0], settings)
        paths = read_listing(listing, settings)
        shown = drawn(paths, limit=limit, seed=seed)
        _print_files(listing, len(paths), [full_address(p, settings) for p in shown], as_json)


def _print_crawls(
    settings: CommonCrawlSettings, collinfo: str | None, *, as_json: bool
) -> None:
    crawls = list_crawls(settings, collinfo)
    if as_json:
        _print_json([msgspec.to_builtins(found) for found in crawls])
        return
    table = Table("crawl", "name", "from", "to", title=f"{len(crawls)} crawls")
    for found in crawls:
        table.add_row(found.id, found.name, found.start or "", found.end or "")
    Console().print(table)


def _print_kinds(name: str, settings: CommonCrawlSettings, *, as_json: bool) -> None:
    """How many files of each kind a crawl has; older crawls lack some kinds."""
    counts: dict[str, int] = {}
    missing: list[InputError] = []
    for kind in KINDS:
        try:
            counts[kind] = len(read_listing(listing_address(name, kind, settings), settings))
        except InputError as error:
            missing.append(error)
    if not counts:
        raise missing[0]
    if as_json:
        _print_json({"crawl": name, "files": counts})
        return
    table = Table("kind", "files", "listing", title=name)
    for kind, count in counts.items():
        table.add_row(kind, f"{count:,}", listing_address(name, kind, settings))
    Console().print(table)


def _print_files(listing: str, num_files: int, addresses: list[str], as_json: bool) -> None:
    if as_json:
        _print_json({"listing": listing, "num_files": num_files, "files": addresses})
        return
    for address in addresses:
        click.echo(address)
    click.echo(f"{len(addresses):,} of {num_files:,} files of {Path(listing).name}", err=True)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=1))
