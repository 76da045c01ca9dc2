"""The whole ablation on a hundred texts: equal sides are equal, and nobody has seen the tests."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow.compute as pc
import pytest

pytest.importorskip("torch")

from corpus.datasets import open_dataset
from corpus.errors import ConfigError
from corpus.stages import stage_named
from corpus.storage import Store
from filters.contamination.index import build_index
from jobs.ablate_cli import lines
from jobs.ablating.ablation import ablate
from jobs.ablating.leaks import near_copies
from jobs.ablating.sides import make_sides
from jobs.ablating.texts import BENCHMARK, DOCUMENT, HeldText, gather_texts, training_texts
from jobs.options import RUN_RECORD
from jobs.runner import stage_state

pytestmark = [pytest.mark.spark, pytest.mark.slow]

TEXT = (
    "the a one some old new small great house river field road city winter summer morning story "
    "letter teacher farmer doctor child friend stranger walked ran spoke wrote found lost built "
    "carried opened closed near behind under over through across slowly often never always and but "
    "because while after before quiet bright cold warm heavy light green red long short"
)
WORDS = TEXT.split()

RECIPE = """
name = "texts"
seed = 3
data = "{folder}"

[sources.books]
kind = "text"
files = ["{{data}}/books.jsonl"]
heuristics = false

[sources.news]
kind = "text"
files = ["{{data}}/news.jsonl"]
heuristics = false

[screen.language]
kept = []

[dedup]
held_out_fraction = 0.2

[contamination.benchmarks.plain]
files = ["{{data}}/plain.txt"]

[contamination.benchmarks.quiz]
files = ["{{data}}/quiz.jsonl"]
fields = {{ question = ["question"] }}

[vocabulary]
size = 300

[tokenize]
tokens_per_shard = 20000

[train]
model = "micro"
num_layers = 1
width = 16
context = 32
num_steps = 6
sequences_per_step = 4
sequences_per_pass = 4
warmup_steps = 2
validate_every = 6
validation_tokens = 200
num_threads = 1
sample_tokens = 5
sample_min_tokens = 1
"""
NUM_BOOKS, NUM_NEWS, NUM_COPIES, NUM_LINES, NUM_LEAKED = 50, 30, 12, 12, 5
SEEDS = 2


def passage(rng: random.Random, num_words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(num_words)).capitalize() + "."


def write_world(folder: Path) -> Path:
    """Two sources, near copies among them, benchmark text in some; returns the recipe's path."""
    rng = random.Random(11)
    books = [passage(rng, 150) for _ in range(NUM_BOOKS)]
    news = [passage(rng, 90) for _ in range(NUM_NEWS)]
    plain = [passage(rng, 30) for _ in range(NUM_LINES)]
    quiz = [passage(rng, 30) for _ in range(NUM_LINES)]
    for n in range(NUM_LEAKED):
        books[n] = f"{books[n]} {passage(rng, 100)} {plain[n]} {passage(rng, 100)}"
        books[n + 20] = f"{passage(rng, 100)} {quiz[n]} {passage(rng, 100)} {books[n + 20]}"
    news += [books[-n - 1].replace("river", "stream", 1) for n in range(NUM_COPIES)]
    for name, texts in (("books", books), ("news", news)):
        rows = [{"id": f"{name}-{n}", "text": text} for n, text in enumerate(texts)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "plain.txt").write_text("".join(line + "\n" for line in plain))
    (folder / "quiz.jsonl").write_text(
        "".join(json.dumps({"question": line}) + "\n" for line in quiz)
    )
    recipe = folder / "texts.toml"
    recipe.write_text(RECIPE.format(folder=folder))
    return recipe


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> str:
    return str(write_world(tmp_path_factory.mktemp("texts")))


def run(session, recipe: str, root: Path) -> dict:
    sides = make_sides(recipe, recipe, without=["dedup", "contamination"])
    return ablate(sides, root, num_seeds=SEEDS, max_bytes=100_000, session=session)


