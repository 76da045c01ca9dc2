from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard

from corpus.warc.http_body import BadCoding, Body, TooLarge, decode_body, undo_chunks
from tests.warcs import page

PAGE = page()
RAW_DEFLATE = zlib.compress(PAGE)[2:-4]


def decoded(body, coding=None, transfer=None, max_bytes=1_000_000) -> Body:
    return decode_body(
        body, transfer_encoding=transfer, content_encoding=coding, max_bytes=max_bytes
    )


def decode(body, coding=None, transfer=None, max_bytes=1_000_000) -> bytes:
    found = decoded(body, coding, transfer, max_bytes)
    assert not found.is_cut
    return found.content


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
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        (None, gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("br", brotli.compress),
        ("zstd", lambda body: zstandard.compress(body)),
        ("gzip, br", lambda body: brotli.compress(gzip.compress(body))),
    ],
)
@pytest.mark.parametrize("share", [0.6, 0.95])
def test_of_a_body_that_was_cut_the_beginning_is_read(coding, pack, share):
    body = b"".join(page(number) for number in range(400))  # 4 blocks of zstd
    packed = pack(body)
    stored = packed[: int(len(packed) * share)]
    for found in (decoded(stored, coding), decoded(chunks(stored), coding, "chunked")):
        assert body.startswith(found.content)
        assert 0.2 * len(body) < len(found.content) < len(body)
        assert found.is_cut


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(PAGE)[:12]),
        (None, gzip.compress(PAGE)[:12]),
        ("gzip", gzip.compress(PAGE)[:-8] + bytes(8)),  # another page's checksum
        ("zstd", zstandard.compress(PAGE)[:-9]),
        ("zstd", zstandard.compress(PAGE)[:20] + b"\xa5" * 20),
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
    ("stored", "body", "is_cut"),
    [
        (b"3\r\nabc\r\n2;name=value\r\nde\r\n0\r\n\r\n", b"abcde", False),
        (b"5\nabcde\n0\n\n", b"abcde", False),
        (b"0\r\n\r\n", b"", False),
        (b"3\r\nabc\r\n9\r\nde", b"abcde", True),
        (b"3\r\nabc\r\nwhat is this", b"abc", True),
        (b"3\r\nabc\r\n", b"abc", True),
        (b"<p>abc</p>", b"<p>abc</p>", False),
        (b"", b"", False),
    ],
)
def test_chunks_are_undone_as_far_as_they_go(stored, body, is_cut):
    assert undo_chunks(stored) == (body, is_cut)
