"""Repeated runs of words through Spark: what is cut is what is cut in memory."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from corpus.identity import DOC_ID, doc_id_of_place
from corpus.ledger import Ledger
from corpus.stages import stage_named
from corpus.storage import Store
from corpus.words import split_words
from filters.dedup import DedupSettings
from filters.dedup.preference import order_keys, preference
from filters.dedup.spans import character_spans, find_repeats
from filters.edits import edited
from jobs import dedup
from jobs.parts import Job
from tests.tables import write_table

pytestmark = pytest.mark.spark

RNG = random.Random(8)
SPAN = 20


def words(num: int) -> str:
    return " ".join(f"Wört{RNG.randrange(5000)}," for _ in range(num))


PASSAGES = [words(30), words(25), words(SPAN - 1)]
# Passages within texts of their own; a text that is a passage and little more; an exact copy.
TEXTS = [
    f"{words(60)} {PASSAGES[0]} {words(40)}",
    f"{PASSAGES[0]}\n{words(80)} {PASSAGES[1]}",
    f"{words(50)} {PASSAGES[1]} {words(50)} {PASSAGES[2]}",
    f"{words(70)} {PASSAGES[2]} {words(20)}",
    f"{PASSAGES[0]} The end.",
    words(100),
    f"{words(40)} {PASSAGES[0].upper()} {words(60)}",
]
TEXTS.append(TEXTS[5].replace(",", ""))
SCORES = [0.5, 0.9, 0.4, 0.3, 0.2, 0.8, 0.6, 0.1]
IDS = [doc_id_of_place("test", "spans", n) for n in range(len(TEXTS))]


def run(session, root: Path, parts: list[list[int]], **settings: object) -> dict[int, dict]:
    """The stage's rows by number of the document."""
    store = Store(str(root))
    documents = [
        {"doc_id": IDS[n], "source": "web" if n != 3 else "test", "keep": True, "text": text,
         "num_characters": len(text)}
        for n, text in enumerate(TEXTS)
    ]  # fmt: skip
    quality = [{"doc_id": IDS[n], "keep": True, "score": SCORES[n]} for n in range(len(TEXTS))]
    write_table(store, "documents", [[documents[n] for n in part] for part in parts])
    write_table(store, "quality", [[quality[n] for n in part] for part in parts])
    recipe = SimpleNamespace(
        dedup=DedupSettings(repeated_words=SPAN, held_out_fraction=0.0, **settings), seed=0
    )
    job = Job(
        stage=stage_named("dedup"), recipe=recipe, store=store, session=session, ledger=Ledger()
    )
    dedup.run(job)
    return {IDS.index(row["doc_id"]): row for row in job.input("dedup").read_all().to_pylist()}


def cuts(row: dict) -> list[tuple[int, int]]:
    return [(edit["start"], edit["end"]) for edit in row["edits"]]


def expected(kept: list[int], first: list[int]) -> dict[int, list[tuple[int, int]]]:
    """What is cut in memory; `first`: documents that come before all others."""
    texts = pa.array([TEXTS[n] for n in kept], pa.large_string())
    table = pa.table(
        {
            "source": pa.array(["web"] * len(kept)),
            "score": pa.array([SCORES[n] for n in kept], pa.float32()),
            "num_characters": pa.array([len(TEXTS[n]) for n in kept], pa.int64()),
            "fetched_at": pa.nulls(len(kept), pa.timestamp("us", "UTC")),
        }
    )
    order = order_keys(preference(table, DedupSettings()), pa.array([IDS[n] for n in kept], DOC_ID))
    order[:, 0] += np.array([0 if n in first else 1 << 62 for n in kept], np.uint64)
    offsets, starts, ends = find_repeats(texts, order, span=SPAN)
    begin, end = character_spans(texts, split_words(texts), offsets, starts, ends)
    both = list(zip(begin.tolist(), end.tolist(), strict=True))
    return {n: both[offsets[i] : offsets[i + 1]] for i, n in enumerate(kept)}


@pytest.mark.parametrize("parts", [[[0, 1, 2, 3, 4, 5, 6, 7]], [[7, 2, 4], [], [6, 0], [5, 1, 3]]])
def test_what_is_cut_is_what_is_cut_in_memory_for_any_parts(session, tmp_path, parts):
    rows = run(session, tmp_path, parts)
    assert rows[7]["reason"] == "exact_duplicate"
    assert cuts(rows[7]) == []  # it is gone, and makes no one's text repeated
    assert cuts(rows[5]) == []
    found = {n: cuts(rows[n]) for n in range(7)}
    assert found == expected(list(range(7)), [])
    assert sorted(n for n in found if found[n]) == [0, 2, 4, 6]  # document 1 is the best


def test_a_document_of_which_next_to_nothing_is_left_goes(session, tmp_path):
    row = run(session, tmp_path, [list(range(8))])[4]
    assert edited(TEXTS[4], 0, len(TEXTS[4]), row["edits"]) == ", The end."
    assert (row["keep"], row["reason"]) == (False, "repeated_text")


def test_words_are_cut_whole_from_the_text_as_it_lies(session, tmp_path):
    rows = run(session, tmp_path, [list(range(8))])
    (cut,) = cuts(rows[6])
    assert TEXTS[6][slice(*cut)] == PASSAGES[0].upper().rstrip(",")
    (cut,) = cuts(rows[2])
    assert TEXTS[2][slice(*cut)] == PASSAGES[1].rstrip(",")


def test_a_held_out_document_keeps_its_text_before_better_ones(session, tmp_path):
    rows = run(session, tmp_path, [[0, 1, 2, 3], [4, 5, 6, 7]], held_out_sources=("test",))
    assert {n: cuts(rows[n]) for n in range(7)} == expected(list(range(7)), [3])


def test_no_copy_of_a_run_stays_where_none_is_to(session, tmp_path):
    rows = run(session, tmp_path, [list(range(8))], keep="none")
    assert [n for n in range(8) if cuts(rows[n])] == [0, 1, 2, 4, 6]
    assert not rows[5]["keep"]
    assert not rows[7]["keep"]
