from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pytest
import zstandard

from corpus.errors import InputError
from corpus.texts import TextLine, read_texts

LINES = b'{"text": "One.", "id": 7}\n{"text": "Two.", "url": "http://a.org/", "title": "T"}\n'
ROWS = [
    TextLine(number=1, length=25, text="One."),
    TextLine(number=2, length=54, text="Two.", url="http://a.org/", title="T"),
]


def read(tmp_path: Path, data: bytes, name: str = "a.jsonl", max_bytes: int = 1000):
    path = tmp_path / name
    path.write_bytes(data)
    return list(read_texts(str(path), max_bytes=max_bytes))


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.jsonl", bytes),
        ("a.jsonl.gz", gzip.compress),
        ("a.jsonl.bz2", bz2.compress),
        ("a.jsonl.xz", lzma.compress),
        ("a.jsonl.zst", zstandard.compress),
    ],
)
def test_every_packing_gives_the_same_rows(tmp_path, name, pack):
    assert read(tmp_path, pack(LINES), name) == ROWS
    assert read(tmp_path, pack(LINES.rstrip()), name) == ROWS


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "cut', "malformed_line"),
        (b'["text"]', "malformed_line"),
        (b'{"text": 7}', "malformed_line"),
        (b'{"text": "\xff"}', "malformed_line"),
        (b"[" * 99_999, "too_large"),
        (b"[" * 999, "malformed_line"),
        (b'{"title": "no text"}', "no_text"),
        (b'{"text": null}', "no_text"),
        (b'{"text": " \\u0000\\n"}', "no_text"),
    ],
)
def test_a_broken_line_costs_itself_and_says_why(tmp_path, line, reason):
    found = read(tmp_path, LINES + line + b"\n" + LINES)
    assert [row.reason for row in found] == [None, None, reason, None, None]
    assert [row.number for row in found] == [1, 2, 3, 4, 5]
    assert found[2].text is None


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path):
    found = read(tmp_path, b"\xef\xbb\xbf" + LINES + b"\n \r\n" + LINES)
    assert [row.number for row in found] == [1, 2, 5, 6]


def test_text_takes_the_corpus_form(tmp_path):
    line = json.dumps({"text": "e\u0301\r\n\ud83d\x00!", "title": " a\n b "}).encode()
    (row,) = read(tmp_path, line)
    assert (row.text, row.title) == ("é\n!", "a b")


def test_a_line_over_the_limit_is_too_large(tmp_path):
    line = json.dumps({"text": "x" * 500}).encode()
    assert [row.reason for row in read(tmp_path, line, max_bytes=len(line))] == [None]
    found = read(tmp_path, LINES + line, max_bytes=len(line) - 1)
    assert found == [*ROWS, TextLine(number=3, length=len(line), reason="too_large")]


def test_a_cut_file_gives_the_lines_before_and_one_row_more(tmp_path):
    lines = b"".join(b'{"text": "Line %d of many."}\n' % number for number in range(9999))
    found = read(tmp_path, gzip.compress(lines)[:-2000], "a.jsonl.gz")
    assert len(found) > 1000
    assert {row.reason for row in found[:-1]} == {None}
    assert found[-1] == TextLine(number=len(found), length=0, reason="truncated_file")


def test_a_txt_file_is_one_document(tmp_path):
    found = read(tmp_path, gzip.compress(b"First line.\r\nSecond line.\n"), "a.txt.gz")
    assert found == [TextLine(number=1, length=26, text="First line.\nSecond line.")]
    assert [row.reason for row in read(tmp_path, b" \n", "a.txt")] == ["no_text"]
    assert [row.reason for row in read(tmp_path, b"x" * 99, "a.txt", 98)] == ["too_large"]
    cut = gzip.compress(b"First line.\n" * 99)[:-8]
    assert [row.reason for row in read(tmp_path, cut, "a.txt.gz")] == ["truncated_file"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", b""),
        ("a.jsonl", b"Dear reader,\nthis is no JSON.\n"),
        ("a.jsonl.gz", b"\x1f\x8b\x08" + b"\xa5" * 99),
        ("a.jsonl.gz", LINES),
    ],
)
def test_a_file_that_is_no_text_source_is_one_clear_error(tmp_path, name, data):
    with pytest.raises(InputError, match=name):
        read(tmp_path, data, name)


def test_a_missing_file_is_one_clear_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_texts(str(tmp_path / "none.jsonl"), max_bytes=1000))
