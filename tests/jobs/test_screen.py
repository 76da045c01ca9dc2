"""The screen stage on Spark: a verdict for every document that has a text, in its part."""

from __future__ import annotations

import pytest

from corpus.datasets import open_dataset
from corpus.sources import Source
from corpus.storage import Store
from filters import language
from filters.heuristics import gopher_quality
from filters.screen import ScreenSettings
from jobs import screen
from tests.filters.test_screen import GERMAN, GOOD
from tests.judged import Doc, doc_id, job_at, write_table

pytestmark = pytest.mark.spark

SOURCES = {"web": Source(kind="warc", files=())}
DOCS = [Doc(GOOD), Doc(GERMAN), Doc("no text"), Doc("Too few words."), Doc(GOOD)]


def rows_of(docs):
    return [
        {
            "doc_id": doc_id(i, doc), "source": doc.source, "keep": doc.text != "no text",
            "reason": "no_text" if doc.text == "no text" else None,
            "text": None if doc.text == "no text" else doc.text,
            "num_characters": 0 if doc.text == "no text" else len(doc.text),
        }
        for i, doc in enumerate(docs)
    ]  # fmt: skip


def test_every_text_has_a_verdict_in_its_own_part(session, tmp_path):
    store = Store(str(tmp_path))
    rows = rows_of(DOCS)
    write_table(store, "documents", [rows[:3], [], rows[3:]])
    job = job_at(store, "screen", session, screen=ScreenSettings(), sources=SOURCES)
    screen.run(job)
    found = open_dataset(store, "screen")
    assert [found.part_rows(part) for part in range(3)] == [2, 0, 2]
    table = found.read_all(["doc_id", "reason"]).to_pylist()
    assert [row["reason"] for row in table] == [
        None, language.OTHER_LANGUAGE, gopher_quality.TOO_FEW_WORDS, None,
    ]  # fmt: skip
    assert [row["doc_id"] for row in table] == [rows[i]["doc_id"] for i in (0, 1, 3, 4)]
    assert job.ledger.to_json()["rows"] == {
        "taken": 4, "kept": 2,
        "dropped": {language.OTHER_LANGUAGE: 1, gopher_quality.TOO_FEW_WORDS: 1},
    }  # fmt: skip
