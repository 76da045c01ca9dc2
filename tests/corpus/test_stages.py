"""The pipeline is a line: each stage reads what an earlier one writes, and its job is there."""

from __future__ import annotations

from importlib import import_module

import msgspec
import pytest

from corpus.errors import ConfigError
from corpus.schemas import TABLES
from corpus.stages import STAGES, Stage, stage_named, writer_of
from jobs.recipe import Recipe


def test_each_input_is_written_by_an_earlier_stage():
    written: set[str] = set()
    for stage in STAGES:
        assert set(stage.inputs) <= written
        assert not set(stage.outputs) & written
        written |= set(stage.outputs)
    assert written == {table.name for table in TABLES}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_stage_has_a_job_and_sections_of_the_recipe(stage: Stage):
    assert callable(import_module(stage.module).run)
    fields = {field.name for field in msgspec.structs.fields(Recipe)}
    assert set(stage.sections) <= fields


def test_an_unknown_stage_stops_with_the_known_ones():
    with pytest.raises(ConfigError, match="stage extrct: unknown; expected one of links, fetch"):
        stage_named("extrct")


def test_a_dataset_names_the_stage_that_writes_it():
    assert writer_of("captures").name == "fetch"
    with pytest.raises(ConfigError, match="no stage writes it"):
        writer_of("nothing")
