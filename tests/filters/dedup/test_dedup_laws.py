"""The whole decision in memory, on planted copies: what is found, and what must change nothing."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pytest

from corpus import schemas
from corpus.identity import DOC_ID, doc_id_of_place
from corpus.words import normalise
from filters.dedup import DedupSettings
from filters.dedup.bands import band_digests, banding, candidate_pairs
from filters.dedup.clusters import (
    NEAR_HELD_OUT,
    cluster_rows,
    preference,
    preference_order,
    verdicts,
)
from filters.dedup.verify import verify

NUM_ORIGINALS = 120


def slow_shingles(text: str, n: int = 5) -> set[tuple[str, ...]]:
    words = normalise(text).split()
    return {tuple(words[i : i + n]) for i in range(max(len(words) - n + 1, 1))} if words else set()


def slow_jaccard(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


def edited(text: str, rate: float, rng: random.Random) -> str:
    return " ".join(f"x{rng.randrange(999)}" if rng.random() < rate else w for w in text.split(" "))


def mutations(text: str, rng: random.Random) -> list[str]:
    """Copies that keep every word, and copies with 0.5 %, 2 %, 4 % and 8 % of the words edited."""
    same = [text.upper(), text.replace(" ", "\n"), text.replace(" ", ", ") + "."]
    return [*same, *(edited(text, rate, rng) for rate in (0.005, 0.02, 0.04, 0.08))]


@pytest.fixture(scope="module")
def documents() -> pa.Table:
    """Originals of 150-400 words, copies of every fifth, texts without words; in shuffled order."""
    rng = random.Random(1)
    originals = [
        " ".join(f"w{rng.randrange(2000)}" for _ in range(rng.randrange(150, 400)))
        for _ in range(NUM_ORIGINALS)
    ]
    texts = originals + [copy for text in originals[::5] for copy in mutations(text, rng)]
    texts += ["", "- . -", "go on", "Go on!"]
    rng.shuffle(texts)
    rows = range(len(texts))
    return pa.table(
        {
            "doc_id": pa.array([doc_id_of_place("test", "f", i) for i in rows], DOC_ID),
            "part": pa.array([0] * len(texts), pa.int32()),
            "row": pa.array(rows, pa.int32()),
            "source": [rng.choice(["web", "books"]) for _ in rows],
            "score": pa.array([rng.random() for _ in rows], pa.float32()),
            "num_characters": pa.array([len(text) for text in texts], pa.int64()),
            "fetched_at": pa.array([None] * len(texts), pa.timestamp("us", "UTC")),
            "text": pa.array(texts, pa.large_string()),
        }
    )


def decide(
    documents: pa.Table, settings: DedupSettings, *, slice_size: int = 10**9
) -> tuple[pa.Table, pa.Table]:
    """Rows of `pairs` and of `dedup`, as jobs/dedup.py makes them, with signatures by slices."""
    chosen = banding(settings)
    starts = [*range(0, documents.num_rows, slice_size), documents.num_rows]
    found = [
        band_digests(documents["text"].slice(first, end - first), chosen, seed=1)
        for first, end in pairwise(starts)
    ]
    digests, has_words = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    rows = np.flatnonzero(has_words)
    order = preference_order(preference(documents, settings), documents["doc_id"])
    rank = np.argsort(order)[rows]
    proposed = candidate_pairs(digests[rows], rank, max_bucket=settings.max_bucket)
    places = documents["row"].combine_chunks()
    zeros = pa.array(np.zeros(len(proposed.left), np.int32))
    by_row = documents.take(pa.array(np.argsort(places)))
    pairs = pa.table(
        {
            "part_a": zeros,
            "row_a": places.take(pa.array(rows[proposed.left])),
            "part_b": zeros,
            "row_b": places.take(pa.array(rows[proposed.right])),
            "num_shared_bands": proposed.num_shared_bands,
            "anchored": proposed.anchored,
        }
    )
    pairs = verify(pairs, by_row, by_row, ngram_size=chosen.ngram_size, threshold=chosen.threshold)
    proved = pairs.filter(pairs["verified"])
    left, right = (proved[f"row_{side}"].to_numpy() for side in "ab")
    members = cluster_rows(by_row, left, right, settings)
    return pairs, verdicts(
        by_row["doc_id"].combine_chunks(),
        members,
        held_out_fraction=settings.held_out_fraction,
        seed=1,
    )


def pairs_of(pairs: pa.Table) -> set[tuple[bytes, bytes]]:
    proved = pairs.filter(pairs["verified"])
    return set(zip(proved["doc_id_a"].to_pylist(), proved["doc_id_b"].to_pylist(), strict=True))


def sets_of(documents: pa.Table) -> dict[bytes, set[tuple[str, ...]]]:
    rows = zip(documents["doc_id"].to_pylist(), documents["text"].to_pylist(), strict=True)
    return {doc_id: slow_shingles(text) for doc_id, text in sorted(rows)}


@pytest.fixture(scope="module")
def truth(documents: pa.Table) -> set[tuple[bytes, bytes]]:
    sets = sets_of(documents)
    return {(a, b) for a, b in combinations(sets, 2) if slow_jaccard(sets[a], sets[b]) >= 0.8}


def test_every_pair_is_found_and_no_other(
    documents: pa.Table, truth: set[tuple[bytes, bytes]]
) -> None:
    pairs, _ = decide(documents, DedupSettings())
    schemas.check("pairs", pairs.schema, where="test")
    assert len(truth) > 200
    assert pairs_of(pairs) == truth


def test_every_removed_document_is_near_the_kept_one_that_it_names(documents: pa.Table) -> None:
    _, answer = decide(documents, DedupSettings())
    sets = sets_of(documents)
    kept = {row["doc_id"] for row in answer.to_pylist() if row["keep"]}
    removed = [row for row in answer.to_pylist() if not row["keep"]]
    assert len(removed) > 100
    for row in removed:
        assert row["kept_doc_id"] in kept
        assert slow_jaccard(sets[row["doc_id"]], sets[row["kept_doc_id"]]) >= 0.8


def test_no_two_kept_documents_are_near(
    documents: pa.Table, truth: set[tuple[bytes, bytes]]
) -> None:
    _, answer = decide(documents, DedupSettings())
    kept = {row["doc_id"] for row in answer.to_pylist() if row["keep"]}
    assert not [pair for pair in truth if set(pair) <= kept]


def test_nothing_near_a_held_out_document_is_in_train(
    documents: pa.Table, truth: set[tuple[bytes, bytes]]
) -> None:
    _, answer = decide(documents, DedupSettings(held_out_fraction=0.3))
    rows = {row["doc_id"]: row for row in answer.to_pylist()}
    assert {row["split"] for row in rows.values()} == {"train", "validation"}
    assert not [(a, b) for a, b in truth if rows[a]["split"] != rows[b]["split"]]
    reasons = {row["reason"] for row in rows.values() if row["split"] == "validation"}
    assert reasons == {None, NEAR_HELD_OUT}


@pytest.mark.parametrize("slice_size", [1, 7, 100])
def test_row_order_and_partitioning_change_nothing(documents: pa.Table, slice_size: int) -> None:
    expected_pairs, expected = decide(documents, DedupSettings())
    shuffled = documents.take(
        pa.array(np.random.default_rng(slice_size).permutation(len(documents)))
    )
    pairs, answer = decide(shuffled, DedupSettings(), slice_size=slice_size)
    assert answer.equals(expected)
    keys = [("doc_id_a", "ascending"), ("doc_id_b", "ascending")]
    assert pairs.sort_by(keys).equals(expected_pairs.sort_by(keys))


def test_a_higher_threshold_proves_a_subset(documents: pa.Table) -> None:
    proved = [
        pairs_of(decide(documents, DedupSettings(threshold=threshold))[0])
        for threshold in (0.5, 0.7, 0.8, 0.95, 1.0)
    ]
    assert all(higher < lower for lower, higher in pairwise(proved))


def test_a_large_bucket_still_removes_every_equal_copy(documents: pa.Table) -> None:
    copies = documents.filter(pa.array([text == "go on" for text in documents["text"].to_pylist()]))
    ids = [doc_id_of_place("copy", "f", i) for i in range(300)]
    many = pa.concat_tables([copies] * 300)
    many = many.set_column(0, "doc_id", pa.array(ids, DOC_ID))
    many = many.set_column(2, "row", pa.array(range(300), pa.int32()))
    pairs, answer = decide(many, DedupSettings(max_bucket=10))
    assert pairs["anchored"].to_pylist() == [True] * 299
    assert set(answer["kept_doc_id"].to_pylist()) == {min(ids)}


def test_texts_without_words_are_kept_and_short_texts_compared_whole(documents: pa.Table) -> None:
    _, answer = decide(documents, DedupSettings())
    by_row = documents.take(pa.array(np.argsort(documents["row"])))
    keep = dict(zip(by_row["text"].to_pylist(), answer["keep"].to_pylist(), strict=True))
    assert (keep[""], keep["- . -"]) == (True, True)
    assert sorted([keep["go on"], keep["Go on!"]]) == [False, True]
