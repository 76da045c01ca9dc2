"""WET archives give text, language and address; damage costs one record."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest

from corpus.errors import InputError
from corpus.warc.conversions import Conversion, read_conversions
from tests.warcs import record, rotten


def conversion(number: int, text: str, *, extra: str = "", length: int | None = None) -> bytes:
    body = text.encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://e.com/{number}\r\n"
        f"WARC-Date: 2024-05-18T01:58:10Z\r\nWARC-Record-ID: <urn:{number}>\r\n{extra}"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


def rows(path, data: bytes, **settings) -> list[Conversion]:
    path.write_bytes(data)
    return list(read_conversions(str(path), **{"max_bytes": 1_000_000, **settings}))


def texts(found: list[Conversion]) -> list[tuple[str | None, str | None]]:
    return [(row.text, row.reason) for row in found]


LONG = "A text that is long enough to be packed. " * 50


def test_a_record_is_a_text_with_its_language_and_place(tmp_path):
    first = gzip.compress(record(b"info", type_="resource", packed=False))
    second = gzip.compress(conversion(
        1, "Un\nTexto \n", extra="WARC-Identified-Content-Language: spa,eng\r\n"))
    assert rows(tmp_path / "a.wet.gz", first + second) == [
        Conversion(
            record_id="<urn:1>", url="http://e.com/1", offset=len(first), length=len(second),
            fetched_at=datetime(2024, 5, 18, 1, 58, 10, tzinfo=UTC), text="Un\nTexto",
            language="spa",
        )
    ]


def test_damage_costs_one_record(tmp_path):
    members = [gzip.compress(conversion(n, f"{n} {LONG}"), mtime=0) for n in range(4)]
    members[1] = rotten(members[1])
    found = texts(rows(tmp_path / "a.wet.gz", b"".join(members)[:-20]))
    assert [reason for _, reason in found] == [None, "damaged_record", None, "truncated_record"]
    assert [text for text, _ in found if text] == [f"{n} {LONG}".strip() for n in (0, 2)]


@pytest.mark.parametrize("length", [0, 5, 60, 500])
def test_a_wrong_length_ends_where_the_next_record_begins(tmp_path, length):
    data = conversion(0, "first text", length=length) + conversion(1, "second")
    assert texts(rows(tmp_path / "a.wet", data)) == [("first text", None), ("second", None)]


def test_empty_and_long_texts_are_reasons(tmp_path):
    data = conversion(0, " \n") + conversion(1, "x" * 100) + conversion(2, "y")
    assert texts(rows(tmp_path / "a.wet", data, max_bytes=50)) == [
        (None, "no_text"), (None, "too_large"), ("y", None),
    ]


def test_what_is_no_archive_stops(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_conversions(str(tmp_path / "none"), max_bytes=10))
    with pytest.raises(InputError, match="not an archive"):
        rows(tmp_path / "a.wet", b"<html>no archive</html>\n")


def test_genuine_wet_files_give_their_texts(real_data):
    folder = real_data / "warc_genuine"
    (spanish,) = read_conversions(
        str(folder / "whirlwind-python__whirlwind.warc.wet.gz"), max_bytes=10**6
    )
    assert (spanish.url, spanish.language, spanish.reason) == (
        "https://an.wikipedia.org/wiki/Escopete", "spa", None,
    )
    assert spanish.text is not None
    assert spanish.text.startswith("Escopete - Biquipedia, a enciclopedia libre\n")
    sample = list(read_conversions(str(folder / "cc_net__sample.warc.txt"), max_bytes=10**6))
    assert [(row.url, row.reason) for row in sample] == [
        ("http://sample_english.com", None), ("http://sample_chinese.zh", None),
        ("http://sample_russian.ru", None),
    ]
