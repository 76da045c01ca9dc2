"""What happens to the pages of one archive in extraction, shown page by page.

Runs as the stage does: in a process of its own, under the same limits. For a page in quarantine,
or any WARC file.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from corpus.errors import ConfigError
from corpus.extraction import ExtractSettings
from corpus.extraction.isolation import Extractor
from corpus.extraction.page import Extraction, refusal
from corpus.extraction.worker import Answer, Page
from corpus.warc.captures import Capture, read_captures

MAX_LINE_CHARACTERS = 120


def replay_settings(*, engine: str | None, max_seconds: float | None) -> ExtractSettings:
    """The default settings but for what is given; raises ConfigError for what is out of range."""
    given = {"engine": engine, "max_seconds": max_seconds}
    if max_seconds is not None:
        given["max_wall_seconds"] = max(max_seconds, ExtractSettings().max_wall_seconds)
    try:
        return msgspec.convert({k: v for k, v in given.items() if v is not None}, ExtractSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"replay: {error}; see `winnow replay --help`") from error


def replay(path: Path, settings: ExtractSettings) -> Iterator[tuple[Capture, Answer]]:
    """What became of each capture of the archive, with its processor seconds and its memory.

    Raises InputError where the file is missing or no archive, SetupError where the engine is.
    """
    pages = Extractor(settings, measures=True)
    try:
        for capture in read_captures(str(path)):
            reason = refusal(capture, settings)
            if reason is not None:
                yield capture, Answer(found=Extraction(reason=reason), seconds=0.0)
            else:
                yield capture, pages.extract([Page(capture=capture)])[0]
    finally:
        pages.close()


def print_replay(path: Path, settings: ExtractSettings, *, lines: int) -> None:
    """Print the answers."""
    console = Console(soft_wrap=True, highlight=False)
    for capture, answer in replay(path, settings):
        found = answer.found
        console.print(Text(f"{capture.url} at {capture.offset}", style="bold"))
        style = "green" if found.reason is None else "red"
        for line in _facts(capture, answer, settings):
            console.print(Text(f"    {line}", style=style))
        told = (found.error or "").splitlines() or (found.text or "").splitlines()[:lines]
        for line in told:
            console.print(Text(f"    | {textwrap.shorten(line, MAX_LINE_CHARACTERS)}", style="dim"))


def _facts(capture: Capture, answer: Answer, settings: ExtractSettings) -> Iterator[str]:
    found = answer.found
    yield (
        f"status {capture.status}, {capture.mime}, header's charset {capture.charset}, "
        f"{len(capture.payload):,} bytes"
    )
    if found.charset is not None:
        yield f"read as {found.charset} by {found.charset_by}, taken for {found.kind}"
    if found.kind == "html":
        yield (
            f"title {found.title!r}, language {found.declared_language}, "
            f"published {found.published_on}"
        )
    outcome = f"{len(found.text):,} characters" if found.text is not None else found.reason
    memory = "" if answer.num_bytes is None else f", {answer.num_bytes / 2**20:.0f} MiB"
    yield f"{settings.engine}: {answer.seconds:.3f} s{memory}: {outcome}"
