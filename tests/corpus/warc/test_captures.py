from __future__ import annotations

import ast
import gzip
import hashlib
import io
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import zstandard

from corpus.errors import InputError
from corpus.warc.captures import (
    BAD_CONTENT_ENCODING,
    DAMAGED_OTHER,
    DAMAGED_RECORD,
    DIGEST_MISMATCH,
    HEADER_FLOOD,
    TOO_LARGE,
    TRUNCATED_RECORD,
    Capture,
    Tally,
    read_captures,
)
from tests.warcs import (
    arc,
    arc_start,
    glued,
    lz4,
    page,
    record,
    record_id,
    records,
    rotten,
    zstd,
)

WHOLE = [(record_id(number), page(number), None) for number in range(5)]


def write(tmp_path: Path, data: bytes, name: str = "a.warc.gz") -> str:
    path = tmp_path / name
    path.write_bytes(data)
    return str(path)


def read(path: str) -> list[tuple[str | None, bytes, str | None]]:
    """Id, body and damage of each capture; the two ways of reading agree on all else."""
    captures = list(read_captures(path))
    heads = list(read_captures(path, headers_only=True))
    assert [place(capture) for capture in captures] == [place(head) for head in heads]
    offsets = [capture.offset for capture in captures]
    assert offsets == sorted(set(offsets))
    return [(capture.record_id, capture.payload, capture.damage) for capture in captures]


def place(capture: Capture) -> tuple[object, ...]:
    return capture.offset, capture.length, capture.url, capture.record_id, capture.mime


def test_a_response_is_a_capture(tmp_path):
    path = write(tmp_path, record(page(7), number=7))
    assert list(read_captures(path)) == [
        Capture(
            record_id=record_id(7),
            url="http://example.org/7",
            fetched_at=datetime(2024, 5, 18, 1, 58, 10, tzinfo=UTC),
            status=200,
            mime="text/html",
            charset="utf-8",
            payload=page(7),
            offset=0,
            length=Path(path).stat().st_size,
            damage=None,
        )
    ]


def test_without_bodies_everything_else_is_the_same(tmp_path):
    path = write(tmp_path, b"".join(records(2)))
    assert [capture.payload for capture in read_captures(path, headers_only=True)] == [b"", b""]
    assert read(path) == WHOLE[:2]


def test_offset_and_length_cut_the_record_out_of_the_archive(tmp_path):
    path = write(tmp_path, b"".join(records(3)))
    second = list(read_captures(path))[1]
    data = Path(path).read_bytes()[second.offset : second.offset + second.length]
    assert read(write(tmp_path, data, "cut.warc.gz")) == WHOLE[1:2]


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("plain.warc", lambda plain: b"".join(plain)),
        ("members.warc.gz", lambda plain: b"".join(gzip.compress(piece) for piece in plain)),
        ("one-member.warc.gz", glued),
        ("two-members.warc.gz", lambda plain: glued(plain[:2]) + glued(plain[2:])),
        ("frames.warc.zst", lambda plain: b"".join(zstandard.compress(piece) for piece in plain)),
        ("one-frame.warc.zst", lambda plain: zstandard.compress(b"".join(plain))),
        ("frames.warc.lz4", lambda plain: b"".join(map(lz4, plain))),
        ("one-frame.warc.lz4", lambda plain: lz4(b"".join(plain))),
        ("bare-frames.warc.lz4", lambda plain: b"".join(lz4(p, checksum=False) for p in plain)),
        ("padded.warc.gz", lambda plain: glued(plain) + bytes(512)),
    ],
)
def test_every_packing_gives_the_same_captures(tmp_path, name, pack):
    plain = records(5, packed=False)
    assert read(write(tmp_path, pack(plain), name)) == WHOLE


def test_a_record_may_go_on_over_members(tmp_path):
    plain = b"".join(records(5, packed=False))
    pieces = [gzip.compress(plain[start : start + 700]) for start in range(0, len(plain), 700)]
    assert read(write(tmp_path, b"".join(pieces))) == WHOLE


