"""`winnow eval`: every figure in the table and in JSON, clean and dirty, of a root's model."""

from __future__ import annotations

import json
from pathlib import Path

import click.testing
import pytest

torch = pytest.importorskip("torch")

from corpus.shards import read_manifest  # noqa: E402
from corpus.storage import Store  # noqa: E402
from jobs.cli import cli  # noqa: E402
from tests.jobs.test_train import train_in  # noqa: E402
from tests.tables import write_table  # noqa: E402

CHOICES = ["one dog", "two cats"]
ROWS = [
    {"query": f"Question: how many cats are {n}?", "choices": CHOICES, "gold": n % 2}
    for n in range(6)
]
SUMS = [{"question": f"{n} + 1?", "answer": f"It is {n + 1}.\n#### {n + 1}"} for n in range(2)]
PASSAGES = [{"text": "one dog saw two cats and two cats saw one dog"}, {"text": "word"}]
TEXT = " one dog <unk> \n \n two cats 's \n"


def write_lines(path: Path, rows) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A trained root with provenance and verdicts on the items of one benchmark."""
    folder = train_in(tmp_path_factory.mktemp("eval") / "root")
    store = Store(str(folder))
    manifest = read_manifest(folder / "shards")
    write_table(store, "provenance", [
        [{"split": shard.split, "shard": 0, "ordinal": 0, "doc_id": bytes(16), "copy": 0,
          "source": "farm", "url": None, "start": 1, "end": shard.num_tokens}]
        for shard in manifest.shards
    ])  # fmt: skip
    write_table(store, "benchmark_items", [[
        {"benchmark": "arc_easy", "item_id": str(n), "ngram_size": 8, "num_words": 9,
         "num_ngrams": 2, "num_found": int(n % 3 == 0), "num_exempt": 0, "num_covered": 0,
         "dirty": n % 3 == 0, "how": None, "fields": []}
        for n in range(6)
    ]])  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> list[str]:
    """Options that name the benchmarks."""
    data = tmp_path_factory.mktemp("data")
    wiki = data / "ptb.txt"
    wiki.write_text(TEXT)
    settings = {
        "arc_easy": {"files": [write_lines(data / "arc.jsonl", ROWS)], "text": ["query"]},
        "gsm8k": {"files": [write_lines(data / "test.jsonl", SUMS)], "text": ["question"]},
        "lambada": {"files": [write_lines(data / "words.jsonl", PASSAGES)], "text": ["text"]},
        "ptb": {"files": [str(wiki)]},
        "unlabelled": {"files": [write_lines(data / "x.jsonl", ROWS)], "text": ["query"]},
        "piqa": {"files": [write_lines(data / "piqa.jsonl", [{"goal": "x", "sol1": "a",
                                                               "sol2": "b"}])], "text": ["goal"]},
    }  # fmt: skip
    write_lines(data / "train.jsonl", SUMS)
    tables = ", ".join(
        f"{name} = {{{', '.join(f'{key} = {json.dumps(value)}' for key, value in one.items())}}}"
        for name, one in settings.items()
    )
    return ["--recipe", "demo", "--set", f"contamination.benchmarks={{{tables}}}"]


def evaluated(root: Path, recipe: list[str], *arguments: str, status: int = 0):
    command = ["eval", "--root", str(root), *recipe, *arguments]
    done = click.testing.CliRunner().invoke(cli, command)
    assert done.exit_code == status, done.output
    return done


@pytest.fixture(scope="module")
def found(root, recipe) -> dict:
    return json.loads(evaluated(root, recipe, "--json").stdout)


def by_name(found: dict) -> dict:
    return {one["benchmark"]: one for one in found["benchmarks"]}


def test_each_benchmark_with_a_task_is_asked(found):
    assert set(by_name(found)) == {"arc_easy", "gsm8k", "lambada", "ptb"}
    assert {name: one["num"] for name, one in by_name(found).items()} == {
        "arc_easy": 6, "gsm8k": 2, "lambada": 1, "ptb": 3
    }  # fmt: skip


def test_validation_is_told_by_source_and_in_all(found, root):
    farm, everything = found["validation"]
    assert (farm["source"], everything["source"]) == ("farm", "all")
    validation = read_manifest(root / "shards").num_tokens["validation"]
    assert farm["num_tokens"] == everything["num_tokens"] == validation - 1
    assert farm["nats"] == everything["nats"] > 0
    assert 0 < everything["bits_per_byte"] < 8


def test_clean_and_dirty_are_parts_of_all(found):
    arc = by_name(found)["arc_easy"]
    assert (arc["chance"], arc["num_not_judged"]) == (0.5, 0)
    accuracy = arc["figures"][0]
    assert accuracy["name"] == "accuracy"
    assert [accuracy[part]["num"] for part in ("all", "clean", "dirty")] == [6, 4, 2]
    right = {item: amount for item, amount, _ in arc["items"]}
    assert accuracy["all"]["value"] == pytest.approx(sum(right.values()) / 6)
    assert accuracy["dirty"]["value"] == pytest.approx((right["0"] + right["3"]) / 2)
    assert accuracy["clean"]["value"] == pytest.approx(
        sum(right[name] for name in "1245") / 4
    )
    assert accuracy["difference"]["value"] == pytest.approx(
        accuracy["clean"]["value"] - accuracy["dirty"]["value"]
    )
    assert accuracy["all"]["low"] <= accuracy["all"]["value"] <= accuracy["all"]["high"]


def test_what_no_table_judges_has_no_clean_part(found):
    assert "clean" not in by_name(found)["gsm8k"]["figures"][0]


def test_bad_rows_are_counted_by_reason(found):
    assert by_name(found)["lambada"]["bad_rows"] == {"the text has no two words": 1}


def test_a_text_has_its_words_counted_as_papers_do(found):
    figures = {one["name"]: one["all"] for one in by_name(found)["ptb"]["figures"]}
    assert set(figures) == {"perplexity_word", "perplexity_token", "bits_per_byte"}
    assert "9 words in 3 lines" in by_name(found)["ptb"]["notes"][0]
    assert figures["perplexity_word"]["value"] > figures["perplexity_token"]["value"] > 1


def test_the_table_has_a_line_for_each_figure_and_remarks(root, recipe):
    done = evaluated(root, recipe, "--tasks", "arc_easy,lambada", "--tasks", "ptb")
    lines = done.stdout.splitlines()
    assert lines[0].split()[:6] == ["benchmark", "shots", "figure", "all", "chance", "items"]
    assert "clean - dirty" in lines[0]
    figures = [line.split("  ")[0] for line in lines[1:7]]
    assert figures == ["arc_easy", "lambada", "", "ptb", "", ""]
    assert [line.split()[2] for line in lines[1:3]] == ["accuracy", "accuracy"]
    assert [line.split()[0] for line in lines[5:7]] == ["perplexity_token", "bits_per_byte"]
    assert "lambada: 1 rows not asked: the text has no two words" in lines
    assert "validation" not in done.stdout
    assert "eval: lambada: 1 in" in done.stderr


def test_a_limit_asks_a_part_and_the_same_again(root, recipe):
    first, again, other = (
        json.loads(evaluated(
            root, recipe, "--tasks", "arc_easy", "--limit", "3", "--seed", seed, "--json"
        ).stdout)["benchmarks"][0]["items"]
        for seed in ("0", "0", "5")
    )  # fmt: skip
    assert first == again
    assert len(first) == 3
    assert [item for item, *_ in first] != [item for item, *_ in other]


def test_examples_come_from_the_train_set_beside_or_from_the_set_itself(root, recipe, tmp_path):
    shots = ("--shots", "2", "--json")
    asked = ("--tasks", "arc_easy,gsm8k", "--limit", "1")
    found = by_name(json.loads(evaluated(root, recipe, *shots, *asked).stdout))
    assert found["gsm8k"]["notes"][0].endswith("train.jsonl")
    assert "no train set" in found["arc_easy"]["notes"][0]
    path = write_lines(tmp_path / "given.jsonl", ROWS)
    given = evaluated(
        root, recipe, *shots, "--tasks", "arc_easy", "--examples", f"arc_easy={path}"
    )
    assert json.loads(given.stdout)["benchmarks"][0]["notes"] == [f"examples from {path}"]


def test_the_output_is_the_json(root, recipe, tmp_path):
    path = tmp_path / "scores.json"
    done = evaluated(root, recipe, "--tasks", "arc_easy", "--output", str(path), "--json")
    assert json.loads(path.read_text()) == json.loads(done.stdout)


def test_an_exported_model_scores_as_the_one_it_was(root, recipe, tmp_path, found):
    folder = tmp_path / "gpt"
    exported = click.testing.CliRunner().invoke(
        cli, ["model", "export", str(folder), "--root", str(root)]
    )
    assert exported.exit_code == 0, exported.output
    asked = ("--model", str(folder), "--tasks", "validation,arc_easy,lambada,ptb", "--json")
    theirs = json.loads(evaluated(root, recipe, *asked).stdout)
    assert theirs["validation"] == found["validation"]
    ours = by_name(found)
    assert len(theirs["benchmarks"]) == 3
    for one in theirs["benchmarks"]:
        assert one == ours[one["benchmark"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tasks", "unlabelled"], "no benchmark of the recipe that can be asked"),
        (["--tasks", "piqa"], "--tasks piqa: not asked"),
        (["--tasks", "ptb", "--shots", "1"], "--tasks ptb: not asked"),
        (["--examples", "arc_easy"], "expected BENCHMARK=FILE"),
        (["--examples", "piqa_test=x"], "expected BENCHMARK=FILE"),
        (["--output", "no/such/folder.json"], "no such folder"),
    ],
)
def test_what_cannot_be_done_is_said(root, recipe, arguments, said):
    assert said in evaluated(root, recipe, *arguments, status=1).output


def test_a_trained_model_of_another_tokenizer_is_refused(root, recipe, tmp_path):
    model = ["--model", str(root / "model")]
    said = evaluated(root, recipe, *model, "--tasks", "arc_easy", status=1).output
    assert "whose tokenizer?" in said
    said = evaluated(root, recipe, *model, "--tokenizer", str(tmp_path), status=1).output
    assert "no tokenizer.json in it" in said
    other = tmp_path / "tokenizer.json"
    other.write_bytes((root / "tokenizer" / "tokenizer.json").read_bytes() + b"\n")
    said = evaluated(root, recipe, *model, "--tokenizer", str(tmp_path), status=1).output
    assert "was trained with" in said


def test_the_device_may_be_said(root, recipe):
    said = evaluated(root, recipe, "--tasks", "ptb", "--device", "cpu", "--json").stdout
    assert [one["benchmark"] for one in json.loads(said)["benchmarks"]] == ["ptb"]
    if not torch.cuda.is_available():
        refused = evaluated(root, recipe, "--tasks", "ptb", "--device", "cuda", status=1)
        assert "torch finds no GPU" in refused.output


def test_a_folder_that_is_no_model_is_refused(root, recipe, tmp_path):
    said = evaluated(root, recipe, "--model", str(tmp_path), status=1).output
    assert "expected the folder of a model" in said
