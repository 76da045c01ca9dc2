"""A capture -> its main text and title, or the reason why it has none.

In order: what warc.py found damaged, the HTTP status, the size, the media type (by the bytes and
the markup rather than by the header), the engine within its time budget. Plain text is its own
main text.
Cost: 25 ms a page, nearly all of it the engine's.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from corpus.extraction import ExtractSettings, clean_line, clean_text, trafilatura
from corpus.extraction.budget import TooSlow, within
from corpus.extraction.decode import decode_page
from corpus.warc import TOO_LARGE, Capture

HTTP_ERROR = "http_error"  # the status is not 2xx: a redirect's or an error's page
EMPTY_BODY = "empty_body"
NOT_HTML = "not_html"  # neither HTML nor plain text
NO_TEXT = "no_text"  # the engine finds no main text
TOO_SLOW = "too_slow"
EXTRACTOR_FAILED = "extractor_failed"  # the engine raised

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
TITLE = re.compile(r"<title\b[^>]*>(.*?)</title\s*>", re.I | re.S)
TITLE_SCAN_CHARACTERS = 200_000  # a head full of scripts and styles is rarely longer
MAX_TITLE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What became of a page: a text, or a reason."""

    text: str | None = None
    title: str | None = None
    reason: str | None = None


def extract_page(capture: Capture, settings: ExtractSettings) -> Extraction:
    """Main text and title of the capture, or the reason why there is no text."""
    reason = _refusal(capture, settings)
    if reason is not None:
        return Extraction(reason=reason)
    page = decode_page(capture.payload, charset=capture.charset).replace("\0", "")
    kind = _kind(page[:HEAD_CHARACTERS], capture.mime)
    if kind is None:
        return Extraction(reason=NOT_HTML)
    if kind == "text":
        text = clean_text(page)
        return Extraction(text=text or None, reason=None if text else NO_TEXT)
    return _from_html(page, settings)


def _refusal(capture: Capture, settings: ExtractSettings) -> str | None:
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


def _from_html(page: str, settings: ExtractSettings) -> Extraction:
    title = page_title(page)
    try:
        found = within(settings.max_seconds, lambda: trafilatura.main_text(page))
    except TooSlow:
        return Extraction(title=title, reason=TOO_SLOW)
    except Exception:  # noqa: BLE001 - an engine's fault of any kind costs its page, not the part
        return Extraction(title=title, reason=EXTRACTOR_FAILED)
    text = clean_text(found or "")
    return Extraction(text=text or None, title=title, reason=None if text else NO_TEXT)


def page_title(page: str) -> str | None:
    """The content of the first <title>, on one line; null where there is none."""
    found = TITLE.search(page, 0, TITLE_SCAN_CHARACTERS)
    title = clean_line(html.unescape(found[1])) if found else None
    return title[:MAX_TITLE_CHARACTERS].rstrip() if title else None
