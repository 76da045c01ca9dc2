"""The engine with the model that comes with it."""

from __future__ import annotations

import gzip
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from corpus.extraction import clean_text
from corpus.extraction.agreement import agreement
from corpus.extraction.blocks import main_text, scan_html
from corpus.extraction.decode import decode_page
from corpus.extraction.trafilatura import main_text as trafilatura_text
from corpus.warc.captures import read_captures
from tests.corpus.extraction.blocks.site_pages import (
    GERMAN,
    JAPANESE,
    MANUAL,
    NEWS,
    PRODUCT,
    THREAD,
)
from tests.corpus.extraction.blocks.written_pages import PAGES, pages

NUM_GOLD = 1_111
MIN_GOLD_CHARACTERS = 100
MIN_SEEN_F1 = 0.90
NUM_OTHER_LANGUAGES = 60
MAX_SECONDS = 20.0  # of a page, as ExtractSettings has it

@pytest.mark.parametrize(
    ("html", "wanted", "unwanted"),
    [
        (NEWS, ["The town council voted on Tuesday", "A long winter", "- The arches follow",
                "if the weather holds."],
         ["Sport", "Most read", "Cat found", "All rights reserved", "Contact us", "Facebook"]),
        (THREAD, ["flat as a board", "dough were too cold", "came out beautifully"],
         ["Log in", "Terms of use"]),
        (MANUAL, ["opens a file and gives", "unpacked on the way."],
         ["Table of contents", "Created using Sphinx"]),
        (PRODUCT, ["light boot for long days", "dries overnight"],
         ["Women", "Your cart", "Gaiters", "Returns"]),
        (GERMAN, ["in ein Rohr gelegt", "wieder fließen.", "wenn es lange regnet."],
         ["Anmelden", "Impressum"]),
        (JAPANESE, ["町議会は火曜日の夜", "川底を固めなければ", "と話した。"],
         ["ログイン", "お問い合わせ"]),
    ],
    ids=["news", "thread", "manual", "product", "german", "japanese"],
)  # fmt: skip
def test_the_main_text_of_a_page_as_sites_write_them(html, wanted, unwanted):
    text = main_text(html)
    assert text is not None
    for snippet in wanted:
        assert snippet in text, snippet
    for snippet in unwanted:
        assert snippet not in text, snippet


def test_the_parts_of_an_article_stand_apart():
    text = main_text(NEWS)
    assert text is not None
    assert "\n\nA long winter\n\n“We have waited" in text
    assert "minutes.”\n\n- Work on the river" not in text  # a list follows its paragraph
    assert "minutes.”\n- Work on the river bed begins in May.\n- The arches" in text


def test_code_keeps_its_lines():
    text = main_text(MANUAL)
    assert text is not None
    code = """import tinyio

for line in tinyio.read_lines("names.txt"):
    if line:
        print(line.title())"""
    assert f"\n\n{code}\n\n" in text


@pytest.mark.parametrize(
    "html",
    ["", " ", "<html></html>", "<p></p>", "<script>a()</script>", "<p>&nbsp;—…</p>", "\0",
     "<script>var a = 1</script>" * 1_000, "<img src=a alt=words>", "<template><p>a</template>"],
)  # fmt: skip
def test_a_page_without_text_has_none(html):
    assert main_text(html) is None


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
def test_each_written_page_has_text_where_it_has_blocks(html):
    text = main_text(html)
    assert (text is None) == (not len(scan_html(html).block))
    assert text is None or text.strip()


@settings(max_examples=150)
@given(pages)
def test_any_page_has_text_where_it_has_blocks(html):
    text = main_text(html)
    assert (text is None) == (not len(scan_html(html).block))
    assert text is None or text.strip()
    assert main_text(html) == text


def deep_under_many() -> str:
    return "<title>a b</title>" + "<p>x</p>" * 30_000 + "<div>" * 5_000 + "<h1>a b</h1>"


