"""Lines come out of every packing, and damage ends them with a mark."""

from __future__ import annotations

import bz2
import gzip
import lzma

import pytest
import zstandard

from corpus import dumps
from corpus.dumps import BREAK, read_blocks, read_lines
from corpus.errors import InputError
from corpus.simd import PADDING

TEXT = "".join(f'{{"title": "Bücher № {i}"}}\n' for i in range(5_000)).encode()
LINES = TEXT.split(b"\n")[:-1]


def zstd_wide(data: bytes) -> bytes:
    """Packed with a window of 2 GiB, as Pushshift's dumps are."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        3, window_log=31, enable_ldm=True, write_content_size=False
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(data) + packer.flush()


PACK = {".zst": zstd_wide, ".xz": lzma.compress, ".bz2": bz2.compress, ".gz": gzip.compress}


@pytest.fixture(params=sorted(PACK))
def suffix(request):
    return request.param


def read(tmp_path, name: str, data: bytes) -> list[bytes]:
    path = tmp_path / name
    path.write_bytes(data)
    return list(read_lines(str(path)))


def test_a_packed_dump_is_read_whole(tmp_path, suffix):
    assert read(tmp_path, "RS" + suffix, PACK[suffix](TEXT)) == LINES


def test_a_dump_of_several_streams_is_read_whole(tmp_path, suffix):
    half = len(TEXT) // 2  # in the middle of a line, and of a character somewhere
    packed = PACK[suffix](TEXT[:half]) + PACK[suffix](TEXT[half:])
    assert read(tmp_path, "RS" + suffix, packed) == LINES


def test_a_cut_dump_gives_its_whole_lines_and_the_mark(tmp_path, suffix):
    packed = PACK[suffix](TEXT)
    *lines, last = read(tmp_path, "RS" + suffix, packed[: len(packed) - 7])
    assert last is BREAK
    assert lines == LINES[: len(lines)]


def test_a_damaged_dump_gives_the_lines_before_and_the_mark(tmp_path, monkeypatch):
    monkeypatch.setattr(dumps, "INPUT_BYTES", 64)
    packed = bytearray(gzip.compress(TEXT))
    packed[len(packed) // 2] ^= 0xFF
    *lines, last = read(tmp_path, "RS.gz", bytes(packed))
    assert last is BREAK
    assert len(lines) > 1_000
    assert lines[:1_000] == LINES[:1_000]


def test_plain_lines_may_end_anyhow(tmp_path, monkeypatch):
    monkeypatch.setattr(dumps, "PLAIN_BYTES", 3)
    assert read(tmp_path, "RS.jsonl", "ä\n\nöü\r\nß".encode()) == [
        "ä".encode(), b"", "öü\r".encode(), "ß".encode(),
    ]


def test_a_packing_is_told_by_its_bytes_where_the_name_says_none(tmp_path):
    assert read(tmp_path, "RS_2011-01", bz2.compress(b"a\nb\n")) == [b"a", b"b"]


def test_padding_after_a_stream_is_no_damage(tmp_path):
    assert read(tmp_path, "RS.xz", lzma.compress(b"a\n") + b"\0" * 8) == [b"a"]


def test_a_line_without_end_does_not_fill_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(dumps, "PLAIN_BYTES", 10)
    monkeypatch.setattr(dumps, "MAX_LINE_BYTES", 25)
    lines = read(tmp_path, "RS.jsonl", b"x" * 1_000 + b"\nshort\n")
    assert [len(line) for line in lines] == [25, 5]
    chunks = [b"x" * 30, b"yy\nshort\nlast"]
    assert [(block.size, block.num_bytes) for block in read_blocks(chunks)] == [
        (25, 33), (6, 6), (4, 4),
    ]


def test_blocks_are_whole_lines_with_padding():
    chunks = [b"a", b"bc\nd", b"", b"ef\ngh\ni"]
    blocks = [(bytes(block.data), block.size) for block in read_blocks(chunks)]
    texts = [b"abc\n", b"def\ngh\n", b"i"]
    assert blocks == [(text + PADDING, len(text)) for text in texts]


def test_a_break_ends_the_blocks_and_costs_the_line_that_was_read():
    assert [block and block.size for block in read_blocks([b"a\nb", BREAK, b"c\n"])] == [2, None]


def test_little_that_unpacks_to_much_is_read_in_smaller_steps(tmp_path):
    path = tmp_path / "RS.zst"
    path.write_bytes(zstandard.compress(b"x" * 500_000_000))
    longest = max(map(len, dumps.read_chunks(str(path))))
    assert longest < 50_000_000


def test_the_error_says_what_was_expected(tmp_path):
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(InputError, match="empty; expected a text source"):
        list(read_lines(str(tmp_path / "a.jsonl"), kind="text source"))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("RS.zst", b"", r"RS\.zst: empty; expected a Reddit dump"),
        ("RS.jsonl", b"", r"RS\.jsonl: empty; expected a Reddit dump"),
        ("RS.zst", b'{"id": 1}\n', r"RS\.zst: begins with .*no packed file; expected a \.zst file"),
        ("RS.zst", gzip.compress(b"a"), r"which is \.gz; expected a \.zst file"),
    ],
)
def test_what_is_not_what_it_says_is_one_clear_error(tmp_path, name, data, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, name, data)


def test_a_missing_dump_is_one_clear_error(tmp_path):
    with pytest.raises(InputError, match=r"none\.zst: no such file"):
        list(read_lines(str(tmp_path / "none.zst")))
