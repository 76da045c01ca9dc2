"""The lines of a dump, packed or plain, damaged or whole.

Packed as zstd (with a window of up to 2 GiB, as Pushshift packs), xz, bzip2 or gzip, told by the
first bytes; chains of several streams are read through. Lines are cut at b"\\n" before anything is
decoded, since a chunk may end inside a character. `read_lines` gives them one by one, `read_blocks`
many at a time for the kernels, and of one piece of a dump where pieces.py has cut it.
Memory: the packing's window, a chunk, a line.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import fsspec
import zstandard

from corpus.errors import InputError
from corpus.simd import PADDING

MAX_LINE_BYTES = 1 << 26  # 64 MiB: a "line" that is longer is no line, and must not fill memory
INPUT_BYTES = 1 << 16  # packed bytes a step; a dump's unpack to a MiB or so
FIRST_BYTES = 1 << 10  # of the first step; 64 KiB of nothing but repetitions would unpack to 2 GiB
MAX_CHUNK_BYTES = 1 << 23  # a step whose bytes unpack to more than this is followed by smaller ones
PLAIN_BYTES = 1 << 20

# Stands, told by identity, where a packed dump ends early or is damaged.
BREAK = bytes(bytearray(b"breaks off"))


class Block(NamedTuple):
    """Whole lines of a dump; good until the next block is asked for, which has the same memory."""

    data: memoryview
    """The lines with their ends, then 64 zeros, which the kernels may read."""
    size: int
    """Bytes of `data` that are text."""
    num_bytes: int
    """Bytes of the dump's text that it stands for: more than `size` where a line was too long."""


def read_lines(path: str, *, kind: str = "Reddit dump") -> Iterator[bytes]:
    """Lines without their ends; the last may lack one; then BREAK where the dump breaks off.

    `kind` says in errors what was expected of the file.
    """
    for block in read_blocks(read_chunks(path, kind=kind)):
        if block is None:
            yield BREAK
            return
        lines = bytes(block.data[: block.size]).split(b"\n")
        yield from lines[:-1]
        if lines[-1]:
            yield lines[-1]


def read_blocks(chunks: Iterable[bytes]) -> Iterator[Block | None]:
    """The lines of unpacked chunks, many at a time; the last may lack its end; None for a BREAK.

    Of a line that is too long, MAX_LINE_BYTES at most and no line feed come out, as a block.
    """
    room = _Room()
    held: list[bytes] = []
    num_held = num_kept = 0
    for chunk in chunks:
        if chunk is BREAK:
            yield None  # what is left of the line that was being read is part of the loss
            return
        end = chunk.rfind(b"\n") + 1
        if end and num_kept < num_held:
            first = chunk.index(b"\n") + 1
            yield room.block(held, b"", num_held + first)
            held, num_held, num_kept = [], 0, 0
            chunk, end = chunk[first:], end - first
        if end:
            yield room.block(held, memoryview(chunk)[:end], num_held + end)
            held, num_held, num_kept = [], 0, 0
        rest = chunk[end : end + MAX_LINE_BYTES - num_kept]
        if rest:
            held.append(rest)
        num_held, num_kept = num_held + len(chunk) - end, num_kept + len(rest)
    if num_held:
        yield room.block(held, b"", num_held)


class _Room:
    """Memory of the blocks: to take new pages for each would be an eighth of a dump's time."""

    def __init__(self) -> None:
        self._data = memoryview(bytearray(1 << 20))

    def block(self, held: list[bytes], rest: bytes | memoryview, num_bytes: int) -> Block:
        pieces = [*held, rest, PADDING]
        needed = sum(map(len, pieces))
        if needed > len(self._data):
            self._data = memoryview(bytearray(2 * needed))
        end = 0
        for piece in pieces:
            self._data[end : end + len(piece)] = piece
            end += len(piece)
        return Block(self._data[:end], end - len(PADDING), num_bytes)


class _Codec(NamedTuple):
    magic: re.Pattern[bytes]
    new: Callable[[], Any]


CODECS = {
    ".zst": _Codec(
        re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),  # a frame, or one to skip
        # Pushshift packs with --long=31: a window of 2 GiB, which decoders refuse by default.
        lambda: zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj(),
    ),
    ".xz": _Codec(re.compile(rb"\xfd7zXZ\x00"), lzma.LZMADecompressor),
    ".bz2": _Codec(re.compile(rb"BZh[1-9]"), bz2.BZ2Decompressor),
    ".gz": _Codec(re.compile(rb"\x1f\x8b\x08"), lambda: zlib.decompressobj(16 + zlib.MAX_WBITS)),
}
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


def read_chunks(path: str, *, kind: str = "Reddit dump") -> Iterator[bytes]:
    """Unpacked bytes in file order, then BREAK where the packed ones end early or are damaged.

    Raises InputError where the file is missing, empty, or not packed as its name says.
    """
    with open_dump(path, kind=kind) as (file, packing):
        if packing is None:
            while chunk := file.read(PLAIN_BYTES):
                yield chunk
        else:
            yield from unpack(file, CODECS[packing].new)


@contextmanager
def open_dump(path: str, *, kind: str = "Reddit dump") -> Iterator[tuple[Any, str | None]]:
    """The open file and its packing, a key of CODECS or None; raises InputError."""
    try:
        opened = fsspec.open(path, "rb")
        with opened as file:
            packing = _packing(file.read(8), path, kind)
            file.seek(0)
            yield file, packing
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; expected a {kind}: check the recipe") from error


def _packing(head: bytes, path: str, kind: str) -> str | None:
    """The packing by the file's first bytes; raises InputError where its name says another."""
    suffix = PurePosixPath(path).suffix.lower()
    if not head:
        raise InputError(
            f"{path}: empty; expected a {kind} (JSON lines, plain or .zst .xz .bz2 .gz): "
            "fetch it again or take it out of the recipe"
        )
    found = next((name for name, codec in CODECS.items() if codec.magic.match(head)), None)
    if suffix in CODECS and found != suffix:
        raise InputError(
            f"{path}: begins with {head!r}, which is {found or 'no packed file'}; expected a "
            f"{suffix} file as its name says: fetch it again, or rename it"
        )
    return found


def unpack(file: Any, new_decoder: Callable[[], Any]) -> Iterator[bytes]:
    """Unpack a chain of streams (dumps may be several, one after the other)."""
    decoder = new_decoder()
    ended = False
    step, chunk = FIRST_BYTES, b""
    while packed := file.read(step):
        while packed:
            if ended:
                packed = packed.lstrip(b"\0")  # padding between or after streams
                if not packed:
                    break
                decoder, ended = new_decoder(), False
            try:
                chunk = decoder.decompress(packed)
            except DAMAGE:
                yield BREAK
                return
            if chunk:
                yield chunk
            ended = decoder.eof
            packed = decoder.unused_data if ended else b""
        step = max(step // 4, 16) if len(chunk) > MAX_CHUNK_BYTES else min(2 * step, INPUT_BYTES)
    if not ended:
        yield BREAK
