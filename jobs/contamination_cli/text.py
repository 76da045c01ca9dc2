"""Texts on a terminal: in columns, with what was found in them marked."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

import click

from jobs.documents import visible

Span = tuple[int, int]
"""First character of what was found, and one past its last."""


MIN_COLUMNS = 40
"""Two texts beside each other need so many, however narrow the terminal."""


class Line(NamedTuple):
    """A line as it is printed, and the columns that it takes."""

    text: str
    width: int


def terminal() -> tuple[int, bool]:
    """Columns of the terminal, 100 where there is none, and whether it shows colours."""
    columns = shutil.get_terminal_size((100, 24)).columns
    return max(columns, MIN_COLUMNS), sys.stdout.isatty()


def excerpt(text: str, span: Span, around: int) -> tuple[str, Span]:
    """The text about a span, `around` characters on either side, and where the span is there."""
    first, last = max(span[0] - around, 0), min(span[1] + around, len(text))
    before, after = "… " if first else "", " …" if last < len(text) else ""
    start = span[0] - first + len(before)
    return before + text[first:last] + after, (start, start + span[1] - span[0])


def lines_of(text: str, spans: Sequence[Span], width: int, *, colour: bool) -> list[Line]:
    """The text in lines of `width` columns; words that a span meets are red, or in brackets.

    Whatever a terminal would obey is a blank; a word that is longer than a line is cut.
    """
    lines: list[Line] = []
    for shown, size in _words(text, spans, width - 4, colour=colour):
        if lines and lines[-1].width + 1 + size <= width:
            lines[-1] = Line(f"{lines[-1].text} {shown}", lines[-1].width + 1 + size)
        else:
            lines.append(Line(shown, size))
    return lines


def side_by_side(left: Sequence[Line], right: Sequence[Line], width: int) -> Iterator[str]:
    """Lines of two texts beside each other, the left one in `width` columns."""
    for a, b in zip_longest(left, right, fillvalue=Line("", 0)):
        yield f"{a.text}{' ' * (width - a.width)} | {b.text}".rstrip()


def table(rows: Sequence[Sequence[str]], *, numbers: Sequence[int]) -> Iterator[str]:
    """Rows in columns, those of `numbers` to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = [
            cell.rjust(width) if k in numbers else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _words(
    text: str, spans: Sequence[Span], most: int, *, colour: bool
) -> Iterator[tuple[str, int]]:
    """Each word as it is shown, and its columns."""
    words = [
        (match.start() + k, match.group()[k : k + most])
        for match in re.finditer(r"\S+", visible(text))
        for k in range(0, len(match.group()), most)
    ]
    found = [
        any(start < at + len(word) and at < end for start, end in spans) for at, word in words
    ]
    for number, (_, word) in enumerate(words):
        if not found[number]:
            yield word, len(word)
        elif colour:
            yield click.style(word, fg="red", bold=True), len(word)
        else:
            begins = number == 0 or not found[number - 1]
            ends = number + 1 == len(words) or not found[number + 1]
            marked = f"{'[[' if begins else ''}{word}{']]' if ends else ''}"
            yield marked, len(marked)
