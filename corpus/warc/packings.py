"""The ways to pack an archive's members: gzip, zstd, lz4.

(RFC 1952; RFC 8878 and IIPC warc-zstandard 1.0; the LZ4 frame format 1.6.) What each needs to be
read in bounded steps, to be looked into without being read, and what its checksum proves.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Protocol

import lz4.frame  # type: ignore[import-untyped]
import zstandard

from corpus.errors import InputError
from corpus.warc.archives import START_BYTES

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")  # a frame of zstd or lz4 with no data in it
ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"  # the skippable frame that holds it (IIPC warc-zstandard 1.0)
MAX_DICTIONARY_BYTES = 16 << 20  # zstd makes them of 110 KiB by default
MAX_ZSTD_WINDOW = 1 << 27  # what zstd's own tool reads unasked; a hostile frame may ask for 2 GiB


class Decoder(Protocol):
    """What zlib's, zstandard's and lz4's decompression objects have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended and its checksum, where it has one, is right."""

    @property
    def unused_data(self) -> bytes | None:
        """Input after the member's end."""

    def decompress(self, data: bytes, /) -> bytes:
        """Unpacked bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A way to pack members."""

    magic: bytes
    new: Callable[[], Any]
    start: Callable[[bytes], bytes]  # a member's first bytes -> START_BYTES of what they unpack to
    start_bytes: tuple[int, ...]  # packed, that this takes; the next where one gives nothing
    input_bytes: int  # a step; bounds its memory by the most that so many bytes unpack to
    has_checksum: Callable[[bytes], bool]  # a member's header -> whether it ends with a checksum
    is_framed: bool  # whether skippable frames may stand between members
    failures: tuple[type[Exception], ...]


def _has_flag(header: bytes, bits: int) -> bool:
    """Whether a frame's descriptor, its fifth byte, has one of the bits."""
    return any(byte & bits for byte in header[4:5])


def _zlib_start(head: bytes) -> bytes:
    return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, START_BYTES)


GZIP = Codec(
    magic=b"\x1f\x8b\x08",
    new=lambda: zlib.decompressobj(16 + zlib.MAX_WBITS),
    start=_zlib_start,
    start_bytes=(START_BYTES,),
    input_bytes=1 << 16,  # to 64 MiB, at 1:1,032
    has_checksum=lambda header: True,
    is_framed=False,
    failures=(zlib.error,),
)

LZ4 = Codec(
    magic=b"\x04\x22\x4d\x18",
    new=lz4.frame.LZ4FrameDecompressor,
    start=lambda head: lz4.frame.LZ4FrameDecompressor().decompress(head, START_BYTES),
    start_bytes=(1 << 17, (4 << 20) + 64),  # a block is unpacked whole: of 64 KiB, 4 MiB at most
    input_bytes=1 << 16,  # to 16 MiB, at 1:255
    has_checksum=lambda header: _has_flag(header, 0x14),  # of the blocks or of the content
    is_framed=True,
    failures=(RuntimeError,),
)


def zstd_codec(dictionary: bytes | None) -> Codec:
    """The zstd codec, with the archive's dictionary where it has one."""
    known = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
    unpacker = zstandard.ZstdDecompressor(dict_data=known, max_window_size=MAX_ZSTD_WINDOW)
    return Codec(
        magic=ZSTD_MAGIC,
        new=unpacker.decompressobj,
        start=lambda head: unpacker.stream_reader(head).read(START_BYTES),
        start_bytes=(1 << 18,),  # a block, 128 KiB at most, is unpacked whole
        input_bytes=1 << 12,  # to 128 MiB: four bytes can be a block of 128 KiB
        has_checksum=lambda header: _has_flag(header, 0x04),
        is_framed=True,
        failures=(zstandard.ZstdError,),
    )


def read_dictionary(file: IO[bytes], path: str) -> bytes:
    """The dictionary in the skippable frame that the file begins with; raises InputError."""
    head = file.read(8)
    size = int.from_bytes(head[4:], "little")
    frame = file.read(min(size, MAX_DICTIONARY_BYTES + 1))
    if len(frame) < min(size, MAX_DICTIONARY_BYTES + 1):
        raise InputError(f"{path}: ends within its zstd dictionary; fetch it again")
    if frame.startswith(ZSTD_MAGIC):
        frame = _unpacked_dictionary(frame, path)
    if len(frame) > MAX_DICTIONARY_BYTES:
        raise InputError(
            f"{path}: its zstd dictionary has more than {MAX_DICTIONARY_BYTES} bytes; expected "
            "some 100,000; fetch it again"
        )
    return frame


def _unpacked_dictionary(frame: bytes, path: str) -> bytes:
    """What the frame unpacks to, or one byte and more beyond the limit."""
    codec = zstd_codec(None)
    decoder, pieces, size, at = codec.new(), [], 0, 0
    try:
        while not decoder.eof and at < len(frame) and size <= MAX_DICTIONARY_BYTES:
            pieces.append(decoder.decompress(frame[at : at + codec.input_bytes]))
            size += len(pieces[-1])
            at += codec.input_bytes
    except codec.failures as error:
        raise InputError(f"{path}: its zstd dictionary is damaged; fetch it again") from error
    if not decoder.eof and size <= MAX_DICTIONARY_BYTES:
        raise InputError(f"{path}: its zstd dictionary is damaged; fetch it again")
    return b"".join(pieces)
