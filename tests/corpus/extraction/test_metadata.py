from __future__ import annotations

import time
from datetime import date

import pytest

from corpus.extraction.metadata import Metadata, language_code, page_metadata, page_title


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>A &amp; B</title>", "A & B"),
        ("<TITLE lang=en>\n A\n B </TITLE >", "A B"),
        ("<title></title>", None),
        ("<title>open", None),
        ("<p>no title</p>", None),
        ("<title>" + "x" * 1001 + "</title>", "x" * 1000),
    ],
)
def test_the_title_is_the_first_title_element(html, title):
    assert page_title(html) == title


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en"),
        ("de-AT", "de"),
        (" pt_BR ", "pt"),
        ("zh-Hant-TW", "zh"),
        ("EN-us, fr", "en"),
        ("iw", "he"),
        ("gsw", "gsw"),
        ("und", None),
        ("x-default", None),
        ("english", None),
        ("{{ lang }}", None),
        ("", None),
        (None, None),
    ],
)
def test_a_language_is_the_primary_subtag(tag, code):
    assert language_code(tag) == code


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ("<html lang=de><meta http-equiv=content-language content=en>", "de"),
        ("<!DOCTYPE html>\n<HTML class='x' LANG = 'fr-FR'>", "fr"),
        ("<html xml:lang='pl'>", "pl"),
        ("<html data-lang='pl'><meta name='language' content='cs'>", "cs"),
        ("<html lang=''><meta property='og:locale' content='sv_SE'>", "sv"),
        ("<html><body>", "nl"),
    ],
)
def test_the_root_says_the_language_then_meta_then_the_header(html, language):
    assert page_metadata(html, header_language="nl-NL").language == language


@pytest.mark.parametrize(
    ("html", "day"),
    [
        (
            '<meta property="article:published_time" content="2024-05-18T01:58:10+02:00">',
            date(2024, 5, 18),
        ),
        ("<META content='2019-02-03' name=Date>", date(2019, 2, 3)),
        ('<script>{"@id": "x", "datePublished" : "2020-01-31"}</script>', date(2020, 1, 31)),
        ('<p><time class="x" datetime="2018-12-24 10:00">yesterday</time>', date(2018, 12, 24)),
        ('<meta name="date" content="18 May 2024"><time datetime=2001-01-01>', date(2001, 1, 1)),
        ('<meta property="article:modified_time" content="2024-05-18">', None),
        ('<meta name="date" content="2023-02-30">', None),
        ('<meta name="date" content="0001-01-01">', None),
        ('<meta name="date" content="2024-05-21">', None),
        ('<meta name="date" content="120240-05-18">', None),
    ],
)
def test_a_date_of_publication_is_a_day_before_the_fetch(html, day):
    page = f"<html><head>{html}</head><body>"
    assert page_metadata(page, fetched_on=date(2024, 5, 20)).published_on == day


def test_meta_stands_above_json_and_json_above_the_first_time():
    sources = [
        '<meta name="date" content="2001-01-01">',
        '<script>"datePublished":"2002-02-02"</script>',
        '<time datetime="2003-03-03">',
    ]
    found = [page_metadata("".join(sources[i:])).published_on for i in range(3)]
    assert found == [date(2001, 1, 1), date(2002, 2, 2), date(2003, 3, 3)]


def test_a_page_that_says_nothing_has_nothing():
    assert page_metadata("<p>text</p>") == Metadata()


@pytest.mark.parametrize(
    "piece",
    ["<title>", "<meta ", '<meta name="', "<html ", "<time ", "<", "<meta a=b>", '"datePublished"'],
)
def test_no_page_makes_it_slow(piece):
    started = time.process_time()
    page_metadata(piece * (8_000_000 // len(piece)))
    assert time.process_time() - started < 5
