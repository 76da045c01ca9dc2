"""Chains of members: what lies between them, and what their checksums prove."""

from __future__ import annotations

import gzip
import io
import time

import pytest

from corpus.errors import InputError
from corpus.warc.archives import Reader
from corpus.warc.members import ChainReader, open_reader
from tests.warcs import lz4, records, zstd

PLAIN = records(3, packed=False)
SKIPPABLE = b"\x53\x2a\x4d\x18\x05\x00\x00\x00skip!"


def walk(data: bytes, name: str = "a.warc.gz") -> list[tuple[int, int, bool]]:
    """Offset, length and is_proven of each record."""
    reader = open_reader(io.BytesIO(data), name)
    found = []
    while reader.begin():
        reader.header()
        reader.read(len(PLAIN[0].partition(b"\r\n\r\n")[2]) - 4)
        found.append((reader.offset, reader.finish(), reader.is_proven))
    return found


def places(members: list[bytes], *, is_proven: bool = True) -> list[tuple[int, int, bool]]:
    starts = [sum(map(len, members[:number])) for number in range(len(members))]
    return [(at, len(m), is_proven) for at, m in zip(starts, members, strict=True)]


@pytest.mark.parametrize(
    ("pack", "is_proven"),
    [
        (gzip.compress, True), (zstd, True), (lz4, True),
        (lambda plain: zstd(plain, checksum=False), False),
        (lambda plain: lz4(plain, checksum=False), False),
    ],
)  # fmt: skip
def test_a_member_with_a_checksum_proves_the_record_that_it_holds_alone(pack, is_proven):
    members = [pack(piece) for piece in PLAIN]
    assert walk(b"".join(members)) == places(members, is_proven=is_proven)
    assert [proven for *_, proven in walk(pack(b"".join(PLAIN)))] == [False] * 3


def test_plain_records_are_never_proven():
    assert walk(b"".join(PLAIN), "a.warc") == places(PLAIN, is_proven=False)


@pytest.mark.parametrize(
    ("pack", "between"),
    [
        (gzip.compress, b"\0" * 10_000), (zstd, SKIPPABLE * 3), (lz4, SKIPPABLE + b"\0" * 9),
        (gzip.compress, gzip.compress(b"")), (gzip.compress, gzip.compress(b"\r\n" * 9)),
    ],
)  # fmt: skip
def test_padding_between_members_is_passed_over(pack, between):
    found = walk(between.join([*map(pack, PLAIN), b""]))
    assert len(found) == 3
    assert found[0][0] == 0


def test_megabytes_of_padding_take_no_time():
    began = time.process_time()
    assert len(walk(gzip.compress(PLAIN[0]) + bytes(20_000_000) + gzip.compress(PLAIN[1]))) == 2
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (gzip.compress(PLAIN[0]), "a", ChainReader), (zstd(PLAIN[0]), "a", ChainReader),
        (lz4(PLAIN[0]), "a", ChainReader), (SKIPPABLE, "a", ChainReader),
        (b"WARC/1.0", "a.warc.gz", Reader), (b"filedesc://", "a.arc.gz", Reader),
        (b"rotten begin", "a.warc", Reader), (b"rotten begin", "a.warc.gz", ChainReader),
        (b"rotten begin", "a.warc.zst", ChainReader), (b"rotten begin", "a.warc.lz4", ChainReader),
    ],
)  # fmt: skip
def test_the_packing_is_told_by_the_bytes_then_by_the_name(head, name, kind):
    assert type(open_reader(io.BytesIO(head), name)) is kind


def test_an_empty_file_is_no_archive():
    with pytest.raises(InputError, match="empty"):
        open_reader(io.BytesIO(b""), "a.warc.gz")
