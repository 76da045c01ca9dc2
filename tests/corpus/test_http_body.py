from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard

from corpus.http_body import BadCoding, TooLarge, decode_body, undo_chunks
from tests.warcs import page

PAGE = page()
RAW_DEFLATE = zlib.compress(PAGE)[2:-4]


def decode(body, coding=None, transfer=None, max_bytes=1_000_000):
    return decode_body(
        body, transfer_encoding=transfer, content_encoding=coding, max_bytes=max_bytes
    )


def chunks(body: bytes, size: int = 100) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (None, PAGE),
        ("identity", PAGE),
        ("gzip", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE)),
        ("GZIP", gzip.compress(PAGE[:99]) + gzip.compress(PAGE[99:])),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", RAW_DEFLATE),
        ("br", brotli.compress(PAGE)),
        ("zstd", zstandard.compress(PAGE)),
        ("gzip, br", brotli.compress(gzip.compress(PAGE))),
        ("", gzip.compress(PAGE)),
        *((coding, PAGE) for coding in ("gzip", "deflate", "br", "zstd", "compress")),
    ],
)
def test_codings_are_undone_where_the_bytes_bear_them_out(coding, body):
    assert decode(body, coding) == PAGE
    assert decode(chunks(body), coding, "chunked") == PAGE
    assert decode(body, coding, "Chunked") == PAGE


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(PAGE)[:-9]),
        (None, gzip.compress(PAGE)[:-9]),
        ("deflate", zlib.compress(PAGE)[:-9]),
        ("br", brotli.compress(PAGE)[:-9]),
        ("zstd", zstandard.compress(PAGE)[:-9]),
        ("br", bytes(range(256))),
    ],
)
def test_bytes_that_neither_unpack_nor_read_as_text_are_refused(coding, body):
    with pytest.raises(BadCoding):
        decode(body, coding)


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", brotli.compress),
        ("zstd", zstandard.compress),
        (None, bytes),
    ],
)
def test_a_bomb_stops_at_the_limit(coding, pack):
    body = b" " * 300_000
    assert len(decode(pack(body), coding, max_bytes=300_000)) == 300_000
    with pytest.raises(TooLarge):
        decode(pack(body), coding, max_bytes=299_999)


@pytest.mark.parametrize(
    ("stored", "body"),
    [
        (b"3\r\nabc\r\n2;name=value\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"5\nabcde\n0\n\n", b"abcde"),
        (b"3\r\nabc\r\n9\r\nde", b"abcde"),
        (b"3\r\nabc\r\nwhat is this", b"abc"),
        (b"<p>abc</p>", b"<p>abc</p>"),
        (b"", b""),
    ],
)
def test_chunks_are_undone_as_far_as_they_go(stored, body):
    assert undo_chunks(stored) == body
