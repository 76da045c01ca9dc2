"""The dedup stage on Spark: candidates, proof across parts, resumed, equal for any division."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from corpus.datasets import Dataset
from corpus.errors import Damaged, InputError, NotBuilt
from corpus.identity import doc_id_of_place
from corpus.ledger import Ledger
from corpus.stages import stage_named
from corpus.storage import Store
from filters.dedup import DEFAULT, DedupSettings
from filters.dedup.bands import banding
from filters.dedup.shingles import sets_of
from filters.dedup.sketches import agreements, least_agreements
from jobs import dedup
from jobs.cli import cli
from jobs.deduping.estimating import chosen_parts, estimate
from jobs.deduping.loans import borrowed
from jobs.deduping.volumes import open_library
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


def make_job(
    session, root: Path, parts: list[list[int]], *, seed: int = 0,
    renamed: dict[int, str] | None = None, **settings: object,
) -> Job:  # fmt: skip
    """A job over DOCUMENTS, by number, in parts; some of them of another source."""
    store = Store(str(root))
    documents = [
        {"doc_id": doc_id_of_place("test", "file", n), "offset": n,
         "source": (renamed or {}).get(n, source),
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
    recipe = SimpleNamespace(dedup=DedupSettings(**settings), seed=seed, sources={})
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


def pairs_of(job: Job) -> list[tuple]:
    """Pairs without their places, the smaller id first."""
    names = ("num_shared_bands", "anchored", "jaccard", "containment", "verified")
    return sorted(
        (*sorted((row["doc_id_a"], row["doc_id_b"])), *(row[name] for name in names))
        for row in job.input("pairs").read_all().to_pylist()
    )


@pytest.fixture(scope="module")
def finished(session, tmp_path_factory) -> Job:
    parts = [[0, 9, 11, 3], [], [*range(4, 9), 10], [13, 12, 2, 1]]
    job = make_job(session, tmp_path_factory.mktemp("dedup"), parts)
    dedup.run(job)
    return job


def test_the_best_copy_stays_wherever_it_lies(finished):
    itself = {n: n for n in range(DROPPED)}
    assert kept_copies(finished) == {**itself, 0: 8, 12: 8, 9: 1}


def test_the_ledger_counts_what_is_removed_and_why(finished):
    rows = finished.ledger.to_json()["rows"]
    dropped = {"exact_duplicate": 1, "near_duplicate": 2}
    assert rows == {"taken": 13, "kept": 10, "dropped": dropped}


def test_verdicts_stand_in_the_parts_and_order_of_the_stage_before(finished):
    verdicts, quality = finished.input("dedup"), finished.input("quality")
    for part in range(quality.num_parts):
        judged = quality.read(part)
        expected = judged.filter(judged["keep"])["doc_id"].to_pylist()
        assert verdicts.read(part)["doc_id"].to_pylist() == expected


def test_each_pair_names_the_places_of_its_documents(finished):
    quality, pairs = finished.input("quality"), finished.input("pairs")
    assert pairs.num_rows >= 2
    for part in range(pairs.num_parts):
        for pair in pairs.read(part).to_pylist():
            assert pair["part_a"] == part
            assert (pair["part_a"], pair["row_a"]) < (pair["part_b"], pair["row_b"])
            for side in "ab":
                judged = quality.read(pair[f"part_{side}"])
                ids = judged.filter(judged["keep"])["doc_id"].to_pylist()
                assert ids[pair[f"row_{side}"]] == pair[f"doc_id_{side}"]


def test_exact_copies_are_found_by_their_digest_and_compared_no_more(finished):
    copies = finished.input("copies").read_all().to_pylist()
    names = number_of()
    assert {(names[r["doc_id"]], names[r["first_doc_id"]]) for r in copies} == {(0, 8)}
    pairs = finished.input("pairs").read_all()
    compared = {names[i] for side in "ab" for i in pairs[f"doc_id_{side}"].to_pylist()}
    assert 0 not in compared


def test_what_a_sketch_rules_out_is_read_by_no_one_and_changes_nothing(session, tmp_path):
    """With bands of one hash, pages that share a few words are proposed."""
    parts = [[0, 9, 11, 3], [], [*range(4, 9), 10], [13, 12, 2, 1]]
    job = make_job(session, tmp_path, parts, ngram_size=1, num_rows=1)
    dedup.run(job)
    signatures = [job.input("signatures").read(part)["sketch"].to_pylist() for part in range(4)]
    candidates, likely = job.input("candidates"), job.input("likely")
    least = least_agreements(banding(job.recipe.dedup))
    for home in range(candidates.num_parts):
        expected = [
            row
            for row in candidates.read(home).to_pylist()
            if agreements(
                *(
                    np.frombuffer(signatures[volume][at], np.uint64)[None]
                    for volume, at in ((home, row["row_a"]), (row["volume_b"], row["row_b"]))
                )
            )[0]
            >= least
        ]
        assert likely.read(home).to_pylist() == expected
    assert 0 < likely.num_rows == job.input("pairs").num_rows < candidates.num_rows
    itself = {n: n for n in range(DROPPED)}
    assert kept_copies(job) == {**itself, 0: 8, 12: 8, 9: 1}


def test_a_text_without_words_has_no_band(finished):
    rows = finished.input("signatures").read_all().to_pylist()
    counts = {number_of()[row["doc_id"]]: len(row["bands"]) for row in rows}
    assert counts == {n: 0 if n == 11 else 20 for n in range(DROPPED)}
    assert [row["text_digest"] for row in rows if not row["bands"]] == [None]


def test_the_number_of_shared_bands_is_that_of_the_signatures(finished):
    rows = finished.input("signatures").read_all().to_pylist()
    bands = {row["doc_id"]: row["bands"] for row in rows}
    for pair in finished.input("pairs").read_all().to_pylist():
        both = zip(bands[pair["doc_id_a"]], bands[pair["doc_id_b"]], strict=True)
        assert pair["num_shared_bands"] == sum(a == b for a, b in both)


def test_other_parts_and_another_order_give_the_same(session, finished, tmp_path):
    job = make_job(session, tmp_path, [list(range(len(DOCUMENTS)))[::-1]])
    dedup.run(job)
    assert pairs_of(job) == pairs_of(finished)
    for dataset in ("clusters", "dedup"):
        places = ("part", "row")
        assert sorted_rows(job.input(dataset), *places) == sorted_rows(
            finished.input(dataset), *places
        )


def test_clusters_shared_out_by_component_are_those_of_one_task(session, finished, tmp_path):
    """Two proved pairs and a copy: with one edge a task, Spark connects them first."""
    job = make_job(session, tmp_path, [[0, 9, 11, 3], [], [*range(4, 9), 10], [13, 12, 2, 1]],
                   max_edges=1)  # fmt: skip
    dedup.run(job)
    for dataset in ("clusters", "dedup"):
        assert sorted_rows(job.input(dataset)) == sorted_rows(finished.input(dataset))
    assert job.input("components").read_all()["component"].to_numpy().any()


def test_sources_listed_first_keep_their_copies(session, tmp_path):
    job = make_job(session, tmp_path, [list(range(14))], source_order=("books",), keep="longest")
    dedup.run(job)
    assert {n: k for n, k in kept_copies(job).items() if n != k} == {1: 9, 0: 12, 8: 12}


def test_nothing_near_a_held_out_source_stays(session, tmp_path):
    """Its own document 9 goes to validation whole, and the better copy goes."""
    job = make_job(
        session, tmp_path, [list(range(14))], held_out_sources=("books",), held_out_fraction=0.0
    )
    dedup.run(job)
    rows = {number_of()[r["doc_id"]]: r for r in job.input("dedup").read_all().to_pylist()}
    assert rows[1]["reason"] == "near_held_out"
    assert number_of()[rows[1]["kept_doc_id"]] == 9
    validation = {n for n, row in rows.items() if row["keep"] and row["split"] == "validation"}
    assert validation == {9}


def test_no_documents_give_empty_tables(session, tmp_path):
    job = make_job(session, tmp_path, [[], [DROPPED]])
    dedup.run(job)
    for dataset in ("signatures", "copies", "candidates", "likely", "pairs", "components",
                    "clusters", "dedup"):  # fmt: skip
        assert job.input(dataset).num_rows == 0
    assert json.loads(job.store.read("self_test", "self_test.json")) == {}


def test_planted_copies_are_found_and_change_nothing(session, finished, tmp_path):
    job = make_job(session, tmp_path, [[0, 9, 11, 3], [], [*range(4, 9), 10], [13, 12, 2, 1]],
                   plant=1000)  # fmt: skip
    dedup.run(job)
    for dataset in ("pairs", "clusters", "dedup"):
        assert sorted_rows(job.input(dataset)) == sorted_rows(finished.input(dataset))
    plants = job.input("plants").read_all().to_pylist()
    assert len(plants) == 12  # of every text with 50 words and more
    found = json.loads(job.store.read("self_test", "self_test.json"))
    assert found["total"]["num_planted"] == 12
    assert found["total"]["num_due"] == found["total"]["num_found"] > 0
    assert found["faults"] == []


OLD = [0, 2, 9, 4, 8, 11]


@pytest.fixture(scope="module")
def older(session, tmp_path_factory) -> Job:
    """A corpus of some of the documents: 8 has removed 0, and 9 stands alone."""
    job = make_job(session, tmp_path_factory.mktemp("older"), [OLD[:2], OLD[2:]])
    dedup.run(job)
    return job


NEW = [1, 3, 5, 10, 12, 6]


def test_what_is_near_an_older_document_goes_and_names_it(session, older, tmp_path):
    job = make_job(session, tmp_path, [NEW[:4], NEW[4:]], against=(older.root,))
    dedup.run(job)
    itself = {n: n for n in NEW}
    assert kept_copies(job) == {**itself, 1: 9, 12: 8}  # 1 has the better score, and goes
    clusters = job.input("clusters").read_all().to_pylist()
    assert {number_of()[row["doc_id"]] for row in clusters} == {1, 12}
    assert {row["reason"] for row in clusters} == {"near_duplicate"}


def test_a_corpus_added_later_has_the_survivors_of_both_together(session, older, tmp_path):
    """Where the policy puts the older one's documents first: here they are a source of its own."""
    later = make_job(session, tmp_path / "later", [NEW], against=(older.root,))
    dedup.run(later)
    survivors = {n for job in (older, later) for n, kept in kept_copies(job).items() if n == kept}
    together = make_job(
        session, tmp_path / "both", [OLD, NEW], renamed={n: "first" for n in OLD},
        source_order=("first",),
    )  # fmt: skip
    dedup.run(together)
    assert survivors == {n for n, kept in kept_copies(together).items() if n == kept}


