"""The quality stage on Spark: trains once, scores all, judges, and does not depend on parts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from corpus.benchmarks import BenchmarkSettings
from corpus.datasets import open_dataset
from corpus.errors import Damaged, InputError
from corpus.stages import stage_named
from corpus.storage import Store
from corpus.urls import url_key
from filters.contamination import ContaminationSettings
from filters.quality import LOW_QUALITY
from filters.quality.classifiers import read_classifier
from filters.quality.keep import keep_probability
from filters.quality.settings import QualitySettings
from jobs import quality
from jobs.recipe import read_recipe
from jobs.runner import fingerprint, outside_files
from tests.filters.quality.pages import BAD, GOOD, SOURCES, text_of
from tests.judged import Doc, doc_id, job_at, write_table

pytestmark = pytest.mark.spark


def docs(number):
    """Good pages from webtext, good and bad ones from the crawl, bad books."""
    return [
        Doc(text_of(i, GOOD if i % 4 in (0, 1) else BAD),
            source=("webtext", "crawl", "crawl", "books")[i % 4])
        for i in range(number)
    ]  # fmt: skip


def write_root(root, *, num_parts=2, number=240, made=None):
    """Documents and the screen's verdicts: every tenth is dropped."""
    store = Store(str(root))
    size = -(-number // num_parts)
    documents, screen = [], []
    for i, doc in enumerate(made or docs(number)):
        key = doc_id(i, doc)
        documents.append(
            {
                "doc_id": key, "source": doc.source, "keep": True, "text": doc.text,
                "num_characters": len(doc.text), "url": f"https://site{i % 37}.com/{i}",
                "url_key": url_key(f"https://site{i % 37}.com/{i}"),
            }
        )  # fmt: skip
        dropped = i % 10 == 9
        screen.append(
            {"doc_id": key, "keep": not dropped, "reason": "x" if dropped else None,
             "language": "en", "language_confidence": 1.0, "num_words": 20, "edits": []}
        )  # fmt: skip
    starts = range(0, number, size)
    write_table(store, "documents", [documents[i : i + size] for i in starts])
    write_table(store, "screen", [screen[i : i + size] for i in starts])
    return store


def run(root, session, *, contamination=None, made=None, num_parts=2, number=240, **changes):
    store = write_root(root, num_parts=num_parts, number=number, made=made)
    small = {"num_features": 2**12, "keep": "threshold", "threshold": 0.4, "regularisation": 1.0}
    job = job_at(
        store, "quality", session, quality=QualitySettings(**(small | changes)), sources=SOURCES,
        contamination=contamination or ContaminationSettings(),
    )  # fmt: skip
    quality.run(job)
    card = json.loads((store.local("quality_model") / "card.json").read_text())
    return store, job, card


def rule(store):
    return json.loads(store.read("quality_rule", "rule.json"))


def test_bad_pages_of_the_crawl_leave_and_all_are_scored(session, tmp_path):
    store, job, card = run(tmp_path, session)
    rows = open_dataset(store, "quality").read_all().to_pylist()
    survivors = [i for i in range(240) if i % 10 != 9]
    assert [row["doc_id"] for row in rows] == [doc_id(i, docs(240)[i]) for i in survivors]
    # The crawl's good pages read like webtext, its bad ones do not; bad books are trusted.
    expected = [LOW_QUALITY if i % 4 == 2 else None for i in survivors]
    assert [row["reason"] for row in rows] == expected
    scores = {kind: [r["score"] for r, i in zip(rows, survivors, strict=True) if i % 4 == kind]
              for kind in range(4)}  # fmt: skip
    assert min(scores[0]) > max(scores[2])
    assert max(scores[3]) < 0.5
    assert job.ledger.to_json()["rows"]["dropped"] == {LOW_QUALITY: expected.count(LOW_QUALITY)}
    assert card["trained"]
    assert card["held_out"]["num_positives"] > 0
    published = open_dataset(store, "quality_model")
    files = {name: published.local(name).read_bytes() for name in published.files()}
    assert sorted(files) == ["card.json", "model.json", "weights.npy"]
    assert len(read_classifier(files, where="test").weights) == 2**12
    scored = open_dataset(store, "quality_scores").read_all()
    assert scored["score"].to_pylist() == [row["score"] for row in rows]
    assert scored["judged"].to_pylist() == [i % 4 in (1, 2) for i in survivors]


@pytest.mark.parametrize("keep", ["pareto", "top_fraction", "proportional"])
def test_scores_verdicts_and_model_do_not_depend_on_parts(session, tmp_path, keep):
    one, many = (run(tmp_path / str(k), session, num_parts=k, keep=keep)[0] for k in (1, 5))
    models = [open_dataset(store, "quality_model").digest() for store in (one, many)]
    assert models[0] == models[1]
    tables = [open_dataset(store, "quality").read_all() for store in (one, many)]
    assert tables[0].to_pylist() == tables[1].to_pylist()
    assert rule(one) == rule(many)


def judged_rows(store):
    scored = open_dataset(store, "quality_scores").read_all()
    kept = open_dataset(store, "quality").read_all(["keep"])["keep"]
    mask = scored["judged"]
    return scored["score"].filter(mask).to_numpy(), kept.filter(mask).to_numpy()


def test_the_top_fraction_is_of_the_runs_judged_documents(session, tmp_path):
    store, _, _ = run(tmp_path, session, keep="top_fraction", top_fraction=0.3, num_parts=3)
    scores, kept = judged_rows(store)
    assert kept.sum() == math.ceil(0.3 * len(scores))
    assert scores[kept].min() >= scores[~kept].max()
    assert rule(store)["threshold"] == scores[kept].min()


def test_a_fitted_exponent_is_used_and_written_down(session, tmp_path):
    store, _, card = run(tmp_path, session, keep="pareto", alpha="fit", number=1200)
    fitted = card["held_out"]["alpha"]["alpha"]
    assert rule(store)["alpha"] == fitted
    scores, kept = judged_rows(store)
    expected = keep_probability(scores, alpha=fitted)
    deviation = np.sqrt((expected * (1 - expected)).sum())
    assert abs(kept.sum() - expected.sum()) < 4 * deviation + 1


def test_benchmark_text_and_copies_of_negatives_do_not_teach(session, tmp_path):
    made = docs(240)
    item = " ".join(f"question{k}" for k in range(20))
    made[0] = Doc(f"{made[0].text} {item}", source="webtext")
    made[4] = Doc(made[1].text, source="webtext")  # stands in the crawl, too
    (tmp_path / "quiz.jsonl").write_text(json.dumps({"question": item}) + "\n", "utf-8")
    benchmark = BenchmarkSettings(
        files=(str(tmp_path / "quiz.jsonl"),), fields={"question": ("question",)}
    )
    settings = ContaminationSettings(benchmarks={"quiz": benchmark})
    _, _, card = run(tmp_path / "run", session, made=made, contamination=settings)
    assert card["left_out"]["benchmark_text"] == 1
    assert card["left_out"]["near_duplicate_of_negative"] == 1
    assert card["positives"]["by_source"] == {"webtext": 58}  # of 60


def saved(store, folder):
    folder.mkdir()
    published = open_dataset(store, "quality_model")
    for name in published.files():
        (folder / name).write_bytes(published.local(name).read_bytes())
    return str(folder)


def test_a_model_trained_elsewhere_scores_a_run(session, tmp_path):
    first, _, card = run(tmp_path / "one", session)
    given = saved(first, tmp_path / "given")
    store, _, used = run(tmp_path / "two", session, model=given, min_documents=1000,
                         max_documents=1000)  # fmt: skip
    assert used == card  # nothing was trained: there are not 1,000 documents
    tables = [open_dataset(s, "quality").read_all() for s in (first, store)]
    assert tables[0].equals(tables[1])


def test_a_given_model_counts_in_the_stages_fingerprint(session, tmp_path):
    store, _, _ = run(tmp_path / "one", session)
    given = saved(store, tmp_path / "given")
    recipe = read_recipe("gpt3", [f'quality.model="{given}"'])
    stage = stage_named("quality")
    files = outside_files(stage, recipe)
    assert sorted(f.rpartition("/")[2] for f in files) == [
        "card.json", "model.json", "weights.npy",
    ]  # fmt: skip
    before = fingerprint(stage, recipe, store, files)
    (tmp_path / "given" / "weights.npy").write_bytes(b"other")
    assert fingerprint(stage, recipe, store, files) != before


def test_a_given_model_that_is_none_stops_the_stage(session, tmp_path):
    with pytest.raises(InputError, match=r"no card\.json there, expected a folder"):
        run(tmp_path / "run", session, model=str(tmp_path))
    store, _, _ = run(tmp_path / "one", session)
    given = saved(store, tmp_path / "given")
    (tmp_path / "given" / "weights.npy").write_bytes(b"no array")
    with pytest.raises(Damaged, match=r"weights\.npy"):
        run(tmp_path / "two", session, model=given)
    (tmp_path / "given" / "card.json").write_text('{"format": 1}', "utf-8")
    with pytest.raises(Damaged, match=r"card\.json: format 1, expected 2"):
        run(tmp_path / "three", session, model=given)


def test_the_benchmarks_are_files_of_the_stage(tmp_path):
    quiz = tmp_path / "quiz.jsonl"
    quiz.write_text("{}\n", "utf-8")
    benchmark = [f'contamination.benchmarks.quiz.files=["{quiz}"]',
                 'contamination.benchmarks.quiz.fields={question=["question"]}']  # fmt: skip
    assert quality.files(read_recipe("gpt3", benchmark)) == [str(quiz)]
    assert quality.files(read_recipe("gpt3", [*benchmark, "quality.enabled=false"])) == []


def test_a_recipe_may_do_without_a_classifier(session, tmp_path):
    store, job, card = run(tmp_path, session, number=20, enabled=False, keep="top_fraction")
    rows = open_dataset(store, "quality").read_all(["keep", "score"]).to_pylist()
    assert rows == [{"keep": True, "score": None}] * 18
    assert card["why"] == "quality.enabled is false"
    assert open_dataset(store, "quality_model").files() == ["card.json"]
    assert job.ledger.to_json()["rows"] == {"taken": 18, "kept": 18, "dropped": {}}
    assert rule(store)["keep"] == "all"


def test_too_few_positives_stop_the_stage(session, tmp_path):
    with pytest.raises(InputError, match=r"5 positive documents .*at least 20"):
        run(tmp_path, session, number=20)
