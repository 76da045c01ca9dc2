"""The demo's Reddit dump: Pushshift-form lines, packed with zstd's 2 GiB window like real ones.

Scores are numbers or strings, addresses carry fragments and trackers, some submissions are self
posts, and some lines are broken. Every link leads to the demo's own hosts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import zstandard

from jobs.demo.pages import chance

WINDOW_LOG = 31  # 2 GiB, as Pushshift and Arctic Shift pack theirs
FIRST_POST = 1_577_836_800  # seconds: 2020-01-01
NUM_SELF_POSTS = 60
SUBREDDITS = ("python", "programming", "datascience", "learnpython", "netsec", "math")
BROKEN_LINES = (
    b'{"id": "cut", "score": 12, "url": "http://docs.python.ex\n',
    b"\xff\xfe\x00 not JSON at all\n",
    b'["a", "list"]\n',
    b'{"id": "odd", "score": {}, "url": 7}\n',
    b"\n",
)


def write_dump(path: Path, *, linked: Sequence[str], disliked: Sequence[str]) -> None:
    """Write submissions that link the addresses, with enough karma or too little."""
    posts = sorted(_posts(linked, disliked), key=lambda post: post["created_utc"])
    lines = [json.dumps(post).encode() + b"\n" for post in posts]
    for number, broken in enumerate(BROKEN_LINES):
        lines.insert((number + 1) * len(lines) // (len(BROKEN_LINES) + 1), broken)
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=WINDOW_LOG)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packer.compress(b"".join(lines)) + packer.flush())


def _posts(linked: Sequence[str], disliked: Sequence[str]) -> Iterator[dict[str, Any]]:
    for url in linked:
        yield _post(url, _spelled(url), 3 + chance(url, "karma", 40) ** 2)
        if chance(url, "again", 4) == 0:
            yield _post(url + " again", url, chance(url, "less", 3))
    for url in disliked:
        for copy in range(1 + chance(url, "posts", 3)):  # karma counts per post: 2 + 2 is not 4
            yield _post(f"{url} {copy}", url, chance(url, copy, "karma", 6) - 3)
    for number in range(NUM_SELF_POSTS):
        post = _post(f"self {number}", f"https://www.reddit.com/r/python/comments/{number:x}/", 50)
        yield {**post, "is_self": True, "selftext": "How do I read a file line by line?"}


def _spelled(url: str) -> str:
    """The address as people paste it."""
    tails = ("", "", "", "#top", "?utm_source=share", "?utm_medium=web&fbclid=a1b2")
    return url + tails[chance(url, "tail", len(tails))]


def _post(key: str, url: str, score: int) -> dict[str, Any]:
    return {
        "id": f"{chance(key, 'id', 36**6):x}",
        "url": url,
        "score": str(score) if chance(key, "string", 6) == 0 else score,
        "title": "Worth a read",
        "subreddit": SUBREDDITS[chance(key, "subreddit", len(SUBREDDITS))],
        "created_utc": FIRST_POST + chance(key, "time", 90_000_000),
        "is_self": False,
        "selftext": "",
        "domain": url.split("/")[2],
        "over_18": False,
    }
