"""What became of the items that the run planted: recall by kind, as a section of the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from corpus.datasets import MANIFEST
from corpus.storage import Store
from jobs.reporting.charts import share
from jobs.reporting.sections import section

DATASET, FILE = "contamination_self_test", "self_test.json"
HEAD = ("kind", "planted", "due", "found", "recall", "95 % interval", "N-grams found", "named",
        "cut", "false")  # fmt: skip


def read_self_test(store: Store) -> dict[str, Any]:
    """The self-test of a run; empty where nothing was planted."""
    if not store.exists(DATASET, MANIFEST):
        return {}
    found: dict[str, Any] = json.loads(store.read(DATASET, FILE))
    return found


def self_test_section(found: Mapping[str, Any]) -> str:
    """The section `self-test`; empty where nothing was planted."""
    if not found:
        return ""
    head = "".join(f"<th>{name}</th>" for name in HEAD)
    rows = "".join(map(_tally, (*found["kinds"], *found["lengths"], found["total"])))
    faults = found["faults"] or ["All that was due was found, named and cut, and nothing else."]
    said = "".join(f"<p><bdi>{escape(line)}</bdi></p>" for line in (*faults, *found["examples"]))
    short = found["short"]
    lead = (
        "Items that were planted in clean text, in documents of their own, and went through the "
        "stage's search, naming and cutting. Due: those in which a plain search finds an N-gram. "
        f"Clean text around them: {found['num_clean_characters']:,} characters, "
        f"{found['num_clean_hits']:,} hits. Texts shorter than the greatest N are all that "
        f"{short['num_hit']:,} of {short['num_documents']:,} documents of the corpus match: no "
        "more are hit by chance."
    )
    table = f'<div class="scroll"><table class="planted"><tr>{head}</tr>{rows}</table></div>'
    return section("self-test", "Planted items", lead, table + said)


def _tally(row: Mapping[str, Any]) -> str:
    recall, interval = "-", "-"
    if row["recall"] is not None:
        recall = f"{row['recall']:.4f}"
        interval = " to ".join(f"{end:.4f}" for end in row["interval"])
    due, found = row["num_ngrams_due"], row["num_ngrams_found"]
    cells = (
        f"{row['num_planted']:,}", f"{row['num_due']:,}", f"{row['num_found']:,}", recall, interval,
        f"{found:,} of {due:,}", f"{row['num_named']:,}",
        f"{row['num_cut']:,} ({share(row['num_cut_characters'] / max(row['num_characters'], 1))})",
        f"{row['num_false']:,}",
    )  # fmt: skip
    name = f'<th scope="row" title="{escape(row["meaning"])}">{escape(row["kind"])}</th>'
    return f"<tr>{name}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