def test_nothing_near_what_an_older_corpus_holds_out_stays(session, tmp_path):
    older = make_job(session, tmp_path / "older", [OLD], held_out_fraction=1.0)
    dedup.run(older)
    job = make_job(session, tmp_path / "new", [NEW], against=(older.root,), held_out_fraction=0.0)
    dedup.run(job)
    rows = {number_of()[r["doc_id"]]: r for r in job.input("dedup").read_all().to_pylist()}
    assert {n for n, row in rows.items() if row["reason"] == "near_held_out"} == {1, 12}


@pytest.mark.parametrize(
    ("name", "change"),
    [("ngram_size", {"ngram_size": 4}), ("num_bands", {"num_bands": 10}), ("seed", {})],
)
def test_a_corpus_signed_in_another_way_is_refused(session, older, tmp_path, name, change):
    job = make_job(
        session, tmp_path, [NEW], against=(older.root,), seed=0 if change else 5, **change
    )
    with pytest.raises(InputError, match=f"was deduplicated with {name} ="):
        dedup.run(job)


def test_a_corpus_that_is_not_finished_is_refused_before_the_stage(tmp_path):
    recipe = SimpleNamespace(dedup=DedupSettings(against=(str(tmp_path),)))
    with pytest.raises(NotBuilt, match="run `winnow run extract` first"):
        dedup.files(recipe)


