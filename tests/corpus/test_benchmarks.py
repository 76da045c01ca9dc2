"""Reading benchmark files: every item, or an error."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import msgspec
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
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
from jobs.recipe import read_recipe

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


def test_blank_lines_take_a_number_in_text_and_none_in_json_lines(tmp_path):
    # As the `datasets` library reads either, whose rows an evaluation's documents are.
    one, two, _ = LINES.split("\n")
    path = file(tmp_path, "x.jsonl", f"\n{one}\n \n\n{two}\n\n")
    assert [row[0] for row in read(path, text=("query",))] == ["0", "1"]
    path = file(tmp_path, "x.txt", "\none\n\ntwo\n")
    assert [row[0] for row in read(path)] == ["1", "3"]


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (json.dumps(ITEMS), {}),
        (json.dumps(ITEMS, indent=2), {}),
        (LINES, {}),  # JSON lines by another name
        (json.dumps({"version": 2, "data": {"items": ITEMS}}, indent=1), {"records": "data.items"}),
    ],
)
def test_a_json_file_is_a_list_of_objects_or_holds_one(tmp_path, text, settings):
    path = file(tmp_path, "x.json", text)
    assert read(path, text=("query",), **settings) == [
        ("0", "text", "Why?"), ("1", "text", "Wo\u2028hin?"),
    ]  # fmt: skip


def test_a_json_file_of_one_object_is_one_item(tmp_path):
    assert read(file(tmp_path, "x.json", LINES.splitlines()[0]), text=("query",)) == [
        ("0", "text", "Why?")
    ]


NESTED = [
    {"q": "one", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "turns": [{"t": "x"}],
     "by": None, "number": 1},
    {"q": None, "choices": {"text": [], "label": []}, "turns": [{"t": "y"}, {"t": "z"}],
     "by": {"name": "me"}, "number": 2},
]  # fmt: skip
ANSWERS = ("choices.text", "turns.t", "turns.0.t")
PATHS = {"question": ("q",), "answer": ANSWERS, "text": ("number",)}
FOUND = [
    ("0", "question", "one"), ("0", "answer", "a\nb\nx\nx"), ("0", "text", "1"),
    ("1", "question", ""), ("1", "answer", "y\nz\ny"), ("1", "text", "2"),
]  # fmt: skip


def write_arrow(path: Path, make) -> str:
    table = pa.Table.from_pylist(NESTED)
    with pa.OSFile(str(path), "wb") as out, make(out, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=1):
            writer.write_batch(batch)
    return str(path)


def test_nested_columns_of_parquet_are_reached_by_the_same_paths(tmp_path):
    path = str(tmp_path / "x.parquet")
    pq.write_table(pa.Table.from_pylist(NESTED), path, row_group_size=1)
    assert read(path, fields=PATHS) == FOUND
    lines = "".join(json.dumps(row) + "\n" for row in NESTED)
    assert read(file(tmp_path, "x.jsonl", lines), fields=PATHS) == FOUND
    with pytest.raises(InputError, match=r"item 0: no name of by\.name; it has NoneType"):
        read(path, text=("by.name",))


@pytest.mark.parametrize("make", [pa.ipc.new_stream, pa.ipc.new_file])
def test_arrow_is_read_as_a_stream_or_a_file_and_a_cut_one_is_refused(tmp_path, make):
    path = write_arrow(tmp_path / "x.arrow", make)
    assert read(path, fields=PATHS) == FOUND
    whole = Path(path).read_bytes()
    for size in (len(whole) - 8, len(whole) // 2, 20):  # 8: the mark of a stream's end
        Path(path).write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"x\.arrow: is (no|not) Arrow"):
            read(path, fields=PATHS)


def test_a_parquet_file_that_is_none_or_not_whole_is_refused(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.Table.from_pylist(NESTED), path)
    for data in (path.read_bytes()[:-20], b"PAR1 and no more", b""):
        path.write_bytes(data)
        with pytest.raises(InputError, match="is not Parquet, or not whole"):
            read(str(path), fields=PATHS)


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
        ("x.csv", "q,a,q\n1,2,3\n", {"text": ("q",)}, "its header names q twice"),
        ("x.json", LINES + "{broken\n", {"text": ("query",)}, "line 3 is not JSON"),
        ("x.json", "[{}, 1]", {"text": ("q",)}, "x.json: item 1 is int, not an object"),
        ("x.json", "[{}", {"text": ("q",)}, "is not JSON"),
        ("x.json", '"text"', {"text": ("q",)}, "it is str, expected a list"),
        ("x.json", '{"data": 1}', {"text": ("q",), "records": "data"}, "data is int, expected a"),
        ("x.json", '{"data": 1}', {"text": ("q",), "records": "rows"}, "no rows .* the keys data"),
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


def rows_in(path: Path) -> int:
    """Items of a real set, counted with another reader."""
    name = path.name
    opened = gzip.open if name.endswith(".gz") else bz2.open if name.endswith(".bz2") else open
    with opened(path, "rt", encoding="utf-8", newline="") as lines:
        if ".csv" in name:
            return len(pandas.read_csv(lines))
        num_lines = sum(1 for line in lines if line.strip())
    return num_lines // 6 if name.startswith("hellaswag") else num_lines


def test_every_item_of_the_real_sets_is_read(real_data):
    settings = read_recipe("real_pages", [f"data={real_data}"]).contamination.benchmarks
    manifest = [json.loads(line) for line in (real_data / "bench" / "manifest.jsonl").open()]
    stated = {str(real_data / row["file"]): row["records_or_lines"] for row in manifest}
    read_files = set()
    for name, one in settings.items():
        files = benchmark_files(one)
        read_files.update(files)
        counted = {path: rows_in(Path(path)) for path in files}
        assert num_items(read_benchmark(name, one)) == sum(counted.values())
        for path, number in counted.items():
            if ".csv" not in path:  # the manifest counts a table's lines, its header among them
                assert number * one.lines_per_item == stated[path]
    assert {*stated} - read_files == {str(real_data / "bench/gsm8k/train.jsonl.gz")}


def test_the_real_sets_have_their_published_numbers_of_items(real_data):
    settings = read_recipe("real_pages", [f"data={real_data}"]).contamination.benchmarks
    published = {
        "lambada": 5153, "boolq": 3270, "arc_easy": 2376, "piqa": 1838, "piqa_test": 3084,
        "gsm8k": 1319, "humaneval": 164, "truthfulqa": 817, "hellaswag": 10_042, "ptb": 3761,
        "ptb_valid": 3370,
    }  # fmt: skip
    counted = {name: num_items(read_benchmark(name, settings[name])) for name in published}
    assert counted == published


def test_real_sets_in_two_forms_have_the_same_rows(real_data):
    settings = read_recipe("real_pages", [f"data={real_data}"]).contamination.benchmarks

    def texts(name: str, field: str) -> list[str]:
        rows = read_benchmark(name, settings[name])
        return [" ".join(row.text.split()) for row in rows if row.field == field]

    assert texts("lambada", "text") == texts("lambada_openai", "text")
    original, other = texts("piqa", "question"), texts("piqa_choices", "question")
    assert [f"Question: {text}" for text in original] == other
