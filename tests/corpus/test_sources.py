"""Files of the sources are found in a stable order, and a pattern without a file stops."""

from __future__ import annotations

import pytest

from corpus.errors import InputError
from corpus.sources import Source, source_files


def test_files_come_by_source_and_sorted_within_a_pattern(tmp_path):
    for name in ("b.warc.gz", "a.warc.gz", "dump.jsonl"):
        (tmp_path / name).touch()
    sources = {
        "second": Source(kind="warc", files=(str(tmp_path / "*.warc.gz"),)),
        "links": Source(kind="reddit", files=(str(tmp_path / "dump.jsonl"),)),
        "first": Source(kind="warc", files=(str(tmp_path / "b.warc.gz"),)),
    }
    assert source_files(sources, "warc") == [
        ("second", str(tmp_path / "a.warc.gz")),
        ("second", str(tmp_path / "b.warc.gz")),
        ("first", str(tmp_path / "b.warc.gz")),
    ]


def test_a_pattern_without_a_file_names_its_setting(tmp_path):
    sources = {"books": Source(kind="text", files=(str(tmp_path / "none*.jsonl"),))}
    with pytest.raises(InputError, match=r"sources.books.files: .*none\*.jsonl matches no file"):
        source_files(sources, "text")
