"""The quality stage on Spark: trains once, scores all, and does not depend on parts."""

from __future__ import annotations

import json

import pytest

from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.sources import Source
from corpus.storage import Store
from filters.quality import LOW_QUALITY
from filters.quality.model import QualityModel
from filters.quality.settings import QualitySettings
from jobs import quality
from tests.filters.quality.test_training import BAD, GOOD
from tests.judged import Doc, doc_id, job_at, write_table

pytestmark = pytest.mark.spark

SOURCES = {
    "crawl": Source(kind="warc", files=(), quality="judged"),
    "webtext": Source(kind="reddit", files=(), quality="positive"),
    "books": Source(kind="text", files=(), quality="trusted"),
}


def docs(number):
    """Good pages from webtext, good and bad ones from the crawl, bad books."""
    made = []
    for i in range(number):
        words = GOOD if i % 4 in (0, 1) else BAD
        text = " ".join(words[(i // 4 + k * k) % len(words)] for k in range(12))
        made.append(Doc(text, source=("webtext", "crawl", "crawl", "books")[i % 4]))
    return made


def run(root, session, *, num_parts=2, number=240, **changes):
    store = Store(str(root))
    size = -(-number // num_parts)
    documents, screen = [], []
    for i, doc in enumerate(docs(number)):
        key = doc_id(i, doc)
        documents.append(
            {
                "doc_id": key, "source": doc.source, "keep": True, "text": doc.text,
                "num_characters": len(doc.text), "url": f"https://site{i % 37}.com/{i}",
            }
        )  # fmt: skip
        dropped = i % 10 == 9
        screen.append({"doc_id": key, "keep": not dropped, "reason": "x" if dropped else None})
    starts = range(0, number, size)
    write_table(store, "documents", [documents[i : i + size] for i in starts])
    write_table(store, "screen", [screen[i : i + size] for i in starts])
    settings = QualitySettings(**({"num_features": 2**12, "keep": "threshold"} | changes))
    job = job_at(store, "quality", session, quality=settings, sources=SOURCES)
    quality.run(job)
    card = json.loads((store.local("quality_model") / "card.json").read_text())
    return store, job, card


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
    model = open_dataset(store, "quality_model").local("model.npz").read_bytes()
    assert len(QualityModel.from_bytes(model, where="test").weights) == 2**12


def test_scores_and_model_do_not_depend_on_parts(session, tmp_path):
    one, many = (run(tmp_path / str(k), session, num_parts=k, keep="pareto")[0] for k in (1, 5))
    models = [open_dataset(store, "quality_model").digest() for store in (one, many)]
    assert models[0] == models[1]
    tables = [open_dataset(store, "quality").read_all() for store in (one, many)]
    assert tables[0].to_pylist() == tables[1].to_pylist()


def test_a_recipe_may_do_without_a_classifier(session, tmp_path):
    store, job, card = run(tmp_path, session, number=20, enabled=False)
    rows = open_dataset(store, "quality").read_all(["keep", "score"]).to_pylist()
    assert rows == [{"keep": True, "score": None}] * 18
    assert card["why"] == "quality.enabled is false"
    assert open_dataset(store, "quality_model").files() == ["card.json"]
    assert job.ledger.to_json()["rows"] == {"taken": 18, "kept": 18, "dropped": {}}


def test_too_few_positives_stop_the_stage(session, tmp_path):
    with pytest.raises(InputError, match=r"5 positive documents .*at least 20"):
        run(tmp_path, session, number=20)
