"""Which copy is the better one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import schemas
from corpus.identity import DOC_ID
from filters.dedup import DedupSettings
from filters.dedup.preference import (
    HELD_OUT,
    best_first,
    from_column,
    order_keys,
    preference,
    rank,
    to_column,
)
from filters.dedup.records import UInt64Array


def doc_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def of_documents(*rows: dict[str, object]) -> pa.Table:
    """Documents as the keep policy sees them."""
    default = {"source": "web", "score": 0.5, "num_characters": 100, "fetched_at": None}
    full = [{**default, "doc_id": doc_id(i), **row} for i, row in enumerate(rows)]
    types = {
        "doc_id": DOC_ID,
        "source": pa.string(),
        "score": pa.float32(),
        "num_characters": pa.int64(),
        "fetched_at": pa.timestamp("s", "UTC"),
    }
    table = pa.table({k: pa.array([row[k] for row in full], t) for k, t in types.items()})
    times = table["fetched_at"].cast(
        schemas.table_named("documents").arrow.field("fetched_at").type
    )
    return table.set_column(4, "fetched_at", times)


def order_of(*rows: dict[str, object], **settings: object) -> UInt64Array:
    documents = of_documents(*rows)
    return order_keys(preference(documents, DedupSettings(**settings)), documents["doc_id"])


def best(*rows: dict[str, object], **settings: object) -> list[int]:
    return best_first(order_of(*rows, **settings)).tolist()


def test_the_best_quality_score_stays_first() -> None:
    rows = ({"score": 0.2}, {"score": 0.9}, {"score": None}, {"score": 0.90001}, {"score": 0.0})
    assert best(*rows) == [3, 1, 0, 4, 2]


def test_among_equal_scores_the_longest_then_the_oldest_then_the_smallest_id() -> None:
    rows = (
        {"num_characters": 5},
        {"num_characters": 9, "fetched_at": None},
        {"num_characters": 9, "fetched_at": 2_000},
        {"num_characters": 9, "fetched_at": 1_000, "doc_id": doc_id(300)},
        {"num_characters": 9, "fetched_at": 1_000, "doc_id": doc_id(4)},
    )
    assert best(*rows) == [4, 3, 2, 1, 0]


def test_ids_are_ordered_as_bytes() -> None:
    ids = [b"\x00" * 15 + b"\x02", b"\x01" + b"\x00" * 15, b"\x00" * 7 + b"\x01" + b"\xff" * 8]
    order = best(*({"doc_id": i} for i in ids))
    assert [ids[i] for i in order] == sorted(ids)


@pytest.mark.parametrize(
    ("keep", "expected"),
    [("best", [0, 1, 2]), ("longest", [1, 2, 0]), ("oldest", [2, 0, 1]), ("none", [0, 1, 2]),
     ("all", [0, 1, 2])],
)
def test_the_policy_names_what_comes_first(keep: str, expected: list[int]) -> None:
    rows = (
        {"score": 0.9, "num_characters": 10, "fetched_at": 20},
        {"score": 0.8, "num_characters": 30, "fetched_at": 30},
        {"score": 0.7, "num_characters": 20, "fetched_at": 10},
    )
    assert best(*rows, keep=keep) == expected


def test_listed_sources_stay_before_all_others_and_held_out_ones_before_them() -> None:
    rows = (
        {"source": "crawl", "score": 1.0}, {"source": "books"}, {"source": "wikipedia"},
        {"source": "test", "score": 0.0},
    )  # fmt: skip
    assert best(*rows, source_order=("wikipedia", "books")) == [2, 1, 0, 3]
    settings = {"source_order": ("wikipedia", "books"), "held_out_sources": ("test",)}
    assert best(*rows, **settings) == [3, 2, 1, 0]
    keys = preference(of_documents(*rows), DedupSettings(**settings))
    assert (keys[:, 0] == HELD_OUT).tolist() == [False, False, False, True]


DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(["a", "b"]),
            "score": st.none() | st.floats(0, 1, width=32),
            "num_characters": st.integers(0, 2**40),
            "fetched_at": st.none() | st.integers(0, 2**32),
            "doc_id": st.binary(min_size=16, max_size=16),
        }
    ),
    min_size=1,
    max_size=6,
)
POLICIES = st.sampled_from(["best", "longest", "oldest"])


@given(DOCUMENTS, POLICIES)
def test_the_rank_in_one_number_never_contradicts_the_first_key(
    rows: list[dict[str, object]], keep: str
) -> None:
    order = order_of(*rows, keep=keep, source_order=("b",))
    ranks = rank(order)
    assert (ranks >= 0).all()
    first = (order[:, 0] >> np.uint64(6)).astype(np.int64)  # source, and 26 bits of the first key
    by_rank = np.argsort(ranks)
    assert (np.diff(first[by_rank]) >= 0).all()


@given(DOCUMENTS, POLICIES)
def test_the_column_gives_the_keys_back_and_sorts_as_they_do(
    rows: list[dict[str, object]], keep: str
) -> None:
    keys = preference(of_documents(*rows), DedupSettings(keep=keep))
    column = to_column(keys)
    assert (from_column(pa.chunked_array([column])) == keys).all()
    by_bytes = sorted(range(len(rows)), key=lambda i: column[i].as_py())
    assert [keys[i].tolist() for i in by_bytes] == sorted(keys.tolist())
