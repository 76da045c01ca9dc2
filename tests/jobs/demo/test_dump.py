"""The dump has the form of real ones, and only links with enough karma qualify."""

from __future__ import annotations

import json
from pathlib import Path

import zstandard

from jobs.demo.dump import BROKEN_LINES, write_dump


def lines_of(path: Path) -> list[bytes]:
    unpacker = zstandard.ZstdDecompressor(max_window_size=2**31)
    return unpacker.decompressobj().decompress(path.read_bytes()).splitlines(keepends=True)


def test_the_window_is_that_of_real_dumps(tmp_path: Path):
    write_dump(tmp_path / "RS.zst", linked=["http://a.example/"], disliked=[])
    frame = zstandard.get_frame_parameters((tmp_path / "RS.zst").read_bytes())
    assert frame.window_size == 2**31


def test_liked_links_have_a_post_of_3_and_disliked_ones_none(tmp_path: Path):
    liked = [f"http://a.example/{n}" for n in range(60)]
    disliked = [f"http://b.example/{n}" for n in range(60)]
    write_dump(tmp_path / "RS.zst", linked=liked, disliked=disliked)
    posts = []
    for line in lines_of(tmp_path / "RS.zst"):
        try:
            post = json.loads(line)
        except ValueError:
            continue
        if isinstance(post, dict) and isinstance(post.get("score"), int | str):
            posts.append(post)
    best: dict[str, int] = {}
    for post in posts:
        url = post["url"].split("?")[0].split("#")[0]
        if not post.get("is_self"):
            best[url] = max(best.get(url, -99), int(post["score"]))
    assert all(best[url] >= 3 for url in liked)
    assert all(best[url] < 3 for url in disliked)
    assert any(isinstance(post["score"], str) for post in posts)
    assert sum(post.get("is_self", False) for post in posts) == 60


def test_broken_lines_are_among_them(tmp_path: Path):
    write_dump(tmp_path / "RS.zst", linked=["http://a.example/"] * 9, disliked=[])
    lines = lines_of(tmp_path / "RS.zst")
    assert [line for line in lines if line in BROKEN_LINES] == list(BROKEN_LINES)
