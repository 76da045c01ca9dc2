"""Roots that begin as links of another, and keep their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpus.datasets import MANIFEST, open_dataset
from corpus.errors import InputError
from corpus.stages import STAGES, stage_named
from corpus.storage import Store
from jobs.ablating.roots import OF_CORPUS, _seed_root, link_stages
from tests.jobs.test_report import write_folder
from tests.tables import write_table

QUALITY, MIX = stage_named("quality"), stage_named("mix")


def write_stage(store: Store, name: str) -> None:
    stage = stage_named(name)
    for dataset in stage.outputs:
        if dataset in ("quality_model", "quality_rule"):
            write_folder(store, dataset, {"file.json": name})
        else:
            write_table(store, dataset, [[], []])
    store.write(json.dumps({"fingerprint": name}).encode(), "_stages", f"{name}.json")


@pytest.fixture
def source(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "a"))
    write_stage(store, "quality")
    write_table(store, "mix", [[]])  # of a stage that has not finished
    return store


def test_finished_stages_are_linked_and_unfinished_ones_left_out(source: Store, tmp_path: Path):
    link_stages(source, tmp_path / "b", STAGES)
    other = Store(str(tmp_path / "b"))
    for name in QUALITY.outputs:
        assert open_dataset(other, name).digest() == open_dataset(source, name).digest()
        open_dataset(other, name).verify()
    assert not other.exists("mix")
    assert other.names("_stages") == ["quality.json"]
    places = [store.local("quality", "part-00001.parquet") for store in (source, other)]
    assert places[0].samefile(places[1])


def test_what_the_other_root_writes_anew_stays_its_own(source: Store, tmp_path: Path):
    before = open_dataset(source, "quality_model").digest()
    link_stages(source, tmp_path / "b", STAGES)
    other = Store(str(tmp_path / "b"))
    other.write(b"changed", "quality_model", "file.json")
    other.remove("quality")
    other.write(b"{}", "_stages", "quality.json")
    assert open_dataset(source, "quality_model").digest() == before
    open_dataset(source, "quality_model").verify()
    open_dataset(source, "quality").verify()
    assert json.loads(source.read("_stages", "quality.json")) == {"fingerprint": "quality"}


def test_a_root_that_is_there_is_left_alone_and_half_a_one_made_anew(
    source: Store, tmp_path: Path
):
    half = tmp_path / "b.linking" / "quality"
    half.mkdir(parents=True)
    (half / "part-00009.parquet").write_text("left by a killed run")
    link_stages(source, tmp_path / "b", STAGES)
    assert not (tmp_path / "b" / "quality" / "part-00009.parquet").exists()
    (tmp_path / "b" / "mine").write_text("")
    link_stages(source, tmp_path / "b", STAGES)
    assert (tmp_path / "b" / "mine").exists()


def test_a_root_without_a_finished_stage_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"no stage of .* has finished here"):
        link_stages(Store(str(tmp_path / "nothing")), tmp_path / "b", OF_CORPUS)
    assert not (tmp_path / "b").exists()


def test_the_root_of_a_seed_has_the_sides_tokenizer_and_shards(tmp_path: Path):
    side = Store(str(tmp_path / "a"))
    write_folder(side, "tokenizer", {"tokenizer.json": "{}"})
    write_folder(side, "shards", {"train-00000.bin": "first"})
    target = tmp_path / "seeds" / "a" / "2"
    seed = _seed_root(side, target)
    assert open_dataset(seed, "shards").digest() == open_dataset(side, "shards").digest()
    (target / "model").mkdir()
    side.remove("shards")
    write_folder(side, "shards", {"train-00000.bin": "second"})
    (target / "shards" / MANIFEST).unlink()  # as a kill while linking leaves it
    seed = _seed_root(side, target)
    assert (target / "shards" / "train-00000.bin").read_text() == "second"
    assert (target / "model").exists()
    side.remove("shards")
    write_folder(side, "shards", {"train-00001.bin": "third"})
    seed = _seed_root(side, target)
    assert open_dataset(seed, "shards").files() == ["train-00001.bin"]
