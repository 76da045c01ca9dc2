from __future__ import annotations

import numpy as np
import pytest

from corpus.extraction.blocks.hints import HINT_NAMES, MAX_LD_CHARACTERS, page_hints


def hints_of(html: str) -> set[str]:
    found = page_hints(html)
    assert found.dtype == np.float32
    return {name for name, value in zip(HINT_NAMES, found, strict=True) if value}


def ld(*types: str) -> str:
    return "".join(
        f'<script type="application/ld+json">{{"@context": "x", "@type": {kind}}}</script>'
        for kind in types
    )


@pytest.mark.parametrize(
    "meta",
    [
        '<meta property="og:type" content="article">',
        '<META content="Article" data-x=1 property="og:type"/>',
        "<meta name=x><meta property='og:type' content='news.article'><meta content=product>",
    ],
)
def test_open_graph_says_article_whatever_the_order_of_its_attributes(meta: str):
    assert hints_of(f"<head>{meta}</head><p>text") == {"og_article"}


def test_open_graph_is_found_behind_a_script_that_names_it():
    tag = '<meta property="og:type" content="product">'
    assert hints_of(f'<script>x = ["og:type"]</script>{tag}') == {"og_product"}


def test_open_graph_of_another_tag_is_not_taken():
    assert hints_of('<meta property="og:type"><meta content="article">') == set()


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ('"NewsArticle"', "ld_article"),
        ('"BlogPosting"', "ld_article"),
        ('["Product", "Thing"]', "ld_product"),
        ('"DiscussionForumPosting"', "ld_forum"),
        ('"CollectionPage"', "ld_list"),
        ('"FAQPage"', "ld_faq"),
        ('"LocalBusiness"', "ld_service"),
    ],
)
def test_schema_org_types_of_json_ld(kind: str, hint: str):
    assert hints_of(ld(kind)) == {hint, "has_ld"}


def test_several_scripts_add_up_and_unknown_types_say_only_that_there_is_one():
    assert hints_of(ld('"Article"', '"Product"')) == {"ld_article", "ld_product", "has_ld"}
    assert hints_of(ld('"BreadcrumbList"')) == {"has_ld"}


def test_a_type_that_stands_outside_json_ld_is_none():
    assert hints_of('<script>{"@type": "Article"}</script><p>"@type": "Product"') == set()


def test_json_ld_beyond_the_limit_is_not_read():
    filler = ld('"Thing", "x": "' + "y" * MAX_LD_CHARACTERS + '"')
    assert hints_of(filler + ld('"Article"')) == {"has_ld"}


def test_an_unclosed_script_ends_with_the_page():
    assert hints_of('<script type="application/ld+json">{"@type": "Article"}') == {
        "ld_article",
        "has_ld",
    }
