"""Reading a Reddit dump, against the plain way: zstandard and json.loads over every line.

Both unpack the same file and look at every line's karma, self-post mark and address. Ours also
canonicalises each link's address and builds the rows of `posts`; the plain loop does neither, so
the comparison is to its advantage. It stands for a peer because no published tool goes from
submissions to links.
"""

from __future__ import annotations

from pathlib import Path

from corpus.reddit import LinkSettings, read_dump
from tests.benchmarks.frame import Peer, Row, in_turn, require


def rows(data: Path) -> list[Row]:
    dump = data / "reddit" / "RS_top2013-a.zst"

    def ours() -> int:
        return sum(b.num_lines for b in read_dump(str(dump), LinkSettings(), source="reddit"))

    num_lines = ours()
    with Peer("json_loads.py", dump) as peer:
        found = in_turn(num_lines, ours, peer)
    require(found.peer_result == num_lines, f"lines: {num_lines}, peer {found.peer_result}")
    return [found.row("links", "dump to links / json.loads loop", unit="lines/s", target=1.0)]
