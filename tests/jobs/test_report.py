"""The report stage: from published tables to one page, the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from corpus.datasets import Part, publish_manifest
from corpus.errors import ConfigError, NotBuilt
from corpus.ledger import Ledger
from corpus.publishing import publish_file
from corpus.stages import STAGES, stage_named
from corpus.storage import Store
from filters.dedup import DedupSettings
from jobs.parts import Job
from jobs.report import ReportSettings, files, run
from jobs.reporting.facts import DOCUMENT_STAGES
from jobs.reporting.gather import gather
from tests.jobs.reporting.conftest import made_card
from tests.judged import write_table

EVIL = "<script>alert(1)</script>"
DOCUMENTS = 8


def doc_id(number: int) -> bytes:
    return bytes([number]) * 16


def kept_rows(numbers: range, dropped: set[int], **columns: Any) -> list[dict[str, Any]]:
    return [
        {"doc_id": doc_id(n), "keep": n not in dropped, "reason": "why" if n in dropped else None}
        | {name: value(n) for name, value in columns.items()}
        for n in numbers
    ]


def write_folder(store: Store, name: str, files: dict[str, str]) -> None:
    with store.scratch() as folder:
        for file, text in files.items():
            (folder / file).write_text(text, "utf-8")
        published = tuple(publish_file(store, folder / f, name, f) for f in sorted(files))
    publish_manifest(store, name, [Part(number=0, num_rows=0, num_kept=0, files=published)])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Eight documents in two parts; 1 falls at extract, 2 at screen, 3 at quality, 5 at dedup."""
    store = Store(str(tmp_path / "run"))
    halves = (range(4), range(4, DOCUMENTS))
    documents = [
        [{"doc_id": doc_id(n), "source": "web" if n % 2 else "books", "keep": n != 1,
          "reason": "no_text" if n == 1 else None, "num_characters": 0 if n == 1 else 100 * n + 1,
          "url": f"http://a.example/{n}", "title": EVIL, "warc_file": "a", "offset": n,
          "length": 1} for n in half]
        for half in halves
    ]  # fmt: skip
    write_table(store, "documents", documents)
    gone = [1]
    for name, falls, extra in (
        ("screen", {2}, {"language": lambda n: "de" if n == 2 else "en"}),
        ("quality", {3}, {"score": lambda n: n / 10}),
        ("dedup", {5}, {"cluster_id": lambda n: doc_id(4), "kept_doc_id": lambda n: doc_id(4)}),
        ("contamination", set(), {"num_matches": lambda n: int(n == 6)}),
        ("mix", set(), {"source": lambda n: "web", "copies": lambda n: 1}),
    ):
        parts = [
            [row for row in kept_rows(half, falls, **extra) if row["doc_id"][0] not in gone]
            for half in halves
        ]
        write_table(store, name, parts)
        gone += sorted(falls)
    write_rest(store)
    return store


def write_classifier(store: Store) -> None:
    """The scores and verdicts of the documents that quality judges, and a card and a rule."""
    halves = ([0, 3], [4, 5, 6, 7])
    scores = [
        [{"doc_id": doc_id(n), "judged": n % 2 == 1, "score": n / 10} for n in half]
        for half in halves
    ]
    write_table(store, "quality_scores", scores)
    card = made_card(EVIL)
    write_folder(store, "quality_model", {"card.json": json.dumps(card)})
    rule = {"keep": "threshold", "alpha": None, "threshold": 0.4, "last_tie": None}
    write_folder(store, "quality_rule", {"rule.json": json.dumps(rule)})


