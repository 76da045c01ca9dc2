"""The exact similarity of proposed pairs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpus import schemas
from corpus.identity import DOC_ID
from filters.dedup.shingles import Shingles
from filters.dedup.verify import jaccard, verify

SETS = st.lists(st.sets(st.integers(0, 12), max_size=10), min_size=2, max_size=5)


def sorted_sets(sets: list[set[int]]) -> Shingles:
    hashes = np.array([h for s in sets for h in sorted(s)], np.uint64)
    return Shingles(hashes, np.cumsum([0, *map(len, sets)]))


def slow_jaccard(a: set[int], b: set[int]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


@given(SETS)
def test_similarity_is_that_of_plain_sets_and_symmetric(sets: list[set[int]]) -> None:
    left, right = (grid.reshape(-1) for grid in np.indices((len(sets), len(sets))))
    found = jaccard(sorted_sets(sets), left, right)
    expected = [slow_jaccard(sets[i], sets[j]) for i, j in zip(left, right, strict=True)]
    assert found.tolist() == expected
    assert (found == jaccard(sorted_sets(sets), right, left)).all()


def test_two_texts_without_words_are_not_alike() -> None:
    assert jaccard(sorted_sets([set(), set()]), np.array([0]), np.array([1])).tolist() == [0.0]


def documents(**texts: str) -> pa.Table:
    return pa.table(
        {
            "doc_id": pa.array([name.encode() * 16 for name in texts], DOC_ID),
            "text": pa.array(texts.values(), pa.large_string()),
        }
    )


def proposed(rows: list[tuple[int, int]]) -> pa.Table:
    columns = {
        "part_a": [4] * len(rows),
        "row_a": [a for a, _ in rows],
        "part_b": [7] * len(rows),
        "row_b": [b for _, b in rows],
    }
    table = pa.table({name: pa.array(values, pa.int32()) for name, values in columns.items()})
    table = table.append_column("num_shared_bands", pa.array([28] * len(rows), pa.int64()))
    return table.append_column("anchored", pa.array([False] * len(rows)))


def test_a_pair_carries_its_similarity_and_the_smaller_id_first() -> None:
    here = documents(b="one two three", d="four five six")
    there = documents(a="ONE two, three", c="one two four")
    found = verify(proposed([(0, 0), (0, 1), (1, 0)]), here, there, ngram_size=1, threshold=0.5)
    schemas.check("pairs", found.schema, where="test")
    names = ("doc_id_a", "part_a", "row_a", "doc_id_b", "part_b", "row_b", "jaccard", "verified")
    assert [tuple(row[name] for name in names) for row in found.to_pylist()] == [
        (b"a" * 16, 7, 0, b"b" * 16, 4, 0, 1.0, True),
        (b"b" * 16, 4, 0, b"c" * 16, 7, 1, 0.5, True),
        (b"a" * 16, 7, 0, b"d" * 16, 4, 1, 0.0, False),
    ]


def test_a_pair_just_below_the_threshold_is_not_verified() -> None:
    here, there = documents(a="one two three"), documents(b="one two four")
    found = verify(proposed([(0, 0)]), here, there, ngram_size=1, threshold=0.500001)
    assert found["verified"].to_pylist() == [False]


def test_a_document_of_many_pairs_is_compared_in_each() -> None:
    here, there = documents(a="one two three"), documents(b="one", c="one two", d="one two three")
    found = verify(proposed([(0, 2), (0, 0), (0, 1)]), here, there, ngram_size=1, threshold=0.5)
    assert np.allclose(found["jaccard"].to_numpy(), [1, 1 / 3, 2 / 3])