def test_an_older_corpus_is_part_of_what_the_stage_depends_on(older):
    recipe = SimpleNamespace(dedup=DedupSettings(against=(older.root,)))
    named = dedup.files(recipe)
    assert len(named) == 5
    assert all(Path(path).is_file() for path in named)


def test_every_loan_is_what_was_asked_for(finished):
    library = open_library(finished, {})
    likely = finished.input("likely")
    asked = Counter()
    for home in range(likely.num_parts):
        wanted: dict[int, set[int]] = {}
        for row in likely.read(home).to_pylist():
            if row["volume_b"] != home:
                wanted.setdefault(row["volume_b"], set()).add(row["row_b"])
        for volume in range(library.num_volumes):
            rows, doc_ids, sets = borrowed(finished.store, volume, home)
            assert doc_ids.equals(library.doc_ids(volume, rows))
            assert rows.tolist() == sorted(wanted.get(volume, ()))
            texts = library.texts(volume).take(rows)
            assert sets.hashes.tolist() == sets_of(texts, DEFAULT).hashes.tolist()
            asked[volume] += len(rows)
    assert asked.total() > 0


def test_an_estimate_from_all_parts_counts_what_the_stage_finds(finished):
    sample, found = estimate(
        finished.input("documents"), finished.input("quality"), finished.recipe.dedup,
        seed=finished.seed, share=1.0, num_cores=2,
    )  # fmt: skip
    pairs = finished.input("pairs").read_all()
    assert found.candidate_pairs == finished.input("candidates").num_rows
    assert found.edges == pairs.filter(pairs["verified"]).num_rows
    candidates = finished.input("candidates").read_all()
    assert sample.shared_bands == sum(candidates["num_shared_bands"].to_pylist())
    across = {
        (home, row["volume_b"], row["row_b"])
        for home in range(4)
        for row in finished.input("candidates").read(home).to_pylist()
        if row["volume_b"] != home
    }
    assert sample.num_asked == len(across)
    assert sample.num_copies == finished.input("copies").num_rows
    assert sample.num_parts == 4
    names = [file.name for part in finished.input("loans").parts for file in part.files]
    lent = sum(
        int(np.diff(borrowed(finished.store, volume, home).sets.offsets).sum())
        for volume in range(len(names))
        for home in range(4)
    )
    assert sample.lent_shingles == lent > 0


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_parts_looked_at_are_drawn_by_key(share):
    drawn = [tuple(chosen_parts(20, share, seed)) for seed in range(30)]
    assert {len(parts) for parts in drawn} == {max(2, round(share * 20))}
    assert len(set(drawn)) > 20 or share == 1.0
    assert chosen_parts(1, share, 0) == [0]
    assert chosen_parts(0, share, 0) == []