def write_rest(store: Store) -> None:
    write_classifier(store)
    ids = {"doc_id": doc_id(4), "cluster_id": doc_id(4), "kept_doc_id": doc_id(4),
           "num_members": 2}  # fmt: skip
    near = ids | {"doc_id": doc_id(5), "reason": "near_duplicate"}
    write_table(store, "clusters", [[ids], [near]])
    pair = {"doc_id_a": doc_id(4), "doc_id_b": doc_id(5), "jaccard": 0.9, "verified": True,
            "anchored": False}  # fmt: skip
    far = {"doc_id_a": doc_id(6), "doc_id_b": doc_id(7), "jaccard": 0.1, "verified": False}
    names = {"doc_id_a": doc_id(4), "doc_id_b": doc_id(6), "num_shared_bands": 1}
    write_table(store, "candidates", [[names] * 9, [names] * 2, [names]])  # first: of plants
    write_table(store, "pairs", [[pair], [pair | far]])
    write_folder(store, "self_test", {"self_test.json": "{}"})
    write_benchmark(store)
    write_table(store, "overlap", [[{"benchmark": "quiz", "source": "all", "num_ngrams": 8,
                                     "num_found": 2}]])  # fmt: skip
    failed = {"outcome": "failed", "keep": False, "reason": "http_status"}
    write_table(store, "fetches", [[{"outcome": "captured", "keep": True}, failed]])
    write_table(store, "mixture", [[{"source": "web", "weight": 1.0, "num_documents": 4,
                                     "epochs": 1.0, "drawn_tokens": 900,
                                     "planned_tokens": 901, "drawn_documents": 3}]])  # fmt: skip
    manifest = {"num_tokens": {"train": 90}, "source_tokens": {"web": 90}, "vocab_size": 300,
                "dtype": "uint16", "shards": [{"split": "train"}]}  # fmt: skip
    write_folder(store, "shards", {"shards.json": json.dumps(manifest)})
    write_folder(store, "tokenizer", {"report.json": "{}"})
    write_table(store, "token_rates", [[{"source": "web", "language": "en", "num_documents": 4,
                                         "num_bytes": 400, "num_tokens": 100}]])  # fmt: skip
    lines = [{"step": 0, "validation_loss": 6.5}, {"step": 1, "loss": 6.0}]
    log = "".join(json.dumps(line) + "\n" for line in lines)
    write_folder(store, "model", {"train.jsonl": log, "sample.txt": EVIL})
    for stage in STAGES:
        ledger = {"rows": {"taken": 3, "kept": 1, "dropped": {"few": 1, "bad": 1}}}
        record = {"ledger": ledger}
        store.write(json.dumps(record).encode(), "_stages", f"{stage.name}.json")


def write_benchmark(store: Store) -> None:
    benchmark = {"benchmark": "quiz", "ngram_size": 13, "num_items": 2, "num_dirty": 1,
                 "num_near_whole": 1, "num_quote": 0, "num_template": 0, "num_too_short": 0,
                 "num_ngrams": 8, "num_ngrams_found": 2}  # fmt: skip
    write_table(store, "benchmarks", [[benchmark]])
    counts = {"num_words": 13, "num_ngrams": 1, "num_found": 0, "num_covered": 0, "num_exempt": 0}
    item = {"benchmark": "quiz", "ngram_size": 13, **counts}
    found = {"item_id": EVIL, "num_found": 1, "num_covered": 13, "how": "near_whole"}
    write_table(store, "benchmark_items", [[item | found, item | {"item_id": "1"}]])
    text = {**item, "field": "text", "text": " ".join([EVIL] * 9)}
    write_table(store, "benchmark_texts", [[text | {"item_id": EVIL}, text | {"item_id": "1"}]])
    write_table(store, "benchmark_ngrams", [[]])
    hit = {"doc_id": doc_id(6), "benchmark": "quiz", "item_id": EVIL, "ngram": EVIL,
           "start": 0, "end": 9, "field": "text", "num_ngrams": 3, "document_frequency": 1,
           "exempt": False}  # fmt: skip
    write_table(store, "hits", [[hit]])


def test_the_classifiers_shares_are_those_of_the_verdicts(store: Store):
    classifier = gather(store, recipe()).classifier
    assert classifier is not None
    found = [(r["low"], r["num"], r["num_kept"], r["law"]) for r in classifier.rates]
    assert found == [(0.3, 1, 0, 0.0), (0.5, 1, 1, 1.0), (0.7, 1, 1, 1.0)]
    assert [(r["domain"], r["num"], r["num_kept"]) for r in classifier.domains] == [
        ("a.example", 3, 2)
    ]
    assert [p for _, p in classifier.law] == [0.0] * 40 + [1.0] * 61
    assert {name: sum(counts) for name, counts in classifier.scores.items()} == {
        "books": 3, "web": 3,
    }  # fmt: skip
    assert classifier.scores["web"][6] == 1  # 0.3, stored as a float32 just above
    assert classifier.drift == {}


