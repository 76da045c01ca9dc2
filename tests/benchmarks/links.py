"""Reading a Reddit dump, against the plain way: zstandard and json.loads over every line.

Three inputs. `2013`: real submissions of 2013 as they are, the best of their subreddits: 75 % are
links that qualify, 1 % have too little karma, 24 % are texts on Reddit; half of our time there is
zstd's, which both sides spend. `month`: 150 MB of real lines of 2005, 2013 and 2024 in turn, their
ids made distinct and two in three of their scores set to 1: 24 % are links that qualify, 60 % have
too little karma, 15 % are texts. A line comes again only beyond the packing's window, so that it is
packed no better (6.5 times) than a dump is. `plain`: the same lines unpacked, where no zstd that
both sides pay hides what the reading of lines itself costs.
Two peers. `json.loads`: parses every line and counts those that pass the rule; it looks at no
address. `+ addresses`: also canonicalises them plainly, as a part of what ours does for its rows.
Both sides read the file, on one core, and must find the same number of lines and of links. It
stands for a peer because no published tool goes from submissions to links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import zstandard

from corpus.dumps import read_lines
from corpus.reddit.posts import read_dump
from corpus.reddit.rules import BAD_URL, LinkSettings
from tests.benchmarks.frame import BUILD, Peer, Row, in_turn, require

MONTH_BYTES = 150_000_000
WINDOW_LOG = 19  # 512 KiB: a tenth of a round of the month's lines
_ID = re.compile(rb'("id": ?")[a-z0-9]+"')
_SCORE = re.compile(rb'("score": ?)-?\d+')


def rows(data: Path) -> list[Row]:
    packed = month(data)
    dumps = {
        "2013": data / "reddit" / "RS_top2013-a.zst", "month": packed, "plain": unpacked(packed),
    }  # fmt: skip
    found = []
    for name, dump in dumps.items():
        for peer, target in (("json.loads", TARGETS[name]), ("+ addresses", 4.0)):
            found.append(row(dump, f"dump ({name}) to links / {peer}", peer, target))
    return found


TARGETS = {"2013": 2.0, "month": 4.0, "plain": 4.0}


def row(dump: Path, name: str, kind: str, target: float) -> Row:
    def ours() -> tuple[int, int]:
        num_lines = num_links = 0
        for batch in read_dump(str(dump), LinkSettings(), source="reddit"):
            num_lines += batch.num_lines
            num_links += batch.posts.num_rows + batch.dropped[BAD_URL]
        return num_lines, num_links

    num_lines, num_links = ours()
    with Peer("json_loads.py", dump, kind.removeprefix("+ ")) as peer:
        rates = in_turn(num_lines, ours, peer)
    require(
        tuple(rates.peer_result) == (num_lines, num_links),
        f"lines and links: {(num_lines, num_links)}, peer {rates.peer_result}",
    )
    return rates.row("links", name, unit="lines/s", target=target)


def month(data: Path) -> Path:
    """A dump with the shares of a month, made of real lines."""
    path = BUILD / "bench" / "RS_month.zst"
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    parameters = zstandard.ZstdCompressionParameters.from_level(9, window_log=WINDOW_LOG)
    packer = zstandard.ZstdCompressor(compression_params=parameters)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file, packer.stream_writer(file) as packed:
        for line in _month_lines(data):
            packed.write(line)
    partial.rename(path)
    return path


def unpacked(packed: Path) -> Path:
    """The lines of a dump, in a plain file beside it."""
    path = packed.with_suffix(".jsonl")
    if path.is_file():
        return path
    partial = path.with_suffix(".partial")
    with packed.open("rb") as file, partial.open("wb") as text:
        zstandard.ZstdDecompressor().copy_stream(file, text)
    partial.rename(path)
    return path


def _month_lines(data: Path) -> Iterator[bytes]:
    """Rounds of 1,079 lines of 2005, 2,000 of 2013 and 20 of 2024, until there are enough bytes."""
    reddit = data / "reddit"
    old, new = (
        list(read_lines(str(reddit / name)))
        for name in ("RS_v2_2005-07.xz", "arctic_submissions_a.jsonl")
    )
    middle = list(read_lines(str(reddit / "RS_top2013-a.zst")))
    size, number = 0, count(1 << 30)
    for start in count(0, 2_000):
        first = start % (len(middle) - 2_000)
        for i, line in enumerate([*old, *middle[first : first + 2_000], *new]):
            line = _ID.sub(rb'\g<1>%x"' % next(number), line, count=1)
            if i % 3:
                line = _SCORE.sub(rb"\g<1>1", line, count=1)
            yield line + b"\n"
            size += len(line) + 1
        if size >= MONTH_BYTES:
            return