@pytest.mark.parametrize("table", ["signatures", "dedup"])
def test_damage_to_an_index_is_told_and_not_read_over(session, older, tmp_path, table):
    """A part cut short by a full disk: fewer rows than its manifest says."""
    root = Path(shutil.copytree(older.root, tmp_path / "older"))
    path = root / table / "part-00001.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    job = make_job(session, tmp_path / "new", [NEW], against=(str(root),))
    with pytest.raises(Damaged, match=r"part-00001.parquet: 3 rows, expected 4"):
        dedup.run(job)


def test_a_loan_cut_short_is_told_and_not_read_over(session, tmp_path):
    job = make_job(session, tmp_path, [[0, 9, 11, 3], [*range(4, 9), 10, 13, 12, 2, 1]])
    dedup.run(job)
    path = next(p for p in (tmp_path / "loans").glob("*.sets") if p.stat().st_size > 100)
    path.write_bytes(path.read_bytes()[:-8])
    volume = int(path.stem.rpartition("-")[2])
    with pytest.raises(Damaged, match=r"loans/volume-0000\d.sets: \d+ bytes from"):
        _ = [borrowed(job.store, volume, home) for home in range(2)]


RECIPE = """
name = "test"
[sources.web]
kind = "warc"
files = []
[sources.books]
kind = "warc"
files = []
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("recipe") / "test.toml"
    path.write_text(RECIPE, "utf-8")
    return str(path)


def said(*arguments: str) -> dict:
    found = CliRunner().invoke(cli, ["dedup", *arguments, "--json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.output)


def test_the_commands_tell_what_the_stage_has_decided(finished, recipe):
    """Of every cluster, each member; of every pair, both ways."""
    ids = {n: doc_id.hex() for doc_id, n in number_of().items()}
    given = ("--root", finished.root, "--recipe", recipe)
    for members in ([8, 0, 12], [1, 9]):
        for member in members:
            rows = said("cluster", ids[member], *given)["members"]
            assert [row["doc_id"] for row in rows] == [ids[n] for n in members]
            assert [row["kept"] for row in rows] == [True, *[False] * (len(rows) - 1)]
            assert {row["kept_doc_id"] for row in rows} == {ids[members[0]]}
            assert all(row["kept_jaccard"] >= 0.8 for row in rows[1:])
    shown = CliRunner().invoke(cli, ["dedup", "cluster", ids[0], *given]).output
    assert f"exact_duplicate: Jaccard 1.0000 with {ids[8]}" in shown
    for pair in finished.input("pairs").read_all().to_pylist():
        both = [pair[f"doc_id_{side}"].hex() for side in "ab"]
        for one, other in (both, both[::-1]):
            row = said("explain", one, other, *given)
            assert row["pair"]["num_shared_bands"] == row["num_shared_bands"]
            assert row["pair"]["jaccard"] == pytest.approx(row["jaccard"])
            assert row["pair"]["verified"] == row["is_duplicate"]
    row = said("explain", ids[0], ids[8], *given)
    assert (row["is_copy"], row["copy_of"]) == (True, [ids[8], None])


def test_the_commands_know_the_documents_of_an_older_corpus(session, older, recipe, tmp_path):
    job = make_job(session, tmp_path, [NEW], against=(older.root,))
    dedup.run(job)
    ids = {n: doc_id.hex() for doc_id, n in number_of().items()}
    against = ("--set", f'dedup.against=["{older.root}"]')
    given = ("--root", job.root, "--recipe", recipe, *against)
    row = said("explain", ids[12], ids[8], *given)
    assert row["pair"]["verified"]
    (member,) = said("cluster", ids[12], *given)["members"]
    assert (member["kept_doc_id"], member["reason"]) == (ids[8], "near_duplicate")
    assert member["kept_jaccard"] == pytest.approx(row["jaccard"])
