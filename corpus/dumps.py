"""The lines of a dump, packed or plain, damaged or whole.

Packed as zstd (with a window of up to 2 GiB, as Pushshift packs), xz, bzip2 or gzip, told by the
first bytes; chains of several streams are read through. Lines are cut at b"\\n" before anything is
decoded, since a chunk may end inside a character. Memory: the packing's window, a chunk, a line.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import fsspec
import zstandard

from corpus.errors import InputError

MAX_LINE_BYTES = 1 << 26  # 64 MiB: a "line" that is longer is no line, and must not fill memory
INPUT_BYTES = 1 << 16  # packed bytes a step; a dump's unpack to a MiB or so
PLAIN_BYTES = 1 << 20

# Stands, told by identity, where a packed dump ends early or is damaged.
BREAK = bytes(bytearray(b"breaks off"))


def read_lines(path: str) -> Iterator[bytes]:
    """Lines without their ends; the last may lack one; then BREAK where the dump breaks off."""
    tail: list[bytes] = []
    tail_bytes = 0
    for chunk in _chunks(path):
        if chunk is BREAK:
            yield BREAK  # what is left of the line that was being read is part of the loss
            return
        first, *others = chunk.split(b"\n")
        tail_bytes += len(first)
        if tail_bytes <= MAX_LINE_BYTES:
            tail.append(first)
        if not others:
            continue
        yield b"".join(tail)
        yield from others[:-1]
        tail, tail_bytes = [others[-1]], len(others[-1])
    if any(tail):
        yield b"".join(tail)


class _Codec(NamedTuple):
    magic: re.Pattern[bytes]
    new: Callable[[], Any]


_CODECS = {
    ".zst": _Codec(
        re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),  # a frame, or one to skip
        # Pushshift packs with --long=31: a window of 2 GiB, which decoders refuse by default.
        lambda: zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj(),
    ),
    ".xz": _Codec(re.compile(rb"\xfd7zXZ\x00"), lzma.LZMADecompressor),
    ".bz2": _Codec(re.compile(rb"BZh[1-9]"), bz2.BZ2Decompressor),
    ".gz": _Codec(re.compile(rb"\x1f\x8b\x08"), lambda: zlib.decompressobj(16 + zlib.MAX_WBITS)),
}
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


def _chunks(path: str) -> Iterator[bytes]:
    """Unpacked bytes in file order, then BREAK where the packed ones end early or are damaged."""
    try:
        opened = fsspec.open(path, "rb")
        with opened as file:
            codec = _codec(file.peek(8)[:8] if hasattr(file, "peek") else file.read(8), path)
            file.seek(0)
            if codec is None:
                while chunk := file.read(PLAIN_BYTES):
                    yield chunk
            else:
                yield from _unpack(file, codec)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; expected a dump: check the recipe") from error


def _codec(head: bytes, path: str) -> _Codec | None:
    """The packing by the file's first bytes; raises InputError where its name says another."""
    suffix = PurePosixPath(path).suffix.lower()
    if not head:
        raise InputError(
            f"{path}: empty; expected a Reddit dump (JSON lines, plain or .zst .xz .bz2 .gz): "
            "fetch it again or take it out of the recipe"
        )
    found = next((name for name, codec in _CODECS.items() if codec.magic.match(head)), None)
    if suffix in _CODECS and found != suffix:
        raise InputError(
            f"{path}: begins with {head!r}, which is {found or 'no packed file'}; expected a "
            f"{suffix} file as its name says: fetch it again, or rename it"
        )
    return _CODECS[found] if found else None


def _unpack(file: Any, codec: _Codec) -> Iterator[bytes]:
    """Unpack a chain of streams (dumps may be several, one after the other)."""
    decoder = codec.new()
    ended = False
    while packed := file.read(INPUT_BYTES):
        while packed:
            if ended:
                packed = packed.lstrip(b"\0")  # padding between or after streams
                if not packed:
                    break
                decoder, ended = codec.new(), False
            try:
                chunk = decoder.decompress(packed)
            except _DAMAGE:
                yield BREAK
                return
            if chunk:
                yield chunk
            ended = decoder.eof
            packed = decoder.unused_data if ended else b""
    if not ended:
        yield BREAK
