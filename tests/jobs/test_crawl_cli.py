"""`winnow crawl list` shows crawls, kinds and files, from a server and from files alone."""

from __future__ import annotations

import gzip
import json

import pytest
from click.testing import CliRunner, Result

from jobs.cli import cli
from tests.mirror import mirroring

PATHS = [f"crawl-data/CC-MAIN-2024-22/segments/1/warc/{n:05d}.warc.gz" for n in range(30)]
COLLINFO = json.dumps([
    {"id": "CC-MAIN-2024-22", "name": "May 2024 Index", "from": "2024-05-18T00:00:00"},
    {"id": "CC-MAIN-2008-2009", "name": "Index of 2008 - 2009 ARC files"},
]).encode()  # fmt: skip


def listing(num: int) -> bytes:
    return gzip.compress("\n".join(PATHS[:num]).encode())


@pytest.fixture
def base():
    folder = "crawl-data/CC-MAIN-2024-22/"
    files = {"collinfo.json": COLLINFO, folder + "warc.paths.gz": listing(30),
             folder + "wet.paths.gz": listing(20)}
    with mirroring(files=files) as mirror:
        yield mirror.base


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["crawl", "list", *arguments])


def test_the_crawls_are_listed(base):
    shown = run("--index-server", base)
    assert shown.exit_code == 0
    assert "2 crawls" in shown.output
    assert "CC-MAIN-2008-2009" in shown.output
    as_json = json.loads(run("--index-server", base, "--json").output)
    assert [row["id"] for row in as_json] == ["CC-MAIN-2024-22", "CC-MAIN-2008-2009"]
    assert as_json[0]["from"] == "2024-05-18T00:00:00"


def test_a_crawl_s_kinds_are_counted(base):
    shown = run("CC-MAIN-2024-22", "--base", base, "--json")
    assert json.loads(shown.output) == {
        "crawl": "CC-MAIN-2024-22", "files": {"warc": 30, "wet": 20},
    }
    assert "wet" in run("CC-MAIN-2024-22", "--base", base).output


def test_a_kind_s_files_are_addresses_and_can_be_sampled(base):
    shown = run("CC-MAIN-2024-22", "--kind", "warc", "--base", base)
    assert shown.stdout.splitlines() == [base + path for path in PATHS]
    assert shown.stderr == "30 of 30 files of warc.paths.gz\n"
    sample = run("CC-MAIN-2024-22", "--kind", "warc", "--base", base, "--limit", "4").stdout
    assert len(sample.splitlines()) == 4
    assert set(sample.splitlines()) < set(shown.stdout.splitlines())


def test_files_of_this_machine_need_no_server(tmp_path):
    (tmp_path / "warc.paths.gz").write_bytes(listing(3))
    (tmp_path / "collinfo.json").write_bytes(COLLINFO)
    shown = run(str(tmp_path / "warc.paths.gz"), "--base", "s3://commoncrawl")
    assert shown.stdout.splitlines() == [f"s3://commoncrawl/{path}" for path in PATHS[:3]]
    assert "May 2024" in run("--collinfo", str(tmp_path / "collinfo.json")).output


def test_what_is_not_there_is_one_line(base, tmp_path):
    for arguments in (
        ("CC-MAIN-1999-01", "--base", base), (str(tmp_path / "none.paths"),), ("what ever",),
    ):
        shown = run(*arguments)
        assert shown.exit_code == 1
        assert shown.stderr.startswith("Error: ")
        assert shown.stderr.count("\n") == 1
