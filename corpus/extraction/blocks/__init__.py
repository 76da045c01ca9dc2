"""Main text by a learned choice of text blocks: the descendant of the Dragnet behind WebText.

Peters and Lecocq 2013 ("Content extraction using diverse feature sets") cut a page into blocks and
classify each. Here: lexbor parses the page and writes it back in canonical form; `scan` cuts that
into blocks; `features` measures each block, its neighbours, containers and kin; `model` scores them
and makes the cut; `render` writes the text. The model is data with a card beside it (card.json);
`training/` makes it.
Cost: see the benchmark's rows; memory about ten times the page. Limits: a page whose text only a
script writes has no blocks; the words that the model knows are mostly English ones, its other
measures know no language.
"""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser

from corpus.extraction.blocks.hints import page_hints
from corpus.extraction.blocks.model import keep_blocks
from corpus.extraction.blocks.render import render
from corpus.extraction.blocks.scan import Scan, scan_page
from corpus.extraction.blocks.shipped import shipped_model

UNWRITTEN_TAGS = ("script", "style", "svg")


def main_text(html: str) -> str | None:
    """Main text; null where the page has no text at all."""
    scan = scan_html(html)
    if not len(scan.block):
        return None
    return render(scan, keep_blocks(scan, shipped_model().probabilities(scan)))


def scan_html(html: str) -> Scan:
    """The elements and blocks of a page."""
    parser = LexborHTMLParser(html)
    # What holds no text is half of many pages: to write it back takes longer than to drop it.
    parser.strip_tags(list(UNWRITTEN_TAGS))
    canonical = parser.html or ""
    return scan_page(canonical.encode("utf-8", "replace"), page_hints(html))
