"""The contamination stage on Spark: whole, resumed, and equal for any division into parts."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from corpus.benchmarks import BenchmarkSettings
from corpus.datasets import Dataset
from corpus.errors import ConfigError, DataError, InputError
from corpus.identity import doc_id_of_place
from corpus.ledger import Ledger
from corpus.sources import Source
from corpus.stages import stage_named
from corpus.storage import Store
from corpus.words import normalise
from filters.contamination import ContaminationSettings
from filters.contamination.cuts import NOTHING_LEFT
from jobs import contamination
from jobs.decontamination import overlap
from jobs.parts import Job
from tests.tables import write_table

# 15 and 14 words: N of the benchmark is 13.
QUESTION = "why does the moon show the same side to us on every night of all years"
ANSWER = "its turn about itself takes as long as its path around the earth always"
FILLER = " ".join(f"word{n}" for n in range(200))

DOCUMENTS = [
    ("books", FILLER),
    ("books", f"{FILLER} {QUESTION.upper()}! {FILLER}"),
    ("web", f"Ünïcödé — {FILLER}\n{ANSWER}\n"),
    ("web", ANSWER),
    ("web", "dropped by an earlier stage: " + QUESTION),
    ("web", "short"),
]


def build_inputs(store: Store, sizes: list[int]) -> None:
    """DOCUMENTS and their dedup verdicts in parts of these sizes; the fifth one is dropped."""
    rows = [
        {"doc_id": doc_id_of_place("test", "file", n), "source": source, "offset": n, "keep": True,
         "num_characters": len(text), "text": text}
        for n, (source, text) in enumerate(DOCUMENTS)
    ]  # fmt: skip
    verdicts = [
        {"doc_id": row["doc_id"], "keep": n != 4, "reason": "near_duplicate" if n == 4 else None,
         "cluster_id": row["doc_id"], "kept_doc_id": row["doc_id"], "split": "train"}
        for n, row in enumerate(rows)
    ]  # fmt: skip
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    for dataset, all_rows in (("documents", rows), ("dedup", verdicts)):
        parts = [all_rows[a : a + n] for a, n in zip(starts, sizes, strict=True)]
        write_table(store, dataset, parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("contamination")


@pytest.fixture(scope="module")
def settings(folder: Path) -> ContaminationSettings:
    items = folder / "items.jsonl"
    lines = [{"q": QUESTION, "a": ANSWER}, {"q": "not in any document " * 4, "a": "too short"}]
    items.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    fields = {"question": ("q",), "answer": ("a",)}
    return ContaminationSettings(
        benchmarks={"moon": BenchmarkSettings(files=(str(items),), fields=fields)}
    )


def make_job(session, root: Path, settings: ContaminationSettings, sizes: list[int]) -> Job:
    store = Store(str(root))
    build_inputs(store, sizes)
    recipe = SimpleNamespace(contamination=settings, seed=0, sources={})
    return Job(
        stage=stage_named("contamination"), recipe=recipe, store=store, session=session,
        ledger=Ledger(),
    )


@pytest.fixture(scope="module")
def finished(session, folder, settings) -> Job:
    job = make_job(session, folder / "finished", settings, [2, 4])
    contamination.run(job)
    return job


def rows_of(dataset: Dataset, *left_out: str) -> list[dict]:
    rows = dataset.read_all().to_pylist()
    return [{name: row[name] for name in row if name not in left_out} for row in rows]


@pytest.mark.spark
def test_it_cuts_what_is_found(finished):
    verdicts = rows_of(finished.input("contamination"), "doc_id")
    text = DOCUMENTS[1][1]
    start = text.index("WHY") - 200
    end = text.index("YEARS") + len("YEARS") + 200
    whole = {"keep": True, "reason": None, "num_matches": 0}
    assert verdicts == [
        {**whole, "pieces": [{"start": 0, "end": len(DOCUMENTS[0][1])}]},
        {**whole, "num_matches": 1,
         "pieces": [{"start": 0, "end": start}, {"start": end, "end": len(text)}]},
        {**whole, "num_matches": 1,
         "pieces": [{"start": 0, "end": DOCUMENTS[2][1].index(ANSWER) - 200}]},
        {"keep": False, "reason": NOTHING_LEFT, "num_matches": 1, "pieces": []},
        {**whole, "pieces": [{"start": 0, "end": 5}]},
    ]  # fmt: skip
    rows = finished.ledger.to_json()["rows"]
    assert rows == {"taken": 5, "kept": 4, "dropped": {NOTHING_LEFT: 1}}


@pytest.mark.spark
def test_it_names_the_items_that_are_found(finished):
    hits = rows_of(finished.input("hits"), "doc_id", "start", "end", "ngram")
    common = {"benchmark": "moon", "item_id": "0", "exempt": False}
    question = {"field": "question", "num_ngrams": 4, "document_frequency": 1}
    answer = {"field": "answer", "num_ngrams": 2, "document_frequency": 2}
    assert hits == [common | question, common | answer, common | answer]
    left_out = ("text", "num_words", "benchmark", "num_exempt", "num_covered")
    items = rows_of(finished.input("benchmark_texts"), *left_out)
    assert [tuple(row.values()) for row in items] == [
        ("0", "question", 13, 4, 4, True), ("0", "answer", 13, 2, 2, True),
        ("1", "question", 13, 4, 0, False), ("1", "answer", 13, 0, 0, False),
    ]  # fmt: skip
    left_out = ("ngram_size", "num_exempt", "num_words")
    items = rows_of(finished.input("benchmark_items"), *left_out)
    assert [tuple(row.values()) for row in items] == [
        ("moon", "0", 6, 6, 30, True, "near_whole", ["answer", "question"]),
        ("moon", "1", 4, 0, 0, False, None, []),
    ]


@pytest.mark.spark
def test_it_sums_up_each_benchmark_and_lists_its_ngrams(finished):
    assert rows_of(finished.input("benchmarks"), "settings") == [{
        "benchmark": "moon", "ngram_size": 13, "num_items": 2, "num_dirty": 1, "num_near_whole": 1,
        "num_quote": 0, "num_template": 0, "num_too_short": 0, "num_ngrams": 25,
        "num_ngrams_found": 16,
    }]  # fmt: skip
    ngrams = rows_of(finished.input("benchmark_ngrams"))
    assert [row["num_documents"] for row in ngrams] == [2, 2, 1, 1, 1, 1]
    assert ngrams[0] == {
        "ngram": " ".join(ANSWER.split()[:13]), "num_documents": 2, "num_items": 1,
        "benchmark": "moon", "item_id": "0", "exempt": False,
    }  # fmt: skip


@pytest.mark.spark
def test_overlap_counts_the_8_grams_of_each_source_and_of_all(finished):
    assert {row["source"]: (row["num_ngrams"], row["num_found"])
            for row in rows_of(finished.input("overlap"))} == {
        "books": (25, 9), "web": (25, 7), "all": (25, 16),
    }  # fmt: skip
    catalogue = json.loads(finished.input("benchmark_filter").local("filters.json").read_text())
    assert [row["source"] for row in catalogue["filters"]] == ["books", "web"]
    assert 0 < catalogue["certified_rate"] <= 1e-8


@pytest.mark.spark
def test_the_division_into_parts_changes_nothing(finished, session, tmp_path, settings):
    other = make_job(session, tmp_path, settings, [1, 3, 0, 2])
    contamination.run(other)
    for name in ("contamination", "hits", "ngram_hits", "benchmark_items", "benchmarks", "overlap"):
        assert rows_of(finished.input(name)) == rows_of(other.input(name))
    filters = [job.input("benchmark_filter") for job in (finished, other)]
    for name in filters[0].files():
        assert filters[0].local(name).read_bytes() == filters[1].local(name).read_bytes()


@pytest.mark.spark
def test_filters_have_room_for_distinct_8_grams_however_often_they_come(finished):
    catalogue = json.loads(finished.input("benchmark_filter").local("filters.json").read_text())
    room = {row["source"]: row["capacity"] for row in catalogue["filters"]}
    by_occurrence: dict[str, int] = {}
    for row in rows_of(finished.input("source_ngrams")):
        by_occurrence[row["source"]] = by_occurrence.get(row["source"], 0) + row["num_ngrams"]
    distinct = {
        source: {
            tuple(words[k : k + 8])
            for n, (own, text) in enumerate(DOCUMENTS) if own == source and n != 4
            for words in [normalise(text).split()] for k in range(len(words) - 7)
        }
        for source in room
    }  # fmt: skip
    assert by_occurrence == {"books": 602, "web": 215}
    assert {source: len(own) for source, own in distinct.items()} == {"books": 216, "web": 208}
    for source, own in distinct.items():
        assert len(own) <= room[source] <= 1.04 * len(own) + 1


def copy_of(job: Job, root: Path) -> Job:
    """A job over a copy of its root, in which a kill left some of the filters."""
    shutil.copytree(job.root, root)
    store = Store(str(root))
    store.remove("_stages", "contamination", "filters", "00001.json")
    store.remove("filter_parts", "00001.bloom")
    store.remove("benchmark_filter")
    return dataclasses.replace(job, store=store, ledger=Ledger())


@pytest.mark.spark
def test_filters_of_a_killed_run_are_those_of_a_whole_one(finished, tmp_path):
    # Another deduplicator skips finished shards when it is run again, and their keys with them.
    killed = copy_of(finished, tmp_path / "killed")
    contamination.run(killed)
    for name in ("filter_parts", "benchmark_filter", "overlap"):
        assert killed.input(name).digest() == finished.input(name).digest()


@pytest.mark.spark
def test_a_filter_that_was_sized_for_too_few_stops_the_stage(
    finished, tmp_path, settings, monkeypatch
):
    job = copy_of(finished, tmp_path / "small")
    monkeypatch.setattr(overlap.distinct, "at_most", lambda _: 1)
    with pytest.raises(DataError, match=r"source web: .* sized for 1; .*contamination --force"):
        overlap.measure(job, settings)


@pytest.mark.spark
def test_a_second_run_over_finished_parts_gives_the_same_bytes(finished):
    before = [finished.input(name).digest() for name in finished.stage.outputs]
    contamination.run(finished)
    assert [finished.input(name).digest() for name in finished.stage.outputs] == before


@pytest.mark.spark
def test_without_benchmarks_every_document_stays_whole_and_it_says_so(session, tmp_path, capsys):
    job = make_job(session, tmp_path, ContaminationSettings(), [2, 4])
    contamination.run(job)
    assert all(row["keep"] and row["pieces"] for row in rows_of(job.input("contamination")))
    for name in ("hits", "benchmark_texts", "benchmark_items", "benchmark_ngrams", "benchmarks"):
        assert job.input(name).num_rows == 0
    assert "names no benchmark" in "".join(capsys.readouterr())


def test_a_missing_benchmark_file_is_named_before_anything_runs(tmp_path):
    missing = BenchmarkSettings(files=(str(tmp_path / "none.jsonl"),))
    recipe = SimpleNamespace(
        contamination=ContaminationSettings(benchmarks={"x": missing}), sources={}
    )
    with pytest.raises(InputError, match=r"none\.jsonl: no such file"):
        contamination.files(recipe)


def test_no_source_may_take_the_name_of_the_sum_over_all():
    sources = {overlap.ALL: Source(kind="text", files=("x",))}
    recipe = SimpleNamespace(contamination=ContaminationSettings(), sources=sources)
    with pytest.raises(ConfigError, match="choose another"):
        contamination.files(recipe)
