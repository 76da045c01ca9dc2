"""What is planted is what it says: copies near and far, junk, passages that stand nowhere else."""

from __future__ import annotations

import pytest

from jobs.demo import plants
from jobs.demo.docstrings import Block
from jobs.demo.pages import page_of
from tests.jobs.demo.conftest import article


@pytest.fixture
def page():
    return page_of(article(1))


def test_a_mirror_has_the_same_article_on_another_host(page):
    copy, plant = plants.mirror(page)
    assert copy.article == page.article
    assert copy.host == "mirror.copies.example"
    assert plant == plants.Plant(kind="mirrored page", url=copy.url, partner=page.url)


@pytest.mark.parametrize("number", range(6))
def test_an_edited_copy_stays_above_the_threshold_of_duplicates(number: int):
    page = page_of(article(number))
    copy, _ = plants.edit(page)
    assert 0.85 < plants.jaccard(page.article.blocks, copy.article.blocks) < 1


@pytest.mark.parametrize("number", range(6))
def test_a_rewritten_copy_stays_well_below_it(number: int):
    page = page_of(article(number))
    copy, _ = plants.rewrite(page)
    assert 0.2 < plants.jaccard(page.article.blocks, copy.article.blocks) < 0.65


def test_jaccard_of_shingles():
    one, other = [Block("paragraph", "a b c d e f")], [Block("paragraph", "a b c d e g")]
    assert plants.jaccard(one, one) == 1
    assert plants.jaccard(one, other) == 1 / 3


def test_pages_that_share_paragraphs_are_not_fit_to_be_copied(page):
    twin, _ = plants.mirror(page)
    assert plants.original_pages([page]) == [page]
    assert plants.original_pages([page, twin]) == []


def test_junk_comes_in_every_kind_under_its_own_address():
    planted = plants.junk_pages()
    assert {plant.detail for _, plant in planted} == set(plants.JUNK)
    assert len({plant.url for _, plant in planted}) == len(planted) == 90


def test_foreign_pages_come_in_five_languages():
    planted = plants.foreign_pages()
    assert {plant.detail for _, plant in planted} == {"de", "fr", "es", "ru", "zh"}
    assert all(len(page.article.blocks) == 4 for page, _ in planted)


def test_items_share_no_run_of_words_with_the_web_or_one_another():
    held_back = [article(n, num_paragraphs=4) for n in range(900, 906)]
    known = held_back[0]
    items = plants.benchmark_items([*held_back, held_back[1]], [known.blocks])
    texts = [item.question for item in items]
    assert len(texts) == 16  # of six articles one is on the web and one is there twice
    assert [item.item_id for item in items[:2]] == ["demo-000", "demo-001"]


@pytest.mark.parametrize(
    ("item_id", "variety"),
    [("demo-000", "verbatim"), ("demo-001", "wrapped"), ("demo-002", "shouted")],
)
def test_a_passage_lies_word_for_word_in_the_middle_of_its_page(page, item_id: str, variety: str):
    question = "This is a question, of some length, about nothing in particular; who would ask it?"
    item = plants.Item(item_id=item_id, question=question, answer="nobody")
    carrier, plant = plants.contaminate(page, item)
    assert plant.detail == f"{variety} {item_id}"
    assert carrier.url == page.url
    (passage,) = set(carrier.article.blocks) - set(page.article.blocks)
    assert plants.words_of(passage.text) == plants.words_of(question)
    assert 5 < carrier.article.blocks.index(passage) < 11
