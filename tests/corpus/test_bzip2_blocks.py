"""bzip2 is read from any of its blocks, of one stream or of many."""

from __future__ import annotations

import bz2
import io
import random
from itertools import pairwise

import pytest

from corpus.bzip2_blocks import BLOCK_MARK, END_MARK, block_starts, find_mark, read_bits
from corpus.dumps import BREAK

CHANCE = random.Random(1)
TEXT = b"".join(b'{"n": %d}\n' % CHANCE.getrandbits(64) for _ in range(60_000))  # 1.6 MB
ONE = bz2.compress(TEXT, 1)  # blocks of 100 kB
MANY = b"".join(bz2.compress(TEXT[i : i + 250_000], 1) for i in range(0, len(TEXT), 250_000))
PACKED = {
    "one stream": ONE, "many streams": MANY,
    "streams with padding": ONE + bytes(20) + ONE, "padding at the end": ONE + bytes(5),
    "an empty stream": bz2.compress(b"") + ONE + bz2.compress(b"") + MANY,
}  # fmt: skip


def read(packed: bytes, start: int = 0, end: int | None = None) -> list[bytes]:
    return list(read_bits(io.BytesIO(packed), start, end))


def starts_of(packed: bytes, step: int = 50_000) -> list[int]:
    wanted = range(step, len(packed), step)
    return block_starts(io.BytesIO(packed), len(packed), wanted)


def whole(packed: bytes) -> bytes:
    return bz2.decompress(packed.replace(bytes(20), b"").rstrip(b"\0"))


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
@pytest.mark.parametrize("step", [30_000, 200_000])
def test_the_pieces_make_the_whole(packed, step):
    starts = starts_of(packed, step)
    assert len(starts) > len(packed) // step // 2
    bounds = [0, *starts, None]
    pieces = [b"".join(read(packed, start, end)) for start, end in pairwise(bounds)]
    assert b"".join(pieces) == whole(packed)
    assert min(map(len, pieces)) > 0


def test_blocks_begin_at_any_bit():
    assert len({start % 8 for start in starts_of(ONE, 20_000)}) > 4


def test_marks_are_found_at_the_bits_where_they_are():
    for shift in range(8):
        number = (0b1011 << 48 | BLOCK_MARK) << shift
        data = number.to_bytes(9, "big")
        assert find_mark(data, BLOCK_MARK) == [72 - 48 - shift]
    assert find_mark(BLOCK_MARK.to_bytes(6, "big"), BLOCK_MARK) == [0]
    assert find_mark(BLOCK_MARK.to_bytes(6, "big")[:5], BLOCK_MARK) == []
    assert len(find_mark(ONE, END_MARK)) == 1


def test_a_file_that_ends_early_breaks_off_in_its_last_piece():
    start = starts_of(ONE)[-1]
    *chunks, last = read(ONE[:-60_000], start)
    assert last is BREAK
    assert b"".join(chunks) in TEXT
    assert BREAK in read(ONE[:-5], start)


def test_damage_breaks_its_piece_off_and_no_other():
    first, second, third = starts_of(ONE, 150_000)[:3]
    packed = bytearray(ONE)
    packed[second // 8 + 20_000] ^= 0xFF
    assert BREAK in read(bytes(packed), second, third)
    assert read(bytes(packed), first, second) == read(ONE, first, second)
    assert read(bytes(packed), third) == read(ONE, third)


def test_where_no_block_begins_there_is_no_start():
    assert starts_of(ONE[:40_000], 20_000) == []
    assert block_starts(io.BytesIO(bytes(200_000)), 200_000, range(100_000, 150_000, 20_000)) == []