def test_a_zstd_archive_may_bring_its_dictionary(tmp_path):
    plain = records(5, packed=False)
    samples = [record(page(number), packed=False) for number in range(99)]
    dictionary = zstandard.train_dictionary(4096, samples)
    packer = zstandard.ZstdCompressor(dict_data=dictionary)
    held = zstandard.compress(dictionary.as_bytes())
    head = b"\x5d\x2a\x4d\x18" + len(held).to_bytes(4, "little") + held
    data = head + b"".join(packer.compress(piece) for piece in plain)
    assert read(write(tmp_path, data, "a.warc.zst")) == WHOLE


def test_a_rotten_record_costs_itself_alone(tmp_path):
    members = records(5)
    members[2] = rotten(members[2])
    found = read(write(tmp_path, b"".join(members)))
    assert found == [*WHOLE[:2], (record_id(2), b"", DAMAGED_RECORD), *WHOLE[3:]]


def test_a_wrong_checksum_is_damage_though_all_bytes_were_there(tmp_path):
    members = records(3)
    members[1] = members[1][:-8] + bytes([members[1][-8] ^ 1]) + members[1][-7:]
    found = read(write(tmp_path, b"".join(members)))
    assert found == [WHOLE[0], (record_id(1), b"", DAMAGED_RECORD), WHOLE[2]]


def test_a_record_without_a_beginning_costs_itself_alone(tmp_path):
    members = records(3)
    members[1] = b"\xa5" * 16 + members[1][16:]
    found = read(write(tmp_path, b"".join(members)))
    assert found == [WHOLE[0], (None, b"", DAMAGED_RECORD), WHOLE[2]]


def test_a_rotten_first_record_does_not_hide_the_archive(tmp_path):
    members = records(2)
    members[0] = b"\x1f\x8b\x08" + b"\xa5" * 16 + members[0][19:]
    assert read(write(tmp_path, b"".join(members))) == [(None, b"", DAMAGED_RECORD), WHOLE[1]]


def test_a_rotten_zstd_frame_costs_itself_alone(tmp_path):
    packer = zstandard.ZstdCompressor(write_checksum=True)
    frames = [packer.compress(piece) for piece in records(3, packed=False)]
    frames[1] = rotten(frames[1])
    found = read(write(tmp_path, b"".join(frames), "a.warc.zst"))
    assert [found[0], found[-1]] == [WHOLE[0], WHOLE[2]]
    assert [damage for _, _, damage in found] == [None, DAMAGED_RECORD, None]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
def test_a_cut_archive_says_which_record_was_cut(tmp_path, share):
    members = records(3)
    kept = len(members[2]) * share
    found = read(write(tmp_path, b"".join(members[:2]) + members[2][: int(kept)]))
    assert found[:2] == WHOLE[:2]
    assert [damage for _, _, damage in found[2:]] == [TRUNCATED_RECORD]


def test_a_cut_plain_archive_says_so_too(tmp_path):
    data = b"".join(records(3, packed=False))
    found = read(write(tmp_path, data[:-200], "a.warc"))
    assert found == [*WHOLE[:2], (record_id(2), b"", TRUNCATED_RECORD)]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("shift", [-40, 40, 4000])
def test_a_wrong_length_costs_the_record_alone(tmp_path, packed, shift):
    pieces = records(4, packed=False)
    head, _, tail = pieces[1].partition(b"Content-Length: ")
    length, _, tail = tail.partition(b"\r\n")
    wrong = str(int(length) + shift).encode()
    pieces[1] = head + b"Content-Length: " + wrong + b"\r\n" + tail
    data = [gzip.compress(piece) if packed else piece for piece in pieces]
    found = read(write(tmp_path, b"".join(data)))
    assert found == [WHOLE[0], (record_id(1), b"", DAMAGED_RECORD), *WHOLE[2:4]]


