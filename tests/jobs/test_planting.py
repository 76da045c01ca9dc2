"""The contamination stage's test of itself: what is planted is found, and changes nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import click.testing
import msgspec
import pytest

from corpus.benchmarks import BenchmarkSettings
from corpus.errors import InputError
from corpus.identity import doc_id_of_place
from corpus.ledger import Ledger
from corpus.stages import stage_named
from corpus.storage import Store
from filters.contamination import ContaminationSettings, Rule
from filters.contamination.plants import BOOK_CHARACTERS, CONTROLS, KINDS, SAME_WORDS
from filters.contamination.selftest import judge, lines
from jobs import contamination
from jobs.cli import cli
from jobs.parts import Job
from tests.jobs.test_report import write_folder
from tests.tables import write_table

pytestmark = pytest.mark.spark

RNG = random.Random(1)
WORDS = [f"w{n}" for n in range(3_000)]
ITEMS = [
    {"q": " ".join(RNG.choices(WORDS, k=size)) + "?", "a": " ".join(RNG.choices(WORDS, k=answer))}
    for size, answer in [(9, 3), (12, 20), (40, 9), (13, 13), (60, 14), (30, 30)] * 3
]
COMMON = " ".join(RNG.choices(WORDS, k=20))
"""In so many documents that it is boilerplate: the last item's whole text."""
DOCUMENTS = [
    *(" ".join(RNG.choices(WORDS, k=RNG.randrange(100, 900))) + "." for _ in range(40)),
    f"It holds {ITEMS[4]['q']} and goes on.",
    f"It holds {ITEMS[0]['q']} and goes on.",
    f"It holds {ITEMS[6]['q']} and {ITEMS[5]['a']} too.",
    *(f"{n} {COMMON} {n}" for n in range(12)),
]
PLANTS = 60


