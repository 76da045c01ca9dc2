from __future__ import annotations

from pathlib import Path

import pytest

from corpus.extraction.blocks.training.pages import Page
from corpus.extraction.blocks.training.report import render_report
from tests.corpus.extraction.blocks.training.sites import labelled_pages


@pytest.fixture
def pages(tmp_path: Path) -> list[Page]:
    return labelled_pages(tmp_path, range(5), num_weak=1)


def row_of(report: str, section: str, name: str) -> list[str]:
    """Cells of a table's row."""
    (part,) = [part for part in report.split("\n## ") if part.startswith(section)]
    (line,) = [line for line in part.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_a_report_has_each_engine_on_each_kind_of_page(pages):
    gold = {page.id: page.gold or "" for page in pages}
    weak = pages[-1]
    texts = gold | {pages[0].id: "", weak.id: " ".join(weak.must)}
    left_out = {"first": gold | {pages[2].id: ""}, "second": gold}
    report = render_report(
        pages,
        engines={"blocks": gold, "peer": texts},
        sources_left_out=left_out,
        curve={0.5: 0.25, 1.0: 0.75},
        num_folds=5,
    )
    assert report.startswith("# The block model, evaluated\n")
    assert "(5 folds)" in report
    groups = "By source and page type"
    assert row_of(report, groups, "pages") == ["number", "blocks", "peer"]
    assert row_of(report, groups, "all") == ["4", "1.0000", "0.7500"]
    assert row_of(report, groups, "first") == ["2", "1.0000", "0.5000"]
    assert row_of(report, groups, "second") == ["2", "1.0000", "1.0000"]
    assert row_of(report, "A source left out", "first") == ["2", "0.5000", "1.0000", "0.5000"]
    assert "Against peer: +0.2500 (95 % interval" in report
    assert "better on 1 pages, worse on 0, of 4." in report
    snippets = [line for line in report.splitlines() if line.startswith("| first |")][-2:]
    assert snippets[0] == "| first | blocks | 0 of 1 | 0 of 1 |"
    assert snippets[1] == "| first | peer | 1 of 1 | 0 of 1 |"
    curve = "Learning curve"
    assert (row_of(report, curve, "50%"), row_of(report, curve, "100%")) == (["0.2500"], ["0.7500"])


def test_each_table_is_markdown(pages):
    gold = {page.id: page.gold or "" for page in pages}
    report = render_report(
        pages, engines={"blocks": gold}, sources_left_out={}, curve={}, num_folds=5
    )
    tables = [part for part in report.split("\n\n") if part.startswith("|")]
    assert len(tables) == 4
    for table in tables:
        widths = {line.count("|") for line in table.strip().splitlines()}
        assert len(widths) == 1
        assert set(table.splitlines()[1]) == {"|", "-", " "}
