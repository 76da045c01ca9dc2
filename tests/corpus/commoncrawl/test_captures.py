"""Single captures come verbatim, verified, by few requests, and once."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.commoncrawl.captures import (
    Got,
    Place,
    check_member,
    fetch_captures,
    spans_of,
)
from corpus.commoncrawl.settings import CommonCrawlSettings
from corpus.commoncrawl.transfer import Counts, Transfer
from corpus.errors import SetupError
from corpus.warc.captures import read_captures
from tests.mirror import Fault, Mirror, mirroring
from tests.warcs import page, record, record_id

MEMBERS = [record(page(n), number=n) for n in range(6)]
OFFSETS = [sum(map(len, MEMBERS[:n])) for n in range(6)]
DIGEST = [base64.b32encode(hashlib.sha1(page(n)).digest()).decode() for n in range(6)]
QUICK = CommonCrawlSettings(
    base="", max_attempts=2, backoff_seconds=0.01, max_gap_bytes=len(MEMBERS[1])
)
NAME = "crawl/one.warc.gz"


@pytest.fixture
def mirror():
    with mirroring(files={NAME: b"".join(MEMBERS)}) as server:
        yield server


def place(mirror: Mirror, number: int, **changes) -> Place:
    there = Place(
        url=f"http://example.org/{number}", address=mirror.base + NAME, offset=OFFSETS[number],
        length=len(MEMBERS[number]), digest=DIGEST[number],
    )
    return replace(there, **changes)


def fetch(places: list[Place], folder: Path, settings=QUICK) -> tuple[list[Got], bytes, Counts]:
    transfer = Transfer(settings)
    path = folder / "captures.warc.gz"
    got = fetch_captures(places, settings, path, cache=folder / "cache", transfer=transfer)
    return got, path.read_bytes(), transfer.counts


def test_near_captures_come_by_one_request_and_stand_verbatim(mirror, tmp_path):
    got, data, counts = fetch([place(mirror, n) for n in (0, 2, 5)], tmp_path)
    assert data == MEMBERS[0] + MEMBERS[2] + MEMBERS[5]
    assert mirror.asked(NAME) == [
        f"bytes=0-{OFFSETS[3] - 1}", f"bytes={OFFSETS[5]}-{len(mirror.files[NAME]) - 1}",
    ]
    assert [(g.record_id, g.reason) for g in got] == [(record_id(n), None) for n in (0, 2, 5)]
    found = list(read_captures(str(tmp_path / "captures.warc.gz")))
    assert [(c.offset, c.length, c.record_id, c.damage) for c in found] == [
        (g.offset, g.length, g.record_id, None) for g in got
    ]
    assert counts.num_requests == 2


def test_a_second_run_asks_for_what_is_missing_only(mirror, tmp_path):
    mirror.always[NAME] = Fault(status=503)
    (failed,), data, _ = fetch([place(mirror, 1)], tmp_path)
    assert (failed, data) == (Got(reason="throttled"), b"")
    mirror.always.clear()
    fetch([place(mirror, 0)], tmp_path)
    mirror.requests.clear()
    got, data, _ = fetch([place(mirror, 0), place(mirror, 1)], tmp_path)
    assert mirror.asked(NAME) == [f"bytes={OFFSETS[1]}-{OFFSETS[2] - 1}"]
    assert data == MEMBERS[0] + MEMBERS[1]
    assert [g.reason for g in got] == [None, None]
    mirror.requests.clear()
    assert fetch([place(mirror, 1), place(mirror, 0)], tmp_path)[1] == MEMBERS[1] + MEMBERS[0]
    assert mirror.requests == []


def test_what_came_corrupt_is_asked_for_alone(mirror, tmp_path):
    mirror.faults[NAME] = [Fault(corrupt=True)]
    got, data, _ = fetch([place(mirror, n) for n in range(3)], tmp_path)
    assert data == b"".join(MEMBERS[:3])
    assert len(mirror.requests) == 2
    assert [g.reason for g in got] == [None] * 3


def test_what_stays_corrupt_costs_itself_alone(mirror, tmp_path):
    at = OFFSETS[1] + len(MEMBERS[1]) * 3 // 4
    data = bytearray(mirror.files[NAME])
    data[at : at + 8] = b"\xa5" * 8
    mirror.files[NAME] = bytes(data)
    got, data, _ = fetch([place(mirror, n) for n in range(3)], tmp_path)
    assert [g.reason for g in got] == [None, "bad_member", None]
    assert data == MEMBERS[0] + MEMBERS[2]


def test_a_place_that_the_index_has_wrong_costs_itself_alone(mirror, tmp_path):
    places = [
        place(mirror, 0, length=len(MEMBERS[0]) - 1),
        place(mirror, 1, url="http://example.org/other"),
        place(mirror, 2, digest=DIGEST[3]),
        place(mirror, 3),
        place(mirror, 4, offset=10**9),
        place(mirror, 5, address=mirror.base + "crawl/gone.warc.gz"),
    ]
    got, data, _ = fetch(places, tmp_path)
    assert [g.reason for g in got] == [
        "bad_member", "wrong_record", "digest_mismatch", None, "outside_file", "not_found",
    ]
    assert data == MEMBERS[3]


def test_a_folder_with_a_copy_serves_too(tmp_path):
    (tmp_path / "crawl").mkdir()
    (tmp_path / NAME).write_bytes(b"".join(MEMBERS))
    with mirroring() as nobody:
        places = [replace(place(nobody, n), address=str(tmp_path / NAME)) for n in range(6)]
    assert fetch(places, tmp_path)[1] == b"".join(MEMBERS)


def test_what_stops_the_stage_comes_as_itself(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    places = [Place(url="u", address=f"s3://bucket/{n}", offset=n, length=9) for n in range(3)]
    settings = CommonCrawlSettings(s3_endpoint="http://127.0.0.1:9")
    with pytest.raises(SetupError, match="without credentials"):
        fetch(places, tmp_path, settings)


def test_spans_join_what_is_near_and_stay_short():
    def places(*bounds: tuple[int, int]) -> list[Place]:
        return [Place(url="u", address="a", offset=a, length=b - a) for a, b in bounds]

    def joined(*bounds: tuple[int, int]) -> list[tuple[int, int, int]]:
        spans = spans_of(places(*bounds), max_gap=10, max_bytes=100)
        return [(s.start, s.end, len(s.places)) for s in spans]

    assert joined() == []
    assert joined((0, 20), (30, 50)) == [(0, 50, 2)]
    assert joined((0, 20), (31, 50)) == [(0, 20, 1), (31, 50, 1)]
    assert joined((0, 60), (60, 100), (100, 101)) == [(0, 100, 2), (100, 101, 1)]
    assert joined((5, 505), (505, 510)) == [(5, 505, 1), (505, 510, 1)]  # one alone may be longer
    assert joined((0, 50), (10, 20), (55, 60)) == [(0, 60, 3)]


def member(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


def warc(block: bytes, *, type_: str = "response", length: int | None = None, extra: str = ""):
    size = len(block) if length is None else length
    return member(
        f"WARC/1.0\r\nWARC-Type: {type_}\r\nWARC-Target-URI: http://e.com/\r\n{extra}"
        f"WARC-Record-ID: <urn:x>\r\nContent-Length: {size}\r\n\r\n".encode() + block + b"\r\n\r\n"
    )


BLOCK = b"HTTP/1.1 200 OK\r\n\r\nbody"
BODY_SHA1 = base64.b32encode(hashlib.sha1(b"body").digest()).decode()
BLOCK_SHA1 = base64.b32encode(hashlib.sha1(BLOCK).digest()).decode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (warc(BLOCK), None),
        (warc(BLOCK, extra=f"WARC-Block-Digest: sha1:{BLOCK_SHA1}\r\n"), None),
        (warc(BLOCK, extra=f"WARC-Block-Digest: sha1:{BODY_SHA1}\r\n"), "digest_mismatch"),
        (warc(BLOCK, extra=f"WARC-Block-Digest: sha-256:{hashlib.sha256(BLOCK).hexdigest()}\r\n"),
         None),
        (warc(BLOCK, extra="WARC-Block-Digest: blake3:abc\r\n"), None),
        (warc(BLOCK, extra=f"WARC-Payload-Digest: sha1:{BODY_SHA1}\r\n"), None),
        (warc(b"HTTP/1.1 200 OK\r\n\r\nbodY"), "digest_mismatch"),
        (warc(BLOCK, type_="revisit"), "not_a_response"),
        (warc(BLOCK, length=3), "bad_record"),
        (warc(BLOCK, length=99), "bad_record"),
        (member(b"no record"), "bad_record"),
        (member(b""), "bad_record"),
        (warc(BLOCK)[:-1], "bad_member"),
        (warc(BLOCK) + b"x", "bad_member"),
        (b"", "bad_member"),
        (b"WARC/1.0", "bad_member"),
        (warc(bytes(70 << 20)), "too_large"),
    ],
)
def test_a_member_is_what_the_index_says(data, reason):
    there = Place(url="http://e.com/", address="a", offset=0, length=len(data), digest=BODY_SHA1)
    assert check_member(data, there) == (None if reason else "<urn:x>", reason)


@pytest.mark.parametrize(
    "name",
    ["chatnoir-resiliparse__warcfile.warc.gz", "whirlwind-python__whirlwind.warc.gz",
     "jwarc__cc.warc.gz"],
)
def test_the_captures_of_genuine_crawls_are_as_their_digests_say(real_data, tmp_path, name):
    path = real_data / "warc_genuine" / name
    captures = list(read_captures(str(path)))
    places = [Place(url=str(c.url), address=str(path), offset=c.offset, length=c.length)
              for c in captures]
    got, _, _ = fetch(places, tmp_path)
    assert {g.reason for g in got} == {None}
    copies = list(read_captures(str(tmp_path / "captures.warc.gz")))
    assert [c.payload for c in copies] == [c.payload for c in captures]
