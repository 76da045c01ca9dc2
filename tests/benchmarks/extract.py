"""Main text by each engine, against trafilatura, datatrove's extraction step and resiliparse.

Pages: one of every 9 captures, given to both sides as decoded characters; both give a text. The
peers run as they come: trafilatura with its defaults and without comments (which is the better text
by word 4-gram F1), datatrove's step as its pipelines call it, in the same process, resiliparse for
main content. What the texts are worth: corpus/extraction/blocks/EVALUATION.md.
The last row is the whole way from a capture: checks, charset, metadata, engine, text cleaned.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from corpus.extraction import ExtractSettings, blocks, trafilatura
from corpus.extraction.decode import decode_page
from corpus.extraction.page import extract_page
from corpus.warc.captures import Capture, read_captures
from tests.benchmarks.frame import Peer, Row, in_turn, peer_input, require

ONE_OF = 9
NUM_PAGES = 200
MAX_DIFFERENCE = 0.05  # of pages with a text


def rows(data: Path) -> list[Row]:
    archives = sorted((data / "warc").glob("*.warc.gz"))
    every = (capture for path in archives for capture in read_captures(str(path)))
    captures = list(islice(every, 0, ONE_OF * NUM_PAGES, ONE_OF))
    pages = [decode_page(c.payload, charset=c.charset).replace("\0", "") for c in captures]
    path = peer_input("pages", pages)

    def by_blocks() -> int:
        return sum(blocks.main_text(page) is not None for page in pages)

    def by_trafilatura() -> int:
        return sum(trafilatura.main_text(page) is not None for page in pages)

    return [
        _row("blocks / trafilatura", by_blocks, ("trafilatura_extract.py", path), target=12.0),
        _row("blocks / datatrove's step", by_blocks, ("datatrove_extract.py", path), target=15.0),
        _row("blocks / resiliparse", by_blocks, ("resiliparse_extract.py", path), target=0.5),
        _row(
            "trafilatura / its defaults",
            by_trafilatura,
            ("trafilatura_extract.py", path, "--comments"),
            target=1.0,
        ),
        _whole_way(captures, path),
    ]


def _row(name: str, ours, peer: tuple, *, target: float) -> Row:
    with Peer(*peer) as other:
        found = in_turn(NUM_PAGES, ours, other)
    require(
        abs(found.our_result - found.peer_result) <= MAX_DIFFERENCE * NUM_PAGES,
        f"{name}: pages with a text: {found.our_result}, peer {found.peer_result}",
    )
    return found.row("extract", name, unit="pages/s", target=target)


def _whole_way(captures: list[Capture], path: Path) -> Row:
    settings = ExtractSettings(engine="blocks")

    def ours() -> int:
        return sum(extract_page(capture, settings).text is not None for capture in captures)

    peer = ("datatrove_extract.py", path)
    return _row("capture to text, blocks / datatrove's step", ours, peer, target=10.0)