def test_damage_of_a_request_is_told_from_that_of_a_page(tmp_path):
    request = record(b"x" * 5000, number=9, type_="metadata", url="http://example.org/9")
    flipped = request[:-8] + bytes([request[-8] ^ 1]) + request[-7:]
    found = list(read_captures(write(tmp_path, flipped + records(1)[0])))
    assert [(capture.damage, capture.url) for capture in found] == [
        (DAMAGED_OTHER, None),
        (None, "http://example.org/0"),
    ]


def test_garbage_between_records_is_one_damage(tmp_path):
    plain = records(2, packed=False)
    found = read(write(tmp_path, plain[0] + b"monkeys\r\nand more\r\n\r\n" + plain[1], "a.warc"))
    assert found == [WHOLE[0], (None, b"", DAMAGED_RECORD), WHOLE[1]]


def test_only_responses_and_web_resources_are_captures(tmp_path):
    members = [
        record(b"<p>", type_="resource", number=1, url="https://example.org/r"),
        record(b"log", type_="resource", number=2, url="metadata://example.org/log"),
        record(b"note", type_="metadata", number=3),
        record(b"text", type_="conversion", number=4),
        record(b"", type_="request", number=5, status="GET / HTTP/1.1", headers=()),
    ]
    found = list(read_captures(write(tmp_path, b"".join(members))))
    assert [(capture.url, capture.status, capture.payload) for capture in found] == [
        ("https://example.org/r", None, b"<p>")
    ]


PACKED_HEADERS = (("Content-Type", "text/html"), ("Content-Encoding", "gzip"))


def test_a_packed_body_that_breaks_is_a_reason(tmp_path):
    body = gzip.compress(page())
    path = write(tmp_path, record(body[:40] + b"\xa5" * 40 + body[80:], headers=PACKED_HEADERS))
    assert [(c.payload, c.damage) for c in read_captures(path)] == [(b"", BAD_CONTENT_ENCODING)]


def test_of_a_body_that_was_cut_the_beginning_is_a_capture(tmp_path):
    body = gzip.compress(page())[:-20]
    (capture,) = read_captures(write(tmp_path, record(body, headers=PACKED_HEADERS)))
    assert (capture.damage, capture.is_cut) == (None, True)
    assert page().startswith(capture.payload)
    assert len(capture.payload) > 500


def test_a_page_that_its_crawler_cut_says_so(tmp_path):
    plain = record(page(), packed=False)
    cut = plain.replace(b"WARC-Type:", b"WARC-Truncated: length\r\nWARC-Type:")
    found = list(read_captures(write(tmp_path, plain + cut, "a.warc")))
    assert [(c.payload, c.is_cut) for c in found] == [(page(), False), (page(), True)]


def test_headers_without_an_end_are_a_reason(tmp_path):
    flood = tuple((f"X-{number}", "y" * 1_000) for number in range(400))
    data = record(page(0), headers=flood) + records(2)[1]
    for headers_only in (False, True):
        found = list(read_captures(write(tmp_path, data), headers_only=headers_only))
        assert [(c.damage, c.status) for c in found] == [(HEADER_FLOOD, None), (None, 200)]


def with_digests(plain: bytes, *, block: str | None, payload: str | None) -> bytes:
    """The record with these digests in place of its own."""
    head, _, rest = plain.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if b"-Digest:" not in line]
    for name, digest in (("Block", block), ("Payload", payload)):
        lines += [f"WARC-{name}-Digest: {digest}".encode()] if digest else []
    return b"\r\n".join(lines) + b"\r\n\r\n" + rest


def sha1(data: bytes) -> str:
    return "sha1:" + hashlib.sha1(data).hexdigest()


CHUNKED = b"4\r\n<p>w\r\n6\r\nhat</p\r\n1\r\n>\r\n0\r\n\r\n"
WRONG = "sha1:" + "0" * 40


