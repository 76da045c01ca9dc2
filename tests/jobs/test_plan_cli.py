"""`winnow plan`: from a root, from a sample, from a recipe alone; and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from corpus.datasets import publish_manifest
from corpus.identity import doc_id_of_place
from corpus.scaling import EPOCH
from corpus.storage import Store
from jobs.cli import cli
from tests.jobs.test_cli import libraries
from tests.tables import write_table

RECIPE = """
name = "tiny"
[sources.web]
kind = "text"
files = []
[sources.books]
kind = "text"
files = []
[mix]
weights = { web = 3, books = 1 }
[vocabulary]
size = 70000
"""
SOURCES = ("web", "web", "books", "web")
IDS = [doc_id_of_place(source, "file", i) for i, source in enumerate(SOURCES)]
BYTES = (500, 700, 800, 90)
TOKENS = {"web": 4, "books": 5}  # bytes a token
SPLITS = ("train", "train", "train", "validation")


def call(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["plan", *arguments])
    assert result.exit_code == status, result.output
    return result.output


def planned(*arguments: str) -> dict:
    return json.loads(call(*arguments, "--json"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE, "utf-8")
    return str(path)


def make_root(folder: Path, *, mix: bool = True, report: bool = True) -> str:
    """A root as stages leave it: three documents for training and one held out, in two parts."""
    store = Store(str(folder))
    rows = list(zip(IDS, SOURCES, BYTES, SPLITS, strict=True))
    documents = [
        {"doc_id": own, "source": source, "keep": True, "num_characters": size, "text": "x" * size}
        for own, source, size, _ in rows
    ]
    quality = [
        {"doc_id": own, "keep": own != IDS[0], "reason": None if own != IDS[0] else "low_quality",
         "score": 0.5}
        for own in IDS
    ]  # fmt: skip
    write_table(store, "documents", [documents[:3], documents[3:]])
    write_table(store, "quality", [quality[:3], quality[3:]])
    if mix:
        drawn = [
            {"doc_id": own, "keep": True, "source": source, "split": split, "copies": 1,
             "epochs": 1.0, "num_bytes": size, "num_tokens": size // TOKENS[source]}
            for own, source, size, split in rows
        ]  # fmt: skip
        write_table(store, "mix", [drawn[:3], drawn[3:]])
    if report:
        said = {"vocab_size": 50_257}
        store.write(json.dumps(said).encode(), "tokenizer", "report.json")
        publish_manifest(store, "tokenizer", [])
    return str(folder)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> str:
    return make_root(tmp_path_factory.mktemp("plan"))


def test_a_root_says_what_there_is_and_the_weights_what_is_wanted(root, recipe):
    found = planned("--root", root, "--recipe", recipe, "--params", "1e6", "--tokens", "800")
    assert found["bytes_per_token"]["value"] == 2000 / 460  # books have 5, the web 4
    by_source = {row["source"]: row for row in found["sources"]}
    assert by_source["web"] == {
        "source": "web", "weight": 0.75, "available_tokens": 300, "wanted_tokens": 600,
        "epochs": 2, "missing_tokens": 0,
    }  # fmt: skip
    assert by_source["books"]["epochs"] == 1.25
    assert found["most_tokens"] == {"1": 400, "4": 1600}
    assert found["training"]["flops"] == 6 * 1e6 * 800
    assert found["warnings"] == []
    assert found["storage"]["shards, ids"]["bytes"] == 1600  # a vocabulary of 50,257
    files = list(Path(root, "documents").glob("*.parquet"))
    assert found["storage"]["documents"]["bytes"] == sum(f.stat().st_size for f in files)


def test_a_sample_is_scaled_up_and_has_the_vocabulary_of_the_recipe(root, recipe):
    options = ("--recipe", recipe, "--params", "1e6", "--tokens", "80000")
    found = planned("--sample", root, "--sample-share", "0.01", *options, "--cores", "10")
    by_source = {row["source"]: row for row in found["sources"]}
    assert by_source["web"]["available_tokens"] == 30_000
    assert (by_source["web"]["epochs"], by_source["books"]["epochs"]) == (2, 1.25)
    assert found["storage"]["shards, ids"]["bytes"] == 4 * 80_000  # a vocabulary of 70,000
    whole = planned("--root", root, *options)
    assert found["storage"]["documents"]["bytes"] == pytest.approx(
        100 * whole["storage"]["documents"]["bytes"]
    )
    assert whole["warnings"] == [
        "books: 20,000 tokens would be 125.00 epochs of its 160, over mix.max_epochs = 4; "
        "4,840 more tokens of it are missing, or give it a lower weight",
        "web: 60,000 tokens would be 200.00 epochs of its 300, over mix.max_epochs = 4; "
        "14,700 more tokens of it are missing, or give it a lower weight",
    ]
    assert {row["stage"] for row in found["hours"]} == {
        "extract", "screen", "quality", "dedup", "contamination", "vocabulary", "mix", "tokenize",
    }  # fmt: skip
    for row in found["hours"]:
        assert row["hours"] == pytest.approx(row["core_hours"] / 8)


def test_before_mix_has_run_the_last_verdicts_count_and_a_default_stands_in(tmp_path, recipe):
    place = make_root(tmp_path / "root", mix=False, report=False)
    found = planned("--root", place, "--recipe", recipe, "--params", "1e6", "--tokens", "80")
    assert "characters of what quality keeps" in found["counted_in"]
    width = found["bytes_per_token"]
    assert width["value"] == pytest.approx(96e9 / 2.29e10)
    assert "WebText2" in width["how"]
    available = {row["source"]: row["available_tokens"] for row in found["sources"]}
    assert available == {"web": round(790 / width["value"]), "books": round(800 / width["value"])}


def test_a_recipe_alone_says_what_is_wanted(recipe):
    found = planned("--recipe", recipe, "--flops", "1e21")
    assert found["target"]["num_tokens"] == EPOCH.optimum(1e21).num_tokens
    wanted = {row["source"]: row["wanted_tokens"] for row in found["sources"]}
    assert wanted["web"] == pytest.approx(3 * wanted["books"])
    assert found["hours"] == []
    assert set(found["storage"]) == {"shards, ids"}


def test_a_model_has_flops_with_attention_and_hours_of_a_device_when_asked(recipe):
    options = ("--recipe", recipe, "--model", "gpt2", "--set", "vocabulary.size=50257")
    found = planned(*options, "--peak-flops", "1e15", "--utilisation", "0.5")
    assert found["target"]["num_parameters"] == 124_439_808
    training = found["training"]
    assert training["flops_with_attention"] > training["flops"]
    assert training["device_hours"] == pytest.approx(
        training["flops_with_attention"] / 0.5e15 / 3600
    )
    assert "device_hours" not in planned(*options)["training"]


def test_explain_names_the_source_of_every_figure(root, recipe):
    options = ("--root", root, "--recipe", recipe, "--model", "gpt2", "--cores", "2")
    said = call(*options, "--explain")
    for source in ("Besiroglu", "Hoffmann et al. 2022", "Kaplan et al. 2020", "Muennighoff",
                   "filters/dedup/SCALE.md", "corpus/shards.py", "each source by its own",
                   "6 N D", "two to three times as long", "12 L d^2"):  # fmt: skip
        assert source in said
    brief = call(*options)
    assert "projected on 2 cores" in brief
    assert "Besiroglu" not in brief
    assert brief.count("warning:") == 2


def test_the_weights_of_the_recipe_must_fit_the_root(root, recipe):
    said = call("--root", root, "--recipe", recipe, "--params", "1e6",
                "--set", "mix.weights={web = 1}", status=1)  # fmt: skip
    assert "no weight for source books" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--root a --sample b --sample-share 0.1 --flops 1e18", "--root and --sample: both say"),
        ("--sample a --flops 1e18", "--sample and --sample-share: expected both or neither"),
        ("--root a --sample-share 0.1 --flops 1e18", "--sample and --sample-share: expected both"),
        ("--flops 1e18", "expected --root ROOT, --sample ROOT or --recipe NAME"),
        ("--recipe gpt3", "expected one of --model, --params and --flops, got 0"),
        ("--recipe gpt3 --params 1e9 --model gpt2", "--params and --flops, got 2"),
        ("--recipe gpt3 --flops 1e18 --peak-flops 1e15", "--peak-flops and --utilisation"),
        ("--recipe gpt3 --flops 1e18 --cores 8", "--cores: hours follow from a corpus"),
        ("--recipe gpt3 --flops -1", "--flops is -1, expected a number above 0"),
        ("--recipe gpt3 --params nan", "--params is nan, expected a number above 0"),
        ("--recipe gpt3 --flops 1e18 --tokens 0", "--tokens is 0, expected a number above 0"),
        ("--recipe gpt3 --flops 1e18 --law moore", "--law moore: unknown; expected one of epoch"),
        ("--recipe gpt3 --model gpt5", "--model gpt5: unknown; expected one of micro"),
    ],
)
def test_what_contradicts_itself_is_refused(arguments, message):
    said = call(*arguments.split(), status=1)
    assert said.startswith("Error: ConfigError: ")
    assert message in said


def test_a_root_without_documents_is_refused(tmp_path):
    said = call("--root", str(tmp_path), "--recipe", "gpt3", "--flops", "1e18", status=1)
    assert "no documents are finished here" in said


def test_the_help_has_examples_and_loads_no_library():
    assert "Example: winnow plan --root" in call("--help")
    assert libraries("cli(['plan', '--help'], standalone_mode=False)") == {"click"}
