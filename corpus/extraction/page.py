"""A capture -> its main text and what it says of itself, or the reason why it has no text.

In order: what warc/ found damaged, the HTTP status, the size, the media type (by the bytes and
the markup rather than by the header), the engine within its time budget. Plain text is its own
main text. With a second engine to compare (recipe: extract.compare), its text and the agreement of
both come along, and decide nothing.
Cost: 0.5 ms a page, and the engine's.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass, replace
from datetime import date

from corpus.extraction import ExtractSettings, clean_text, repair
from corpus.extraction.budget import TooSlow, within
from corpus.extraction.decode import decode
from corpus.extraction.engines import load_engine
from corpus.extraction.metadata import page_metadata
from corpus.warc.captures import TOO_LARGE, Capture

HTTP_ERROR = "http_error"  # the status is not 2xx: a redirect's or an error's page
EMPTY_BODY = "empty_body"
NOT_HTML = "not_html"  # neither HTML nor plain text
NO_TEXT = "no_text"  # the engine finds no main text
TOO_SLOW = "too_slow"
EXTRACTOR_FAILED = "extractor_failed"  # the engine raised
OUT_OF_MEMORY = "out_of_memory"
CRASHED = "crashed"  # the engine took its process down (isolation.py)

HTML_TYPES = ("text/html", "application/xhtml+xml")
# First bytes of files that servers send as HTML, WHATWG MIME Sniffing section 6 and 7.
BINARY_MAGIC = re.compile(
    rb"%PDF-|\x89PNG|GIF8|\xff\xd8\xff|RIFF....WE|BM.{4}\0\0|PK\x03\x04|Rar!|\x1f\x8b\x08|7z\xbc\xaf"
    rb"|\xd0\xcf\x11\xe0|OggS|ID3|\0\0\0.ftyp|wOF[F2]|\0\x01\0\0\0|MZ\x90|\x7fELF|%!PS|FWS|CWS",
    re.S,
)
HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
    r"<(?:!doctype\s+html|html|head|body|title|meta|script|style|link|div|table|h1|p|br|a)\b",
    re.I | re.S,
)
HEAD_CHARACTERS = 4_096  # of the page, looked at for its kind
MAX_BINARY_SHARE = 0.1  # of control characters and U+FFFD in them
BINARY_CHARACTERS = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\ufffd]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What became of a page: a text, or a reason."""

    text: str | None = None
    title: str | None = None
    declared_language: str | None = None  # ISO 639 code that the page or the server gives
    published_on: date | None = None
    other_text: str | None = None  # of the engine to compare
    agreement: float | None = None  # of both texts, 0..1; null where not compared
    reason: str | None = None
    charset: str | None = None  # Python's name; null where the page was not read
    charset_by: str | None = None  # what told it, as decode.py names it
    kind: str | None = None  # html or text
    error: str | None = None  # the engine's trace, where it raised


def extract_page(
    capture: Capture, settings: ExtractSettings, *, crawl_charset: str | None = None
) -> Extraction:
    """Main text of the capture, or the reason why there is none.

    crawl_charset: as the crawl's index has it. In this process: isolation.py for one of its own.
    """
    reason = refusal(capture, settings)
    if reason is not None:
        return Extraction(reason=reason)
    decoded = decode(capture.payload, charset=capture.charset, crawl_charset=crawl_charset)
    page = decoded.text.replace("\0", "") if b"\0" in capture.payload else decoded.text
    kind = _kind(page[:HEAD_CHARACTERS], capture.mime)
    if kind == "html":
        found = _from_html(page, capture, settings)
    elif kind == "text":
        text = _clean(page, settings)
        found = Extraction(text=text, reason=None if text else NO_TEXT)
    else:
        found = Extraction(reason=NOT_HTML)
    return replace(found, charset=decoded.charset, charset_by=decoded.found_by, kind=kind)


def refusal(capture: Capture, settings: ExtractSettings) -> str | None:
    """The reason that needs no look into the page, if any."""
    if capture.damage is not None:
        return capture.damage
    if capture.status is not None and not 200 <= capture.status < 300:
        return HTTP_ERROR
    if not capture.payload.strip(b"\0 \t\r\n"):
        return EMPTY_BODY
    if len(capture.payload) > settings.max_bytes:
        return TOO_LARGE
    if BINARY_MAGIC.match(capture.payload):
        return NOT_HTML
    return None


def _kind(head: str, mime: str | None) -> str | None:
    """Html, text, or null for anything else; a page that begins like HTML is HTML."""
    if len(BINARY_CHARACTERS.findall(head)) > MAX_BINARY_SHARE * len(head):
        return None
    if HTML_START.match(head) or (mime in HTML_TYPES and "<" in head):
        return "html"
    return "text" if mime == "text/plain" else None


def _from_html(page: str, capture: Capture, settings: ExtractSettings) -> Extraction:
    fetched_on = capture.fetched_at.date() if capture.fetched_at else None
    said = page_metadata(page, header_language=capture.language, fetched_on=fetched_on)
    found = _main_text(page, settings.engine, settings)
    if settings.compare is not None and found.reason in (None, NO_TEXT):
        found = _compared(found, _main_text(page, settings.compare, settings))
    return replace(
        found,
        title=said.title,
        declared_language=said.language,
        published_on=said.published_on,
    )


def _compared(found: Extraction, other: Extraction) -> Extraction:
    from corpus.extraction.agreement import agreement  # numba, for those who compare

    return replace(found, other_text=other.text, agreement=agreement(found.text, other.text))


def _main_text(page: str, name: str, settings: ExtractSettings) -> Extraction:
    """The engine's text of the page, within the time budget."""
    engine = load_engine(name)
    try:
        text = _clean(within(settings.max_seconds, lambda: engine(page)) or "", settings)
    except TooSlow:
        return Extraction(reason=TOO_SLOW)
    except MemoryError:
        return Extraction(reason=OUT_OF_MEMORY)
    except Exception:  # noqa: BLE001 - an engine's fault of any kind costs its page, not the part
        return Extraction(reason=EXTRACTOR_FAILED, error=traceback.format_exc())
    return Extraction(text=text, reason=None if text else NO_TEXT)


def _clean(text: str, settings: ExtractSettings) -> str | None:
    """The text in the corpus' form, repaired where the recipe asks; null where nothing is left."""
    return clean_text(repair(text) if settings.fix_text else text) or None
