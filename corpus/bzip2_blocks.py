"""bzip2 from the middle: its blocks begin at any bit, with a mark of 48 bits (pi in BCD).

A block holds up to 900 kB and needs nothing of those before it. To read from one on, its bits are
moved to a byte's beginning and a header is put before them; libbz2 checks each block's own checksum
(that of the whole stream is not checked). A file of several streams, as pbzip2 writes, has a header
before some of the blocks and the end of a stream before each but the first: there reading starts
anew. That a mark stands in a block's own bits by chance has the odds of 1 to 10^7 for each cut, and
a cut is tried before it is made.
"""

from __future__ import annotations

import bz2
import re
from collections.abc import Generator, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from corpus.dumps import BREAK, DAMAGE, MAX_CHUNK_BYTES

BLOCK_MARK = 0x314159265359
END_MARK = 0x177245385090
_MARK_BITS = 48
# A stream's header and the mark after it: of its first block, or of its end where it is empty.
_STREAM = re.compile(rb"BZh[1-9](?=\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)")
_HEADER = b"BZh9"  # of the largest blocks, which holds for smaller ones
_STEP = 1 << 20
_LONGEST = 1 << 20  # packed bytes of a block, of 900 kB before packing; 1.01 times at most
_END_BYTES = 11  # mark and checksum that end a stream, 80 bits, wherever they begin
_HEADER_BYTES = 10  # a header and the mark after it
_HELD_BYTES = 64  # not unpacked before it is known what follows: the two, and some padding


def block_starts(file: Any, size: int, wanted: Sequence[int]) -> list[int]:
    """The bits at which the first blocks after these bytes begin; fewer where there are none."""
    starts: list[int] = []
    for byte in wanted:
        file.seek(byte)
        window = file.read(2 * _LONGEST)
        for bit in find_mark(window, BLOCK_MARK):
            start = 8 * byte + bit
            if start > max(starts, default=0) and _can_be_read(window, bit):
                starts.append(start)
                break
    return starts


def find_mark(data: bytes, mark: int) -> list[int]:
    """The bits of `data` at which a mark of 48 bits begins, in order."""
    if len(data) < 8:
        data, size = data.ljust(8, b"\0"), len(data)
    else:
        size = len(data)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.frombuffer(data + bytes(7), np.uint8), 8
    )
    numbers = np.ascontiguousarray(windows).view(">u8").ravel().astype(np.uint64)
    found: list[int] = []
    for shift in range(8):
        bits = (numbers >> np.uint64(64 - _MARK_BITS - shift)) & np.uint64((1 << _MARK_BITS) - 1)
        found += (8 * np.flatnonzero(bits == np.uint64(mark)) + shift).tolist()
    return sorted(bit for bit in found if bit + _MARK_BITS <= 8 * size)


def read_bits(file: Any, start: int, end: int | None) -> Iterator[bytes]:
    """Unpack what lies between two bits of the file (None: its end), then BREAK if it breaks off.

    Bit 0 is the file's header; any other is the beginning of a block, as block_starts gives them.
    """
    at: int | None = start
    is_header = start == 0
    while at is not None:
        at = yield from (_read_stream if is_header else _read_rest)(file, at, end)
        is_header = True


Reader = Generator[bytes, None, int | None]


def _read_stream(file: Any, start: int, end: int | None) -> Reader:
    """Unpack the stream whose header is at a bit; returns where the next one's is."""
    decoder = bz2.BZ2Decompressor()
    byte = start // 8
    file.seek(byte)
    while packed := file.read(_STEP if end is None else min(_STEP, -(-end // 8) - byte)):
        byte += len(packed)
        yield from _fed(decoder, packed)
        if decoder.eof:
            unused = decoder.unused_data.lstrip(b"\0")
            while not unused and (more := file.read(_STEP)):
                unused, byte = more.lstrip(b"\0"), byte + len(more)
            following = 8 * (byte - len(unused))
            return following if unused and (end is None or following < end) else None
    if end is None:
        yield BREAK
    return None


def _read_rest(file: Any, start: int, end: int | None) -> Reader:
    """Unpack a stream from one of its blocks on; returns where the next one's header is."""
    decoder = bz2.BZ2Decompressor()
    decoder.decompress(_HEADER)
    byte, shift = divmod(start, 8)
    file.seek(byte)
    buffer = b""  # of the file, from `byte` on
    while True:
        more = file.read(_STEP)
        buffer += more
        stop = _stop(buffer, byte, end, is_last=not more)
        if stop is not None:
            num_bytes = -(-(stop.bit - 8 * byte - shift) // 8)
            yield from _fed(decoder, _shifted(buffer + b"\0", shift)[:num_bytes])
            if not stop.is_whole:
                yield BREAK
            return stop.following
        num_bytes = max(len(buffer) - _HELD_BYTES, 0)
        yield from _fed(decoder, _shifted(buffer[: num_bytes + 1], shift)[:num_bytes])
        buffer = buffer[num_bytes:]
        byte += num_bytes


class _Stop(NamedTuple):
    bit: int  # where the blocks end
    following: int | None = None  # where the next stream's header is
    is_whole: bool = True


def _stop(buffer: bytes, byte: int, end: int | None, *, is_last: bool) -> _Stop | None:
    """Where the blocks end that lie in the file's bytes from `byte` on, or None for further on."""
    header = _STREAM.search(buffer)
    if header is not None and (end is None or 8 * (byte + header.start()) < end):
        before = len(buffer[: header.start()].rstrip(b"\0"))  # some pad their streams
        first = max(before - _END_BYTES, 0)
        marks = find_mark(buffer[first : before + 8], END_MARK)
        if marks:
            return _Stop(8 * (byte + first) + marks[-1], 8 * (byte + header.start()))
    if end is not None and (is_last or 8 * (byte + len(buffer)) >= end + 8 * _HEADER_BYTES):
        return _Stop(end)
    if not is_last:
        return None
    first = max(len(buffer) - _HELD_BYTES, 0)
    marks = find_mark(buffer[first:], END_MARK)
    if marks:
        return _Stop(8 * (byte + first) + marks[-1])
    return _Stop(8 * (byte + len(buffer)), is_whole=False)


def _fed(decoder: bz2.BZ2Decompressor, packed: bytes) -> Generator[bytes, None, None]:
    """What the decoder makes of some bytes; BREAK where they are damaged."""
    try:
        chunk = decoder.decompress(packed, MAX_CHUNK_BYTES)
        while chunk:
            yield chunk
            chunk = b"" if decoder.eof else decoder.decompress(b"", MAX_CHUNK_BYTES)
    except DAMAGE:
        yield BREAK


def _shifted(data: bytes, shift: int) -> bytes:
    """The bytes without their first bits, of which there are fewer than 8."""
    if shift == 0:
        return data
    wide = np.frombuffer(data, np.uint8).astype(np.uint16)
    return ((wide[:-1] << shift | wide[1:] >> (8 - shift)) & 0xFF).astype(np.uint8).tobytes()


def _can_be_read(window: bytes, bit: int) -> bool:
    """Whether a block begins at the bit."""
    decoder = bz2.BZ2Decompressor()
    try:
        return bool(decoder.decompress(_HEADER + _shifted(window[bit // 8 :], bit % 8), 1))
    except DAMAGE:
        return False
