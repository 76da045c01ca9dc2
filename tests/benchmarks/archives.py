"""Archives to captures, against warcio and fastwarc.

All give every response's body with its transfer and content codings undone, and must find as many
responses and, within a thousandth, as many bytes: on sound archives, since on damaged ones neither
peer does (corpus/warc/captures.py has what survives). Ours also checks what it reads and recovers
from damage; it is built on warcio's parsers, and a tenth slower for the rest. fastwarc is C++ and
the faster for it. Reading is under 2 % of extraction, and the marks only say that it stays so.
"""

from __future__ import annotations

from pathlib import Path

from corpus.warc.captures import read_captures
from tests.benchmarks.frame import Peer, Row, in_turn, require

NUM_ARCHIVES = 2
PEERS = (("warcio", 0.8), ("fastwarc", 0.2))


def rows(data: Path) -> list[Row]:
    archives = sorted((data / "warc").glob("*.warc.gz"))[:NUM_ARCHIVES]
    return [_against(name, archives, target=target) for name, target in PEERS]


def _against(name: str, archives: list[Path], *, target: float) -> Row:
    def ours() -> list[int]:
        num = size = 0
        for path in archives:
            for capture in read_captures(str(path)):
                num += 1
                size += len(capture.payload)
        return [num, size]

    with Peer(f"{name}_read.py", *archives) as peer:
        found = in_turn(ours()[0], ours, peer)
    (num, size), (peer_num, peer_size) = found.our_result, found.peer_result
    require(
        num == peer_num and abs(size - peer_size) <= peer_size / 1000,
        f"responses, bytes: {num}, {size}; {name} {peer_num}, {peer_size}",
    )
    return found.row("archives", f"to captures / {name}", unit="records/s", target=target)
