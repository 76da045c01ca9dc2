"""Where documents come from: crawl archives, Reddit dumps, and files of text.

Archives and index files may also lie elsewhere, or be named by a listing of paths; jobs/fetching
brings them here.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping
from typing import Literal

from corpus.config import Settings
from corpus.errors import InputError

REMOTE_KINDS = ("warc", "wet", "index")


class Source(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where documents come from, and how the judging stages treat them."""

    kind: Literal["warc", "wet", "index", "reddit", "text"]
    """warc: crawl archives. wet: archives of plain text, as Common Crawl makes them. index: Common
    Crawl's URL index (Parquet tables or CDX files), whose captures serve links. reddit: submission
    dumps, whose links are looked up in the captures of the warc sources first, then in the index,
    then fetched. text: JSON lines with `text`, and `id`, `url`, `title`."""
    files: tuple[str, ...]
    """Paths or glob patterns; `{data}` is expanded. For warc, wet and index also addresses
    (https://, s3://) and listings (*.paths, *.paths.gz, here or there), a path a line below
    commoncrawl.base."""
    share: float = 1.0
    """Part of a warc or wet source's files to take, by a keyed hash of their names."""
    limit: int = 0
    """Most of a warc or wet source's files to take, those of smallest hash; 0: all."""
    quality: Literal["judged", "positive", "trusted"] = "trusted"
    """judged: the classifier decides and learns its negatives here; positive: its positives, kept;
    trusted: kept without a score's say."""
    heuristics: bool = True
    """Whether the screen's text heuristics apply (the language rule always does)."""


    def __post_init__(self) -> None:
        """Refuse values out of range, and addresses where files of this machine are read."""
        if not 0 < self.share <= 1 or self.limit < 0:
            raise ValueError("share must be above 0 and at most 1, and limit not negative")
        if self.kind in REMOTE_KINDS:
            if self.kind == "index" and (self.share < 1 or self.limit):
                raise ValueError("an index is read whole: share and limit are for warc and wet")
            return
        if self.share < 1 or self.limit:
            raise ValueError("share and limit are for sources of kind warc and wet")
        if any("://" in pattern for pattern in self.files):
            raise ValueError(f"files of kind {self.kind} must be of this machine: copy them here")


def source_files(sources: Mapping[str, Source], kind: str) -> list[tuple[str, str]]:
    """(source, path) of each file of the sources of one kind, in recipe and sorted order.

    Addresses and listings come as they stand.
    """
    return [
        (name, path)
        for name, source in sources.items()
        if source.kind == kind
        for path in expand_files(source.files, where=f"sources.{name}.files")
    ]


def local_files(sources: Mapping[str, Source], *kinds: str) -> list[str]:
    """The files of this machine that the sources of these kinds name."""
    found = [path for kind in kinds for _, path in source_files(sources, kind)]
    return [path for path in found if "://" not in path]


def is_remote(path: str) -> bool:
    """Whether the path is an address that transfers know, rather than a file of this machine."""
    return path.startswith(("https://", "http://", "s3://"))


def expand_files(patterns: Iterable[str], *, where: str) -> list[str]:
    """Paths that the patterns match, sorted within each; raises InputError where one has none.

    An address stands for itself.
    """
    paths: list[str] = []
    for pattern in patterns:
        if "://" in pattern:
            paths.append(pattern)
            continue
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - absolute patterns too
        if not found:
            raise InputError(
                f"{where}: {pattern} matches no file; expected at least one: check the path, or "
                "give the folder with --set data=FOLDER"
            )
        paths += found
    return paths
