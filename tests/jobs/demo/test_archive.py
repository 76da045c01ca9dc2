"""The archive's damage is where the plants say, and costs those records alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from corpus.warc.captures import Capture, read_captures
from jobs.demo.archive import NUM_FILES, write_archives
from jobs.demo.pages import page_of
from tests.jobs.demo.conftest import article


def test_damaged_records_alone_are_lost(tmp_path: Path):
    pages = [page_of(article(number)) for number in range(90)]
    planted = write_archives(tmp_path, [(page, page.title.encode() * 40) for page in pages])
    assert Counter(plant.detail for plant in planted) == {"bit flip": 6, "cut": 1}
    read: list[str] = []
    for number in range(NUM_FILES):
        for record in read_captures(str(tmp_path / f"demo-{number:05d}.warc.gz")):
            if isinstance(record, Capture):
                read.append(record.url)
    damaged = {plant.url for plant in planted}
    assert {page.url for page in pages} - set(read) <= damaged