def test_scores_are_compared_with_another_run(store: Store):
    compared = recipe(drift_from=store.root)
    classifier = gather(store, compared).classifier
    assert classifier is not None
    assert [row["source"] for row in classifier.drift["sources"]] == ["all", "books", "web"]
    assert {row["psi"] for row in classifier.drift["sources"]} == {0.0}
    assert classifier.drift["auc_change"] == 0.0
    assert store.path("quality", "manifest.json") in files(compared)
    with pytest.raises(NotBuilt, match="quality"):
        files(recipe(drift_from=store.path("nowhere")))


def test_a_run_without_a_classifier_says_why(store: Store):
    card = {"trained": False, "why": "quality.enabled is false"}
    store.remove("quality_model")
    write_folder(store, "quality_model", {"card.json": json.dumps(card)})
    facts = gather(store, recipe())
    assert facts.classifier is not None
    assert facts.classifier.rates == []


def recipe(**report: Any) -> Any:
    return SimpleNamespace(
        name="made", description=EVIL, seed=3, report=ReportSettings(**report),
        dedup=DedupSettings(),
    )  # fmt: skip


def test_the_facts_are_those_of_the_tables(store: Store):
    facts = gather(store, recipe())
    assert [(s.name, s.taken, s.kept, s.dropped) for s in facts.stages][:1] == [
        ("links", 3, 1, {"bad": 1, "few": 1})
    ]
    assert {s.name: s.kept for s in facts.sources} == {
        "books": dict(zip(DOCUMENT_STAGES, (4, 3, 3, 3, 3, 3), strict=True)),
        "web": dict(zip(DOCUMENT_STAGES, (3, 3, 2, 1, 1, 1), strict=True)),
    }
    assert {name: sum(counts) for name, counts in facts.scores.items()} == {"books": 3, "web": 3}
    assert {name: sum(counts) for name, counts in facts.lengths.items()} == {
        "texts": 7,
        "in the mixture": 4,
    }
    assert facts.languages == [("en", 6), ("de", 1)]
    duplicates = facts.duplicates
    assert (duplicates.sizes, duplicates.reasons) == ([(2, 1)], {"near_duplicate": 1})
    assert (duplicates.num_candidates, duplicates.num_compared) == (3, 2)
    assert duplicates.num_verified == 1
    assert duplicates.jaccards == [0, 0, 1, *[0] * 14, 1, 0, 0]
    assert duplicates.drawn == []  # the only one is among the largest
    (cluster,) = duplicates.largest
    assert (cluster.kept.url, cluster.others[0].url) == ("http://a.example/4", "http://a.example/5")
    assert cluster.others[0].jaccard == pytest.approx(0.9)
    assert (facts.benchmarks[0].num_items, facts.benchmarks[0].num_dirty) == (2, 1)
    assert facts.num_cut == 1
    assert facts.benchmarks[0].overlap == {"all": 0.25}
    assert facts.hits[0].url == "http://a.example/6"
    assert facts.link_outcomes == {"captured": 1, "failed": 1}
    assert facts.sample == EVIL


def write_pages(store: Store) -> None:
    run(Job(stage=stage_named("report"), recipe=recipe(), store=store,
            session=None, ledger=Ledger()))  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize("name", ["index.html", "contamination.html"])
def test_a_page_is_published_and_the_same_each_time(store: Store, name: str):
    pages = []
    for _ in range(2):
        write_pages(store)
        pages.append(store.read("report", name))
    assert pages[0] == pages[1]
    assert store.exists("report", "manifest.json")
    assert EVIL.encode() not in pages[0]
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in pages[0]


def test_without_benchmarks_there_is_no_page_of_items(store: Store):
    for name in ("benchmarks", "benchmark_items", "benchmark_texts", "hits"):
        store.remove(name)
        write_table(store, name, [[]])
    write_pages(store)
    assert store.names("report") == ["index.html", "manifest.json"]


def test_a_missing_stage_is_named(store: Store):
    store.remove("mixture")
    with pytest.raises(NotBuilt, match="mixture"):
        gather(store, recipe())


def test_sizes_are_positive():
    with pytest.raises(ValueError, match="num_bins is 0, expected at least 1"):
        ReportSettings(num_bins=0)


def test_a_recipe_says_where_a_size_is_wrong():
    from jobs.recipe import read_recipe

    with pytest.raises(ConfigError, match="num_bins is 0"):
        read_recipe("demo", ["report.num_bins=0"])
