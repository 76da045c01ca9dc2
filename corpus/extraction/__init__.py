"""Which text of a page is its main text, and how a page comes to it.

The main text is what a reader came for: headings, paragraphs, lists, tables and code of the
article, the thread, the product or the manual, without navigation, advertising, sharing links,
related pages and readers' comments below an article. `page.py` takes a capture through decoding
(decode.py), a media-type check and an engine (trafilatura.py), within a size and a time budget,
and gives a text or the reason why there is none. `clean_text` is the one form of every text in the
corpus.
"""

from __future__ import annotations

import re
import unicodedata

from corpus.config import Settings

RARE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
RARE_LINE_ENDS = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")  # as str.splitlines() has them
BLANK_LINES = re.compile("\n{3,}")


class ExtractSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Budgets of one page."""

    max_bytes: int = 8_000_000
    """Bytes of a decoded page, and of a line of a text source; more is `too_large`. Common Crawl
    cuts a response at 5 MiB (1 MiB until 2025); a page so large is a list or a dump."""
    max_seconds: float = 20.0
    """Processor seconds for the main text of one page; more is `too_slow`. A second is enough for
    35 pages as a rule: the limit is for pages that would not end."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes is {self.max_bytes}, expected at least 1")
        if not self.max_seconds > 0:
            raise ValueError(f"max_seconds is {self.max_seconds}, expected more than 0")


def clean_text(text: str) -> str:
    """The text in the corpus' form: valid Unicode in NFC, lines that end in \\n, no blank ends.

    Control characters but tab and newline go, and so do lone surrogates, byte order marks, U+FFFE
    and U+FFFF, which UTF-8 or XML cannot hold; blanks at line ends go; of blank lines one stays.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if RARE.search(text):
        text = RARE.sub("", RARE_LINE_ENDS.sub("\n", text))
    text = unicodedata.normalize("NFC", text)
    text = "\n".join([line.rstrip() for line in text.split("\n")])
    return BLANK_LINES.sub("\n\n", text).strip() if "\n\n\n" in text else text.strip()


def clean_line(text: str | None) -> str | None:
    """One line, in the same form, blanks folded; null where nothing is left."""
    return " ".join(clean_text(text).split()) or None if text else None