HOSTILE = {
    "deep": lambda: "<div>" * 20_000 + "words",
    "deep_and_closed": lambda: "<span>" * 20_000 + "words" + "</span>" * 20_000,
    "deep_with_many_blocks": deep_under_many,
    "deep_inline_with_many_blocks": lambda: "<em>" * 5_000 + "x<br><br>" * 30_000,
    "one_tag": lambda: "<" + "a" * 8_000_000,
    "one_value": lambda: "<p class='" + "ab-cD " * 1_300_000 + "'>words",
    "one_word": lambda: "a" * 8_000_000,
    "attributes": lambda: ("<p " + " ".join(f"a{n}=b" for n in range(20)) + ">words") * 10_000,
    # Lexbor compares an attribute with all before it: 200,000 of one tag would take a minute.
    "attributes_of_one_tag": lambda: "<p " + " ".join(f"a{n}" for n in range(20_000)) + ">words",
    "brackets": lambda: "<" * 2_000_000,
    "end_tags": lambda: "</p>" * 1_000_000,
    "unclosed_comment": lambda: "<!--" * 1_000_000,
    "unclosed_script": lambda: "<script>" + "</scrip <!-- <script" * 200_000,
    "nul_bytes": lambda: "<p>wo\0rds\0</p>" * 1_000 + "\0" * 100_000,
    "lone_surrogates": lambda: "<p class=\ud800>wo\udfffrds \udc80 and more</p>" * 1_000,
    "line_breaks": lambda: "a<br>" * 500_000,
    "cells": lambda: "<table>" + "<tr><td>a<td>b" * 100_000,
    "references": lambda: "&amp;" * 1_000_000 + "&" * 1_000_000 + "&nbsp" * 100_000,
    "title": lambda: "<title>" + "a b " * 500_000 + "</title>" + "<p>a b c</p>" * 50_000,
    "not_a_character": lambda: "<p>\uffff\ufdd0\U0010ffff words</p>" * 1_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_ends_within_the_time_of_a_page(name):
    html = HOSTILE[name]()
    start = time.process_time()
    text = main_text(html)
    assert time.process_time() - start < MAX_SECONDS
    if text is not None:
        text.encode()


def test_lone_surrogates_cost_themselves_alone():
    text = main_text("<p>One\ud800two of the words that stand here, and some more of them.</p>")
    assert text == "Onetwo of the words that stand here, and some more of them."


def test_the_same_page_gives_the_same_text_whatever_came_before():
    first = [main_text(html) for html in (NEWS, THREAD, JAPANESE)]
    for html in PAGES.values():
        main_text(html)
    assert [main_text(html) for html in (NEWS, THREAD, JAPANESE)] == first


def gold_rows(real_data: Path) -> dict[str, dict[str, Any]]:
    """Rows of the gold file, by WARC-Record-ID."""
    with gzip.open(real_data / "web" / "gold.jsonl.gz", "rt", encoding="utf-8") as lines:
        return {row["record_id"]: row for row in map(json.loads, lines)}


def captured(real_data: Path) -> dict[str, str]:
    """HTML of each capture, by WARC-Record-ID."""
    return {
        capture.record_id or "": decode_page(capture.payload, charset=capture.charset)
        for path in sorted((real_data / "warc").glob("*.warc.gz"))
        for capture in read_captures(str(path))
    }


@pytest.mark.slow
def test_texts_of_the_gold_pages_which_the_model_has_seen_are_close_to_theirs(real_data):
    """In-sample: it shows that the file and the code belong together. What the model does on pages
    that it never saw stands in EVALUATION.md."""
    gold = {
        record_id: row["gold_text"]
        for record_id, row in gold_rows(real_data).items()
        if len(row["gold_text"] or "") > MIN_GOLD_CHARACTERS
    }
    scores = [
        agreement(clean_text(main_text(html) or ""), gold[record_id]) or 0.0
        for record_id, html in captured(real_data).items()
        if record_id in gold
    ]
    assert len(scores) == NUM_GOLD
    assert sum(scores) / len(scores) >= MIN_SEEN_F1, sum(scores) / len(scores)


@pytest.mark.slow
def test_pages_of_other_languages_have_text_where_trafilatura_finds_some(real_data):
    rows = gold_rows(real_data)
    others = {
        record_id: html
        for record_id, html in captured(real_data).items()
        if record_id in rows and not is_english(html)
    }
    sample = random.Random(0).sample(sorted(others), NUM_OTHER_LANGUAGES)
    empty = [
        rows[record_id]["url"]
        for record_id in sample
        if trafilatura_text(others[record_id]) and not (main_text(others[record_id]) or "").strip()
    ]
    assert empty == []


def is_english(html: str) -> bool:
    """Whether the page's words are, by the commonest of them."""
    words = html.lower().split()
    return sum(word in ("the", "and", "of") for word in words) > len(words) / 200
