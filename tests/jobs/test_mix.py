"""The mix stage on Spark: what it writes, and that it does not depend on parts."""

from __future__ import annotations

import pytest

from corpus.datasets import open_dataset
from corpus.errors import ConfigError
from filters.mixture import MixSettings
from jobs import mix
from tests.judged import Doc, doc_id, job_at, judged_root

pytestmark = pytest.mark.spark

DOCS = [
    Doc("whole é"),
    Doc("a duplicate", duplicate=True),
    Doc("dropped by contamination", pieces=()),
    Doc("held out", split="validation"),
    Doc("cut é here and there", pieces=((0, 5), (10, 20))),
    Doc("a book", source="books"),
    Doc("a longer book", source="books"),
]
SOURCES = {"web": None, "books": None}


def run(root, session, docs=DOCS, *, num_parts: int = 2, **fields):
    store = judged_root(str(root), docs, num_parts=num_parts)
    settings = MixSettings(**({"min_validation_bytes": 1} | fields))
    job = job_at(store, "mix", session, mix=settings, sources=SOURCES)
    mix.run(job)
    return store, job


def test_survivors_are_measured_planned_and_drawn(session, tmp_path):
    store, job = run(tmp_path, session, num_parts=9)  # some without a document
    rows = open_dataset(store, "mix").read_all().to_pylist()
    kept = [0, 3, 4, 5, 6]
    assert [row["doc_id"] for row in rows] == [doc_id(i, DOCS[i]) for i in kept]
    assert [row["num_bytes"] for row in rows] == [8, 8, 16, 6, 13]
    assert [(row["copies"], row["keep"], row["epochs"]) for row in rows] == [(1, True, 1.0)] * 5
    assert [row["split"] for row in rows] == ["train", "validation", "train", "train", "train"]
    assert job.ledger.to_json()["rows"] == {"taken": 5, "kept": 5, "dropped": {}}
    mixture = open_dataset(store, "mixture").read_all().to_pylist()
    assert [(row["source"], row["drawn_bytes"], row["drawn_documents"]) for row in mixture] == [
        ("books", 19, 2), ("web", 24, 2),
    ]


def test_the_mixture_does_not_depend_on_parts(session, tmp_path):
    docs = [Doc(f"text {i} " * 9, source="books" if i % 3 else "web") for i in range(60)]
    found = []
    for num_parts in (1, 3):
        store, _ = run(
            tmp_path / str(num_parts), session, docs, num_parts=num_parts, min_validation_bytes=300,
            weights={"web": 2, "books": 1},
        )
        names = ("mix", "mixture")
        found.append([open_dataset(store, name).read_all().to_pylist() for name in names])
    assert found[0] == found[1]
    splits = [row["split"] for row in found[0][0]]
    assert splits.count("validation") == 4  # of 40 books, the source with most bytes
    assert {row["copies"] for row in found[0][0]} == {0, 1, 2}


def test_an_unknown_source_stops_the_stage(session, tmp_path):
    with pytest.raises(ConfigError, match="unknown source wbe"):
        run(tmp_path, session, weights={"wbe": 1, "books": 1})