@pytest.mark.parametrize(
    ("block", "payload", "is_believed"),
    [
        (None, None, True),
        ("own", None, True),
        (WRONG, None, False),
        (None, WRONG, False),
        (WRONG, WRONG, False),
        ("own", WRONG, True),  # its writer takes another part for the payload
        (WRONG, sha1(CHUNKED), True),  # its writer changed the headers afterwards
        (None, sha1(b"<p>what</p>"), True),  # without chunks
        (None, "sha1:", True),
        ("crc32:00000000", "monkeypowah!", True),
    ],
)
def test_a_plain_record_is_damaged_where_none_of_its_digests_fits(
    tmp_path, block, payload, is_believed
):
    headers = (("Content-Type", "text/html"), ("Transfer-Encoding", "chunked"))
    plain = record(CHUNKED, headers=headers, packed=False)
    own = sha1(plain.partition(b"\r\n\r\n")[2][:-4])
    plain = with_digests(plain, block=own if block == "own" else block, payload=payload)
    sound, damaged = [(record_id(0), b"<p>what</p>", None)], [(record_id(0), b"", DIGEST_MISMATCH)]
    expected = sound if is_believed else damaged
    assert read(write(tmp_path, plain, "a.warc")) == expected
    assert read(write(tmp_path, zstd(plain, checksum=False), "a.warc.zst")) == expected
    assert read(write(tmp_path, lz4(plain, checksum=False), "a.warc.lz4")) == expected
    # The packing proves the bytes: a digest that differs was wrong from the start.
    assert read(write(tmp_path, zstd(plain), "a.warc.zst")) == sound
    assert read(write(tmp_path, lz4(plain), "a.warc.lz4")) == sound
    assert read(write(tmp_path, gzip.compress(plain))) == sound
    # ... but not before the last of its records, where a member holds several.
    two = [(None, b"", DIGEST_MISMATCH) if not is_believed else (None, b"<p>what</p>", None)]
    assert [row[1:] for row in read(write(tmp_path, gzip.compress(plain + plain)))] == [
        row[1:] for row in two * 2
    ]
    path = write(tmp_path, plain, "a.warc")
    assert [c.damage for c in read_captures(path, check_digests=False)] == [None]


def test_a_digest_may_be_that_of_the_body_unpacked(tmp_path):
    plain = record(gzip.compress(page()), headers=PACKED_HEADERS, packed=False)
    plain = with_digests(plain, block=WRONG, payload=sha1(page()))
    assert read(write(tmp_path, plain, "a.warc")) == [(record_id(0), page(), None)]


def test_each_record_is_counted_once(tmp_path):
    members = records(4)
    members[1] = rotten(members[1])
    kinds = ("metadata", "conversion", "conversion")
    members += [record(b"x", type_=kind, number=9) for kind in kinds]
    members += [record(gzip.compress(page())[:12], headers=PACKED_HEADERS, number=10)]
    tally = Tally()
    found = list(read_captures(write(tmp_path, b"".join(members) + members[0][:99]), tally=tally))
    assert len(found) == 6
    assert tally == Tally(
        num_readable=3,
        damaged=Counter({DAMAGED_RECORD: 1, BAD_CONTENT_ENCODING: 1, TRUNCATED_RECORD: 1}),
        skipped=Counter(metadata=1, conversion=2),
    )


def test_an_arc_file_gives_its_captures(tmp_path):
    http = b"HTTP/1.1 200 OK\r\nContent-Type: TEXT/HTML; Charset='Latin-1'\r\n\r\n<p>Hello</p>"
    line = b"http://example.org/a b 192.0.2.1 20140216050221 text/html %d\n" % len(http)
    version = b"1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n"
    first = b"filedesc://a.arc 0.0.0.0 20140216050221 text/plain %d\n%s" % (len(version), version)
    data = first + b"\n" + line + http + b"\n"
    (capture,) = read_captures(write(tmp_path, data, "a.arc"))
    assert capture == Capture(
        record_id=None,
        url="http://example.org/a%20b",
        fetched_at=datetime(2014, 2, 16, 5, 2, 21, tzinfo=UTC),
        status=200,
        mime="text/html",
        charset="latin-1",
        payload=b"<p>Hello</p>",
        offset=len(first) + 1,
        length=len(line) + len(http) + 1,
        damage=None,
    )


