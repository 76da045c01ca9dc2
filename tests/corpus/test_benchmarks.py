"""Reading benchmark files: every item, or an error."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import msgspec
import pytest
import zstandard

from corpus.benchmarks import (
    BenchmarkSettings,
    ItemField,
    benchmark_files,
    num_items,
    read_benchmark,
)
from corpus.errors import InputError

ITEMS = [
    {"id": "a", "query": "Why?", "choices": ["yes", "no"], "meta": {"source": "exam"}, "gold": 1},
    {"id": "b", "query": "Wo\u2028hin?", "choices": [], "meta": {"source": None}, "gold": 0},
]
LINES = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in ITEMS)


def file(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return str(path)


def read(*paths: str, **settings) -> list[tuple[str, str, str]]:
    return [tuple(r) for r in read_benchmark("test", BenchmarkSettings(files=paths, **settings))]


def test_json_lines_give_the_named_fields_in_their_order(tmp_path):
    path = file(tmp_path, "x.jsonl", LINES)
    fields = {"question": ("query",), "answer": ("choices", "meta.source")}
    assert read_benchmark("test", BenchmarkSettings(files=(path,), fields=fields)) == [
        ItemField("0", "question", "Why?"),
        ItemField("0", "answer", "yes\nno\nexam"),
        ItemField("1", "question", "Wo\u2028hin?"),
        ItemField("1", "answer", ""),
    ]


def test_a_path_goes_into_lists_and_takes_numbers(tmp_path):
    path = file(tmp_path, "x.jsonl", LINES.splitlines()[0] + "\n")
    assert read(path, text=("choices.1", "gold")) == [("0", "text", "no\n1")]


def test_an_item_may_bring_its_own_id(tmp_path):
    path = file(tmp_path, "x.jsonl", LINES)
    assert [row[0] for row in read(path, text=("query",), item_id="id")] == ["a", "b"]


def test_several_files_put_their_names_before_the_number(tmp_path):
    file(tmp_path, "one.jsonl", LINES)
    file(tmp_path, "two.jsonl", LINES)
    rows = read(str(tmp_path / "*.jsonl"), text=("query",))
    assert [row[0] for row in rows] == ["one:0", "one:1", "two:0", "two:1"]
    assert num_items(read_benchmark("x", BenchmarkSettings(
        files=(str(tmp_path / "*.jsonl"),), fields={"question": ("query",), "answer": ("gold",)}
    ))) == 4


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        ("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress),
        ("zst", zstandard.compress),
    ],
)
def test_compressed_files_are_read_whole_and_a_cut_one_is_refused(tmp_path, suffix, compress):
    half = len(LINES.encode()) // 2
    both = compress(LINES.encode()[:half]) + compress(LINES.encode()[half:])  # two members
    path = tmp_path / f"x.jsonl.{suffix}"
    path.write_bytes(both)
    assert len(read(str(path), text=("query",))) == 2
    path.write_bytes(both[:-6])
    with pytest.raises(InputError, match="cannot be read"):
        read(str(path), text=("query",))
    path.write_bytes(LINES.encode())
    with pytest.raises(InputError, match="cannot be read"):
        read(str(path), text=("query",))


def test_a_table_is_read_by_its_header_and_a_cell_may_span_lines(tmp_path):
    path = file(tmp_path, "x.csv", '\ufeffq,a\n"one, two\nthree",x\n\nfour,"y ""z"""\n')
    assert read(path, fields={"question": ("q",), "answer": ("a",)}) == [
        ("0", "question", "one, two\nthree"), ("0", "answer", "x"),
        ("1", "question", "four"), ("1", "answer", 'y "z"'),
    ]


def test_a_table_without_header_is_read_by_number(tmp_path):
    path = file(tmp_path, "x.tsv", "one\tA\r\ntwo\tB\r\n")
    assert read(path, header=False, text=("0",)) == [("0", "text", "one"), ("1", "text", "two")]


