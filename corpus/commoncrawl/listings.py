"""Which crawls there are, which files each has, and a sample of them.

collinfo.json of the index server lists the crawls; each has a listing of paths for every kind of
file (crawl-data/CRAWL/KIND.paths.gz), one a line, relative to the server's base. A sample is drawn
by a keyed hash of each path, so that it does not depend on the listing's order, and a larger one
holds every smaller one.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.commoncrawl.transfer import Transfer, TransferFailed
from corpus.errors import ConfigError, InputError

KINDS = ("warc", "wet", "wat", "cc-index", "cc-index-table", "robotstxt", "non200responses")
IS_LISTING = re.compile(r"\.paths(?:\.gz)?$")
_IS_CRAWL = re.compile(r"CC-[\w-]+")


class Crawl(msgspec.Struct, frozen=True):
    """One crawl, as collinfo.json has it."""

    id: str
    name: str = ""
    start: str | None = msgspec.field(default=None, name="from")
    end: str | None = msgspec.field(default=None, name="to")


def read_address(address: str, settings: CommonCrawlSettings) -> bytes:
    """A small file from anywhere; raises InputError with the reason."""

    async def read() -> bytes:
        async with Transfer(settings) as transfer:
            return await transfer.read(address)

    try:
        return asyncio.run(read())
    except TransferFailed as failure:
        raise InputError(
            f"{address}: cannot be read ({failure.reason}); check the address and the network, or "
            "give a file of this machine"
        ) from failure


def list_crawls(settings: CommonCrawlSettings, collinfo: str | None = None) -> list[Crawl]:
    """Every crawl, newest first; collinfo: the list's own address, where it is elsewhere."""
    address = collinfo or f"{settings.index_server.rstrip('/')}/collinfo.json"
    try:
        return msgspec.json.decode(read_address(address, settings), type=list[Crawl])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{address}: not a list of crawls ({error}); expected JSON as {settings.index_server} "
            "has it in collinfo.json"
        ) from error


def listing_address(crawl: str, kind: str, settings: CommonCrawlSettings) -> str:
    """Where a crawl's listing of one kind is; raises ConfigError where the names are none."""
    if kind not in KINDS:
        raise ConfigError(f"kind {kind}: unknown; expected one of {', '.join(KINDS)}")
    if not _IS_CRAWL.fullmatch(crawl):
        raise ConfigError(
            f"crawl {crawl}: no name of a crawl; expected one as CC-MAIN-2024-22: "
            "`winnow crawl list` has them, or give a file *.paths.gz"
        )
    return f"{settings.prefix}crawl-data/{crawl}/{kind}.paths.gz"


def read_listing(listing: str, settings: CommonCrawlSettings) -> list[str]:
    """The paths of a listing, in its order; raises InputError unless it is one."""
    data = read_address(listing, settings)
    try:
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{listing}: not a listing of paths ({error}); fetch it again") from error
    paths = [line.strip() for line in text.splitlines() if line.strip()]
    if not paths:
        raise InputError(f"{listing}: empty; expected one path a line")
    return paths


def full_address(path: str, settings: CommonCrawlSettings) -> str:
    """The address of a listing's or an index's path."""
    return path if "://" in path else settings.prefix + path.lstrip("/")


def drawn(paths: Iterable[str], *, share: float = 1.0, limit: int = 0, seed: int) -> list[str]:
    """Those of the paths whose keyed hash is below `share`, of them the `limit` smallest (0: all).

    In the order given.
    """
    every: Sequence[str] = list(paths)
    chances = {path: _chance(path, seed) for path in every}
    kept = [path for path in every if chances[path] < share]
    if limit and len(kept) > limit:
        chosen = set(sorted(kept, key=lambda path: (chances[path], path))[:limit])
        kept = [path for path in kept if path in chosen]
    return kept


def _chance(path: str, seed: int) -> float:
    """Uniform in [0, 1), by the file's own name: the same for every mirror of it."""
    key = f"{seed}\x00files\x00{Path(path).name}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) / 2**64
