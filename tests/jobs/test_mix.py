"""The mix stage on Spark: what it writes, and that it does not depend on parts."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from corpus.datasets import open_dataset
from corpus.errors import ConfigError
from corpus.storage import Store
from filters.mixture import MixSettings
from jobs import mix
from jobs.cli import cli
from tests.judged import Doc, bytes_for_tokens, doc_id, job_at, judged_root, with_vocabulary

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
    with_vocabulary(store, bytes_for_tokens())
    settings = MixSettings(**({"min_validation_tokens": 1} | fields))
    job = job_at(store, "mix", session, mix=settings, sources=SOURCES)
    mix.run(job)
    return store, job


def test_survivors_are_measured_planned_and_drawn(session, tmp_path):
    store, job = run(tmp_path, session, num_parts=9)  # some without a document
    rows = open_dataset(store, "mix").read_all().to_pylist()
    kept = [0, 3, 4, 5, 6]
    assert [row["doc_id"] for row in rows] == [doc_id(i, DOCS[i]) for i in kept]
    assert [row["num_bytes"] for row in rows] == [8, 8, 16, 6, 13]
    assert [row["num_tokens"] for row in rows] == [9, 9, 18, 7, 14]  # one a text is end-of-text
    assert [(row["copies"], row["keep"], row["epochs"]) for row in rows] == [(1, True, 1.0)] * 5
    assert [row["split"] for row in rows] == ["train", "validation", "train", "train", "train"]
    assert job.ledger.to_json()["rows"] == {"taken": 5, "kept": 5, "dropped": {}}
    mixture = open_dataset(store, "mixture").read_all().to_pylist()
    assert [(row["source"], row["drawn_tokens"], row["drawn_documents"]) for row in mixture] == [
        ("books", 21, 2), ("web", 27, 2),
    ]


def test_the_mixture_does_not_depend_on_parts(session, tmp_path):
    docs = [Doc(f"text {i} " * 9, source="books" if i % 3 else "web") for i in range(60)]
    found = []
    for num_parts in (1, 3):
        store, _ = run(
            tmp_path / str(num_parts), session, docs, num_parts=num_parts,
            min_validation_tokens=300, weights={"web": 2, "books": 1},
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


def test_the_vocabulary_s_use_is_counted_by_source_and_language(session, tmp_path):
    docs = [Doc("ab", language="en"), Doc("abc", language="de"), Doc("é", source="books"),
            Doc("ba", language="en", pieces=((0, 1), (1, 2)))]  # fmt: skip
    store, _ = run(tmp_path, session, docs, num_parts=2)
    rates = open_dataset(store, "token_rates").read_all().to_pylist()
    assert [tuple(row.values()) for row in rates] == [
        ("books", "en", 1, 2, 3), ("web", "de", 1, 3, 4), ("web", "en", 2, 4, 7),
    ]
    vocabulary = bytes_for_tokens()
    uses = {
        vocabulary.token_bytes[row["id"]]: row["count"]
        for row in open_dataset(store, "token_uses").read_all().to_pylist()
    }
    assert uses == {
        b"a": 3, b"b": 3, b"c": 1, b"\xc3": 1, b"\xa9": 1, b"<|endoftext|>": 5,
    }


def test_winnow_vocabulary_says_what_tokens_were_used_for(session, tmp_path):
    docs = [Doc("ab ab", language="en"), Doc("é", source="books", language="fr")]
    run(tmp_path, session, docs)
    found = json.loads(CliRunner().invoke(
        cli, ["vocabulary", "--root", str(tmp_path), "--json"], catch_exceptions=False
    ).stdout)  # fmt: skip
    assert found["vocabulary"]["vocab_size"] == 257
    assert found["by_source"] == [
        {"source": "books", "num_documents": 1, "num_bytes": 2, "num_tokens": 3,
         "bytes_per_token": 2 / 3},
        {"source": "web", "num_documents": 1, "num_bytes": 5, "num_tokens": 6,
         "bytes_per_token": 5 / 6},
    ]  # fmt: skip
    assert [row["language"] for row in found["by_language"]] == ["en", "fr"]
    assert (found["use"]["num_tokens"], found["use"]["num_unreached"]) == (7, 251)
    said = CliRunner().invoke(cli, ["vocabulary", "--root", str(tmp_path)], catch_exceptions=False)
    assert "never used: 251 tokens" in said.stdout
    assert "tokens of one byte: 100.00% of all used" in said.stdout


def test_winnow_vocabulary_before_mix_says_what_to_run(tmp_path):
    with_vocabulary(Store(str(tmp_path)), bytes_for_tokens())
    said = CliRunner().invoke(cli, ["vocabulary", "--root", str(tmp_path)])
    assert said.exit_code == 1
    assert "run `winnow run mix` first" in said.stderr


def test_tokens_drawn_come_near_the_plan_and_the_log_says_how_near(session, tmp_path, capsys):
    docs = [Doc(f"text {i} " * (1 + i % 7), source="books" if i % 3 else "web") for i in range(300)]
    store, _ = run(tmp_path, session, docs, weights={"web": 1, "books": 1}, total_tokens=6000)
    for row in open_dataset(store, "mixture").read_all().to_pylist():
        assert row["drawn_tokens"] == pytest.approx(3000, abs=40)
        assert row["drawn_documents"] == pytest.approx(row["planned_documents"], abs=1.5)
    assert "of the plan" in capsys.readouterr().err
