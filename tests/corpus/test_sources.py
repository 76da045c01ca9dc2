"""Files of the sources are found in a stable order, and a pattern without a file stops."""

from __future__ import annotations

import pytest

from corpus.errors import InputError
from corpus.sources import Source, is_remote, local_files, source_files


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


def test_addresses_and_listings_stand_for_themselves(tmp_path):
    (tmp_path / "a.warc.gz").touch()
    files = ("s3://commoncrawl/x/warc.paths.gz", str(tmp_path / "*.warc.gz"), "https://e.com/b*.gz")
    sources = {"web": Source(kind="warc", files=files)}
    assert [path for _, path in source_files(sources, "warc")] == [
        files[0], str(tmp_path / "a.warc.gz"), files[2],
    ]
    assert local_files(sources, "warc", "wet") == [str(tmp_path / "a.warc.gz")]
    assert [is_remote(path) for path in (*files, "s3a://b/x")] == [True, False, True, False]


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "text", "files": ("https://e.com/a",)}, {"kind": "text", "limit": 3},
     {"kind": "index", "share": 0.5}, {"kind": "warc", "share": 0.0}, {"kind": "wet", "limit": -1}],
)
def test_a_source_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|are for|is read whole"):
        Source(**{"files": ("x",), **wrong})
