"""`winnow quality`: trains anywhere, and says how good, why, and how far from last time."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner, Result

from corpus.datasets import Part, open_dataset, publish_manifest
from corpus.publishing import publish_file
from corpus.storage import Store
from filters import quality as judging
from filters.quality.classifiers import read_classifier
from filters.quality.keep import Rule
from jobs.cli import cli
from jobs.quality_cli import quality
from jobs.quality_training import read_folder
from tests.filters.quality.pages import GOOD
from tests.jobs.test_quality import docs, write_root
from tests.judged import doc_id
from tests.tables import write_table

RECIPE = """
name = "small"
seed = 3
[sources.crawl]
kind = "warc"
files = []
quality = "judged"
[sources.webtext]
kind = "reddit"
files = []
quality = "positive"
[sources.books]
kind = "text"
files = []
[quality]
num_features = 4096
regularisation = 1.0
"""
RULE = Rule(keep="threshold", threshold=0.4)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["quality", *arguments], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(RECIPE, "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def root(recipe, tmp_path_factory) -> str:
    """A root with documents, the screen, and what the stage quality makes of a trained model."""
    folder = tmp_path_factory.mktemp("roots")
    store = write_root(folder / "run")
    model = folder / "model"
    shown = run("train", "--recipe", recipe, "--root", store.root, "--to", str(model))
    assert shown.exit_code == 0, shown.output
    judge(store, str(model))
    return store.root


def judge(store: Store, model: str) -> None:
    """Publish the stage's tables, without Spark."""
    files = read_folder(model)
    publish(store, "quality_model", files)
    publish(store, "quality_rule", {"rule.json": json.dumps(RULE.to_json()).encode()})
    documents, screen = open_dataset(store, "documents"), open_dataset(store, "screen")
    classifier = read_classifier(files, where=model)
    scores, verdicts = [], []
    for part in range(documents.num_parts):
        kept = screen.read(part)["keep"]
        table = documents.read(part).filter(kept)
        scored = judging.score(table, classifier, ["crawl"])
        scores.append(scored.to_pylist())
        verdicts.append(judging.judge(scored, RULE, seed=3).to_pylist())
    write_table(store, "quality_scores", scores)
    write_table(store, "quality", verdicts)


def publish(store: Store, name: str, files: dict[str, bytes]) -> None:
    with store.scratch() as folder:
        for file, data in files.items():
            (folder / file).write_bytes(data)
        published = tuple(publish_file(store, folder / f, name, f) for f in sorted(files))
    publish_manifest(store, name, [Part(number=0, num_rows=0, num_kept=0, files=published)])


def test_every_command_has_an_example():
    for command in (quality, *quality.commands.values()):
        assert "Example: winnow quality" in (command.help or "")


def test_a_model_is_written_where_asked(root, recipe, tmp_path):
    there = tmp_path / "deep" / "model"
    shown = run("train", "--recipe", recipe, "--root", root, "--to", str(there))
    assert shown.exit_code == 0
    assert sorted(path.name for path in there.iterdir()) == [
        "card.json", "model.json", "weights.npy",
    ]  # fmt: skip
    for said in ("training on 168 documents", "logistic classifier", "auc", "most positive: ",
                 f'quality.model="{there}"'):  # fmt: skip
        assert said in shown.output
    assert any(word in shown.output for word in GOOD)


def test_training_prints_the_card_alone_as_json(root, recipe, tmp_path):
    shown = run("train", "--recipe", recipe, "--root", root, "--to", str(tmp_path), "--json")
    card = json.loads(shown.output)
    assert card == json.loads((tmp_path / "card.json").read_bytes())
    assert card["trained"]


def test_sources_can_be_named_for_both_classes(root, recipe, tmp_path):
    shown = run("train", "--recipe", recipe, "--root", root, "--to", str(tmp_path), "--json",
                "--positive", "books", "--positive", "webtext", "--negative", "crawl",
                "--set", "quality.seeds=1")  # fmt: skip
    assert shown.exit_code == 1
    assert "unknown field `seeds`" in shown.output
    shown = run("train", "--recipe", recipe, "--root", root, "--to", str(tmp_path), "--json",
                "--positive", "books", "--negative", "crawl")  # fmt: skip
    card = json.loads(shown.output)
    assert set(card["positives"]["by_source"]) == {"books"}
    assert set(card["negatives"]["by_source"]) == {"crawl"}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--positive", "novels"), "ConfigError: novels: no such source; expected of books, crawl"),
        (("--positive", "books", "--negative", "books"), "both --positive and --negative"),
        (("--set", "quality.min_documents=5000"), "InputError: quality: "),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_line(root, recipe, tmp_path, options, error):
    shown = run("train", "--recipe", recipe, "--root", root, "--to", str(tmp_path / "x"), *options)
    assert shown.exit_code == 1
    assert error in shown.output
    assert not (tmp_path / "x").exists()


