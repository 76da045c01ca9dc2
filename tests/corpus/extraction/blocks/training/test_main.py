from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from corpus.extraction.blocks.model import from_bytes
from corpus.extraction.blocks.training import __main__ as command
from corpus.extraction.blocks.training import evaluate, fit
from tests.corpus.extraction.blocks.training.sites import row, site_page, write_files

NUM_SITES = 12


def arguments(folder: Path, name: str) -> list[str]:
    rows, bodies = [], {}
    for number in range(NUM_SITES):
        html, text = site_page(number)
        rows.append(row(number, text if number < NUM_SITES - 1 else None))
        bodies[number] = html.encode()
    gold, _ = write_files(folder, rows, bodies)
    return [name, "--gold", str(gold), "--archives", str(folder), "--out", str(folder)]


def test_fit_writes_a_model_and_its_card_and_says_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(fit, "TREES", 5)
    command.main(arguments(tmp_path, "fit"))
    packed = (tmp_path / "model.npz").read_bytes()
    card = json.loads((tmp_path / "card.json").read_text())
    assert len(from_bytes(packed).first.root) == 5
    assert card["model_sha256"] == hashlib.sha256(packed).hexdigest()
    gold = (tmp_path / "gold.jsonl").read_bytes()
    assert card["gold_sha256"] == hashlib.sha256(gold).hexdigest()
    assert card["gold_pages"] == {"first": 6, "second": 5}
    assert card["pages_without_gold"] == {"second": 1}
    assert card["model_sha256"] in capsys.readouterr().out


@pytest.mark.slow
def test_evaluate_writes_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fit, "TREES", 3)
    monkeypatch.setattr(evaluate, "NUM_FOLDS", 2)
    monkeypatch.setattr(command, "CURVE_SHARES", (1.0,))
    command.main(arguments(tmp_path, "evaluate"))
    report = (tmp_path / "EVALUATION.md").read_text()
    assert "| all | 11 | " in report
    assert "Against trafilatura: " in report
    assert not (tmp_path / "model.npz").exists()
