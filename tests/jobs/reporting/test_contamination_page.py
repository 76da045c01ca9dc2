"""The page on contamination: what it says without a script, and that texts stay texts."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from dataclasses import replace

import pytest

from jobs.reporting.contamination_data import escaped, items_json
from jobs.reporting.contamination_facts import ContaminationFacts
from jobs.reporting.contamination_page import item_address, write_contamination_page
from tests.jobs.reporting.conftest import contamination_of, evil
from tests.jobs.reporting.test_page import Elements

BIDI = "\u202eevil\u2066"  # writes what follows from right to left
ENDINGS = "</script><!--<script>]]>\u2028\u2029\x00&lt;"


def page_of(facts: ContaminationFacts, name: str = "made") -> str:
    return write_contamination_page(facts, name=name)


def said(facts: ContaminationFacts) -> str:
    return " ".join(Elements(page_of(facts)).text.split())


def test_the_page_says_what_the_facts_say():
    text = said(contamination_of("quiz"))
    for part in (
        "made: which items of its benchmarks", "of its items, 0 to 50 %",
        "quiz 3 (50.00 %) 6 13 1 0.75 %",
        "3 dirty items, 1 too short to be found and 2 clean ones",
        "up to 1 passage of an item", "the last 2 dirty or short items there is no room",
        "3 items more are not listed", "quiz:quiz near whole, 6 of 8 N-grams",
        "Found of the benchmarks: 9 N-grams. Exempt: 1, which", "quiz 20 2 quiz:quiz exempt",
        "12,000 characters, 2 hits", "that 3 of 500 documents of the corpus match",
        "quiz 9 8 7 0.8750 0.5290 to 0.9780 88 of 90 9 9 (25.0 %) 1",
        "quiz 9 0 7 - - 88 of 90",
    ):  # fmt: skip
        assert part in text


def test_bars_are_stacked_to_one_scale():
    page = page_of(contamination_of("quiz"))
    for place, how in enumerate(("near_whole", "quote", "template")):
        assert f'<rect class="{how}" x="{place * 1000 / 3:.2f}" width="333.33"' in page
    assert 'title="1 near whole, 1 quote, 1 template"' in page


def test_a_match_is_marked_without_a_script():
    assert "<bdi>quiz<mark>quiz</mark>quiz</bdi>" in page_of(contamination_of("quiz"))


def test_hostile_texts_stay_texts():
    harm = evil(9) + BIDI + ENDINGS.replace("\x00", "")
    hostile, plain = (Elements(page_of(contamination_of(t), name=t)) for t in (harm, "plain"))
    assert hostile.open == []
    assert [tag for tag, _ in hostile.found] == [tag for tag, _ in plain.found]
    assert [tag for tag, _ in hostile.found].count("script") == 2


def test_nothing_outside_the_report_is_referred_to():
    for tag, attributes in Elements(page_of(contamination_of(evil(9)))).found:
        assert tag not in {"img", "iframe", "link", "object", "embed", "base"}
        assert not [n for n in attributes if n.startswith("on") or n in ("src", "style")]
        href = attributes.get("href")
        assert href is None or href == "index.html" or href.startswith("#")


def test_the_policy_names_the_one_script_by_its_hash():
    page = page_of(contamination_of("quiz"))
    script = page.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = page.partition('Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}'; ")
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert "innerHTML" not in script
    assert "<!--" not in script


@pytest.mark.parametrize("text", [ENDINGS, BIDI, evil(9), '"\\\n\r\t', "Ünïcode 漢字 🌙"])
def test_data_survives_the_page(text: str):
    data = items_json(contamination_of(text))
    assert not set(data) & set("<>&\u2028\u2029\x00")
    value = json.loads(data)
    assert value["benchmarks"] == [text]
    assert value["items"][0]["fields"] == [["question", [text, [1, text], [2, text]]]]
    assert value["items"][0]["passages"][0]["text"] == [text, [1, text], text]
    assert value["clean"] == [[0, [f"{text}!", "clear"]]]
    assert "fields" not in value["items"][2]


def test_only_what_html_could_take_for_markup_is_escaped():
    assert escaped("<a>&\u2028é") == "\\u003ca\\u003e\\u0026\\u2028é"


def test_an_items_address_is_one_attribute():
    address = item_address('a"b', "c&d=<e>")
    assert address == "#item?benchmark=a%22b&amp;id=c%26d%3D%3Ce%3E"
    assert html.unescape(address) == "#item?benchmark=a%22b&id=c%26d%3D%3Ce%3E"


def test_the_same_facts_give_the_same_bytes():
    assert page_of(contamination_of("x")) == page_of(contamination_of("x"))


def test_a_clean_corpus_has_a_page():
    facts = contamination_of("quiz")
    clean = replace(facts.benchmarks[0], num_dirty=0, num_near_whole=0, num_quote=0, num_template=0)
    none = replace(
        facts, benchmarks=[clean], items=[], ngrams=[], num_ngrams=0, num_exempt=0, self_test={}
    )
    assert Elements(page_of(none)).open == []
    assert 'id="self-test"' not in page_of(none)
    assert "No N-gram of a benchmark was found." in said(none)
