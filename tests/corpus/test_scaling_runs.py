"""Runs as points of a fit: folders, roots and lines, what is left out, and what stops."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from corpus.datasets import publish_manifest
from corpus.errors import Damaged, InputError
from corpus.scaling_runs import read_runs
from corpus.storage import Store
from corpus.trainer.settings import TrainSettings
from corpus.trainer.shapes import PRESETS

LINE = {"num_parameters": 1e6, "num_tokens": 2e7, "loss": 4.5}


def write_run(
    folder: Path, *, steps: int = 12, of: int = 12, validation: float | None = 5.0, **config
) -> Path:
    """A folder as train() leaves it: a step has 100 tokens, and losses fall from 8 by 0.1."""
    folder.mkdir(parents=True)
    settings = TrainSettings(model="micro", num_steps=of, sequences_per_step=8)
    shape = PRESETS["micro"]
    said = {
        "shape": msgspec.to_builtins(shape), "vocab_size": 300, "eot_id": 0,
        "num_parameters": shape.num_parameters(300), "tokenizer_sha256": "aa",
        "shards_sha256": "bb", "train_tokens": 5000, "validation_tokens": 10, "seed": 1,
        "settings": msgspec.to_builtins(settings),
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(said | config), "utf-8")
    rows: list[dict] = [{"step": 0, "tokens": 0, "validation_loss": 9.0}]
    rows += [{"step": n, "tokens": 100 * n, "loss": 8 - n / 10} for n in range(1, steps + 1)]
    if validation is not None:
        rows[-1]["validation_loss"] = validation
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def of_context(context: int) -> dict:
    shape = msgspec.structs.replace(PRESETS["micro"], context=context)
    return {"shape": msgspec.to_builtins(shape), "num_parameters": 100_000}


def write_lines(path: Path, *lines: dict | str) -> str:
    text = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines)
    path.write_text(text, "utf-8")
    return str(path)


def test_a_folder_gives_its_parameters_tokens_and_last_validation_loss(tmp_path):
    place = str(write_run(tmp_path / "one"))
    (one,) = read_runs([place]).runs
    assert one.num_parameters == (300 + 64) * 64 + 2 * (12 * 64**2 + 13 * 64) + 2 * 64
    assert one.num_outside_embeddings == 12 * 2 * 64**2
    assert (one.num_tokens, one.loss, one.measured_on) == (1200, 5.0, "validation")
    assert one.epochs == 0.24
    assert read_runs([place]).warnings == ()


def test_a_root_is_its_published_model(tmp_path):
    write_run(tmp_path / "root" / "model")
    place = str(tmp_path / "root")
    unpublished = read_runs([place])
    assert unpublished.left_out == (
        (place, "unfinished: the root's model is not published yet"),
    )
    publish_manifest(Store(place), "model", [])
    assert [run.loss for run in read_runs([place]).runs] == [5.0]


def test_without_a_validation_loss_the_last_steps_count_and_that_is_said(tmp_path):
    read = read_runs([str(write_run(tmp_path / "one", validation=None))])
    assert read.runs[0].loss == pytest.approx(sum(8 - n / 10 for n in range(3, 13)) / 10)
    assert read.warnings == (
        "1 of 1 runs have no validation loss: theirs is the mean training loss of the last 10 "
        "steps",
    )


def test_a_run_that_stopped_before_its_end_is_left_out(tmp_path):
    place = str(write_run(tmp_path / "one", steps=6))
    read = read_runs([place])
    assert read.runs == ()
    assert read.left_out == (
        (place, "unfinished: step 6 of 12, so with a learning rate that was to fall further"),
    )


def test_what_differs_between_runs_is_said(tmp_path):
    places = [
        str(write_run(tmp_path / "one", train_tokens=500)),
        str(write_run(tmp_path / "two", shards_sha256="cc", **of_context(32))),
    ]
    assert read_runs(places).warnings == (
        "the runs are of different shards, so perhaps measured on different text",
        "losses are measured in 2 ways: context 32, first 50,000 validation tokens; context 64, "
        "first 50,000 validation tokens",
        "1 runs saw their text more than once, up to 2.4 times, which the forms count as if it "
        "were new",
    )


def test_a_run_that_is_named_twice_is_said(tmp_path):
    place = str(write_run(tmp_path / "one"))
    assert read_runs([place, f"{place}/"]).warnings == (
        "1 runs are there twice, with the same figures; intervals are then too narrow",
    )


def test_runs_of_two_tokenizers_are_refused(tmp_path):
    places = [
        str(write_run(tmp_path / "one")),
        str(write_run(tmp_path / "two", tokenizer_sha256="dd")),
    ]
    with pytest.raises(InputError, match="runs of 2 tokenizers"):
        read_runs(places)


def test_a_line_that_is_no_run_costs_itself(tmp_path):
    place = write_lines(
        tmp_path / "runs.jsonl",
        LINE | {"note": "other fields are not looked at"}, "", "{", {"num_parameters": 1},
        LINE | {"loss": -1}, '{"num_parameters": 1e6, "num_tokens": 1e7, "loss": NaN}',
        LINE | {"num_parameters_outside_embeddings": 9e5, "num_tokens": 3e7},
    )  # fmt: skip
    read = read_runs([place])
    assert [(run.num_tokens, run.num_outside_embeddings) for run in read.runs] == [
        (2e7, None), (3e7, 9e5),
    ]  # fmt: skip
    assert [name.rpartition(":")[2] for name, _ in read.left_out] == ["3", "4", "5", "6"]
    reasons = [reason for _, reason in read.left_out]
    assert reasons[1] == "not a run: Object missing required field `num_tokens`"
    assert reasons[2] == "loss is -1, expected a number above 0"


def test_the_order_of_places_does_not_matter(tmp_path):
    places = [str(write_run(tmp_path / str(n), validation=4 + n / 10)) for n in range(3)]
    places.append(write_lines(tmp_path / "runs.jsonl", LINE, LINE | {"loss": 4.4}))
    assert read_runs(places) == read_runs(places[::-1])


def test_a_file_is_found_from_the_folder_that_it_lies_in(tmp_path, monkeypatch):
    write_lines(tmp_path / "runs.jsonl", LINE)
    monkeypatch.chdir(tmp_path)
    assert len(read_runs(["runs.jsonl"]).runs) == 1


@pytest.mark.parametrize("name", ["absent", "absent.jsonl", "empty"])
def test_a_place_that_is_no_run_stops(tmp_path, name):
    (tmp_path / "empty").mkdir()
    said = "none of these" if name == "empty" else "no such place"
    with pytest.raises(InputError, match=f"{name}: expected a root with a model.*got {said}"):
        read_runs([str(tmp_path / name)])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("config.json", "{}", "missing required field"),
     ("config.json", "{", "truncated"),
     ("train.jsonl", '{"step": 1, "tokens": 100}\n{"step": 2, "tok', "train.jsonl, line 2"),
     ("train.jsonl", "[]\n", "train.jsonl, line 1")],
)  # fmt: skip
def test_a_damaged_folder_stops(tmp_path, name, text, said):
    folder = write_run(tmp_path / "one")
    (folder / name).write_text(text, "utf-8")
    with pytest.raises(Damaged, match=said):
        read_runs([str(folder)])
