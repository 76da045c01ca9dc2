"""What makes a stage run again: its settings, its files, its inputs, its code; nothing else."""

from __future__ import annotations

import dataclasses
import os
import platform
from pathlib import Path

import pytest

from corpus.errors import InputError, NotBuilt
from corpus.ledger import Ledger
from corpus.publishing import write_attempt
from corpus.sources import expand_files
from corpus.stages import STAGES, stage_named
from corpus.storage import Store
from jobs.recipe import Recipe, read_recipe
from jobs.runner import (
    _reached,
    code_digest,
    fingerprint,
    outside_files,
    stage_state,
    summary,
)

LINKS = stage_named("links")

RECIPE = """
name = "mine"
[sources.webtext]
kind = "reddit"
files = ["{data}/RS_*.jsonl"]
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "RS_1.jsonl").write_text("{}\n")
    (tmp_path / "mine.toml").write_text(RECIPE)
    return tmp_path


def recipe_of(data: Path, *overrides: str) -> Recipe:
    return read_recipe(str(data / "mine.toml"), [f"data={data}", *overrides])


def mark(data: Path, *overrides: str) -> str:
    recipe = recipe_of(data, *overrides)
    return fingerprint(LINKS, recipe, Store(str(data / "root")), outside_files(LINKS, recipe))


def test_the_same_recipe_and_files_give_the_same_fingerprint(data):
    assert mark(data) == mark(data)


def test_a_setting_of_its_own_changes_it_and_one_of_another_stage_does_not(data):
    assert mark(data, "links.min_karma=4") != mark(data)
    assert mark(data, "seed=1") != mark(data)
    assert mark(data, "dedup.threshold=0.5") == mark(data)


def test_a_field_that_changes_nothing_in_a_stage_does_not_change_it(data):
    field = "contamination.plant"
    stage = dataclasses.replace(LINKS, sections=("contamination",), without=(field,))
    store = Store(str(data / "root"))
    none, planted, other = (
        fingerprint(stage, recipe_of(data, *given), store, [])
        for given in ((), ("contamination.plant=9",), ("contamination.max_pieces=9",))
    )
    assert none == planted != other
    whole = dataclasses.replace(stage, without=())
    assert fingerprint(whole, recipe_of(data, "contamination.plant=9"), store, []) != fingerprint(
        whole, recipe_of(data), store, []
    )


def test_planting_trains_no_classifier_anew():
    assert stage_named("quality").without == ("contamination.plant",)
    assert stage_named("contamination").without == ()


def test_verifying_shards_trains_no_model_anew():
    assert stage_named("train").without == ("train.verify_shards",)


def test_a_touched_or_added_file_changes_it(data):
    before = mark(data)
    os.utime(data / "RS_1.jsonl", ns=(1, 1))
    touched = mark(data)
    (data / "RS_2.jsonl").write_text("{}\n")
    assert len({before, touched, mark(data)}) == 3


def test_a_missing_file_names_the_setting(data):
    with pytest.raises(InputError, match=r"sources.webtext.files: .*RS_\*.jsonl matches no file"):
        outside_files(LINKS, recipe_of(data, "data=/nonexistent"))


def test_a_stage_without_its_inputs_is_not_fingerprinted(data):
    with pytest.raises(NotBuilt, match="run `winnow run links` first"):
        fingerprint(stage_named("fetch"), recipe_of(data), Store(str(data / "root")), [])


def test_the_code_of_a_stage_is_what_it_reaches():
    reached = _reached("jobs.dedup")
    assert {"jobs.dedup", "filters.dedup", "filters.dedup.verify", "corpus.words"} <= reached
    assert "jobs.runner" not in reached
    assert "corpus.trainer.model" not in reached
    assert len({code_digest(stage.module) for stage in STAGES}) == len(STAGES)


def test_a_stage_that_never_ran_is_missing(data):
    state = stage_state(LINKS, recipe_of(data), Store(str(data / "root")))
    assert (state.state, state.record, state.parts_done) == ("missing", {}, 0)


def test_a_pattern_matches_in_sorted_order_within_itself(data):
    for name in ("b.txt", "a.txt"):
        (data / name).touch()
    patterns = [str(data / "RS_*"), str(data / "*.txt")]
    assert [Path(p).name for p in expand_files(patterns, where="x")] == [
        "RS_1.jsonl", "a.txt", "b.txt",
    ]


def test_a_summary_names_the_commonest_reasons():
    ledger = Ledger()
    account = ledger.account()
    account.taken, account.kept = 1010, 1000
    account.dropped.update({"low_karma": 7, "self_post": 3})
    assert summary(ledger) == (
        "1,010 taken, 1,000 kept, dropped 10 (low_karma 7, self_post 3)"
    )


@pytest.mark.parametrize(
    ("process", "state"), [(os.getpid(), "running"), (2**22 + 1, "cut off")], ids=["this", "none"]
)
def test_an_attempt_is_running_while_its_process_is_there(data, process, state):
    store = Store(str(data / "root"))
    attempt = {"fingerprint": "", "host": platform.node(), "process": process}
    write_attempt(store, "links", attempt)
    assert stage_state(LINKS, recipe_of(data), store).state == state