@pytest.mark.parametrize("pack", [bytes, lambda piece: gzip.compress(piece, mtime=0), zstd])
@pytest.mark.parametrize("hit", [None, 1, 2])
def test_arc_records_are_read_in_every_version_and_packing(tmp_path, pack, hit):
    pieces = [
        arc_start(2),
        arc(page(0), url="http://a.test/0", about="text/html 200 - - 1209 a.arc"),
        arc(page(1), url="http://a.test/1", ip="2001:db8::1"),
        arc(page(2), url="http://a.test/2", ip="-", about="text/html; charset=utf-8"),
        arc(page(3), url="http://a.test/3 4", about="no-type"),
    ]
    if hit is not None:  # the line that says how long it is
        pieces[hit] = pieces[hit].replace(b"20140216050221", b"2014021x050221", 1)
    tally = Tally()
    path = write(tmp_path, b"".join(map(pack, pieces)), "a.arc")
    found = list(read_captures(path, tally=tally))
    urls = [f"http://a.test/{n}" for n in ("0", "1", "2", "3%204")]
    assert [(c.url, c.payload) for c in found if c.damage is None] == [
        (url, page(n)) for n, url in enumerate(urls) if n + 1 != hit
    ]
    assert tally.damaged == Counter({DAMAGED_RECORD: 1} if hit else {})
    assert tally.skipped == Counter(warcinfo=1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"Dear reader,\nthis is no archive.\n" * 300, "not an archive"),
        (gzip.compress(b"Dear reader,\nthis is no archive.\n" * 300), "not an archive"),
        (b"\x1f\x8b\x08" + b"\xa5" * 500, "not an archive"),
        (b"\x5d\x2a\x4d\x18\xff\xff\xff\x7f", "dictionary"),
        (lz4(b"Dear reader,\nthis is no archive.\n" * 300), "not an archive"),
    ],
)
def test_what_is_no_archive_is_one_clear_error(tmp_path, data, message):
    path = write(tmp_path, data, "text.warc.gz")
    with pytest.raises(InputError, match=message):
        list(read_captures(path))


def test_a_missing_archive_is_one_clear_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_captures(str(tmp_path / "none.warc.gz")))


