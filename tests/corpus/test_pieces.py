"""Pieces of a dump hold its lines, each once and in order, wherever it is cut."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import threading

import pytest
import zstandard

from corpus import pieces as module
from corpus.dumps import BREAK, read_chunks
from corpus.errors import InputError
from corpus.pieces import Piece, ahead, cut, read_piece

CHANCE = random.Random(2)
TEXT = b"".join(
    b'{"n": "%x"}\n' % CHANCE.getrandbits(CHANCE.choice((8, 400, 4000))) for _ in range(2_000)
)
PACK = {
    ".jsonl": bytes,
    ".bz2": lambda data: bz2.compress(data, 1),
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def write(tmp_path, suffix: str, data: bytes = TEXT) -> str:
    path = tmp_path / f"RS{suffix}"
    path.write_bytes(PACK[suffix](data))
    return str(path)


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("target", [20_000, 99_999, 1 << 30])
def test_the_pieces_lines_are_the_dumps(tmp_path, suffix, target):
    path = write(tmp_path, suffix)
    found = cut(path, target)
    texts = [b"".join(read_piece(piece)) for piece in found]
    assert b"".join(texts) == TEXT == b"".join(read_chunks(path))
    assert all(text.endswith(b"\n") for text in texts)
    assert [piece.number for piece in found] == list(range(len(found)))
    can_be_cut = suffix in (".jsonl", ".bz2") and target < 1 << 20
    assert (len(found) > 3) == can_be_cut


@pytest.mark.parametrize("target", range(1, 14))
def test_lines_that_end_at_a_cut_are_read_once(tmp_path, target, monkeypatch):
    monkeypatch.setattr(module, "PLAIN_BYTES", 2)
    data = b"ab\n\ncdefghijk\nl\nm"
    path = write(tmp_path, ".jsonl", data)
    texts = [b"".join(read_piece(piece)) for piece in cut(path, target)]
    assert b"".join(texts) == data
    assert all(text.endswith(b"\n") for text in list(filter(None, texts))[:-1])


def test_a_line_longer_than_its_pieces_belongs_to_the_first(tmp_path):
    data = b"a\n" + b"x" * 100 + b"\nb\n"
    texts = [b"".join(read_piece(piece)) for piece in cut(write(tmp_path, ".jsonl", data), 10)]
    assert [text for text in texts if text] == [data[:-2], b"b\n"]


def test_a_damaged_piece_breaks_off_and_the_others_do_not(tmp_path):
    path = tmp_path / "RS.bz2"
    packed = bytearray(PACK[".bz2"](TEXT))
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)
    found = [list(read_piece(piece)) for piece in cut(str(path), 100_000)]
    assert sum(BREAK in chunks for chunks in found) in (1, 2)  # the piece before may read into it
    text = b"".join(chunk for chunks in found for chunk in chunks if chunk is not BREAK)
    assert 0.5 * len(TEXT) < len(text) < len(TEXT)


def test_an_empty_dump_is_one_clear_error(tmp_path):
    (tmp_path / "RS.zst").touch()
    with pytest.raises(InputError, match=r"RS\.zst: empty; expected a Reddit dump"):
        cut(str(tmp_path / "RS.zst"), 100)
    with pytest.raises(InputError, match="no such file"):
        list(read_piece(Piece(path=str(tmp_path / "none.zst"))))


def test_chunks_made_ahead_are_the_same_and_their_error_reaches_the_reader():
    def chunks():
        yield from (b"a", b"b", b"c")
        raise ValueError("damage")

    reader = ahead(chunks())
    assert [next(reader) for _ in range(3)] == [b"a", b"b", b"c"]
    with pytest.raises(ValueError, match="damage"):
        next(reader)


def test_a_reader_that_stops_ends_the_thread():
    reader = ahead(b"x" for _ in range(1_000_000))
    next(reader)
    assert any(thread.name == "unpack" for thread in threading.enumerate())
    reader.close()
    assert not any(thread.name == "unpack" for thread in threading.enumerate())
