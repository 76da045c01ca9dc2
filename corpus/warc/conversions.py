"""WET archives -> text, one row for each `conversion` record.

Common Crawl's own plain text of a page (WARC 1.1 section 6.9): a tenth of the bytes of the page and
no extraction to do, but with its menus and footers. A record that cannot be read costs itself; one
whose length is wrong, as in files that were edited, ends where the next begins.
Cost: one record in memory. Limit: damage in a record that is not known to be no conversion counts
as one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeadersParser, StatusAndHeadersParserException

from corpus.errors import InputError
from corpus.extraction import clean_text
from corpus.warc.archives import BLANKS, RECORD_START, START_BYTES, Cut, Reader, Rotten
from corpus.warc.captures import DAMAGED_RECORD, TOO_LARGE, TRUNCATED_RECORD, parse_date
from corpus.warc.members import open_reader

NO_TEXT = "no_text"

_parser = StatusAndHeadersParser(ArcWarcRecordLoader.WARC_TYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """One record of a WET archive: its text, or the reason why there is none."""

    record_id: str | None
    url: str | None
    fetched_at: datetime | None
    offset: int  # bytes into the archive
    length: int  # bytes in the archive, 0 where unknown
    text: str | None = None
    language: str | None = None  # first of WARC-Identified-Content-Language, ISO 639-3
    reason: str | None = None


@dataclass(slots=True)
class _Draft:
    """What is known so far of the record that is being read."""

    is_other: bool = False
    record_id: str | None = None
    url: str | None = None
    date: str = ""
    language: str | None = None
    text: bytes | None = None


def read_conversions(path: str, *, max_bytes: int) -> Iterator[Conversion]:
    """Each conversion record of the archive; longer ones than max_bytes are too_large.

    Raises InputError where the file is missing, empty, or no archive.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected a WET archive")
    with Path(path).open("rb", buffering=1 << 18) as file:
        reader = open_reader(file, path)
        is_archive = False
        while True:
            draft = _Draft()
            try:
                if not reader.begin():
                    return
                _read_record(reader, draft, max_bytes)
                offset, length = reader.offset, reader.finish()
                is_archive, damage = True, None
            except Rotten as error:
                offset, length, goes_on = reader.offset, 0, reader.recover()
                if not (is_archive or goes_on):
                    raise InputError(
                        f"{path}: not an archive ({error}); expected WARC records of type "
                        "conversion, as a *.warc.wet.gz has"
                    ) from error
                is_cut = isinstance(error, Cut) and not goes_on
                damage = TRUNCATED_RECORD if is_cut else DAMAGED_RECORD
            if not draft.is_other:
                yield _conversion(draft, offset, length, damage)


def _read_record(reader: Reader, draft: _Draft, max_bytes: int) -> None:
    try:
        headers = _parser.parse(io.BytesIO(reader.header()))
        length = int(headers.get_header("Content-Length") or "")
    except (StatusAndHeadersParserException, ValueError, EOFError) as error:
        raise Rotten(str(error)) from error
    draft.is_other = (headers.get_header("WARC-Type") or "").lower() != "conversion"
    draft.record_id = headers.get_header("WARC-Record-ID")
    draft.url = headers.get_header("WARC-Target-URI")
    draft.date = headers.get_header("WARC-Date") or ""
    languages = headers.get_header("WARC-Identified-Content-Language") or ""
    draft.language = languages.split(",")[0].strip() or None
    if length > max_bytes:
        reader.skip(length)
    else:
        draft.text = _block(reader, length)


def _block(reader: Reader, length: int) -> bytes:
    """The record's block: of this length, unless no record ends there; raises Cut."""
    ahead = reader.peek(length + START_BYTES)
    after = ahead[length:].lstrip(BLANKS)
    if len(ahead) < length or (after and not RECORD_START.match(after)):
        starts = (m.start() for m in RECORD_START.finditer(ahead, 1) if ahead[m.start() - 1] == 10)
        length = next(starts, max(length, len(ahead)))
    return reader.read(length)


def _conversion(draft: _Draft, offset: int, length: int, damage: str | None) -> Conversion:
    text = None
    if damage is None:
        damage = TOO_LARGE if draft.text is None else None
        text = clean_text((draft.text or b"").decode("utf-8", "replace")) or None
        damage = damage or (None if text else NO_TEXT)
    return Conversion(
        record_id=draft.record_id,
        url=draft.url,
        fetched_at=parse_date(draft.date),
        offset=offset,
        length=length,
        text=text,
        language=draft.language,
        reason=damage,
    )
