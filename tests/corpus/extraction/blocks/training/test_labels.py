from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.extraction.blocks import scan_html
from corpus.extraction.blocks.training import labels
from corpus.extraction.blocks.training.labels import (
    ALONE,
    BESIDE,
    RUN,
    _gain,
    align,
    block_words,
    label_blocks,
)

SMALL = st.lists(st.integers(0, 2), max_size=6)


def alignments(page: list[int], gold: list[int]) -> Iterator[list[tuple[int, int]]]:
    """All ways to pair equal words of both in order."""
    for num in range(min(len(page), len(gold)) + 1):
        for places in itertools.combinations(range(len(page)), num):
            for others in itertools.combinations(range(len(gold)), num):
                pairs = list(zip(places, others, strict=True))
                if all(page[i] == gold[j] for i, j in pairs):
                    yield pairs


def worth(page: list[int], gold: list[int], i: int, j: int) -> float:
    """Of a pair: more where the words beside it are equal too, and more in a run."""

    def equal(step: int) -> bool:
        a, b = i + step, j + step
        return 0 <= a < len(page) and 0 <= b < len(gold) and page[a] == gold[b]

    before = BESIDE + RUN * equal(-2) if equal(-1) else 0
    return ALONE + before + BESIDE * equal(1)


def best_worth(page: list[int], gold: list[int], matched: set[int] | None = None) -> float:
    """Of the best alignment, or of the best that matches just these words of the page."""
    return max(
        (
            sum(worth(page, gold, i, j) for i, j in pairs)
            for pairs in alignments(page, gold)
            if matched is None or {i for i, _ in pairs} == matched
        ),
        default=-1,
    )


@settings(max_examples=150)
@given(SMALL, SMALL)
def test_no_alignment_is_worth_more(page, gold):
    matched = align(np.array(page, np.int32), np.array(gold, np.int32))
    assert matched.shape == (len(page),)
    found = best_worth(page, gold, set(np.flatnonzero(matched).tolist()))
    assert found == pytest.approx(best_worth(page, gold), abs=1e-5)


@given(SMALL, SMALL)
def test_a_pair_is_worth_more_within_a_run(page, gold):
    arrays = np.array(page, np.int32), np.array(gold, np.int32)
    for i, j in itertools.product(range(len(page)), range(len(gold))):
        if page[i] == gold[j]:
            assert _gain(*arrays, i + 1, j + 1) == pytest.approx(worth(page, gold, i, j))


def labelled(html: str, gold: str) -> list[float]:
    return label_blocks(block_words(scan_html(html)), gold).tolist()


def test_a_block_of_the_gold_text_is_one_and_another_zero():
    html = "<nav>Home Contact</nav><p>The river rises here.</p><p>It is slow.</p><p>More links</p>"
    assert labelled(html, "The river rises here. It is slow.") == [0, 1, 1, 0]


def test_a_menu_that_repeats_words_of_the_article_is_not_taken_for_it():
    menu = "<ul><li>River</li><li>Hills</li><li>Town</li></ul>"
    text = "The river rises in the hills above the town. River hills town."
    found = labelled(f"{menu}<p>{text}</p>{menu}<footer>the river</footer>", text)
    assert found == [0, 0, 0, 1, 0, 0, 0, 0]


def test_a_block_that_the_gold_text_has_in_part_is_its_share_of_words():
    html = "<p>Four words of text plus four that are else</p>"
    assert labelled(html, "four words of text") == [pytest.approx(4 / 9)]


def test_words_out_of_order_are_matched_once():
    assert sum(labelled("<p>a b c</p><p>d e f</p>", "d e f a b c")) == 1


def test_case_and_punctuation_do_not_matter():
    assert labelled("<p>“It's” THE end!</p>", "its... it s the End") == [1]


@pytest.mark.parametrize(("html", "gold", "expected"), [
    ("", "some text", []), ("<p>a b", "", [0]), ("<p>a b", "...", [0]), ("", "", []),
])  # fmt: skip
def test_nothing_is_aligned_with_nothing(html, gold, expected):
    assert labelled(html, gold) == expected


def test_a_page_too_long_is_aligned_as_far_as_the_table_goes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(labels, "MAX_CELLS", 12)
    assert labelled("<p>a b c</p><p>d e f</p>", "a b c d") == [1, 0]


def test_words_of_a_block_are_runs_of_letters_and_digits():
    scan = scan_html("<p>It's 2024, Élan</p><p>漢字 one</p>")
    assert block_words(scan) == [["it", "s", "2024", "élan"], ["漢字", "one"]]
