"""The exact reference of the dedup benchmark, against each text compared with each."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import dedup_decision
from tests.benchmarks.labelled import LabelledSet, articles, judged, separation
from tests.benchmarks.near_duplicates import (
    CHARACTERS,
    Pairs,
    Score,
    dedup_set,
    edited,
    exact_pairs,
    plain_words,
    score,
    slow_pairs,
)

ODD = ["", "- . -", "go on", "Go on!", "go on go on", "so so so so so so so", "漢字かな交じり文"]


def pairs_of(*rows: tuple[int, int]) -> Pairs:
    left, right = np.array(rows, np.int64).reshape(-1, 2).T
    return Pairs(left, right, np.ones(len(rows)))


def as_dict(pairs: Pairs) -> dict[tuple[int, int], float]:
    left, right, jaccard = (column.tolist() for column in pairs)
    return dict(zip(zip(left, right, strict=True), jaccard, strict=True))


def synthetic_texts() -> list[str]:
    """Texts of few words, so that unrelated ones share n-grams too, their copies, and odd ones."""
    rng = random.Random(1)
    texts = [
        " ".join(f"w{rng.randrange(30)}" for _ in range(rng.randrange(1, 120))) for _ in range(60)
    ]
    generator = np.random.default_rng(1)
    texts += [edited(text, rate, generator) for text in texts for rate in (0.0, 0.02, 0.1)]
    texts += ODD
    rng.shuffle(texts)
    return texts


def test_similarity_is_shared_ngrams_over_all() -> None:
    texts = ["a b c d e f", "A b, c d e g!", "nothing alike in this one"]
    assert as_dict(exact_pairs(texts, threshold=0.1)) == {(0, 1): 1 / 3}
    assert as_dict(exact_pairs(texts, ngram_size=1, threshold=0.1)) == {(0, 1): 5 / 7}


def test_a_pair_at_the_threshold_is_near() -> None:
    texts = ["a b c d e f g h i", "a b c d e f g h x"]  # four of six 5-grams
    assert as_dict(exact_pairs(texts, threshold=4 / 6)) == {(0, 1): 4 / 6}
    assert as_dict(exact_pairs(texts, threshold=0.67)) == {}


def test_short_texts_are_compared_whole_and_texts_without_words_not_at_all() -> None:
    assert set(as_dict(exact_pairs(ODD))) == {(2, 3)}
    assert as_dict(exact_pairs(["", "-"])) == {}


def test_words_may_be_split_another_way() -> None:
    texts = ["漢字", "漢 字"]
    assert set(as_dict(exact_pairs(texts))) == {(0, 1)}
    assert as_dict(exact_pairs(texts, words=plain_words)) == {}


@pytest.mark.parametrize("ngram_size", [1, 3, 5])
@pytest.mark.parametrize("threshold", [1e-9, 0.5, 0.8, 1.0])
def test_the_fast_reference_equals_the_slow_one(ngram_size: int, threshold: float) -> None:
    texts = synthetic_texts()
    found = as_dict(exact_pairs(texts, ngram_size=ngram_size, threshold=threshold))
    assert found == slow_pairs(texts, ngram_size=ngram_size, threshold=threshold)
    assert list(found) == sorted(found)
    assert len(found) >= 60


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = synthetic_texts()
    expected = as_dict(exact_pairs(texts))
    monkeypatch.setattr("tests.benchmarks.near_duplicates.BLOCK", 7)
    assert as_dict(exact_pairs(texts)) == expected


def test_an_edited_text_differs_in_about_as_many_words() -> None:
    text = " ".join(f"w{i}" for i in range(10_000)) + "\n"
    assert edited(text, 0.0, np.random.default_rng(1)).split() == text.split()
    changed = edited(text, 0.05, np.random.default_rng(1))
    assert changed == edited(text, 0.05, np.random.default_rng(1))
    shared = slow_pairs([text, changed], ngram_size=5, threshold=0.1)
    assert shared[0, 1] == pytest.approx(0.95**5 / (2 - 0.95**5), abs=0.02)


def test_a_pair_is_found_where_either_goes_and_a_removal_is_false_without_a_partner() -> None:
    pairs = pairs_of((0, 1), (2, 3), (3, 4), (5, 6))
    assert score({1, 3, 7, 8}, pairs) == Score(removed=4, recall=0.75, false_removals=2)
    assert score([], pairs) == Score(0, 0.0, 0)
    assert score([1], pairs_of()) == Score(1, 1.0, 1)


def test_a_decision_that_misses_pairs_or_removes_others_is_not_compared() -> None:
    pairs = pairs_of((0, 1), (2, 3))
    dedup_decision.require_quality([1, 2], pairs)
    for removed in ([1], [1, 2, 4]):
        with pytest.raises(RuntimeError, match="recall"):
            dedup_decision.require_quality(removed, pairs)


def test_the_quality_table_has_a_line_for_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dedup_decision, "BUILD", tmp_path)
    dedup_decision.quality_table({"Winnow": [1], "gaoya": [0, 5]}, pairs_of((0, 1), (2, 3)))
    assert capsys.readouterr().out.splitlines() == [
        "2 pairs of 0.8 and more",
        "Winnow           1 removed, recall 0.5000, 0 false removals",
        "gaoya            2 removed, recall 0.5000, 1 false removals",
    ]
    assert '"false_removals": 1' in (tmp_path / "bench" / "dedup_quality.json").read_text()


def test_found_pairs_are_judged_by_the_labelled_ones() -> None:
    known = LabelledSet("some", ["a"] * 9, {(0, 1), (2, 3), (4, 5), (6, 7)})
    found = judged(known, {(0, 1), (2, 3), (1, 2)})
    assert (found.precision, found.recall) == (2 / 3, 0.5)
    assert judged(known, set()).precision == 1.0


def test_real_texts_and_their_copies_agree_with_the_slow_reference(real_data: Path) -> None:
    originals = articles(real_data, "articles_1000").texts[:100]
    generator = np.random.default_rng(1)
    copies = [edited(text, 0.0006 * i, generator) for i, text in enumerate(originals)]
    found = as_dict(exact_pairs(originals + copies))
    assert found == slow_pairs(originals + copies)
    assert 20 < len(found) < 90


@pytest.mark.slow
def test_the_set_is_the_same_each_time_and_has_its_copies(real_data: Path) -> None:
    texts = dedup_set(real_data)
    assert texts == dedup_set(real_data)
    assert len(texts) == 15_000
    assert 12_000 < len(set(texts)) < 15_000
    assert sum(len(text) in CHARACTERS for text in texts) > 14_900


def test_labelled_articles_lie_far_from_all_others(real_data: Path) -> None:
    known = articles(real_data, "articles_100")
    for ngram_size in (1, 3, 5):
        _, labelled, others = separation(known, ngram_size)
        assert labelled > 0.95
        assert others < 0.25