def test_a_line_is_an_item_and_blank_lines_are_none(tmp_path):
    path = file(tmp_path, "x.txt", "one\n \n\ntwo\x0cx\n")
    assert read(path) == [("0", "text", "one"), ("3", "text", "two\x0cx")]


def test_several_lines_may_make_an_item(tmp_path):
    path = file(tmp_path, "x.txt", "q1\na\n\nq2\nc\nd\n")
    fields = {"question": ("0",), "answer": ("1", "2")}
    assert read(path, lines_per_item=3, fields=fields) == [
        ("0", "question", "q1"), ("0", "answer", "a\n"),
        ("1", "question", "q2"), ("1", "answer", "c\nd"),
    ]
    with pytest.raises(InputError, match="6 lines, expected a multiple of 4"):
        read(path, lines_per_item=4)


def test_paragraphs_are_items(tmp_path):
    path = file(tmp_path, "x.txt", "one\ntwo\n\n\nthree\n")
    assert read(path, format="paragraphs") == [("0", "text", "one\ntwo"), ("1", "text", "three")]


@pytest.mark.parametrize(
    ("name", "text", "settings", "message"),
    [
        ("x.jsonl", LINES + "{broken\n", {"text": ("query",)}, "line 3 is not JSON"),
        ("x.jsonl", "[1]\n", {"text": ("0",)}, "line 1 is list, not an object"),
        ("x.jsonl", LINES, {"text": ("queri",)}, "no queri .* it has the keys id, query"),
        ("x.jsonl", LINES, {"text": ("choices.5",)}, "no 5 of choices.5"),
        ("x.jsonl", LINES, {}, "which fields are text"),
        ("x.jsonl", LINES, {"text": ("query",), "item_id": "choices"}, "gives 2 ids"),
        ("x.jsonl", LINES + LINES, {"text": ("query",), "item_id": "id"}, "was seen before"),
        ("x.jsonl", "\n", {"text": ("query",)}, "no item in it"),
        ("x.csv", "q,a\n1,2\n3\n", {"text": ("q",)}, "line 3 has 1 cells, expected 2"),
        ("x.csv", 'q,a\n1,"2\n', {"text": ("q",)}, "is not CSV"),
        ("x.data", "text", {}, "format unknown"),
    ],
)
def test_an_item_that_cannot_be_read_stops_the_stage(tmp_path, name, text, settings, message):
    with pytest.raises(InputError, match=message):
        read(file(tmp_path, name, text), **settings)


def test_bytes_that_are_not_utf8_stop_the_stage(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(InputError, match="not UTF-8 at byte 3"):
        read(str(tmp_path / "x.txt"))


def test_a_missing_file_stops_the_stage(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        benchmark_files(BenchmarkSettings(files=(str(tmp_path / "*.jsonl"),)))


@pytest.mark.parametrize(
    "table",
    [
        {"files": []},
        {"files": ["x"], "lines_per_item": 0},
        {"files": ["x"], "text": ["a"], "fields": {"text": ["b"]}},
        {"files": ["x"], "fields": {"title": ["b"]}},
        {"files": ["x"], "formt": "csv"},
    ],
)
def test_settings_without_a_meaning_are_refused(table):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, BenchmarkSettings)


def test_the_real_sets_have_their_published_numbers_of_items(real_data):
    def count(path: str, **settings) -> int:
        files = (str(real_data / "bench" / path),)
        return num_items(read_benchmark("x", BenchmarkSettings(files=files, **settings)))

    assert count("lambada/lambada_openai.jsonl.gz", text=("context", "continuation")) == 5153
    assert count("arc/arc_easy.jsonl.gz", text=("query", "choices")) == 2376
    assert count("truthfulqa/TruthfulQA.csv.gz", text=("Question",)) == 817
    assert count("hellaswag/hellaswag_val_full.txt.bz2", lines_per_item=6) == 10_042
    assert count("race/race_dev.jsonl.gz", text=("article",), item_id="id") == 1389
    assert count("wikitext2/wiki.test.txt.gz") == 2891
    assert count("ptb/ptb.test.txt.gz") == 3761
