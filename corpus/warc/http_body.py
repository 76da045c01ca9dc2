"""HTTP body bytes as stored -> the bytes of the page.

Undoes chunks and content codings (RFC 9112 7.1, RFC 9110 8.4), but never on a header's word alone:
crawlers store decoded bodies under the server's headers (Common Crawl renames these to
X-Crawl-..., others keep them). So chunks are undone where they parse, gzip and zstd where the
magic number stands, deflate and br, which have none, where they decode; a body that does not
decode is taken as it stands if it can be text. Of a body that ends within its coding, as crawlers
cut them, the beginning is taken, as browsers show it.
Limit: a decoded body is `max_bytes` at most; a compressed bomb stops there.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import NamedTuple

import brotli  # type: ignore[import-untyped]
import zstandard

from corpus.warc.packings import MAX_ZSTD_WINDOW, ZSTD_MAGIC

GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_STEP_BYTES = 4_096  # packed, a step: four of them can be a block of 128 KiB
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,1024})?\r?\n")
LOOKS_LIKE_TEXT = re.compile(rb"\A[\t\n\r\x20-\x7e\x80-\xff]*\Z")
TEXT_HEAD_BYTES = 256  # packed bytes hold a control character among so many: 1 - (1 - 28/256)^256


class BadCoding(Exception):
    """The body is not what its headers or magic number say, nor readable as it is."""


class TooLarge(Exception):
    """The decoded body is larger than allowed."""


class Body(NamedTuple):
    """A body, or as much of one as there is."""

    content: bytes
    is_cut: bool = False  # it ends before its coding does


Decoder = Callable[[bytes, int], Body]


def decode_body(
    body: bytes, *, transfer_encoding: str | None, content_encoding: str | None, max_bytes: int
) -> Body:
    """The body without chunks and codings; raises BadCoding or TooLarge."""
    is_cut = False
    if transfer_encoding and "chunked" in transfer_encoding.lower():
        body, is_cut = undo_chunks(body)
    for coding in reversed((content_encoding or "").lower().split(",")):
        body, cut_here = _undo(coding.strip(), body, max_bytes)
        is_cut = is_cut or cut_here
    if body.startswith(GZIP_MAGIC):  # compressed and not declared, by a mistaken server or crawler
        body, cut_here = _gunzip(body, max_bytes)
        is_cut = is_cut or cut_here
    if len(body) > max_bytes:
        raise TooLarge
    return Body(body, is_cut)


def undo_chunks(body: bytes) -> Body:
    """The chunks' content; the body itself where it does not begin with a chunk.

    A body that ends or breaks within a chunk gives what came before.
    """
    if CHUNK_SIZE.match(body) is None:
        return Body(body)
    pieces: list[bytes] = []
    at = 0
    while size := CHUNK_SIZE.match(body, at):
        num = int(size[1], 16)
        if num == 0:
            return Body(b"".join(pieces))
        pieces.append(body[size.end() : size.end() + num])
        at = size.end() + num
        at += 2 if body[at : at + 2] == b"\r\n" else body[at : at + 1] == b"\n"
    return Body(b"".join(pieces), is_cut=True)


def _undo(coding: str, body: bytes, max_bytes: int) -> Body:
    if not body:
        return Body(body)
    if coding in ("gzip", "x-gzip"):
        return _gunzip(body, max_bytes) if body.startswith(GZIP_MAGIC) else Body(_as_text(body))
    if coding == "zstd":
        return _unzstd(body, max_bytes) if body.startswith(ZSTD_MAGIC) else Body(_as_text(body))
    if coding == "deflate":
        return _first_of((_inflate_zlib, _inflate_raw), body, max_bytes)
    if coding == "br":
        return _first_of((_unbrotli,), body, max_bytes)
    return Body(body)  # identity, and codings that nobody sends


def _first_of(decoders: tuple[Decoder, ...], body: bytes, max_bytes: int) -> Body:
    """The whole body by one of the codings, which have no magic number, else text, else a part."""
    part: Body | None = None
    for decoder in decoders:
        try:
            found = decoder(body, max_bytes)
        except BadCoding:
            continue
        if not found.is_cut:
            return found
        part = part or found
    try:
        return Body(_as_text(body))
    except BadCoding:
        if part is None:
            raise
        return part


def _as_text(body: bytes) -> bytes:
    """The body, since it was stored decoded; raises BadCoding where it cannot be text."""
    if LOOKS_LIKE_TEXT.match(body[:TEXT_HEAD_BYTES]) or body.startswith(GZIP_MAGIC):
        return body
    raise BadCoding


def _gunzip(body: bytes, max_bytes: int) -> Body:
    return _inflate(body, 16 + zlib.MAX_WBITS, max_bytes)


def _inflate_zlib(body: bytes, max_bytes: int) -> Body:
    return _inflate(body, zlib.MAX_WBITS, max_bytes)


def _inflate_raw(body: bytes, max_bytes: int) -> Body:
    """RFC 1951 without the zlib wrapper: wrong, and sent by many servers."""
    return _inflate(body, -zlib.MAX_WBITS, max_bytes)


def _inflate(body: bytes, window_bits: int, max_bytes: int) -> Body:
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
            return _part(pieces)
        body = decoder.unused_data
        if not (window_bits > zlib.MAX_WBITS and body.startswith(GZIP_MAGIC)):  # further members
            return Body(b"".join(pieces))


def _unzstd(body: bytes, max_bytes: int) -> Body:
    unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW)
    decoder, pieces, room, at = unpacker.decompressobj(), [], max_bytes, 0
    while at < len(body) and room >= 0:
        step = body[at : at + ZSTD_STEP_BYTES]
        try:
            pieces.append(decoder.decompress(step))
        except zstandard.ZstdError as error:
            raise BadCoding from error
        room -= len(pieces[-1])
        at += len(step) - len(decoder.unused_data)
        if decoder.eof and at < len(body):
            decoder = unpacker.decompressobj()
    if room < 0:
        raise TooLarge
    return Body(b"".join(pieces)) if decoder.eof else _part(pieces)


def _unbrotli(body: bytes, max_bytes: int) -> Body:
    decoder = brotli.Decompressor()
    try:
        pieces: list[bytes] = [decoder.process(body, output_buffer_limit=max_bytes + 1)]
        room = max_bytes - len(pieces[0])
        while room >= 0 and not decoder.is_finished():
            more = decoder.process(b"", output_buffer_limit=room + 1)
            if not more:
                return _part(pieces)
            pieces.append(more)
            room -= len(more)
    except brotli.error as error:
        raise BadCoding from error
    if room < 0:
        raise TooLarge
    return Body(b"".join(pieces))


def _part(pieces: list[bytes]) -> Body:
    """The beginning of a body; raises BadCoding where not even that is left."""
    content = b"".join(pieces)
    if not content:
        raise BadCoding
    return Body(content, is_cut=True)