NUM_FUZZED = 12
ENDINGS = {"plain": "a.warc", "gzip": "a.warc.gz", "zstd": "a.warc.zst", "lz4": "a.warc.lz4"}
PACKINGS = {
    "plain": lambda plain: plain,
    "gzip": lambda plain: gzip.compress(plain, mtime=0),
    "zstd": zstd,
    "zstd-bare": lambda plain: zstd(plain, checksum=False),
    "lz4": lz4,
    "lz4-bare": lambda plain: lz4(plain, checksum=False),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("damage", ["flip", "overwrite", "delete", "insert"])
def test_whatever_happens_to_some_records_the_others_survive(tmp_path, packing, damage):
    sound = [record(page(number), number=number, packed=False) for number in range(NUM_FUZZED)]
    pieces = [PACKINGS[packing](piece) for piece in sound]
    rows = [(record_id(number), page(number), None) for number in range(NUM_FUZZED)]
    for seed in range(60):
        random = Random(f"{packing} {damage} {seed}")
        hit = sorted(random.sample(range(NUM_FUZZED), 3))
        data = b"".join(
            damaged(piece, damage, random) if number in hit else piece
            for number, piece in enumerate(pieces)
        )
        tally = Tally()
        path = write(tmp_path, data, ENDINGS[packing.removesuffix("-bare")])
        found = [(c.record_id, c.payload, c.damage) for c in read_captures(path, tally=tally)]
        whole = [row for number, row in enumerate(rows) if number not in hit]
        assert [row for row in found if row in whole] == whole, seed
        others = [row for row in found if row not in whole]
        num_damaged = sum(row[2] is not None for row in others)
        assert len(others) <= 2 * len(hit), seed
        assert (tally.num_readable, tally.damaged.total()) == (
            len(found) - num_damaged, num_damaged,
        )  # fmt: skip
        if packing in ("gzip", "zstd", "lz4"):  # a body that changed is never taken for sound
            assert all(row[1] in (b"", page(number)) for row, number in zip_ids(others)), seed


def damaged(piece: bytes, damage: str, random: Random) -> bytes:
    at = random.randrange(len(piece) - 8)
    if damage == "flip":
        return piece[:at] + bytes([piece[at] ^ 1 << random.randrange(8)]) + piece[at + 1 :]
    if damage == "overwrite":
        return piece[:at] + random.randbytes(8) + piece[at + 8 :]
    if damage == "delete":
        return piece[:at] + piece[at + random.randrange(1, 8) :]
    return piece[:at] + random.randbytes(5) + piece[at:]


def zip_ids(rows: list) -> list:
    """Each row with the number of its record, where its id still tells."""
    ids = {record_id(number): number for number in range(NUM_FUZZED)}
    return [(row, ids[row[0]]) for row in rows if row[0] in ids]


LARGE = """
import resource, sys
from corpus.warc.captures import Tally, read_captures
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
tally = Tally()
found = [c.damage for c in read_captures(sys.argv[1], headers_only=len(sys.argv) > 2, tally=tally)]
print(found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def memory_of(path: str, *arguments: str) -> tuple[list, int]:
    """Damage of each capture, and the KiB of memory that reading took."""
    command = [sys.executable, "-c", LARGE, path, *arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    damage, _, memory = output.strip().rpartition(" ")
    return ast.literal_eval(damage), int(memory)


def large_record(num_bytes: int) -> bytes:
    """The head of a record whose body has so many bytes."""
    http = b"HTTP/1.1 200 OK\r\n\r\n"
    length = str(len(http) + num_bytes).encode()
    return b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: " + length + b"\r\n\r\n" + http


def test_a_record_of_half_a_gigabyte_is_passed_over_in_little_memory(tmp_path):
    path = tmp_path / "large.warc"
    with path.open("wb") as file:
        file.write(large_record(1 << 29))
        file.seek(1 << 29, io.SEEK_CUR)  # a hole
        file.write(b"\r\n\r\n" + record(page(), packed=False))
    for arguments in ((), ("headers_only",)):
        found, memory = memory_of(str(path), *arguments)
        assert found == [None if arguments else TOO_LARGE, None]
        assert memory < 40_000


@pytest.mark.parametrize("bomb", ["record", "blanks", "body"])
def test_a_bomb_takes_bounded_memory(tmp_path, bomb):
    size = 160 << 20
    pieces = {
        "record": [large_record(size), bytes(size)],
        "blanks": [b"\r\n" * (size // 2)],
        "body": [record(gzip.compress(bytes(size)), headers=PACKED_HEADERS, packed=False)],
    }[bomb]
    path = write(tmp_path, gzip.compress(b"".join(pieces), 1) + record(page()))
    found, memory = memory_of(path)
    assert found == ([None] if bomb == "blanks" else [TOO_LARGE, None])
    assert memory < 300_000


def test_every_flipped_byte_gives_rows_and_no_exception(tmp_path):
    data = b"".join(records(3))
    for at in range(0, len(data), 37):
        flipped = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        found = read(write(tmp_path, flipped))
        sound = [row for row in found if row[2] is None]
        assert len(sound) >= 2, at
        assert all(row in WHOLE for row in sound), at


def test_every_cut_gives_the_records_before_it(tmp_path):
    members = records(3)
    data = b"".join(members)
    for end in range(200, len(data), 41):
        found = read(write(tmp_path, data[:end]))
        num_whole = sum(end >= len(b"".join(members[:num])) for num in (1, 2, 3))
        assert found[:num_whole] == WHOLE[:num_whole], end
        assert len(found) == num_whole + 1, end
