"""Text sources -> documents: JSON lines, or one document a file.

A JSON line is an object with `text` and optionally `url` and `title`; a file whose name ends in
.txt (packed or not) is one document. dumps.py unpacks. A line that cannot be read costs itself; of
a file that breaks off, the lines before count, and one more row says so.
Cost: one line in memory, of at most 64 MiB. Limit: what follows damage in a packed file is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from corpus.dumps import BREAK, read_lines
from corpus.errors import InputError
from corpus.extraction import clean_line, clean_text
from corpus.warc.captures import TOO_LARGE

MALFORMED_LINE = "malformed_line"  # no JSON object, or a field of the wrong type
NO_TEXT = "no_text"
TRUNCATED_FILE = "truncated_file"  # the packed file ends early, or cannot be unpacked from here on

PROBE_LINES = 100  # a file none of whose first lines is a JSON object is not JSON lines
PLAIN_NAME = re.compile(r"\.txt(?:\.(?:gz|bz2|xz|zst))?$", re.I)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """One document of a text source, or the reason why a line is none."""

    number: int  # of the line, from 1
    length: int  # bytes of the line, unpacked, without blanks around it
    text: str | None = None
    url: str | None = None
    title: str | None = None
    reason: str | None = None


class _Line(msgspec.Struct):
    """The fields read; any other is passed over."""

    text: str | None = None
    url: str | None = None
    title: str | None = None


_decoder = msgspec.json.Decoder(_Line)


def read_texts(path: str, *, max_bytes: int) -> Iterator[TextLine]:
    """Each line of the file that is not blank, in order; longer ones than max_bytes are too_large.

    Raises InputError where the file is missing or empty, or holds no JSON lines.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected JSON lines, packed or not")
    if Path(path).stat().st_size == 0:
        raise InputError(f"{path}: empty; expected JSON lines with a field `text`")
    if PLAIN_NAME.search(path):
        yield from _whole(read_lines(path, kind="text source"), max_bytes)
    else:
        yield from _probed(_lines(read_lines(path, kind="text source"), max_bytes), path)


def _probed(rows: Iterator[TextLine], path: str) -> Iterator[TextLine]:
    """The same rows; raises InputError where none of the first is a document."""
    first = list(islice(rows, PROBE_LINES))
    if all(row.reason in (MALFORMED_LINE, TRUNCATED_FILE) for row in first):
        raise InputError(
            f"{path}: none of the first {len(first)} lines can be read; expected JSON lines with a "
            "field `text`, packed as gzip, bzip2, xz, zstd or not, or a text named .txt"
        )
    yield from first
    yield from rows


def _whole(lines: Iterator[bytes], max_bytes: int) -> Iterator[TextLine]:
    """The file as one document."""
    pieces, length = [], 0
    for line in lines:
        if line is BREAK:
            yield TextLine(number=1, length=length, reason=TRUNCATED_FILE)
            return
        length += len(line) + 1
        if length <= max_bytes + 1:
            pieces.append(line)
    if length > max_bytes + 1:
        yield TextLine(number=1, length=length, reason=TOO_LARGE)
        return
    text = clean_text(b"\n".join(pieces).decode("utf-8", "replace"))
    yield TextLine(number=1, length=length, text=text or None, reason=None if text else NO_TEXT)


def _lines(lines: Iterator[bytes], max_bytes: int) -> Iterator[TextLine]:
    for number, line in enumerate(lines, 1):
        if line is BREAK:
            yield TextLine(number=number, length=0, reason=TRUNCATED_FILE)
        elif len(line) > max_bytes:
            yield TextLine(number=number, length=len(line), reason=TOO_LARGE)
        elif content := line.removeprefix(BYTE_ORDER_MARK).strip():
            yield _read_line(number, content)


def _read_line(number: int, line: bytes) -> TextLine:
    found = _parse(line)
    if found is None:
        return TextLine(number=number, length=len(line), reason=MALFORMED_LINE)
    text = clean_text(found.text or "")
    return TextLine(
        number=number,
        length=len(line),
        text=text or None,
        url=clean_line(found.url),
        title=clean_line(found.title),
        reason=None if text else NO_TEXT,
    )


def _parse(line: bytes) -> _Line | None:
    """The line's fields; null where it is no object with them."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:  # json takes lone surrogates, which dumps of Reddit have, and NaN
        return msgspec.convert(json.loads(line), _Line)
    except (ValueError, RecursionError, msgspec.ValidationError):
        return None
