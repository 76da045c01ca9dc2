"""The recipe of real pages on real data: every record a row, exactly the linked pages found.

Skips where there is no real data.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpus.datasets import open_dataset
from corpus.storage import Store
from corpus.urls import url_key
from tests.world import run_winnow

pytestmark = [pytest.mark.spark, pytest.mark.slow]

NUM_RECORDS = 1_837
NUM_LINKED = 602


@pytest.fixture(scope="module")
def root(real_data: Path, tmp_path_factory) -> Path:
    """A root with links, fetch and extract done."""
    root = tmp_path_factory.mktemp("real") / "root"
    run_winnow(
        "run", "links", "fetch", "extract", "--recipe", "real_pages", "--set", f"data={real_data}",
        "--root", str(root),
    )
    return root


def test_every_response_record_is_a_row_of_the_ledger(root):
    store = Store(str(root))
    captures, documents = (open_dataset(store, name) for name in ("captures", "documents"))
    assert captures.num_rows == NUM_RECORDS
    archives = range(captures.num_parts)
    assert [documents.part_rows(k) for k in archives] == [captures.part_rows(k) for k in archives]
    ledger = json.loads((root / "_stages" / "extract.json").read_text())["ledger"]["rows"]
    assert ledger["taken"] == documents.num_rows == ledger["kept"] + sum(ledger["dropped"].values())


def test_exactly_the_linked_pages_are_found(root, real_data):
    lines = (real_data / "reddit" / "RS_linked.truth.jsonl").read_text().splitlines()
    truth = {url_key(row["url"]) for row in map(json.loads, lines) if row["linked"]}
    captures = open_dataset(Store(str(root)), "captures").read_all(["source", "url_key"])
    found = [row["url_key"] for row in captures.to_pylist() if row["source"] == "webtext"]
    assert len(found) == NUM_LINKED
    assert set(found) == truth
