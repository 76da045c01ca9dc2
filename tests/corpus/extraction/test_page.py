from __future__ import annotations

import dataclasses
import unicodedata
from datetime import UTC, date, datetime

import pytest

from corpus.extraction import ExtractSettings, trafilatura
from corpus.extraction.page import Extraction, extract_page
from corpus.warc.captures import DAMAGED_RECORD, Capture
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
    found = extract(**changes)
    assert (found.text, found.title, found.kind) == (extract().text, "On rivers", "html")


def test_plain_text_is_its_own_main_text():
    found = extract(mime="text/plain", payload=b"One line.\r\n\r\n\tAnother. \r\n")
    assert found == Extraction(
        text="One line.\n\n\tAnother.", charset="utf-8", charset_by="utf8", kind="text"
    )


def test_what_the_page_says_of_itself_comes_along():
    head = b"<html lang=fr><head><meta name=date content=2024-05-17>"
    payload = page().replace(b"<html><head>", head)
    fetched_at = datetime(2024, 5, 18, tzinfo=UTC)
    found = extract(payload=payload, fetched_at=fetched_at, language="de")
    assert (found.declared_language, found.published_on) == ("fr", date(2024, 5, 17))
    found = extract(language="de-DE")
    assert (found.declared_language, found.published_on) == ("de", None)


def test_the_crawl_s_charset_stands_above_the_header_s():
    payload = page(title="\u0420\u0435\u043a\u0430").decode().encode("cp1251")
    capture = dataclasses.replace(CAPTURE, payload=payload, charset="koi8-r")
    found = extract_page(capture, SETTINGS, crawl_charset="windows-1251")
    assert (found.title, found.charset, found.charset_by) == (
        "\u0420\u0435\u043a\u0430", "cp1251", "crawl"
    )


def test_the_recipe_names_the_engine():
    found = extract(ExtractSettings(engine="resiliparse"))
    assert found.text is not None
    assert "\n\nPart 0.1. " in found.text  # where trafilatura has one line end
    assert "\nPart 0.1. " in (extract().text or "")
    assert (found.other_text, found.agreement) == (None, None)


def test_a_compared_engine_changes_nothing_but_its_own_columns():
    found = extract(ExtractSettings(compare="resiliparse"))
    other = extract(ExtractSettings(engine="resiliparse")).text
    assert dataclasses.replace(found, other_text=None, agreement=None) == extract()
    assert found.other_text == other
    assert found.agreement == 1.0
    nothing = extract(ExtractSettings(compare="resiliparse"), payload=b"<html></html>")
    assert (nothing.reason, nothing.agreement) == ("no_text", None)


def test_texts_are_repaired_where_the_recipe_asks():
    payload = page(title="On rivers").replace(b"The river", "The cafÃ©".encode())
    assert "The cafÃ© rises" in (extract(payload=payload).text or "")
    assert "The café rises" in (extract(ExtractSettings(fix_text=True), payload=payload).text or "")


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
    assert (found.title, found.text, found.reason) == ("On rivers", None, "too_slow")


@pytest.mark.parametrize(
    ("error", "reason"), [(RecursionError, "extractor_failed"), (MemoryError, "out_of_memory")]
)
def test_an_engine_that_raises_costs_its_page_alone(monkeypatch, error, reason):
    def fail(_page: str) -> None:
        raise error

    monkeypatch.setattr(trafilatura, "main_text", fail)
    found = extract()
    assert (found.title, found.text, found.reason) == ("On rivers", None, reason)
    assert (found.error is not None) == (reason == "extractor_failed")


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
