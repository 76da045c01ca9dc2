"""Main text against trafilatura with its defaults, and archive reading against warcio.

Pages: one of every 15 captures. The peer is given each page as decoded characters, ours the bytes
of the capture, which it decodes and checks first, and both give a text. Ours is trafilatura too,
without comments, which is the better text by word 4-gram F1 (corpus/extraction/trafilatura.py).
Archives: both give every response's body with its transfer and content codings undone, and must
find as many responses and, within a thousandth, as many bytes. Ours also recovers from damage.
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
NUM_ARCHIVES = 2


def rows(data: Path) -> list[Row]:
    archives = sorted((data / "warc").glob("*.warc.gz"))
    return [_pages(archives), _archives(archives[:NUM_ARCHIVES])]


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


def _archives(archives: list[Path]) -> Row:
    def ours() -> list[int]:
        num = size = 0
        for path in archives:
            for capture in read_captures(str(path)):
                num += 1
                size += len(capture.payload)
        return [num, size]

    with Peer("warcio_read.py", *archives) as peer:
        found = in_turn(ours()[0], ours, peer)
    (num, size), (peer_num, peer_size) = found.our_result, found.peer_result
    require(
        num == peer_num and abs(size - peer_size) <= peer_size / 1000,
        f"responses, bytes: {num}, {size}; peer {peer_num}, {peer_size}",
    )
    return found.row("extract", "archive to captures / warcio", unit="records/s", target=1.0)