def test_a_root_that_was_not_screened_has_nothing_to_train_on(recipe, tmp_path):
    shown = run("train", "--recipe", recipe, "--root", str(tmp_path), "--to", str(tmp_path / "x"))
    assert shown.exit_code == 1
    assert "run `winnow run extract` first" in shown.output


def test_the_card_has_the_held_out_figures_and_the_shares_kept(root):
    shown = run("card", "--root", root)
    assert shown.exit_code == 0
    for said in ("average precision", "95 % interval", "alpha that fits", "left out as leaks",
                 "(0 near-duplicates of negatives", "kept by the rule threshold"):  # fmt: skip
        assert said in shown.output
    found = json.loads(run("card", "--root", root, "--json").output)
    assert found["card"]["held_out"]["auc"] > 0.5
    assert found["rule"]["threshold"] == 0.4
    assert sum(row["num"] for row in found["rates"]) == 108  # judged documents after the screen
    assert {row["rate"] for row in found["rates"] if row["low"] >= 0.4} == {1.0}
    assert {row["rate"] for row in found["rates"] if row["high"] <= 0.4} == {0.0}


def test_a_documents_score_is_explained_by_its_words(root):
    shown = run("explain", "https://site2.com/2", "--root", root)
    assert shown.exit_code == 0
    assert "score 0." in shown.output
    assert "all others" in shown.output
    (row,) = json.loads(run("explain", "https://site2.com/2", "--root", root, "--json",
                            "--words", "3").output)  # fmt: skip
    parts = row["for"] + row["against"]
    assert len(row["against"]) == 3
    assert row["log_odds"] == pytest.approx(
        row["intercept"] + sum(part["contribution"] for part in parts) + row["others"]
    )
    assert row["score"] == pytest.approx(1 / (1 + np.exp(-row["log_odds"])))
    stored = open_dataset(Store(root), "quality").read_all().to_pylist()
    expected = next(r["score"] for r in stored if r["doc_id"].hex() == row["document"])
    assert row["score"] == pytest.approx(expected, abs=1e-6)


def test_a_document_is_found_by_its_id_and_can_be_explained_by_another_model(
    root, recipe, tmp_path
):
    run("train", "--recipe", recipe, "--root", root, "--to", str(tmp_path), "--positive", "books")
    key = doc_id(0, docs(1)[0]).hex()
    own, other = (
        json.loads(run("explain", key, "--root", root, "--json", *options).output)[0]
        for options in ((), ("--model", str(tmp_path)))
    )
    assert own["document"] == other["document"] == key
    assert own["score"] > 0.5 > other["score"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("https://nowhere.example/",), "no document of"),
        (("https://site2.com/2", "--model", "/nonexistent"), "no card.json there"),
    ],
)
def test_what_cannot_be_explained_is_said_in_a_line(root, arguments, error):
    shown = run("explain", *arguments, "--root", root)
    assert shown.exit_code == 1
    assert f"InputError: {arguments[0] if len(arguments) == 1 else 'quality.model'}" in shown.output
    assert error in shown.output


def test_a_run_has_not_drifted_from_itself(root):
    shown = run("compare", root, root)
    assert shown.exit_code == 0
    assert "cosine of the weights 1.0000" in shown.output
    found = json.loads(run("compare", root, root, "--json").output)
    assert [row["source"] for row in found["sources"]] == ["all", "books", "crawl", "webtext"]
    assert {row["psi"] for row in found["sources"]} == {0.0}
    assert found["auc_change"] == 0.0


def test_another_classifier_shifts_the_scores(root, recipe, tmp_path):
    store = write_root(tmp_path / "run")
    run("train", "--recipe", recipe, "--root", store.root, "--to", str(tmp_path / "model"),
        "--positive", "books", "--negative", "webtext")  # fmt: skip
    judge(store, str(tmp_path / "model"))
    found = json.loads(run("compare", root, store.root, "--json").output)
    books = next(row for row in found["sources"] if row["source"] == "books")
    assert books["psi"] > 0.25
    assert books["mean_before"] < 0.5 < books["mean_after"]
    assert found["cosine"] < 0


def test_a_run_without_a_classifier_has_a_card_and_nothing_to_explain(root, tmp_path):
    store = write_root(tmp_path / "run")
    card = {"trained": False, "why": "no source of the recipe is judged"}
    publish(store, "quality_model", {"card.json": json.dumps(card).encode()})
    publish(store, "quality_rule", {"rule.json": b'{"keep": "all"}'})
    shown = run("card", "--root", store.root)
    assert shown.output == "no classifier: no source of the recipe is judged\n"
    shown = run("explain", "https://site2.com/2", "--root", store.root)
    assert shown.exit_code == 1
    assert "its recipe trained no quality classifier" in shown.output
