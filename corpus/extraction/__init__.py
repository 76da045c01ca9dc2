"""Which text of a page is its main text, and how a page comes to it.

The main text is what a reader came for: headings, paragraphs, lists, tables and code of the
article, the thread, the product or the manual, without navigation, advertising, sharing links,
related pages and readers' comments below an article. `page.py` takes a capture through decoding
(decode.py), a media-type check and an engine (engines.py), and gives a text or the reason why there
is none; isolation.py does that in a process of its own, under a time and a memory budget, so that
a page that hangs or crashes costs itself alone. `clean_text` is the one form of every text in the
corpus.
"""

from __future__ import annotations

import re
import unicodedata

from corpus.config import Settings
from corpus.extraction.engines import ENGINES

MIN_MEMORY = 64 << 20  # bytes: with less, ordinary pages fail

RARE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
RARE_LINE_ENDS = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")  # as str.splitlines() has them
BLANK_LINES = re.compile("\n{3,}")


class ExtractSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The engine, and the budgets of one page."""

    engine: str = "trafilatura"
    """What finds the main text: a name of engines.py."""
    compare: str | None = None
    """A second engine to study beside it: its texts go to `other_texts`, and the agreement of both
    to `documents.agreement`. Pages that survive filters differ by engine, and the union of several
    engines' has up to 71 % more tokens (arXiv 2602.19548)."""
    fix_text: bool = False
    """Whether texts are repaired by ftfy (Speer 2019), as GPT's were (Radford et al. 2018). Off:
    charsets are found first, so little is broken that way, and ftfy also straightens quotes, widens
    ligatures and narrows full-width letters, at 3 MB/s."""
    check_digests: bool = True
    """Whether a record is `digest_mismatch` whose bytes lie where nothing else tells damage (in a
    plain archive, or a packing without checksums) and fit none of its digests (WARC 1.1
    section 5.8). Off, for archives whose writer got every digest wrong."""
    max_bytes: int = 8_000_000
    """Bytes of a decoded page, and of a line of a text source; more is `too_large`. Common Crawl
    cuts a response at 5 MiB (1 MiB until 2025); a page so large is a list or a dump."""
    max_seconds: float = 20.0
    """Processor seconds for the main text of one page; more is `too_slow`. Of 1,837 real pages none
    takes more than 0.6: the limit is for pages that would not end."""
    max_wall_seconds: float = 120.0
    """Seconds by the clock for one page, whatever it waits for; more is `too_slow`. Six times
    max_seconds, so that a busy machine makes no page too slow."""
    max_memory: int = 1 << 29
    """Bytes that a page may add to its process; more is `out_of_memory`. Of 1,837 real pages none
    adds more than 42 MB in any engine; 8 MB of nothing but tags would add 1 GB."""

    def __post_init__(self) -> None:
        """Check the names and the ranges."""
        for name in (self.engine, self.compare or self.engine):
            if name not in ENGINES:
                raise ValueError(f"engine {name} is unknown, expected one of {', '.join(ENGINES)}")
        if self.compare == self.engine:
            raise ValueError(f"compare is {self.compare}, expected another than the engine itself")
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes is {self.max_bytes}, expected at least 1")
        if not 0 < self.max_seconds <= self.max_wall_seconds:
            raise ValueError(
                f"max_seconds is {self.max_seconds}, expected more than 0 and at most "
                f"max_wall_seconds, which is {self.max_wall_seconds}"
            )
        if self.max_memory < MIN_MEMORY:
            raise ValueError(f"max_memory is {self.max_memory}, expected at least {MIN_MEMORY}")


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


def repair(text: str) -> str:
    """The text with what was decoded wrongly before it came here repaired by ftfy."""
    import ftfy  # 50 ms, for those who ask for it

    return ftfy.fix_text(text, normalization="NFC")
