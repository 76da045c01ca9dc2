"""Articles dressed as pages: furniture around them, every text escaped."""

from __future__ import annotations

import dataclasses

import pytest

from corpus.extraction.trafilatura import main_text
from jobs.demo import pages
from jobs.demo.docstrings import Block
from jobs.demo.plants import shingles_of, words_of
from tests.jobs.demo.conftest import article


@pytest.mark.parametrize("host", [*pages.THEMES, "other.example"])
def test_every_theme_gives_its_article_back_by_extraction(host: str):
    page = dataclasses.replace(pages.page_of(article(1)), host=host)
    related = [pages.page_of(article(n)) for n in range(2, 7)]
    text = main_text(pages.render(page, related).decode())
    wanted = shingles_of(page.article.blocks, 5)
    words = words_of(text or "")
    found = {tuple(words[i : i + 5]) for i in range(len(words) - 4)}
    assert len(wanted & found) > 0.95 * len(wanted)
    assert len(found - wanted) < 0.2 * len(wanted)


def test_texts_are_escaped():
    blocks = (Block("paragraph", "a < b & `c<d>`"), Block("code", "<x>"))
    page = pages.page_of(dataclasses.replace(article(1), name="<title>", blocks=blocks))
    html = pages.render(page, []).decode()
    assert "<p>a &lt; b &amp; <code>c&lt;d&gt;</code></p>" in html
    assert "<pre><code>&lt;x&gt;</code></pre>" in html
    assert "<title><title>" not in html


def test_runs_of_items_become_one_list():
    html = pages._content([Block("item", "a"), Block("item", "b"), Block("paragraph", "c")])
    assert html.replace("\n", "") == "<ul><li>a</li><li>b</li></ul><p>c</p>"


def test_the_same_page_has_the_same_bytes():
    page = pages.page_of(article(3))
    assert pages.render(page, [page]) == pages.render(page, [page])


def test_chance_is_fixed_by_its_key_and_below_its_limit():
    values = {pages.chance("a", n, 10) for n in range(200)}
    assert values == set(range(10))
    assert pages.chance("a", 1, 10) == pages.chance("a", 1, 10)