def make_job(session, root: Path, settings: ContaminationSettings, num_parts: int) -> Job:
    rows = [
        {"doc_id": doc_id_of_place("test", "file", n), "source": "web", "offset": n, "keep": True,
         "num_characters": len(text), "text": text}
        for n, text in enumerate(DOCUMENTS)
    ]  # fmt: skip
    verdicts = [
        {"doc_id": row["doc_id"], "keep": True, "cluster_id": row["doc_id"],
         "kept_doc_id": row["doc_id"], "split": "train"}
        for row in rows
    ]  # fmt: skip
    store = Store(str(root))
    for dataset, own in (("documents", rows), ("dedup", verdicts)):
        write_table(store, dataset, [own[k::num_parts] for k in range(num_parts)])
    recipe = SimpleNamespace(contamination=settings, seed=1, sources={})
    return Job(
        stage=stage_named("contamination"), recipe=recipe, store=store, session=session,
        ledger=Ledger(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> ContaminationSettings:
    folder = tmp_path_factory.mktemp("benchmarks")
    quiz, other = folder / "quiz.jsonl", folder / "other.txt"
    quiz.write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    other.write_text(f"{COMMON}\n{' '.join(RNG.choices(WORDS, k=31))}\n")
    fields = {"question": ("q",), "answer": ("a",)}
    return ContaminationSettings(
        benchmarks={
            "quiz": BenchmarkSettings(files=(str(quiz),), fields=fields),
            "other": BenchmarkSettings(files=(str(other),)),
        },
        lengths_of="each",
    )


@pytest.fixture(scope="module")
def planted(session, settings, tmp_path_factory) -> Job:
    root = tmp_path_factory.mktemp("planted")
    job = make_job(session, root, msgspec.structs.replace(settings, plant=PLANTS), 2)
    contamination.run(job)
    return job


def self_test(job: Job) -> dict:
    return json.loads(job.store.read("contamination_self_test", "self_test.json"))


def test_all_that_is_planted_is_found_named_and_cut_and_nothing_else(planted):
    found = self_test(planted)
    assert found["faults"] == []
    assert found["examples"] == []
    assert found["total"]["num_planted"] == PLANTS
    assert found["num_clean_hits"] == 0
    assert found["num_clean_characters"] > BOOK_CHARACTERS
    rows = {row["kind"]: row for row in found["kinds"]}
    assert set(rows) == set(KINDS)
    for kind in SAME_WORDS:
        assert rows[kind]["num_due"] == rows[kind]["num_planted"] == rows[kind]["num_found"] > 0
    for kind in CONTROLS:
        assert rows[kind]["num_due"] == rows[kind]["num_cut_characters"] == 0
    assert [row["kind"] for row in found["lengths"]] == ["9 to 12 words", "13 words and more"]
    assert [row["recall"] for row in found["lengths"]] == [1.0, 1.0]


def test_it_bounds_what_short_texts_hit_by_chance(planted):
    """One document has a question of 9 words alone, another has one and 30 words of an answer."""
    assert self_test(planted)["short"] == {"num_documents": len(DOCUMENTS), "num_hit": 1}


def test_a_book_loses_its_passage_and_nothing_else(planted):
    books = [row for row in rows_of(planted) if row["kind"] == "book"]
    assert books
    for book in books:
        assert book["num_characters"] > BOOK_CHARACTERS
        if not book["is_exempt"]:
            assert 0 < book["num_cut_characters"] <= len(book["passage"]) + 2 * 200


def test_what_is_in_many_documents_is_due_to_be_found_and_to_stay(planted):
    exempt = [row for row in rows_of(planted) if row["is_exempt"]]
    assert {row["benchmark"] for row in exempt} == {"other"}
    assert {row["num_cut_characters"] for row in exempt} == {0}
    assert all(row["num_found"] == row["num_due"] > 0 for row in exempt)
    assert self_test(planted)["total"]["num_exempt"] == len(exempt) > 0


def test_plants_change_no_other_table(session, planted, settings, tmp_path):
    job = make_job(session, tmp_path, settings, 2)
    contamination.run(job)
    own = {"clean_passages", "planted_items", "contamination_self_test"}
    for name in set(job.stage.outputs) - own:
        assert job.input(name).digest() == planted.input(name).digest(), name
    assert job.ledger.to_json() == planted.ledger.to_json()
    assert self_test(job) == {}
    assert job.input("planted_items").num_rows == job.input("clean_passages").num_rows == 0


def test_the_division_into_parts_changes_nothing(session, planted, settings, tmp_path):
    job = make_job(session, tmp_path, msgspec.structs.replace(settings, plant=PLANTS), 3)
    contamination.run(job)
    assert self_test(job) == self_test(planted)
    assert rows_of(job) == rows_of(planted)


def test_it_says_how_it_did(session, planted, capsys):
    contamination.run(planted)
    said = "".join(capsys.readouterr())
    for line in lines(self_test(planted)):
        assert line in said
    assert "All that was due was found, named and cut, and nothing else." in said


def winnow(*arguments: str) -> tuple[int, str]:
    done = click.testing.CliRunner().invoke(cli, arguments)
    return done.exit_code, done.output


def test_the_command_shows_it_again(planted):
    code, output = winnow("contamination", "selftest", "--root", planted.store.root)
    assert (code, output.splitlines()) == (0, lines(self_test(planted)))
    code, output = winnow("contamination", "selftest", "--json", "--root", planted.store.root)
    assert json.loads(output) == self_test(planted)


def test_the_command_fails_where_something_is_wrong_or_nothing_was_planted(tmp_path):
    path = tmp_path / "contamination_self_test"
    write_folder(Store(str(tmp_path)), path.name, {"self_test.json": "{}"})
    code, output = winnow("contamination", "selftest", "--root", str(tmp_path))
    assert code == 1
    assert "no item was planted; expected a run with some" in output
    (path / "self_test.json").write_text(json.dumps(judge([], Rule()).to_json()))
    code, output = winnow("contamination", "selftest", "--root", str(tmp_path))
    assert code == 1
    assert "plant more" in output


@pytest.mark.parametrize("arguments", [["run", "contamination"], ["contamination", "scan", "FILE"]])
def test_the_option_plants_in_dedup_and_contamination(arguments, tmp_path, monkeypatch):
    seen = {}

    def read(name: str, overrides: Sequence[str]) -> None:
        seen["given"] = set(overrides)
        raise InputError("enough")

    for module in ("jobs.cli", "jobs.contamination_cli.scan"):
        monkeypatch.setattr(f"{module}.read_settings", read)
    text = tmp_path / "a.txt"
    text.write_text("text")
    given = [str(text) if one == "FILE" else one for one in arguments]
    code, output = winnow(
        *given, "--recipe", "gpt3", "--plant", "7", "--root", str(tmp_path / "root")
    )
    assert code == 1
    assert "enough" in output
    own = {"contamination.plant=7"} | ({"dedup.plant=7"} if arguments[0] == "run" else set())
    assert seen["given"] == own


def rows_of(job: Job) -> list[dict]:
    return job.input("planted_items").read_all().to_pylist()
