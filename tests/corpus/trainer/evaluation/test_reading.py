"""Rows, lines and train sets of benchmark files."""

from __future__ import annotations

import gzip
import json

import pytest

from corpus.benchmarks import BenchmarkSettings
from corpus.errors import InputError
from corpus.trainer.evaluation import items
from corpus.trainer.evaluation.reading import read_lines, read_questions, train_settings


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_questions_have_the_ids_of_the_contamination_tables(tmp_path):
    row = {"query": "Why?", "choices": ["a", "b"], "gold": 0}
    path = write(tmp_path / "test.jsonl", row, {"query": "?"}, row)
    settings = BenchmarkSettings(files=(path,), text=("query",))
    questions, bad = read_questions("b", settings, items.options)
    assert [one.item_id for one in questions] == ["0", "2"]
    assert bad == {"no choices": 1}


def test_a_file_that_cannot_be_read_stops(tmp_path):
    path = tmp_path / "test.jsonl"
    path.write_text('{"query": \n')
    with pytest.raises(InputError, match="line 1 is not JSON"):
        read_questions("b", BenchmarkSettings(files=(str(path),), text=("query",)), items.options)


def test_lines_of_a_text_are_all_there_blank_ones_too(tmp_path):
    path = tmp_path / "wiki.txt.gz"
    path.write_bytes(gzip.compress(b" \n = One = \r\n\nlast\n \n"))
    found = read_lines("w", BenchmarkSettings(files=(str(path),)))
    assert found == [("0", " "), ("1", " = One = "), ("2", ""), ("3", "last"), ("4", " ")]


def test_rows_with_a_text_each_are_lines_too(tmp_path):
    path = write(tmp_path / "pages.jsonl", {"page": "one\n two\n"}, {"page": "three"})
    found = read_lines("w", BenchmarkSettings(files=(path,), text=("page",)))
    assert found == [("0", "one"), ("0", " two"), ("1", "three")]


def test_a_row_with_two_texts_is_no_text(tmp_path):
    path = write(tmp_path / "pages.jsonl", {"page": "one", "title": "two"})
    with pytest.raises(InputError, match="2 texts in a row"):
        read_lines("w", BenchmarkSettings(files=(path,), text=("page",)))


@pytest.mark.parametrize("name", ["test.jsonl", "piqa_val.jsonl", "dev-set.jsonl", "a.test.jsonl"])
def test_the_train_set_is_the_file_beside(tmp_path, name):
    split = next(word for word in ("test", "val", "dev") if word in name)
    beside = tmp_path / name.replace(split, "train")
    settings = BenchmarkSettings(files=(write(tmp_path / name, {}),), text=("a",))
    assert train_settings(settings) is None
    write(beside, {})
    assert train_settings(settings).files == (str(beside),)


@pytest.mark.parametrize("name", ["contest.jsonl", "latest.jsonl", "items.jsonl"])
def test_a_name_without_a_split_has_no_train_set(tmp_path, name):
    settings = BenchmarkSettings(files=(write(tmp_path / name, {}),), text=("a",))
    assert train_settings(settings) is None


def test_the_train_split_of_a_folder_is_its_train_set(tmp_path):
    for split in ("train", "validation"):
        write(tmp_path / f"{split}.jsonl", {"a": split})
    settings = BenchmarkSettings(files=(str(tmp_path),), split="validation", text=("a",))
    assert train_settings(settings).split == "train"
    (tmp_path / "train.jsonl").unlink()
    assert train_settings(settings) is None
