"""HTTP body bytes as stored -> the bytes of the page.

Undoes chunks and content codings (RFC 9112 7.1, RFC 9110 8.4), but never on a header's word alone:
crawlers store decoded bodies under the server's headers (Common Crawl renames these to
X-Crawl-..., others keep them). So chunks are undone where they parse, gzip and zstd where the
magic number stands, deflate and br, which have none, where they decode; a body that does not
decode is taken as it stands if it can be text.
Limit: a decoded body is `max_bytes` at most; a compressed bomb stops there.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]
import zstandard

GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_STEP_BYTES = 4_096  # packed, a step: four of them can be a block of 128 KiB
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,1024})?\r?\n")
LOOKS_LIKE_TEXT = re.compile(rb"\A[\t\n\r\x20-\x7e\x80-\xff]*\Z")
TEXT_HEAD_BYTES = 256  # packed bytes hold a control character among so many: 1 - (1 - 28/256)^256


class BadCoding(Exception):
    """The body is not what its headers or magic number say, nor readable as it is."""


class TooLarge(Exception):
    """The decoded body is larger than allowed."""


def decode_body(
    body: bytes, *, transfer_encoding: str | None, content_encoding: str | None, max_bytes: int
) -> bytes:
    """The body without chunks and codings; raises BadCoding or TooLarge."""
    if transfer_encoding and "chunked" in transfer_encoding.lower():
        body = undo_chunks(body)
    for coding in reversed((content_encoding or "").lower().split(",")):
        body = _undo(coding.strip(), body, max_bytes)
    if body.startswith(GZIP_MAGIC):  # compressed and not declared, by a mistaken server or crawler
        body = _gunzip(body, max_bytes)
    if len(body) > max_bytes:
        raise TooLarge
    return body


def undo_chunks(body: bytes) -> bytes:
    """The chunks' content; the body itself where it does not begin with a chunk.

    A body that ends or breaks within a chunk gives what came before, as browsers show it.
    """
    first = CHUNK_SIZE.match(body)
    if first is None:
        return body
    pieces, at = [], 0
    while (size := CHUNK_SIZE.match(body, at)) and (num := int(size[1], 16)):
        pieces.append(body[size.end() : size.end() + num])
        at = size.end() + num
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"
    return b"".join(pieces)


def _undo(coding: str, body: bytes, max_bytes: int) -> bytes:
    if not body:
        return body
    if coding in ("gzip", "x-gzip"):
        return _gunzip(body, max_bytes) if body.startswith(GZIP_MAGIC) else _as_text(body)
    if coding == "zstd":
        return _unzstd(body, max_bytes) if body.startswith(ZSTD_MAGIC) else _as_text(body)
    if coding == "deflate":
        return _first_of((_inflate_zlib, _inflate_raw), body, max_bytes)
    if coding == "br":
        return _first_of((_unbrotli,), body, max_bytes)
    return body  # identity, and codings that nobody sends


def _first_of(
    decoders: tuple[Callable[[bytes, int], bytes], ...], body: bytes, max_bytes: int
) -> bytes:
    for decoder in decoders:
        try:
            return decoder(body, max_bytes)
        except BadCoding:
            continue
    return _as_text(body)


def _as_text(body: bytes) -> bytes:
    """The body, since it was stored decoded; raises BadCoding where it cannot be text."""
    if LOOKS_LIKE_TEXT.match(body[:TEXT_HEAD_BYTES]) or body.startswith(GZIP_MAGIC):
        return body
    raise BadCoding


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    return _inflate(body, 16 + zlib.MAX_WBITS, max_bytes)


def _inflate_zlib(body: bytes, max_bytes: int) -> bytes:
    return _inflate(body, zlib.MAX_WBITS, max_bytes)


def _inflate_raw(body: bytes, max_bytes: int) -> bytes:
    """RFC 1951 without the zlib wrapper: wrong, and sent by many servers."""
    return _inflate(body, -zlib.MAX_WBITS, max_bytes)


def _inflate(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    room = max_bytes + 1
    while True:
        decoder = zlib.decompressobj(window_bits)
        try:
            pieces.append(decoder.decompress(body, room))
        except zlib.error as error:
            raise BadCoding from error
        room -= len(pieces[-1])
        if room <= 0:
            raise TooLarge
        if not decoder.eof:
            raise BadCoding
        body = decoder.unused_data
        if not (window_bits > zlib.MAX_WBITS and body.startswith(GZIP_MAGIC)):  # further members
            return b"".join(pieces)


def _unzstd(body: bytes, max_bytes: int) -> bytes:
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    decoder, pieces, room = unpacker.decompressobj(), [], max_bytes
    while body and room >= 0:
        try:
            pieces.append(decoder.decompress(body[:ZSTD_STEP_BYTES]))
        except zstandard.ZstdError as error:
            raise BadCoding from error
        room -= len(pieces[-1])
        body = decoder.unused_data + body[ZSTD_STEP_BYTES:]
        if decoder.eof and body:
            decoder = unpacker.decompressobj()
    if room < 0:
        raise TooLarge
    if not decoder.eof:
        raise BadCoding
    return b"".join(pieces)


def _unbrotli(body: bytes, max_bytes: int) -> bytes:
    decoder = brotli.Decompressor()
    try:
        plain: bytes = decoder.process(body, output_buffer_limit=max_bytes + 1)
        while not decoder.is_finished() and len(plain) <= max_bytes:
            more = decoder.process(b"", output_buffer_limit=max_bytes + 1 - len(plain))
            if not more:
                raise BadCoding
            plain += more
    except brotli.error as error:
        raise BadCoding from error
    if len(plain) > max_bytes:
        raise TooLarge
    return plain
