"""Folders as Hugging Face lays data sets out: the files of a split, or an error that names what is
there."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.benchmarks import BenchmarkSettings, benchmark_files, benchmark_groups, read_benchmark
from corpus.errors import InputError

ROWS = [{"q": f"question {k}"} for k in range(5)]


def put(path: Path, rows: list[dict]) -> Path:
    """A file of rows in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".arrow":
        with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table)
    elif path.suffix == ".csv":
        path.write_text("".join(f"{line}\n" for line in ["q", *(row["q"] for row in rows)]))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def saved(folder: Path, *shards: list[dict], split: str | None = "test") -> None:
    """What save_to_disk of the `datasets` library writes of one split."""
    names = [f"data-{k:05d}-of-{len(shards):05d}.arrow" for k in range(len(shards))]
    for name, rows in zip(names, shards, strict=True):
        put(folder / name, rows)
    state = {"_data_files": [{"filename": name} for name in names], "_split": split}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")


def of(*files: Path | str, **settings) -> BenchmarkSettings:
    return BenchmarkSettings(files=tuple(map(str, files)), text=("q",), **settings)


def read(*files: Path | str, **settings) -> list[tuple[str, str]]:
    return [(row.item_id, row.text) for row in read_benchmark("test", of(*files, **settings))]


def refused(*files: Path | str, **settings) -> str:
    with pytest.raises(InputError) as caught:
        read(*files, **settings)
    return str(caught.value)


ALL = [(str(k), row["q"]) for k, row in enumerate(ROWS)]


@pytest.mark.parametrize(
    "names",
    [
        ("data/validation-00000-of-00002.parquet", "data/validation-00001-of-00002.parquet"),
        ("validation-00000-of-00002-0123456789abcdef.parquet",
         "validation-00001-of-00002-fedcba9876543210.parquet"),
        ("default/validation/0000.parquet", "default/validation/0001.parquet"),
        ("main/validation-00000-of-00002.jsonl", "main/validation-00001-of-00002.jsonl"),
    ],
)  # fmt: skip
def test_the_shards_of_a_split_are_numbered_through(tmp_path, names):
    put(tmp_path / names[0], ROWS[:2])
    put(tmp_path / names[1], ROWS[2:])
    put(tmp_path / Path(names[0]).parent / "notes.md", [{"q": "no item"}])
    assert read(tmp_path, split="validation") == ALL
    assert read(f"{tmp_path}/", split="validation") == ALL
    (tmp_path / names[0]).unlink()
    assert "shard 00000 of 2 is missing" in refused(tmp_path, split="validation")


def test_a_pattern_takes_shards_together_and_misses_none(tmp_path):
    put(tmp_path / "test-00000-of-00003.parquet", ROWS[:2])
    put(tmp_path / "test-00002-of-00003.parquet", ROWS[2:])
    assert "shard 00001 of 3 is missing" in refused(tmp_path / "*.parquet")
    put(tmp_path / "test-00001-of-00003.parquet", [])
    assert read(tmp_path / "*.parquet") == ALL  # an empty shard is one
    put(tmp_path / "test-00003-of-00003.parquet", ROWS)
    assert "shard 00003 of 3 is one too many" in refused(tmp_path / "*.parquet")


@pytest.mark.parametrize(
    "name",
    ["test.jsonl", "test.csv", "data/test.parquet", "test/items.jsonl", "quiz_test.jsonl",
     "testing/0000.parquet", "eval.csv"],
)  # fmt: skip
def test_a_split_is_told_by_the_name_of_its_file_or_folder(tmp_path, name):
    put(tmp_path / name, ROWS)
    put(tmp_path / "train.jsonl", ROWS[:1])
    assert read(tmp_path, split="test") == ALL


def test_a_split_that_is_not_there_or_not_one_is_refused(tmp_path):
    put(tmp_path / "train.jsonl", ROWS)
    assert read(tmp_path) == ALL  # its only split
    put(tmp_path / "dev.csv", ROWS)
    assert "which split? It has dev, train; expected `split`" in refused(tmp_path)
    assert "split test: not in it; it has dev, train" in refused(tmp_path, split="test")
    assert read(tmp_path, split="validation") == ALL
    put(tmp_path / "val.csv", ROWS)
    assert "split validation: not in it; it has dev, train, val" in refused(
        tmp_path, split="validation"
    )
    put(tmp_path / "train.parquet", ROWS)
    assert "several files, train.jsonl, train.parquet, which are no shards of one" in refused(
        tmp_path, split="train"
    )
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "README.md").write_text("no header")
    assert "no benchmark file in it" in refused(tmp_path / "none")


