from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.extraction import ExtractSettings
from corpus.extraction.agreement import agreement
from corpus.extraction.engines import ENGINES, load_engine
from corpus.extraction.page import extract_page
from corpus.warc.captures import read_captures
from tests.warcs import page

# Mean word 4-gram F1 on the gold pages; a thousandth below what was measured.
MIN_F1 = {"trafilatura": 0.839, "resiliparse": 0.801}
NUM_GOLD = 1_111
MIN_GOLD_CHARACTERS = 100

IMPORTS = """
import sys, corpus.extraction.page
print([name for name in ("trafilatura", "resiliparse", "numba", "ftfy") if name in sys.modules])
"""


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_each_engine_finds_the_main_text(name):
    text = load_engine(name)(page(3).decode())
    assert text is not None
    assert "Part 3.0. The river rises" in text
    assert "Contact us" not in text


@pytest.mark.parametrize("name", sorted(ENGINES))
@pytest.mark.parametrize("html", ["", "<html><body></body></html>", "<", "plain words"])
def test_each_engine_takes_any_string(name, html):
    assert load_engine(name)(html) in (None, html)


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_the_same_page_gives_the_same_text_whatever_came_before(name):
    engine = load_engine(name)
    first = engine(page().decode())
    for number in range(1, 6):
        engine(page(number).decode())
    assert engine(page().decode()) == first


def test_no_engine_is_imported_before_it_is_asked_for():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def gold_texts(real_data: Path) -> dict[str, str]:
    """Gold text of each page that has one, by WARC-Record-ID."""
    with gzip.open(real_data / "web" / "gold.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return {
        row["record_id"]: row["gold_text"]
        for row in rows
        if len(row["gold_text"] or "") > MIN_GOLD_CHARACTERS
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MIN_F1))
def test_texts_of_the_gold_pages_are_as_good_as_measured(real_data, name):
    gold = gold_texts(real_data)
    settings = ExtractSettings(engine=name)
    scores = [
        agreement(extract_page(capture, settings).text, gold[capture.record_id]) or 0.0
        for path in sorted((real_data / "warc").glob("*.warc.gz"))
        for capture in read_captures(str(path))
        if capture.record_id in gold
    ]
    assert len(scores) == NUM_GOLD
    assert sum(scores) / len(scores) >= MIN_F1[name], sum(scores) / len(scores)
