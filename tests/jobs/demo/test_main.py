"""The demo's own steps: the web is built once, and the tables say what came of it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from jobs.demo import main
from jobs.demo.check import Outcome
from jobs.demo.plants import Plant
from jobs.demo.web import Web


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders that a web was built in."""
    folders: list[Path] = []

    def build(folder: Path) -> Web:
        folder.mkdir(parents=True)
        folders.append(folder)
        return Web()

    monkeypatch.setattr(main, "build_web", build)
    return folders


def test_the_web_is_built_once(built: list[Path], tmp_path: Path):
    folder = tmp_path / "web"
    assert main._up_to_date_web(folder) == main._up_to_date_web(folder) == folder
    assert built == [folder]


def test_the_web_is_built_anew_where_a_package_changed(
    built: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "web"
    main._up_to_date_web(folder)
    (folder / "left_over.html").write_text("")
    monkeypatch.setattr(main, "_fingerprint", lambda: {"packages": "others"})
    main._up_to_date_web(folder)
    assert built == [folder, folder]
    assert not (folder / "left_over.html").exists()
    assert json.loads((folder / "built_from.json").read_text()) == {"packages": "others"}


def test_the_table_tells_found_gone_and_missed():
    missed = [Plant(kind="mirrored page", url="http://a.example/")]
    outcome = Outcome(kind="mirrored page", planted=9, gone=2, missed=missed)
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(main._plant_table([outcome]))
    row = console.export_text().splitlines()[-2]
    assert row.replace("│", " ").split()[-4:] == ["6", "2", "1", "9"]
