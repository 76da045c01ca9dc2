"""The ablation on the page: what it is of, how small it was, and what it does not say."""

from __future__ import annotations

import json

from corpus.storage import Store
from jobs.ablate_cli import lines
from jobs.reporting.ablation import (
    FILE,
    FOLDER,
    ablation_section,
    caution,
    gather_ablation,
    interval,
    scale,
)
from tests.jobs.reporting.conftest import made_ablation

MADE = made_ablation("without dedup")


def test_a_root_without_an_ablation_has_no_section(tmp_path):
    assert gather_ablation(Store(str(tmp_path))) is None
    assert ablation_section(None) == ""


def test_what_the_command_leaves_in_a_root_is_read(tmp_path):
    store = Store(str(tmp_path))
    store.write(json.dumps(MADE).encode(), FOLDER, FILE)
    assert gather_ablation(store) == MADE


def test_a_small_run_is_called_toy_scale():
    said = "120 k parameters, 4,500 tokens, 2 seeds"
    assert scale(MADE) == f"toy scale: {said}"
    assert scale(MADE | {"is_toy": False}) == said
    assert f"Toy scale: {said}" in ablation_section(MADE)
    assert "Toy scale: 1.5 M parameters" in ablation_section(MADE | {"num_parameters": 1.5e6})


def test_the_reader_is_told_what_the_intervals_are_of():
    assert "not that of the texts" in caution(MADE)
    assert "Of 2 rows 0.1 would miss by chance." in caution(MADE)
    assert "One seed" in caution(MADE | {"seeds": [1]})


def test_a_row_has_both_means_the_difference_and_its_interval():
    page = ablation_section(MADE)
    cells = ("2.0500", "2.3000", "+0.2500", "-0.3853 to +0.8853", "not told apart")
    assert "".join(f"<td>{cell}</td>" for cell in cells) in page
    assert interval(MADE["rows"][1]) == "-"


def test_the_table_has_the_corpora_and_every_row():
    shown = list(lines(MADE))
    assert shown[0] == (
        "without dedup, toy scale: 120 k parameters, 4,500 tokens, 2 seeds; tokenizer: side a's"
    )
    assert any(line.split()[:4] == ["a", "40", "3,000", "1.50"] for line in shown)
    rows = [line for line in shown if line.endswith("not told apart")]
    assert len(rows) == 2
    assert rows[0].split()[2:7] == ["9", "5", "2.0500", "2.3000", "+0.2500"]
