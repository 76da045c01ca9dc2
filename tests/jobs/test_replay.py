from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from corpus.errors import ConfigError
from corpus.extraction import ExtractSettings
from jobs.cli import cli
from jobs.replay import replay, replay_settings
from tests.warcs import page, record, rotten


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.warc.gz"
    deep = b"<html>" + b"<div>" * 20_000
    path.write_bytes(
        record(page(0)) + record(deep, number=1) + rotten(record(page(2), number=2))
        + record(b"", number=3, status="404 Not Found")
    )
    return path


def test_each_record_is_tried_as_the_stage_would(archive):
    settings = replay_settings(engine="resiliparse", max_seconds=0.1)
    found = list(replay(archive, settings))
    assert [answer.found.reason for _, answer in found] == [
        None, "too_slow", "damaged_record", "http_error",
    ]
    assert found[0][0].url == "http://example.org/0"
    assert found[0][1].num_bytes is not None


def test_the_command_shows_what_was_found_and_why(archive):
    arguments = ["replay", str(archive), "--engine", "resiliparse", "--max-seconds", "0.1"]
    done = CliRunner().invoke(cli, [*arguments, "--lines", "1"])
    lines = done.output.splitlines()
    assert done.exit_code == 0
    assert lines[0] == "http://example.org/0 at 0"
    assert lines[1].startswith("    status 200, text/html, header's charset utf-8, ")
    assert lines[2] == "    read as utf-8 by utf8, taken for html"
    assert lines[3] == "    title 'On rivers', language None, published None"
    assert lines[4].startswith("    resiliparse: 0.0")
    assert lines[4].endswith(" characters")
    assert lines[5] == "    | On rivers"
    assert lines[6].startswith("http://example.org/1 at ")
    assert "    resiliparse: 0.000 s: too_slow" in lines
    assert "    | ended by its timer (SIGVTALRM)" in lines
    assert "    resiliparse: 0.000 s: damaged_record" in lines
    assert "    resiliparse: 0.000 s: http_error" in lines


def test_settings_are_the_default_s_but_for_what_is_given():
    assert replay_settings(engine=None, max_seconds=None) == ExtractSettings()
    longer = replay_settings(engine=None, max_seconds=500.0)
    assert (longer.max_seconds, longer.max_wall_seconds) == (500.0, 500.0)


@pytest.mark.parametrize("wrong", [{"engine": "none", "max_seconds": None},
                                   {"engine": None, "max_seconds": 0.0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="replay: "):
        replay_settings(**wrong)


def test_what_is_no_archive_is_an_error_of_one_line(tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"no archive")
    done = CliRunner().invoke(cli, ["replay", str(path)])
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: InputError: {path}: not an archive")
