"""Each packing gives the start of a member, says whether it has a checksum, and stays in bounds."""

from __future__ import annotations

import gzip
import io

import lz4.frame
import pytest
import zstandard

from corpus.errors import InputError
from corpus.warc.archives import START_BYTES
from corpus.warc.packings import (
    GZIP,
    LZ4,
    MAX_DICTIONARY_BYTES,
    ZSTD_DICTIONARY,
    Codec,
    read_dictionary,
    zstd_codec,
)
from tests.warcs import page

ZSTD = zstd_codec(None)
BODY = b"".join(page(number) for number in range(2_000))  # 1.9 MB


def zstd(data: bytes, **options) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)


PACKED = [
    (GZIP, gzip.compress(BODY), True),
    (ZSTD, zstd(BODY, write_checksum=True), True),
    (ZSTD, zstd(BODY, write_checksum=False), False),
    (LZ4, lz4.frame.compress(BODY, content_checksum=True), True),
    (LZ4, lz4.frame.compress(BODY, block_checksum=True), True),
    (LZ4, lz4.frame.compress(BODY, block_size=lz4.frame.BLOCKSIZE_MAX4MB), False),
]


@pytest.mark.parametrize(("codec", "packed", "has_checksum"), PACKED)
def test_a_member_is_told_by_its_header_and_looked_into(codec: Codec, packed, has_checksum):
    assert packed.startswith(codec.magic)
    assert codec.has_checksum(packed[:18]) == has_checksum
    assert not codec.has_checksum(b"") or codec is GZIP
    starts = [codec.start(packed[:size]) for size in codec.start_bytes]
    assert starts[-1][:START_BYTES] == BODY[:START_BYTES]


@pytest.mark.parametrize(("codec", "packed", "has_checksum"), PACKED)
def test_a_member_is_unpacked_in_steps_and_knows_its_end(codec: Codec, packed, has_checksum):
    decoder, data, plain = codec.new(), packed + b"next", []
    for at in range(0, len(data), codec.input_bytes):
        plain.append(decoder.decompress(data[at : at + codec.input_bytes]))
        if decoder.eof:
            break
    assert b"".join(plain) == BODY
    assert (decoder.unused_data or b"") + data[at + codec.input_bytes :] == b"next"


@pytest.mark.parametrize(("codec", "packed", "has_checksum"), PACKED)
def test_damage_is_one_of_the_known_failures(codec: Codec, packed, has_checksum):
    for at in range(4, 60):
        rotten = packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :]
        for unpack in (codec.start, codec.new().decompress):
            try:
                unpack(rotten[: 1 << 16])
            except codec.failures:
                continue


@pytest.mark.parametrize(
    ("codec", "packed"),
    [
        (GZIP, gzip.compress(bytes(1 << 28))),
        (ZSTD, zstd(bytes(1 << 28))),
        (LZ4, lz4.frame.compress(bytes(1 << 28))),
    ],
)
def test_a_step_of_a_bomb_stays_in_bounds(codec: Codec, packed):
    assert len(codec.new().decompress(packed[: codec.input_bytes])) <= 1 << 27
    assert len(codec.start(packed[: codec.start_bytes[0]])) <= START_BYTES


def test_a_zstd_frame_that_wants_gigabytes_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(b"small") + packer.flush()
    with pytest.raises(ZSTD.failures):
        ZSTD.new().decompress(packed)


def dictionary(frame: bytes, *, size: int | None = None) -> io.BytesIO:
    size = len(frame) if size is None else size
    return io.BytesIO(ZSTD_DICTIONARY + size.to_bytes(4, "little") + frame)


@pytest.mark.parametrize("frame", [b"some words", zstd(b"some words")])
def test_a_dictionary_is_plain_or_packed(frame):
    assert read_dictionary(dictionary(frame), "a.zst") == b"some words"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (dictionary(b"some words", size=11), "ends within"),
        (dictionary(b"", size=0xFFFFFFFF), "ends within"),
        (dictionary(zstd(BODY)[:20] + b"\xff" * 30), "damaged"),
        (dictionary(zstd(bytes(MAX_DICTIONARY_BYTES + 1))), "more than"),
        (dictionary(bytes(MAX_DICTIONARY_BYTES + 1)), "more than"),
    ],
)
def test_a_dictionary_that_is_none_stops_the_archive(file, message):
    with pytest.raises(InputError, match=message):
        read_dictionary(file, "a.zst")
