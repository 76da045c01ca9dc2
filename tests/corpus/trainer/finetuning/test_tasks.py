"""Rows become examples; each that cannot costs itself, and is counted under its reason."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from corpus.errors import ConfigError, InputError
from corpus.trainer.finetuning.tasks import (
    Example,
    Task,
    class_names,
    draw,
    hold_out,
    make_task,
    read_examples,
)

TOPIC = Task(kind="classification")
CHOICE = Task(kind="multiple_choice")


def write(path: Path, *rows: object) -> str:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def read_row(path: Path, task: Task, row: object) -> Example:
    """The one example of a file that has this row."""
    (example,) = read_examples(write(path, row), task).examples
    return example


def reason(path: Path, task: Task, row: object) -> str:
    """Why the first of two rows is dropped; the second is sound."""
    sound = {
        "text": "x", "premise": "x", "hypothesis": "y", "a": "x", "b": "y", "context": "x",
        "choices": ["y", "z"], "answer": 0, "label": 1,
    }  # fmt: skip
    found = read_examples(write(path, row, sound), task)
    rows = found.ledger.to_json()["rows"]
    assert (rows["taken"], rows["kept"]) == (2, 1)
    ((name, count),) = rows["dropped"].items()
    assert count == 1
    return name


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "rows.jsonl"


def test_a_row_of_each_kind(path):
    assert read_row(path, TOPIC, {"text": "a b", "label": "sport"}) == Example(
        line=1, texts=("a b",), label="sport"
    )
    entailment = Task(kind="entailment")
    assert read_row(path, entailment, {"premise": "p", "hypothesis": "h", "label": 2}) == Example(
        line=1, texts=("p", "h"), label="2"
    )
    scored = Task(kind="similarity", target="score")
    assert read_row(path, scored, {"a": "p", "b": "h", "label": 4}) == Example(
        line=1, texts=("p", "h"), label=4.0
    )
    row = {"context": "c", "choices": ["x", "y"], "answer": 1}
    assert read_row(path, CHOICE, row) == Example(
        line=1, texts=("c",), choices=("x", "y"), label=1
    )


def test_fields_have_the_names_that_the_task_says(path):
    task = make_task("multiple_choice", ["context=article", "question=q", "answer=gold"], "class")
    row = {"article": "c", "q": "who?", "choices": ["x", "y"], "gold": "B"}
    assert read_row(path, task, row) == Example(
        line=1, texts=("c", "who?"), choices=("x", "y"), label=1
    )


def test_true_and_false_are_classes(path):
    assert read_row(path, TOPIC, {"text": "x", "label": True}).label == "true"


@pytest.mark.parametrize(
    ("task", "row", "expected"),
    [
        (TOPIC, "{", "malformed_line"),
        (TOPIC, "[1]", "malformed_line"),
        (TOPIC, {"text": "x"}, "missing_field"),
        (TOPIC, {"text": 3, "label": 1}, "wrong_type"),
        (TOPIC, {"text": " \n", "label": 1}, "no_text"),
        (TOPIC, {"text": "x", "label": None}, "bad_label"),
        (TOPIC, {"text": "x", "label": ""}, "bad_label"),
        (TOPIC, {"text": "x", "label": 0.5}, "bad_label"),
        (Task(kind="entailment"), {"premise": "x", "label": 1}, "missing_field"),
        (Task(kind="similarity", target="score"), {"a": "x", "b": "y", "label": "4"}, "bad_label"),
        (Task(kind="similarity", target="score"), {"a": "x", "b": "y", "label": True}, "bad_label"),
        (CHOICE, {"context": "x", "choices": "yz", "answer": 0}, "wrong_type"),
        (CHOICE, {"context": "x", "choices": ["y"], "answer": 0}, "too_few_choices"),
        (CHOICE, {"context": "x", "choices": ["y", ""], "answer": 0}, "no_text"),
        (CHOICE, {"context": "x", "choices": ["y", "z"], "answer": 2}, "no_such_choice"),
        (CHOICE, {"context": "x", "choices": ["y", "z"], "answer": -1}, "no_such_choice"),
        (CHOICE, {"context": "x", "choices": ["y", "z"], "answer": "C"}, "no_such_choice"),
        (CHOICE, {"context": "x", "choices": ["y", "z"], "answer": True}, "bad_label"),
        (CHOICE, {"context": "x", "choices": ["y", "z"], "answer": "yes"}, "bad_label"),
    ],
)
def test_a_bad_row_is_counted_under_its_reason(path, task, row, expected):
    assert reason(path, task, row) == expected


def test_rows_of_a_class_that_was_not_learnt_are_counted(path):
    rows = [{"text": "x", "label": name} for name in ("a", "b", "c")]
    found = read_examples(write(path, *rows), TOPIC, classes=("a", "c"))
    assert [example.line for example in found.examples] == [1, 3]
    assert found.ledger.to_json()["rows"] == {
        "taken": 3, "kept": 2, "dropped": {"unknown_label": 1},
    }  # fmt: skip


def test_blank_lines_and_a_byte_order_mark_are_no_rows(path):
    path.write_bytes(b'\xef\xbb\xbf{"text": "x", "label": 1}\n\n  \n')
    found = read_examples(str(path), TOPIC)
    assert (len(found.examples), found.ledger.account().taken) == (1, 1)


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress)]
)
def test_packed_files_are_read(tmp_path, suffix, pack):
    path = tmp_path / f"rows.jsonl{suffix}"
    path.write_bytes(pack(b'{"text": "x", "label": 1}\n'))
    assert len(read_examples(str(path), TOPIC).examples) == 1


def test_a_packed_file_that_breaks_off_stops(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    rows = "".join(json.dumps({"text": str(n) * 9, "label": n}) + "\n" for n in range(2000))
    path.write_bytes(gzip.compress(rows.encode())[:-2000])
    with pytest.raises(InputError, match=r"breaks off after [\d,]+ rows; expected a whole file"):
        read_examples(str(path), TOPIC)


def test_a_file_without_a_usable_row_says_what_was_expected(path):
    task = make_task("classification", ["text=body"], "class")
    write(path, {"text": "x", "label": 1}, {"text": "y", "label": 1})
    with pytest.raises(InputError, match=r"2 missing_field.*text in field 'body', label in field"):
        read_examples(str(path), task)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file; expected a file of labelled rows"):
        read_examples(str(tmp_path / "none.jsonl"), TOPIC)


def test_one_class_alone_is_refused():
    with pytest.raises(InputError, match="every row is of the class 'a'"):
        class_names([example("x"), example("y")], where="train.jsonl")


@pytest.mark.parametrize(
    ("fields", "target", "message"),
    [
        (["txt=body"], "class", "fields.txt: classification has text, label"),
        (["text"], "class", "expected ROLE=FIELD, each role once"),
        (["text=a", "text=b"], "class", "expected ROLE=FIELD, each role once"),
        ([], "score", "target is score, of a classification task; expected similarity"),
    ],
)
def test_a_task_that_contradicts_itself_is_refused(fields, target, message):
    with pytest.raises(ConfigError, match=message):
        make_task("classification", fields, target)


def example(text: str, line: int = 1) -> Example:
    return Example(line=line, texts=(text,), label="a")


MANY = [example(f"text {number // 2}", number) for number in range(2000)]  # each text twice


def test_a_share_is_held_out_and_equal_texts_stay_together():
    kept, held = hold_out(MANY, 0.3)
    assert {one.line for one in (*kept, *held)} == set(range(2000))
    assert not {one.texts for one in kept} & {one.texts for one in held}
    assert 0.25 < len(held) / len(MANY) < 0.35


def test_the_same_rows_are_held_out_in_any_order():
    backwards = hold_out(MANY[::-1], 0.3)[1]
    assert backwards[::-1] == hold_out(MANY, 0.3)[1]


def test_a_smaller_draw_is_part_of_a_larger_one():
    few, more = draw(MANY, 20), draw(MANY, 200)
    assert (len(few), len(more)) == (20, 200)
    assert set(few) < set(more)
    assert draw(MANY, 5000) == MANY
