from __future__ import annotations

import dataclasses
import unicodedata

import pytest

from corpus.extraction import ExtractSettings, trafilatura
from corpus.extraction import page as page_module
from corpus.extraction.page import Extraction, extract_page, page_title
from corpus.warc import DAMAGED_RECORD, Capture
from tests.warcs import page

SETTINGS = ExtractSettings()
CAPTURE = Capture(
    record_id=None,
    url="http://example.org/",
    fetched_at=None,
    status=200,
    mime="text/html",
    charset="utf-8",
    payload=page(),
    offset=0,
    length=0,
    damage=None,
)


def extract(settings: ExtractSettings = SETTINGS, **changes: object) -> Extraction:
    return extract_page(dataclasses.replace(CAPTURE, **changes), settings)


def test_an_article_gives_its_text_and_title():
    found = extract()
    assert found.reason is None
    assert found.title == "On rivers"
    assert found.text is not None
    assert found.text.startswith("On rivers\nPart 0.0. The river rises")
    assert "Contact us" not in found.text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"damage": DAMAGED_RECORD}, "damaged_record"),
        ({"status": 404}, "http_error"),
        ({"status": 301, "payload": b""}, "http_error"),
        ({"payload": b""}, "empty_body"),
        ({"payload": b" \r\n\0"}, "empty_body"),
        ({"payload": b"%PDF-1.5\n<html>"}, "not_html"),
        ({"payload": b"\x89PNG\r\n\x1a\n", "mime": None}, "not_html"),
        ({"payload": b'{"a": "<html>"}', "mime": "application/json"}, "not_html"),
        ({"payload": b"<rss><title>x</title></rss>", "mime": "text/xml"}, "not_html"),
        ({"payload": b"plain words"}, "not_html"),
        ({"payload": bytes(range(1, 32)) * 9 + b"<html>"}, "not_html"),
        ({"payload": b"<html><body></body></html>"}, "no_text"),
        ({"payload": b"\xef\xbb\xbf \n", "mime": "text/plain"}, "no_text"),
    ],
)
def test_a_page_without_text_has_a_reason(changes, reason):
    found = extract(**changes)
    assert (found.text, found.reason) == (None, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 206},
        {"status": None},
        {"mime": None},
        {"mime": "text/plain"},
        {"mime": "application/octet-stream"},
        {"mime": "application/xhtml+xml"},
        {"payload": b"\0" * 5000 + page()},
        {"payload": b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --> " + page()},
        {"payload": page().decode().encode("utf-16"), "charset": "latin-1"},
    ],
)
def test_a_page_that_reads_like_html_is_html(changes):
    assert extract(**changes) == extract()


def test_plain_text_is_its_own_main_text():
    found = extract(mime="text/plain", payload=b"One line.\r\nAnother. \r\n")
    assert found == Extraction(text="One line.\nAnother.")


def test_a_page_over_the_size_budget_is_too_large():
    size = len(page())
    assert extract(ExtractSettings(max_bytes=size)).reason is None
    assert extract(ExtractSettings(max_bytes=size - 1)).reason == "too_large"


def test_a_page_over_the_time_budget_is_too_slow(monkeypatch):
    def spin(_page: str) -> None:
        while True:
            pass

    monkeypatch.setattr(trafilatura, "main_text", spin)
    found = extract(ExtractSettings(max_seconds=0.05))
    assert found == Extraction(title="On rivers", reason="too_slow")


def test_an_engine_that_raises_costs_its_page_alone(monkeypatch):
    def fail(_page: str) -> None:
        raise RecursionError

    monkeypatch.setattr(page_module.trafilatura, "main_text", fail)
    assert extract() == Extraction(title="On rivers", reason="extractor_failed")


def test_a_page_of_deep_nesting_gives_an_answer():
    found = extract(payload=b"<html>" + b"<div>" * 20_000 + b"<p>deep</p>")
    assert found.reason in (None, "no_text", "extractor_failed")


def test_the_text_is_valid_and_in_nfc():
    body = page(title="E\u0301te\u0301 &#x1F600; &#xD800; &#0;")
    found = extract(payload=body)
    assert found.text is not None
    found.text.encode("utf-8")
    assert unicodedata.is_normalized("NFC", found.text)
    assert found.title == "Été 😀 \ufffd \ufffd"


def test_the_same_page_gives_the_same_text_whatever_came_before():
    first = extract()
    for _ in range(5):
        assert extract() == first


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
