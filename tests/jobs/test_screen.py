"""The screen stage on Spark: a verdict for every document that has a text, in its part."""

from __future__ import annotations

import pytest

from corpus.blocklists import mark_files
from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.sources import Source
from corpus.storage import Store
from filters import language, url
from filters.heuristics import gopher_quality
from filters.personal import PersonalSettings
from filters.screen import ScreenSettings
from filters.url import UrlSettings
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


def test_the_edits_of_kept_documents_are_counted(session, tmp_path, capsys):
    store = Store(str(tmp_path))
    docs = [Doc(GOOD + "Write to a@example.com or b@example.com."), Doc("c@example.com"), Doc(GOOD)]
    rows = rows_of(docs)
    write_table(store, "documents", [rows[:2], [], rows[2:]])
    masking = ScreenSettings(personal=PersonalSettings(masked=("email",)))
    screen.run(job_at(store, "screen", session, screen=masking, sources=SOURCES))
    assert "edits of the documents kept: email 2\n" in capsys.readouterr().err


def test_block_lists_reach_the_tasks_and_the_fingerprint(session, tmp_path, capsys):
    store = Store(str(tmp_path / "root"))
    blocked, words = tmp_path / "blocked.txt", tmp_path / "words.txt"
    blocked.write_text("a.example\nlocalhost\n")
    words.write_text("casino\n")
    rows = rows_of([Doc(GOOD), Doc(GOOD), Doc(GOOD)])
    addresses = ("https://www.a.example/", "https://b.example/casino", "https://b.example/")
    rows = [{**row, "url": address} for row, address in zip(rows, addresses, strict=True)]
    write_table(store, "documents", [rows[:1], rows[1:]])
    settings = UrlSettings(block_lists=(str(blocked),), word_lists=(str(words),))
    job = job_at(store, "screen", session, screen=ScreenSettings(url=settings), sources=SOURCES)
    assert screen.files(job.recipe) == [str(blocked), str(words)]
    screen.run(job)
    assert open_dataset(store, "screen").read_all(["reason"])["reason"].to_pylist() == [
        url.BLOCKED_DOMAIN, url.BLOCKED_WORD, None,
    ]  # fmt: skip
    assert f"{blocked}: 1 domains, 1 no_domain" in "".join(capsys.readouterr())


def test_a_list_that_changes_meanwhile_stops_the_stage(tmp_path):
    blocked = tmp_path / "blocked.txt"
    blocked.write_text("a.example\n")
    settings = UrlSettings(block_lists=(str(blocked),))
    marks = mark_files(settings.list_patterns())
    blocked.write_text("a.example\nb.example\n")
    with pytest.raises(InputError, match=r"blocked\.txt is not what it was when the stage began"):
        screen._read_lists(settings, marks)


def test_a_missing_list_stops_before_the_stage(session, tmp_path):
    settings = UrlSettings(block_lists=(str(tmp_path / "absent"),))
    store = Store(str(tmp_path))
    job = job_at(store, "screen", session, screen=ScreenSettings(url=settings), sources=SOURCES)
    with pytest.raises(InputError, match="absent matches no file"):
        screen.files(job.recipe)
