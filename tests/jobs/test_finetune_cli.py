"""`winnow finetune`: rows in, scores out, by kind, by start and over seeds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click.testing
import pytest

pytest.importorskip("torch")

from corpus.trainer.finetuning.encoding import encode_examples
from corpus.trainer.finetuning.saved import open_finetuned
from corpus.trainer.finetuning.tasks import Example
from corpus.trainer.finetuning.training import predict
from jobs.cli import cli
from tests.jobs.test_train import train_in

DOGS, CATS = "one dog saw one dog run", "two cats and two cats"
TOPICS = [
    {"text": f"{text} {extra}", "label": label}
    for extra in ("a", "b", "c", "d", "e", "f", "g", "h")
    for text, label in ((DOGS, "dogs"), (CATS, "cats"))
]
QUICK = ("--learning-rate", "0.01", "--epochs", "4", "--examples-per-step", "4", "--threads", "1")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return train_in(tmp_path_factory.mktemp("finetune") / "root")


@pytest.fixture
def rows(tmp_path) -> str:
    return write(tmp_path / "rows.jsonl", TOPICS)


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def said(*arguments: str, status: int = 0) -> str:
    done = click.testing.CliRunner().invoke(cli, ["finetune", *arguments])
    assert done.exit_code == status, done.output
    return done.output


def facts(root: Path, *arguments: str) -> dict:
    done = click.testing.CliRunner().invoke(
        cli, ["finetune", "--root", str(root), "--json", *QUICK, *arguments]
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def classified(root: Path, rows: str, *arguments: str) -> dict:
    return facts(root, "--task", "classification", "--train", rows, "--dev", rows, *arguments)


def test_rows_are_counted_learnt_and_scored(root, rows):
    with Path(rows).open("a", encoding="utf-8") as file:
        file.write('{"text": "", "label": "dogs"}\nno row\n')
    shown = said("--root", str(root), "--task", "classification", "--train", rows, "--dev", rows,
                 *QUICK)  # fmt: skip
    counted = "18 rows, 2 dropped (1 malformed_line, 1 no_text), 16 used, 0 of them cut to fit"
    assert f"train: {counted}" in shown
    assert f"dev: {counted}" in shown
    assert "pre-trained, seed 1: accuracy 1.0000 (0.8064 to 1.0000) of 16, macro_f1" in shown
    assert "always the commonest answer: accuracy 0.5000" in shown
    assert "epoch 4 of 4: accuracy" in shown


def test_a_seed_gives_one_result(root, rows):
    one, again, other = (classified(root, rows, "--seed", seed)["runs"][0] for seed in "223")
    for run in (one, again, other):
        del run["seconds"], run["seed"]
    assert one == again != other


def test_both_starts_are_compared_seed_by_seed(root, rows):
    found = classified(root, rows, "--compare", "--seeds", "2", "--seed", "5")
    assert [(run["start"], run["seed"]) for run in found["runs"]] == [
        ("pretrained", 5), ("from_scratch", 5), ("pretrained", 6), ("from_scratch", 6),
    ]  # fmt: skip
    last = [run["epochs"][-1]["accuracy"]["value"] for run in found["runs"]]
    told = found["summary"]
    assert told["means"]["pretrained"]["value"] == pytest.approx((last[0] + last[2]) / 2)
    assert told["difference"]["value"] == pytest.approx(
        (last[0] - last[1] + last[2] - last[3]) / 2
    )
    assert told["difference"]["low"] <= told["difference"]["value"] <= told["difference"]["high"]


def test_from_scratch_does_not_begin_with_the_roots_weights(root, rows):
    ours, theirs = (classified(root, rows, *more) for more in ((), ("--from-scratch",)))
    assert theirs["runs"][0]["start"] == "from_scratch"
    assert ours["runs"][0]["last_lm_loss"] != theirs["runs"][0]["last_lm_loss"]


def test_each_kind_is_read_by_its_fields(root, tmp_path):
    pairs = write(
        tmp_path / "pairs.jsonl",
        [{"p": DOGS, "h": text, "gold": text == DOGS, "score": float(text == DOGS)}
         for text in (DOGS, CATS)] * 4,
    )  # fmt: skip
    choices = write(
        tmp_path / "choices.jsonl", [{"query": DOGS, "choices": [DOGS, CATS], "gold": 0}] * 4
    )
    entailed = facts(
        root, "--task", "entailment", "--field", "premise=p", "--field", "hypothesis=h",
        "--field", "label=gold", "--train", pairs, "--dev", pairs,
    )  # fmt: skip
    assert entailed["classes"] == ["false", "true"]
    scored = facts(
        root, "--task", "similarity", "--target", "score", "--field", "a=p", "--field", "b=h",
        "--field", "label=score", "--train", pairs, "--dev", pairs,
    )  # fmt: skip
    assert set(scored["runs"][0]["epochs"][-1]) == {
        "epoch", "pearson", "spearman", "rmse", "num_examples",
    }  # fmt: skip
    chosen = facts(
        root, "--task", "multiple_choice", "--field", "context=query", "--field", "answer=gold",
        "--train", choices, "--dev", choices,
    )  # fmt: skip
    assert chosen["runs"][0]["epochs"][-1]["accuracy"]["value"] == 1.0


def test_a_task_may_stand_in_a_file(root, tmp_path):
    task = tmp_path / "task.toml"
    task.write_text('kind = "classification"\n[fields]\ntext = "body"\n')
    renamed = [{"body": row["text"], "topic": row["label"]} for row in TOPICS]
    rows = write(tmp_path / "rows.jsonl", renamed)
    found = facts(
        root, "--task", str(task), "--field", "label=topic", "--train", rows, "--dev", rows
    )
    assert found["task"]["fields"] == {"text": "body", "label": "topic"}


def test_rows_can_be_held_out_and_drawn(root, rows):
    found = facts(
        root, "--task", "classification", "--train", rows, "--hold-out", "0.4", "--train-rows", "6"
    )
    assert found["rows"]["train"]["taken"] == 16
    assert found["rows"]["train"]["used"] == 6
    assert 1 <= found["rows"]["dev"]["used"] <= 10


def test_a_run_is_kept_and_answers_again(root, rows, tmp_path):
    out = tmp_path / "kept"
    found = classified(root, rows, "--out", str(out))
    model, vocabulary, config = open_finetuned(out)
    examples = [Example(line=1, texts=(row["text"],), label=row["label"]) for row in TOPICS]
    encoded = encode_examples(
        examples, config.task, config.targets, vocabulary, context=config.shape.context
    )
    answers = predict(model, encoded, config.settings)
    places = [values.index(max(values)) for values in answers]
    right = sum(place == one.target for place, one in zip(places, encoded, strict=True))
    assert right / 16 == found["runs"][0]["epochs"][-1]["accuracy"]["value"]
    assert config.results["epochs"] == found["runs"][0]["epochs"]
    again = ("--task", "classification", "--train", rows, "--dev", rows, "--out", str(out))
    assert "is there and not empty" in said("--root", str(root), *again, *QUICK, status=1)


def test_each_of_several_runs_is_kept(root, rows, tmp_path):
    classified(root, rows, "--compare", "--seeds", "2", "--out", str(tmp_path / "kept"))
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "from_scratch-seed-1", "from_scratch-seed-2", "pretrained-seed-1", "pretrained-seed-2",
    ]  # fmt: skip


def test_a_models_folder_stands_for_a_root(root, rows):
    task = ("--task", "classification", "--train", rows, "--dev", rows)
    shown = said("--model", str(root / "model"), *task, *QUICK)
    assert "pre-trained, seed 1: accuracy" in shown


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--hold-out", "0.5"), "expected one of --dev FILE and --hold-out SHARE"),
        (("--compare", "--from-scratch"), "--compare runs from scratch too"),
        (("--model", "m"), "--root and --model both say which model"),
        (("--tokenizer", "t"), "--tokenizer goes with --model"),
    ],
)
def test_options_that_contradict_each_other_are_refused(root, rows, more, message):
    task = ("--root", str(root), "--task", "classification", "--train", rows, "--dev", rows)
    assert message in said(*task, *more, status=2)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--task", "topics"), "ConfigError: --task topics: expected one of classification"),
        (("--task", "classification", "--epochs", "0"), "ConfigError: finetune: epochs is 0"),
        (("--task", "classification", "--max-tokens", "4"), "expected at least 8"),
        (("--task", "classification", "--target", "score"), "expected similarity"),
        (("--task", "entailment"), "InputError"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(root, rows, more, message):
    assert message in said("--root", str(root), "--train", rows, "--dev", rows, *more, status=1)


def test_another_tokenizer_than_the_models_is_refused(root, rows, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(root, other)
    path = other / "tokenizer" / "tokenizer.json"
    path.write_bytes(path.read_bytes() + b" ")
    task = ("--task", "classification", "--train", rows, "--dev", rows)
    assert "Damaged" in said("--root", str(other), *task, status=1)
