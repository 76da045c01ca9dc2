"""A whole file arrives, goes on after a kill, and is not asked for twice."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import random
from itertools import pairwise
from pathlib import Path

import pytest

from corpus.commoncrawl.copies import Copied, cache_path, copy_file
from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.commoncrawl.transfer import Transfer, TransferFailed
from tests.mirror import Fault, Mirror, mirroring

DATA = random.Random(7).randbytes(300_000)
QUICK = CommonCrawlSettings(max_attempts=3, backoff_seconds=0.01, max_retry_after_seconds=3.0)


@pytest.fixture
def mirror():
    with mirroring(files={"f": DATA, "f.gz": gzip.compress(DATA)}) as server:
        yield server


def copy(address: str, path: Path) -> Copied | str:
    """The copy, or the reason."""
    try:
        return asyncio.run(copy_file(Transfer(QUICK), address, path))
    except TransferFailed as failure:
        return failure.reason


def test_a_copy_is_the_file_and_is_not_asked_for_twice(mirror: Mirror, tmp_path):
    path = tmp_path / "sub" / "f.gz"
    expected = Copied(
        path=str(path), num_bytes=len(mirror.files["f.gz"]),
        sha256=hashlib.sha256(mirror.files["f.gz"]).hexdigest(),
    )
    assert copy(mirror.base + "f.gz", path) == expected
    assert path.read_bytes() == mirror.files["f.gz"]
    assert copy(mirror.base + "f.gz", path) == expected
    assert len(mirror.requests) == 1
    assert sorted(p.name for p in path.parent.iterdir()) == ["f.gz", "f.gz.json", "f.gz.lock"]


def test_a_copy_goes_on_after_a_failed_run(mirror: Mirror, tmp_path):
    path = tmp_path / "f"
    mirror.faults["f"] = [Fault(cut=100_000), *[Fault(status=503)] * 3]
    assert copy(mirror.base + "f", path) == "throttled"
    mirror.requests.clear()
    assert isinstance(copy(mirror.base + "f", path), Copied)
    assert mirror.asked("f") == ["bytes=100000-"]
    assert path.read_bytes() == DATA


def test_a_copy_of_a_file_that_changed_since_begins_anew(mirror: Mirror, tmp_path):
    path = tmp_path / "f"
    mirror.faults["f"] = [Fault(cut=100_000), *[Fault(status=503)] * 3]
    assert copy(mirror.base + "f", path) == "throttled"
    mirror.files["f"] = DATA[::-1]
    assert isinstance(copy(mirror.base + "f", path), Copied)
    assert path.read_bytes() == DATA[::-1]


def test_without_a_version_nothing_goes_on_from_a_failed_run(tmp_path):
    with mirroring(files={"f": DATA}, with_etag=False) as mirror:
        mirror.faults["f"] = [Fault(cut=100_000), *[Fault(status=503)] * 3]
        assert copy(mirror.base + "f", tmp_path / "f") == "throttled"
        mirror.requests.clear()
        assert isinstance(copy(mirror.base + "f", tmp_path / "f"), Copied)
        assert mirror.asked("f") == [None]


def test_a_corrupt_copy_is_fetched_once_more(mirror: Mirror, tmp_path):
    mirror.faults["f.gz"] = [Fault(corrupt=True)]
    assert isinstance(copy(mirror.base + "f.gz", tmp_path / "f.gz"), Copied)
    assert (tmp_path / "f.gz").read_bytes() == mirror.files["f.gz"]


def test_an_archive_that_is_damaged_itself_is_taken_as_it_is(mirror: Mirror, tmp_path):
    damaged = mirror.files["f.gz"][:-1000]
    mirror.files["f.gz"] = damaged
    assert isinstance(copy(mirror.base + "f.gz", tmp_path / "f.gz"), Copied)
    assert (tmp_path / "f.gz").read_bytes() == damaged
    assert len(mirror.requests) == 2


def test_two_copies_that_differ_and_unpack_neither_are_no_archive(mirror: Mirror, tmp_path):
    mirror.faults["f.gz"] = [Fault(corrupt=True), Fault(change=mirror.files["f.gz"][:-9])]
    assert copy(mirror.base + "f.gz", tmp_path / "f.gz") == "damaged_transfer"
    assert not (tmp_path / "f.gz").exists()


def test_a_copy_that_was_cut_on_disk_is_fetched_again(mirror: Mirror, tmp_path):
    path = tmp_path / "f"
    copy(mirror.base + "f", path)
    path.write_bytes(DATA[:10])
    copy(mirror.base + "f", path)
    assert path.read_bytes() == DATA
    assert json.loads((tmp_path / "f.json").read_text())["num_bytes"] == len(DATA)


def test_every_address_has_a_place_of_its_own(tmp_path):
    addresses = ["https://a.test/x/f", "https://a.test/f", "s3://a.test/f", "https://b.test/f",
                 "https://a.test/f?1", "https://a.test/f?2", "https://a.test/../../../etc/f"]
    places = sorted(cache_path(tmp_path, address) for address in addresses)
    assert all(a != b for a, b in pairwise(places))
    assert all(tmp_path in place.parents for place in places)
    assert all(".." not in place.parts for place in places)
