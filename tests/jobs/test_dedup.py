"""The dedup stage on Spark: candidates, proof across parts, resumed, equal for any division."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import pytest

from corpus.datasets import Dataset
from corpus.identity import doc_id_of_place
from corpus.ledger import Ledger
from corpus.stages import stage_named
from corpus.storage import Store
from filters.dedup import DedupSettings
from jobs import dedup
from jobs.parts import Job
from tests.tables import write_table

pytestmark = pytest.mark.spark

RNG = random.Random(4)
PAGES = [" ".join(f"w{RNG.randrange(900)}" for _ in range(120)) for _ in range(8)]
# Text, source and score; the copies of page 0 lie in several parts, and so do those of page 1.
DOCUMENTS = [
    *((page, "web", 0.5) for page in PAGES),
    (PAGES[0].upper(), "web", 0.9),
    (PAGES[1] + " and one more line at the end", "books", 0.1),
    (PAGES[0].replace("w", "w "), "web", 0.99),
    ("", "web", 0.2),
    (PAGES[0] + " end", "web", 0.1),
    (PAGES[2], "web", None),
]
DROPPED = 13  # a copy that an earlier stage has dropped: the last document


def make_job(session, root: Path, parts: list[list[int]], **settings: object) -> Job:
    """A job over DOCUMENTS, by number, in parts."""
    store = Store(str(root))
    documents = [
        {"doc_id": doc_id_of_place("test", "file", n), "source": source, "offset": n,
         "keep": True, "num_characters": len(text), "text": text}
        for n, (text, source, _) in enumerate(DOCUMENTS)
    ]  # fmt: skip
    quality = [
        {"doc_id": row["doc_id"], "keep": n != DROPPED, "score": DOCUMENTS[n][2],
         "reason": "low_quality" if n == DROPPED else None}
        for n, row in enumerate(documents)
    ]  # fmt: skip
    write_table(store, "documents", [[documents[n] for n in part] for part in parts])
    write_table(store, "quality", [[quality[n] for n in part] for part in parts])
    recipe = SimpleNamespace(dedup=DedupSettings(**settings), seed=0, sources={})
    return Job(
        stage=stage_named("dedup"), recipe=recipe, store=store, session=session, ledger=Ledger()
    )


def number_of() -> dict[bytes, int]:
    return {doc_id_of_place("test", "file", n): n for n in range(len(DOCUMENTS))}


def kept_copies(job: Job) -> dict[int, int]:
    rows = job.input("dedup").read_all().to_pylist()
    return {number_of()[row["doc_id"]]: number_of()[row["kept_doc_id"]] for row in rows}


def sorted_rows(dataset: Dataset, *left_out: str) -> list[dict]:
    rows = dataset.read_all().to_pylist()
    kept = [{name: row[name] for name in row if name not in left_out} for row in rows]
    return sorted(kept, key=repr)


PLACES = ("part_a", "row_a", "part_b", "row_b", "part", "row")


@pytest.fixture(scope="module")
def finished(session, tmp_path_factory) -> Job:
    parts = [[0, 9, 11, 3], [], [*range(4, 9), 10], [13, 12, 2, 1]]
    job = make_job(session, tmp_path_factory.mktemp("dedup"), parts)
    dedup.run(job)
    return job


def test_the_best_copy_stays_wherever_it_lies(finished):
    itself = {n: n for n in range(DROPPED)}
    assert kept_copies(finished) == {**itself, 0: 8, 12: 8, 9: 1}


def test_the_ledger_counts_what_is_removed(finished):
    rows = finished.ledger.to_json()["rows"]
    assert rows == {"taken": 13, "kept": 10, "dropped": {"near_duplicate": 3}}


def test_verdicts_stand_in_the_parts_and_order_of_the_stage_before(finished):
    verdicts, quality = finished.input("dedup"), finished.input("quality")
    for part in range(quality.num_parts):
        judged = quality.read(part)
        expected = judged.filter(judged["keep"])["doc_id"].to_pylist()
        assert verdicts.read(part)["doc_id"].to_pylist() == expected


def test_each_pair_names_the_places_of_its_documents(finished):
    quality = finished.input("quality")
    pairs = finished.input("pairs").read_all().to_pylist()
    assert len(pairs) >= 4
    for pair in pairs:
        assert pair["doc_id_a"] < pair["doc_id_b"]
        for side in "ab":
            judged = quality.read(pair[f"part_{side}"])
            ids = judged.filter(judged["keep"])["doc_id"].to_pylist()
            assert ids[pair[f"row_{side}"]] == pair[f"doc_id_{side}"]


def test_a_text_without_words_has_no_band(finished):
    bands = finished.input("bands").read_all()
    counts = Counter(number_of()[doc_id] for doc_id in bands["doc_id"].to_pylist())
    assert counts == {n: 28 for n in range(DROPPED) if n != 11}


def test_other_parts_and_another_order_give_the_same(session, finished, tmp_path):
    job = make_job(session, tmp_path, [list(range(len(DOCUMENTS)))[::-1]])
    dedup.run(job)
    for dataset in ("pairs", "clusters", "dedup"):
        assert sorted_rows(job.input(dataset), *PLACES) == sorted_rows(
            finished.input(dataset), *PLACES
        )


def test_sources_listed_first_keep_their_copies(session, tmp_path):
    job = make_job(session, tmp_path, [list(range(14))], source_order=("books",), keep="longest")
    dedup.run(job)
    assert {n: k for n, k in kept_copies(job).items() if n != k} == {1: 9, 0: 12, 8: 12}


def test_no_documents_give_empty_tables(session, tmp_path):
    job = make_job(session, tmp_path, [[], [DROPPED]])
    dedup.run(job)
    for dataset in ("bands", "pairs", "clusters", "dedup"):
        assert job.input(dataset).num_rows == 0


def slow_candidates(
    bands: list[dict], max_bucket: int
) -> dict[tuple[int, int, int, int], tuple[int, bool]]:
    buckets = defaultdict(list)
    for row in bands:
        buckets[row["band"], row["digest"]].append(row)
    found: dict[tuple[int, int, int, int], tuple[int, bool]] = {}
    for members in buckets.values():
        is_large = len(members) > max_bucket
        best = min(members, key=lambda row: (row["rank"], row["doc_id"]))
        for pair in combinations(members, 2):
            if not is_large or best in pair:
                (a, b), (c, d) = sorted((row["part"], row["row"]) for row in pair)
                count, anchored = found.get((a, b, c, d), (0, False))
                found[a, b, c, d] = count + 1, anchored or is_large
    return found


@pytest.mark.parametrize("max_bucket", [2, 3, 100])
def test_candidates_are_those_of_plain_python(session, spark, max_bucket):
    rng = random.Random(max_bucket)
    rows = [
        {"doc_id": doc_id_of_place("test", "f", n), "band": band, "digest": rng.randrange(5) - 2,
         "part": n % 3, "row": n // 3, "rank": rng.randrange(4)}
        for n in range(15)
        for band in range(3)
    ]  # fmt: skip
    rank = {row["doc_id"]: row["rank"] for row in rows}
    rows = [{**row, "rank": rank[row["doc_id"]]} for row in rows]
    found = dedup.candidates(spark.createDataFrame(rows), max_bucket=max_bucket).collect()
    pairs = {
        (r["part_a"], r["row_a"], r["part_b"], r["row_b"]): (r["num_shared_bands"], r["anchored"])
        for r in found
    }
    assert len(pairs) == len(found)
    assert pairs == slow_candidates(rows, max_bucket)