def test_a_configuration_is_chosen_by_name(tmp_path):
    put(tmp_path / "ARC-Easy" / "test-00000-of-00001.parquet", ROWS)
    assert read(tmp_path, split="test") == ALL  # its only one
    put(tmp_path / "ARC-Challenge" / "test-00000-of-00001.parquet", ROWS[:1])
    assert read(tmp_path, split="test", config="ARC-Easy") == ALL
    assert "which config? It has ARC-Challenge, ARC-Easy" in refused(tmp_path, split="test")
    assert "config arc_easy: not in it; it has ARC-Challenge, ARC-Easy" in refused(
        tmp_path, split="test", config="arc_easy"
    )
    assert "config ARC-Easy, split dev: not in it; it has test" in refused(
        tmp_path, split="dev", config="ARC-Easy"
    )
    put(tmp_path / "default" / "test.csv", ROWS[1:2])
    assert read(tmp_path, split="test") == [("0", "question 1")]


def test_several_configurations_are_read_each_by_itself(tmp_path):
    put(tmp_path / "anatomy" / "test-00000-of-00001.parquet", ROWS[:2])
    put(tmp_path / "virology" / "test-00000-of-00001.parquet", ROWS[2:4])
    put(tmp_path / "all" / "test-00000-of-00001.parquet", ROWS)
    assert read(tmp_path, split="test", config=("anatomy", "virology")) == [
        ("anatomy:0", "question 0"), ("anatomy:1", "question 1"),
        ("virology:0", "question 2"), ("virology:1", "question 3"),
    ]  # fmt: skip


def test_a_folder_without_configurations_is_the_one_that_is_asked_for(tmp_path):
    put(tmp_path / "flat" / "validation.jsonl", ROWS)
    saved(tmp_path / "saved", ROWS, split="validation")
    for folder in ("flat", "saved"):
        assert read(tmp_path / folder, split="validation", config="boolq") == ALL
    assert "config boolq: not in it" in refused(
        tmp_path / "flat", split="validation", config=("boolq", "copa")
    )


def test_the_header_of_a_readme_names_files_before_their_names_do(tmp_path):
    put(tmp_path / "holdout.csv", ROWS)
    put(tmp_path / "parts" / "b.jsonl", ROWS[2:])
    put(tmp_path / "parts" / "a.jsonl", ROWS[:2])
    (tmp_path / "README.md").write_text(
        "---\nlicense: mit\nconfigs:\n"
        "- config_name: main\n  data_files:\n  - split: test\n    path: holdout.csv\n"
        "- config_name: parts\n  data_dir: parts\n  data_files:\n"
        "    test: ['a.jsonl', 'b.*']\n    gone: c.jsonl\n"
        "- config_name: plain\n  data_files: holdout.csv\n---\n# A card\n"
    )
    assert read(tmp_path, split="test", config="main") == ALL
    assert read(tmp_path, split="test", config="parts") == ALL
    assert read(tmp_path, split="train", config="plain") == ALL
    assert "README.md names files that are not there" in refused(
        tmp_path, split="gone", config="parts"
    )
    assert "which config? It has main, parts, plain" in refused(tmp_path, split="test")
    (tmp_path / "README.md").write_text("---\nconfigs: [\n---\n")
    assert "its header is not YAML" in refused(tmp_path, split="test")


def test_the_hubs_cache_is_read_at_its_main_revision(tmp_path):
    folder = tmp_path / "datasets--org--quiz"
    blob = put(tmp_path / "blobs" / "one.jsonl", ROWS)
    for revision in ("aa11", "bb22"):
        name = folder / "snapshots" / revision / "data" / "test-00000-of-00001.jsonl"
        name.parent.mkdir(parents=True)
        name.symlink_to(blob)
    assert "2 revisions (aa11, bb22) and none is main" in refused(folder, split="test")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("bb22\n")
    assert read(folder, split="test") == ALL
    (group,) = benchmark_groups(of(folder, split="test"))
    assert group.name == "quiz"
    assert "bb22" in group.files[0]


def test_what_save_to_disk_wrote_is_read_by_its_state(tmp_path):
    saved(tmp_path / "one", ROWS[:3], ROWS[3:])
    assert read(tmp_path / "one") == read(tmp_path / "one", split="test") == ALL
    assert "split train: it holds test alone" in refused(tmp_path / "one", split="train")
    saved(tmp_path / "both" / "test", ROWS)
    saved(tmp_path / "both" / "train", ROWS[:1], split="train")
    (tmp_path / "both" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert read(tmp_path / "both", split="test") == ALL
    assert "which split? It has train, test" in refused(tmp_path / "both")
    assert "split dev: not in it; it has train, test" in refused(tmp_path / "both", split="dev")
    assert read(tmp_path, split="test", config="both") == ALL
    (tmp_path / "one" / "data-00001-of-00002.arrow").unlink()
    assert "data-00001-of-00002.arrow of its state.json: no such file" in refused(tmp_path / "one")
    (tmp_path / "one" / "state.json").write_text("{")
    assert "state.json is not JSON" in refused(tmp_path / "one")


def test_a_folder_elsewhere_is_read_like_one_here():
    memory = fsspec.filesystem("memory")
    for name, rows in (("test-00000-of-00002", ROWS[:2]), ("test-00001-of-00002", ROWS[2:])):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        memory.pipe(f"/layouts/data/{name}.jsonl", lines.encode())
    assert read("memory://layouts", split="test") == ALL
    assert benchmark_files(of("memory://layouts", split="test"))[0].startswith("memory://")
