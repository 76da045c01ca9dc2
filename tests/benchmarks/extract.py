"""Main text against trafilatura with its defaults.

Pages: one of every 15 captures. The peer is given each page as decoded characters, ours the bytes
of the capture, which it decodes and checks first, and both give a text. Ours is trafilatura too,
without comments, which is the better text by word 4-gram F1 (corpus/extraction/trafilatura.py).
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from corpus.extraction import ExtractSettings
from corpus.extraction.decode import decode_page
from corpus.extraction.page import extract_page
from corpus.warc import read_captures
from tests.benchmarks.frame import Peer, Row, in_turn, peer_input, require

ONE_OF = 15
NUM_PAGES = 120


def rows(data: Path) -> list[Row]:
    archives = sorted((data / "warc").glob("*.warc.gz"))
    return [_pages(archives)]


def _pages(archives: list[Path]) -> Row:
    settings = ExtractSettings()
    every = (capture for path in archives for capture in read_captures(str(path)))
    captures = list(islice(every, 0, ONE_OF * NUM_PAGES, ONE_OF))
    pages = [decode_page(c.payload, charset=c.charset).replace("\0", "") for c in captures]

    def ours() -> int:
        return sum(extract_page(capture, settings).text is not None for capture in captures)

    with Peer("trafilatura_extract.py", peer_input("pages", pages)) as peer:
        found = in_turn(len(captures), ours, peer)
    require(
        abs(found.our_result - found.peer_result) <= len(captures) / 20,
        f"pages with a text: {found.our_result}, peer {found.peer_result}",
    )
    return found.row("extract", "main text / trafilatura's default", unit="pages/s", target=1.0)
