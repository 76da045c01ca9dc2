from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from corpus.extraction import clean_text
from corpus.extraction.agreement import agreement
from corpus.extraction.blocks.features import NUM_KINDS, TEXT_NAMES
from corpus.extraction.blocks.markup import NUM_TOKENS
from corpus.extraction.blocks.model import Model
from corpus.extraction.blocks.render import render
from corpus.extraction.blocks.training import evaluate
from corpus.extraction.blocks.training.evaluate import (
    NUM_FOLDS,
    Snippets,
    by_group,
    count_snippets,
    cross_validate,
    difference_interval,
    f1_scores,
    learning_curve,
    leave_source_out,
    text_by,
)
from corpus.extraction.blocks.training.pages import Page, fold_of, read_pages
from corpus.extraction.blocks.trees import Trees
from tests.corpus.extraction.blocks.training.sites import labelled_pages, row, write_files

NUM_SITES = 20


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Page]:
    found = labelled_pages(tmp_path_factory.mktemp("sites"), range(NUM_SITES))
    found[1].domain = found[0].domain  # two pages of one site
    return found


def model_of_paragraphs() -> Model:
    """Main text is what is long."""
    is_long = Trees(
        feature=np.array([TEXT_NAMES.index("log_units"), 0, 0], np.int32),
        threshold=np.array([2.5, np.inf, np.inf], np.float32),
        left=np.array([1, 1, 2], np.int32),
        value=np.array([0, -4, 4], np.float32),
        root=np.array([0], np.int32),
        depth=np.array([1], np.int32),
    )
    return Model(np.zeros((NUM_KINDS, NUM_TOKENS), np.float32), is_long, is_long)


class Fitter:
    """Notes the pages that each model is fitted on."""

    def __init__(self) -> None:
        self.lessons: list[list[Page]] = []

    def __call__(self, pages: Sequence[Page]) -> Model:
        self.lessons.append(list(pages))
        return model_of_paragraphs()


def test_no_model_is_judged_by_pages_of_domains_that_it_saw(pages, monkeypatch):
    fitter, judged = Fitter(), []

    def spy(model: Model, page: Page) -> str:
        judged.append((len(fitter.lessons) - 1, page))
        return page.id

    monkeypatch.setattr(evaluate, "text_by", spy)
    texts = cross_validate(pages, fit=fitter)
    assert sorted(texts) == sorted(page.id for page in pages)
    assert len(judged) == len(pages)
    assert len(fitter.lessons) == NUM_FOLDS
    for fold, page in judged:
        seen = {other.domain for other in fitter.lessons[fold]}
        assert page.domain not in seen
        assert seen == {other.domain for other in pages} - {
            other.domain for number, other in judged if number == fold
        }


def test_texts_are_those_of_the_engine(pages):
    texts = cross_validate(pages, fit=Fitter())
    for page in pages:
        long = [number for number, words in enumerate(page.words) if len(words) > 5]
        keep = np.isin(np.arange(len(page.words)), long)
        assert texts[page.id] == clean_text(render(page.scan, keep))


def test_a_page_without_blocks_has_no_text(tmp_path: Path):
    (page,) = read_pages(*write_files(tmp_path, [row(1, "gold")], {1: b"<script>x</script>"}))
    assert text_by(model_of_paragraphs(), page) == ""


def test_a_source_left_out_leaves_its_domains_out(pages, monkeypatch):
    fitter = Fitter()
    monkeypatch.setattr(evaluate, "fit_model", fitter)
    texts = leave_source_out(pages, "first")
    assert set(texts) == {page.id for page in pages if page.source == "first"}
    (lesson,) = fitter.lessons
    assert {page.source for page in lesson} == {"second"}
    # Page 1 is of the second source, and of page 0's site.
    assert [page.id for page in lesson] == [f"p{n}" for n in range(3, NUM_SITES, 2)]


def test_a_learning_curve_holds_one_fold_out_and_takes_ever_more_of_the_others(
    pages, monkeypatch
):
    fitter = Fitter()
    monkeypatch.setattr(evaluate, "fit_model", fitter)
    curve = learning_curve(pages, (0.25, 0.5, 1.0))
    assert list(curve) == [0.25, 0.5, 1.0]
    held_out = [page for page in pages if fold_of(page.domain, NUM_FOLDS) == 0]
    model = model_of_paragraphs()
    scores = [agreement(text_by(model, page), page.gold) for page in held_out]
    assert curve[1.0] == pytest.approx(np.mean(scores))
    some, more, rest = ({page.id for page in lesson} for lesson in fitter.lessons)
    assert some <= more <= rest
    assert len(more) < len(rest)
    assert rest == {page.id for page in pages} - {page.id for page in held_out}


def test_scores_are_the_agreement_with_the_gold_text(pages):
    texts = {page.id: page.gold for page in pages} | {pages[0].id: "", pages[1].id: "words " * 9}
    scores = f1_scores(pages, texts)
    assert scores == {page.id: float(number > 1) for number, page in enumerate(pages)}


def test_scores_are_taken_together_by_source_and_type(pages):
    scores = {page.id: float(number) for number, page in enumerate(pages)}
    del scores[pages[4].id]
    groups = by_group(pages, scores)
    assert groups == {
        "all": (19, pytest.approx((190 - 4) / 19)),
        "first": (9, pytest.approx((90 - 4) / 9)),
        "second": (10, pytest.approx(10)),
        "article": (19, pytest.approx((190 - 4) / 19)),
    }


def test_the_interval_of_a_difference_holds_its_mean_and_comes_out_the_same(pages):
    random = np.random.default_rng(0)
    theirs = {page.id: 0.5 for page in pages}
    ours = {page.id: 0.6 + 0.1 * random.normal() for page in pages}
    low, high = difference_interval(pages, ours, theirs)
    mean = np.mean([ours[page] - 0.5 for page in ours])
    assert low < mean < high
    spread = 0.1 / NUM_SITES**0.5
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.5)
    assert difference_interval(pages, ours, theirs) == (low, high)
    assert difference_interval(pages, theirs, ours) == pytest.approx((-high, -low), abs=spread)


def test_an_interval_counts_a_site_once_however_many_pages_it_has(pages):
    """One site alone decides the mean of pages, so the interval must be wide."""
    same_site = [page.id for page in pages if page.domain == pages[0].domain]
    assert len(same_site) == 2
    theirs = {page.id: 0.0 for page in pages}
    ours = {page.id: float(page.id in same_site) for page in pages}
    low, high = difference_interval(pages, ours, theirs)
    assert low == 0
    assert high >= 4 / NUM_SITES


def test_no_difference_has_no_interval(pages):
    scores = {page.id: 0.7 for page in pages}
    assert difference_interval(pages, scores, scores) == (0, 0)


def test_snippets_are_found_whatever_white_space_stands_in_them(pages):
    first, second = pages[0], pages[2]
    first.must, first.must_not = ["One two", "three\n four"], ["five", "six"]
    second.must, second.must_not = ["seven"], []
    texts = {first.id: "One\ntwo and three four, not Five. six", second.id: "eight"}
    assert count_snippets([first, second], texts) == Snippets(2, 3, 1, 2)
    assert count_snippets([], texts) == Snippets(0, 0, 0, 0)
