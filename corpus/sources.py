"""Where documents come from: crawl archives, Reddit dumps, and files of text."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping
from typing import Literal

from corpus.config import Settings
from corpus.errors import InputError


class Source(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where documents come from, and how the judging stages treat them."""

    kind: Literal["warc", "reddit", "text"]
    """warc: crawl archives. reddit: submission dumps, whose links are looked up in the captures of
    the warc sources first, then fetched. text: JSON lines with `text`, and `id`, `url`, `title`."""
    files: tuple[str, ...]
    """Paths or glob patterns; `{data}` is expanded."""
    quality: Literal["judged", "positive", "trusted"] = "trusted"
    """judged: the classifier decides and learns its negatives here; positive: its positives, kept;
    trusted: kept without a score's say."""
    heuristics: bool = True
    """Whether the screen's text heuristics apply (the language rule always does)."""


def source_files(sources: Mapping[str, Source], kind: str) -> list[tuple[str, str]]:
    """(source, path) of each file of the sources of one kind, in recipe and sorted order."""
    return [
        (name, path)
        for name, source in sources.items()
        if source.kind == kind
        for path in expand_files(source.files, where=f"sources.{name}.files")
    ]


def expand_files(patterns: Iterable[str], *, where: str) -> list[str]:
    """Paths that the patterns match, sorted within each; raises InputError where one has none."""
    paths: list[str] = []
    for pattern in patterns:
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - absolute patterns too
        if not found:
            raise InputError(
                f"{where}: {pattern} matches no file; expected at least one: check the path, or "
                "give the folder with --set data=FOLDER"
            )
        paths += found
    return paths
