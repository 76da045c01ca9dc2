"""The whole decision in memory, on planted copies: what is found, and what must change nothing."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pytest

from corpus.identity import DOC_ID, doc_id_of_place
from corpus.words import normalise
from filters.dedup import PUBLISHED, DedupSettings, signing
from filters.dedup.decide import decide, decide_documents

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


def named(documents: pa.Table, settings: DedupSettings) -> dict[bytes, bytes]:
    """The document that each is kept as, or goes for."""
    ids = documents["doc_id"].to_pylist()
    kept = decide_documents(documents, settings, seed=1).kept.tolist()
    return {ids[row]: ids[its_kept] for row, its_kept in enumerate(kept)}


def proved(documents: pa.Table, settings: DedupSettings) -> set[tuple[bytes, bytes]]:
    """Pairs of documents that were proved, and those of exact copies, smaller id first."""
    ids = documents["doc_id"].to_pylist()
    found = decide_documents(documents, settings, seed=1)
    ends = (found.pairs[side][found.pairs["verified"]].tolist() for side in ("left", "right"))
    speakers: dict[int, list[int]] = {}
    for row, first in enumerate(found.copy_of.tolist()):
        speakers.setdefault(first, []).append(row)
    near = [(a, b) for i, j in zip(*ends, strict=True) for a in speakers[i] for b in speakers[j]]
    copies = [pair for rows in speakers.values() for pair in combinations(rows, 2)]
    return {tuple(sorted((ids[a], ids[b]))) for a, b in [*near, *copies]}


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
    assert len(truth) > 200
    assert proved(documents, DedupSettings()) == truth


def test_every_removed_document_is_near_the_kept_one_that_it_names(documents: pa.Table) -> None:
    sets = sets_of(documents)
    answer = named(documents, DedupSettings())
    removed = {doc_id: kept for doc_id, kept in answer.items() if doc_id != kept}
    assert len(removed) > 100
    for doc_id, kept in removed.items():
        assert answer[kept] == kept
        assert slow_jaccard(sets[doc_id], sets[kept]) >= 0.8


def test_no_two_kept_documents_are_near(
    documents: pa.Table, truth: set[tuple[bytes, bytes]]
) -> None:
    kept = {doc_id for doc_id, its in named(documents, DedupSettings()).items() if doc_id == its}
    assert not [pair for pair in truth if set(pair) <= kept]


@pytest.mark.parametrize("seed", [1, 7, 100])
def test_the_order_of_documents_changes_nothing(documents: pa.Table, seed: int) -> None:
    shuffled = documents.take(pa.array(np.random.default_rng(seed).permutation(len(documents))))
    assert named(shuffled, DedupSettings()) == named(documents, DedupSettings())
    assert proved(shuffled, DedupSettings()) == proved(documents, DedupSettings())


@pytest.mark.parametrize("slice_bytes", [1, 5_000])
def test_slices_change_nothing(
    documents: pa.Table, slice_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = named(documents, DedupSettings())
    monkeypatch.setattr(signing, "SLICE_BYTES", slice_bytes)
    assert named(documents, DedupSettings()) == expected


def test_a_higher_threshold_proves_a_subset(documents: pa.Table) -> None:
    found = [
        proved(documents, DedupSettings(threshold=threshold))
        for threshold in (0.5, 0.7, 0.8, 0.95, 1.0)
    ]
    assert all(higher < lower for lower, higher in pairwise(found))


def test_containment_finds_a_text_within_a_longer_one(documents: pa.Table) -> None:
    """The shorter goes, and names what has all of it; by Jaccard both stay."""
    rng = random.Random(5)
    short = [" ".join(f"s{rng.randrange(2000)}" for _ in range(120)) for _ in range(30)]
    longer = [text + " " + " ".join(f"l{rng.randrange(2000)}" for _ in range(80)) for text in short]
    texts = pa.array([*short, *longer], pa.large_string())
    assert (decide(texts, DedupSettings(), seed=1) == np.arange(60)).all()
    settings = DedupSettings(measure="containment", keep="longest", threshold=0.9)
    found = decide(texts, settings, seed=1)
    within = found[:30] == np.arange(30, 60)
    assert (found[30:] == np.arange(30, 60)).all()
    assert within.sum() > 20  # bands propose by the Jaccard similarity, 0.59: 0.77 of them
    assert (found[:30][~within] == np.arange(30)[~within]).all()


def test_none_of_the_copies_stays_where_none_is_to(
    documents: pa.Table, truth: set[tuple[bytes, bytes]]
) -> None:
    ids = documents["doc_id"].to_pylist()
    found = decide_documents(documents, DedupSettings(keep="none"), seed=1)
    gone = {ids[row] for row in np.flatnonzero(found.clusters.reason).tolist()}
    assert gone == {doc_id for pair in truth for doc_id in pair}


def test_every_copy_stays_where_all_are_to(documents: pa.Table) -> None:
    found = decide_documents(documents, DedupSettings(keep="all"), seed=1)
    assert not found.clusters.reason.any()
    assert found.kept.tolist() == list(range(documents.num_rows))
    best = decide_documents(documents, DedupSettings(), seed=1)
    assert found.pairs["verified"].sum() == best.pairs["verified"].sum() > 0
    assert found.clusters.first.tolist() == best.clusters.first.tolist()


def test_a_large_bucket_still_removes_every_copy() -> None:
    """300 texts of one template, 0.9 alike: anchored, not squared."""
    rng = random.Random(2)
    page = [f"w{rng.randrange(900)}" for _ in range(400)]
    texts = [" ".join([*page, f"number {i}"]) for i in range(300)]
    settings = DedupSettings(max_bucket=10)
    found = decide(pa.array(texts, pa.large_string()), settings, seed=1)
    assert len(set(found.tolist())) == 1


def test_texts_without_words_are_kept_and_short_texts_compared_whole(documents: pa.Table) -> None:
    answer = named(documents, DedupSettings())
    ids = dict(zip(documents["text"].to_pylist(), documents["doc_id"].to_pylist(), strict=True))
    for text in ("", "- . -"):
        assert answer[ids[text]] == ids[text]
    assert answer[ids["go on"]] == answer[ids["Go on!"]]


def test_no_document_is_no_decision() -> None:
    assert decide(pa.array([], pa.large_string()), DedupSettings(), seed=1).tolist() == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_setting_finds_exact_copies_and_no_strangers(name: str) -> None:
    rng = random.Random(3)
    texts = [" ".join(f"{name}{rng.randrange(10**6)}" for _ in range(80)) for _ in range(20)]
    texts += [text.upper() for text in texts[:5]]
    settings = DedupSettings(published=name)
    found = decide(pa.array(texts, pa.large_string()), settings, seed=1)
    assert found.tolist() == [*range(20), *range(5)]
