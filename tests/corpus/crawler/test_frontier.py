"""What a crawl has outlives any way to die, and becomes an archive in the order of the links."""

from __future__ import annotations

import fcntl
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from corpus.crawler.archive import Page
from corpus.crawler.frontier import (
    JOURNAL,
    SPOOL,
    Frontier,
    Place,
    crawl_key,
    forget_frontiers,
    frontier_folder,
)
from corpus.crawler.settings import FetchSettings
from corpus.storage import Store
from corpus.warc.captures import read_captures


def page(number: int) -> Page:
    url = f"http://a.test/{number}"
    return Page(
        asked=url, url=url, status=200, status_text="OK", headers=(), body=b"page %d" % number,
        request_headers=(), address=None, fetched_at=datetime(2024, 5, 6, tzinfo=UTC),
    )  # fmt: skip


def fill(folder: Path, numbers: list[int], *, key: str = "a") -> None:
    """Pages in this order, and a failure behind the first."""
    with Frontier(folder, key=key) as frontier:
        for number in numbers:
            frontier.add_page(number, page(number))
            if number == numbers[0]:
                frontier.add_failure(99, "timeout")


def links(folder: Path, *, key: str = "a") -> list[int]:
    with Frontier(folder, key=key) as frontier:
        return list(frontier.answers)


def archive(folder: Path, path: Path) -> list[tuple]:
    with Frontier(folder, key="a") as frontier:
        places = frontier.write_archive(path, {"software": "Winnow"})
    captures = list(read_captures(str(path)))
    assert [Place(c.offset, c.length) for c in captures] == [places[n] for n in sorted(places)]
    return [(capture.url, capture.payload, capture.damage) for capture in captures]


def test_answers_outlive_the_crawler_and_stand_in_the_order_of_the_links(tmp_path):
    fill(tmp_path, [2, 0])
    with Frontier(tmp_path, key="a") as frontier:
        assert list(frontier.answers) == [2, 99, 0]
        assert frontier.answers[99].reason == "timeout"
        frontier.add_page(1, page(1))
    expected = [(page(n).url, page(n).body, None) for n in range(3)]
    assert archive(tmp_path, tmp_path / "a.warc.gz") == expected


def test_without_a_page_there_is_still_an_archive(tmp_path):
    assert archive(tmp_path / "f", tmp_path / "a.warc.gz") == []
    assert (tmp_path / "a.warc.gz").stat().st_size > 100


def test_wherever_the_journal_was_cut_the_answers_before_it_are_kept(tmp_path):
    fill(tmp_path, [0, 1, 2])
    whole, spool = ((tmp_path / name).read_bytes() for name in (JOURNAL, SPOOL))
    starts = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for end in range(0, len(whole), 7):
        (tmp_path / JOURNAL).write_bytes(whole[:end])
        (tmp_path / SPOOL).write_bytes(spool)
        num_lines = sum(start <= end for start in starts)
        assert links(tmp_path) == [0, 99, 1, 2][: max(num_lines - 1, 0)], end
        with Frontier(tmp_path, key="a") as frontier:
            for number in {0, 1, 2} - set(frontier.answers):
                frontier.add_page(number, page(number))
        assert len(archive(tmp_path, tmp_path / "a.warc.gz")) == 3, end


def test_a_page_that_did_not_reach_the_disk_is_asked_again(tmp_path):
    fill(tmp_path, [0, 1])
    journal, spool = ((tmp_path / name).read_bytes() for name in (JOURNAL, SPOOL))
    with Frontier(tmp_path, key="a") as frontier:
        first = frontier.answers[0].num_bytes
    for size in (0, 1, first - 1, first, first + 1, len(spool) - 1, len(spool)):
        (tmp_path / JOURNAL).write_bytes(journal)
        (tmp_path / SPOOL).write_bytes(spool[:size])
        whole = [0, 99, 1] if size == len(spool) else [0, 99] if size >= first else []
        assert links(tmp_path) == whole, size


def test_a_page_that_rotted_is_asked_again_with_those_behind_it(tmp_path):
    fill(tmp_path, [0, 1, 2])
    data = bytearray((tmp_path / SPOOL).read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / SPOOL).write_bytes(data)
    assert links(tmp_path) == [0, 99]
    fill(tmp_path, [1, 2])
    assert len(archive(tmp_path, tmp_path / "a.warc.gz")) == 3


@pytest.mark.parametrize("journal", [b"", b"\0" * 500, b"{}\n{}\n", b'{"key":"b"}\n{"link":1}\n'])
def test_what_is_no_journal_of_this_crawl_is_dropped(tmp_path, journal):
    fill(tmp_path, [0])
    (tmp_path / JOURNAL).write_bytes(journal)
    assert links(tmp_path) == []
    assert (tmp_path / SPOOL).stat().st_size == 0


def test_other_links_or_settings_are_another_crawl():
    settings = FetchSettings()
    keys = {
        crawl_key(["http://a.test/"], settings), crawl_key(["http://b.test/"], settings),
        crawl_key(["http://a.test/"], FetchSettings(max_bytes=1)), crawl_key([], settings),
    }  # fmt: skip
    assert len(keys) == 4
    assert crawl_key(["http://a.test/"], FetchSettings()) in keys


def test_a_second_crawler_waits_for_the_first(tmp_path):
    first = Frontier(tmp_path, key="a")
    second = threading.Thread(target=fill, args=(tmp_path, [5]))
    with first:
        second.start()
        second.join(0.2)
        assert second.is_alive()
        first.add_page(1, page(1))
    second.join(10)
    assert links(tmp_path) == [1, 5, 99]
    with (tmp_path / JOURNAL).open("rb") as journal:  # nobody holds it
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("root", ["{}/root", "memory://{}/root"])
def test_frontiers_of_a_root_are_forgotten_together(tmp_path, root):
    store, other = Store(root.format(tmp_path)), Store(root.format(tmp_path) + "2")
    folders = [frontier_folder(s, part) for s in (store, other) for part in range(2)]
    assert len(set(folders)) == 4
    for folder in folders:
        fill(folder, [1])
    forget_frontiers(store)
    assert [folder.exists() for folder in folders] == [False, False, True, True]
    forget_frontiers(other)
    forget_frontiers(other)
