from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from corpus.errors import InputError
from corpus.warc import (
    BAD_CONTENT_ENCODING,
    DAMAGED_OTHER,
    DAMAGED_RECORD,
    TRUNCATED_RECORD,
    Capture,
    parse_date,
    read_captures,
)
from tests.warcs import glued, page, record, record_id, records, rotten

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


def test_a_packed_body_that_breaks_is_a_reason(tmp_path):
    headers = (("Content-Type", "text/html"), ("Content-Encoding", "gzip"))
    body = gzip.compress(page())[:-20]
    path = write(tmp_path, record(body, headers=headers))
    assert [(c.payload, c.damage) for c in read_captures(path)] == [(b"", BAD_CONTENT_ENCODING)]


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


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"Dear reader,\nthis is no archive.\n" * 300, "not an archive"),
        (gzip.compress(b"Dear reader,\nthis is no archive.\n" * 300), "not an archive"),
        (b"\x1f\x8b\x08" + b"\xa5" * 500, "not an archive"),
        (b"\x5d\x2a\x4d\x18\xff\xff\xff\x7f", "dictionary"),
    ],
)
def test_what_is_no_archive_is_one_clear_error(tmp_path, data, message):
    path = write(tmp_path, data, "text.warc.gz")
    with pytest.raises(InputError, match=message):
        list(read_captures(path))


def test_a_missing_archive_is_one_clear_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_captures(str(tmp_path / "none.warc.gz")))


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-05-18T01:58:10.123456Z", datetime(2024, 5, 18, 1, 58, 10, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("20140301000000", datetime(2014, 3, 1, tzinfo=UTC)),
        ("2016-02", datetime(2016, 2, 1, tzinfo=UTC)),
        ("2016-13-01T00:00:00Z", None),
        ("0000", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_of_both_formats_are_read(text, date):
    assert parse_date(text) == date


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
