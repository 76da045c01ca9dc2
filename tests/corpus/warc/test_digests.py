"""Digests in the spellings of archives: those of the bytes abc, from FIPS 180-2 and RFC 1321."""

from __future__ import annotations

import base64
import hashlib

import pytest

from corpus.warc.digests import digest_fits

SHA1 = "a9993e364706816aba3e25717850c26c9cd0d89d"
BASE32 = "VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5"


@pytest.mark.parametrize(
    "stated",
    [
        f"sha1:{SHA1}",
        f"sha1:{SHA1.upper()}",
        f"sha1:{BASE32}",
        f"sha1:{BASE32.lower()}",
        f" SHA-1: {BASE32} ",
        "sha1:qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
        "sha1:qZk-NkcGgWq6PiVxeFDCbJzQ2J0",
        "md5:900150983cd24fb0d6963f7d28e17f72",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha-256:XJ4BNP4PAHH6UQKBIDPF3LRCEOYAGYNDSYLXVHFUCD7WD4QACWWQ====",
    ],
)
def test_a_digest_is_read_in_every_spelling(stated):
    assert digest_fits(stated, b"abc") is True
    assert digest_fits(stated, b"abd") is False


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha384", "sha512"])
def test_the_spellings_of_a_length_are_told_apart(name):
    digest = hashlib.new(name, b"abc").digest()
    for text in (digest.hex(), *(f(digest).decode() for f in (base64.b32encode, base64.b64encode))):
        assert digest_fits(f"{name}:{text}", b"abc") is True
        assert digest_fits(f"{name}:{text}", b"") is False


@pytest.mark.parametrize(
    "stated",
    [
        None, "", "sha1:", "sha1:   ", ":" + BASE32, BASE32, "crc32:352441c2", "monkeypowah!",
        "sha1:" + BASE32[:-1], "sha1:" + "1" * 32, "sha1:" + "g" * 40, "md5:" + SHA1,
        "sha1:ü" + BASE32[1:],
    ],
)  # fmt: skip
def test_what_cannot_be_told_says_nothing(stated):
    assert digest_fits(stated, b"abc") is None