@pytest.fixture(scope="module")
def root(session, recipe, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ablation") / "root"
    run(session, recipe, folder)
    return folder


@pytest.fixture(scope="module")
def found(root: Path) -> dict:
    return json.loads((root / "ablation.json").read_text())


@pytest.fixture(scope="module")
def stores(root: Path, found: dict) -> dict[str, Store]:
    return {side["name"]: Store(str(root / side["name"])) for side in found["sides"]}


@pytest.fixture(scope="module")
def texts(stores: dict[str, Store]) -> list[HeldText]:
    return gather_texts(stores, seed=3, max_bytes=100_000)


def rows_of(found: dict, other: str) -> dict[str, dict]:
    return {row["set"]: row for row in found["rows"] if row["other"] == other}


def test_the_same_recipe_on_both_sides_makes_no_difference(found):
    rows = rows_of(found, "b")
    assert {"all held out", "held out, books", "held out, news", "plain"} <= set(rows)
    for row in rows.values():
        assert row["bits_per_byte"]["a"] == row["bits_per_byte"]["b"]
        assert (row["difference"], row["low"], row["high"]) == (0, 0, 0)
        assert row["verdict"] == "equal"


def test_seeds_and_corpora_make_one(found):
    first, second = found["rows"][0]["bits_per_byte"]["a"]
    assert found["seeds"] == [3, 4]
    assert first != second
    changed = rows_of(found, "without_dedup")["all held out"]
    assert changed["bits_per_byte"]["without_dedup"] != changed["bits_per_byte"]["a"]


def test_a_corpus_without_dedup_has_the_copies_and_one_with_it_has_not(found, stores):
    documents = {side["name"]: side["num_documents"] for side in found["sides"]}
    assert documents["a"] == documents["b"] < documents["without_dedup"]
    kept = {name: open_dataset(store, "dedup").num_kept for name, store in stores.items()}
    assert kept["without_dedup"] == NUM_BOOKS + NUM_NEWS + NUM_COPIES
    assert kept["a"] == NUM_BOOKS + NUM_NEWS


def test_no_scored_text_of_the_common_rows_is_in_a_training_set(texts, stores):
    common = [t for t in texts if not t.found_on]
    assert {t.kind for t in common} == {DOCUMENT, BENCHMARK}
    trained = {}
    for name, store in stores.items():
        mix = open_dataset(store, "mix").read_all()
        own = mix.filter(pc.and_(pc.equal(mix["split"], "train"), pc.greater(mix["copies"], 0)))
        trained[name] = {doc_id.hex() for doc_id in own["doc_id"].to_pylist()}
    index = build_index(["\n".join(t.pieces) for t in common], [8] * len(common))
    for name, store in stores.items():
        assert not {t.text_id for t in common if t.kind == DOCUMENT} & trained[name]
        for batch in training_texts(store):
            joined = "\n".join(batch.to_pylist())
            assert not [t for t in common if any(piece in joined for piece in t.pieces)]
            assert near_copies(batch, index) == set()


def test_benchmark_text_is_found_where_it_was_not_cut(texts, stores, found):
    leaked = {t.text_id: set(t.found_on) for t in texts if t.kind == BENCHMARK and t.found_on}
    assert leaked
    assert all(sides == {"without_contamination"} for sides in leaked.values())
    assert {text_id.split("/")[0] for text_id in leaked} <= {"plain", "quiz"}
    trained = "\n".join(
        text for batch in training_texts(stores["without_contamination"])
        for text in batch.to_pylist()
    )  # fmt: skip
    for text in texts:
        if text.kind == BENCHMARK:
            assert (text.pieces[0] in trained) == (text.text_id in leaked)
    row = rows_of(found, "without_contamination")
    name = "benchmark text in the training of without_contamination"
    assert row[name]["num_texts"] == len(leaked)
    assert name not in rows_of(found, "without_dedup")


def test_all_sides_have_one_tokenizer_and_the_same_training(stores, root):
    told = []
    for name in stores:
        for place in (root / name, root / "seeds" / name / "4"):
            config = json.loads((place / "model" / "config.json").read_text())
            told.append((config["seed"], config["tokenizer_sha256"], str(config["settings"])))
    assert len(told) == SEEDS * len(stores)
    assert len({sha for _, sha, _ in told}) == len({settings for *_, settings in told}) == 1
    assert sorted(seed for seed, *_ in told) == [3] * len(stores) + [4] * len(stores)


def test_stages_before_the_first_difference_are_shared(root):
    for name, stage, shared in (
        ("without_dedup", "quality", True), ("without_dedup", "dedup", False),
        ("without_contamination", "dedup", True), ("without_contamination", "contamination", False),
    ):  # fmt: skip
        dataset = stage_named(stage).outputs[-1]
        places = [root / side / dataset / "part-00000.parquet" for side in ("a", name)]
        assert places[0].samefile(places[1]) == shared


def test_each_side_is_a_root_of_its_own(recipe, stores):
    for name, store in stores.items():
        record = json.loads(store.read(*RUN_RECORD))
        assert record["recipe"] == recipe
        side = next(
            side for side in make_sides(recipe, recipe, without=["dedup", "contamination"])
            if side.name == name
        )  # fmt: skip
        settings = side.with_overrides(*record["overrides"]).recipe
        for stage in ("mix", "tokenize", "train"):
            assert stage_state(stage_named(stage), settings, store).state == "done"


def test_it_goes_on_where_it_was_to_the_same_figures(session, recipe, root, capfd):
    before = (root / "ablation.json").read_bytes()
    models = [p.stat().st_mtime_ns for p in sorted(root.rglob("model.safetensors"))]
    (root / "seeds" / "b" / "4" / "_ablation" / "scores.json").unlink()
    run(session, recipe, root)
    assert (root / "ablation.json").read_bytes() == before
    assert [p.stat().st_mtime_ns for p in sorted(root.rglob("model.safetensors"))] == models
    assert "train: up to date, skipped" in capfd.readouterr().err


def test_the_report_and_the_table_call_it_toy_scale(root, found):
    page = (root / "a" / "report" / "index.html").read_text()
    assert "What a stage buys" in page
    assert "Toy scale: " in page
    assert page.count("not told apart") + page.count("worse") + page.count("better") > 3
    shown = "\n".join(lines(found))
    assert "toy scale: " in shown
    assert "without_dedup against a" in shown


def test_recipes_of_other_budgets_are_refused_before_anything_is_built(session, recipe, tmp_path):
    sides = make_sides(recipe, of_b=["train.num_steps=7"])
    with pytest.raises(ConfigError, match=r"train\.num_steps is 7"):
        ablate(sides, tmp_path / "root", num_seeds=1, max_bytes=1000, session=session)
    assert not (tmp_path / "root").exists()
