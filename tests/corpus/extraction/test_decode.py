from __future__ import annotations

import json

import pytest
from w3lib.encoding import resolve_encoding

from corpus.extraction.decode import decode, decode_page
from corpus.warc.captures import read_captures

GERMAN = "<p>Über die Brücke gehen täglich größere Mengen Fußgänger, sagt die Behörde.</p>"
RUSSIAN = "<p>Река начинается на холмах над городом и течёт через три долины к морю.</p>"
JAPANESE = "<p>川は町の上の丘に始まり、海に出るまでに三つの谷を流れる。子供が歩いて渡れる。</p>"


def html(text: str, charset: str | None = None) -> str:
    meta = f'<meta charset="{charset}">' if charset else ""
    return f"<!DOCTYPE html><html><head>{meta}<title>x</title></head><body>{text}</body></html>"


@pytest.mark.parametrize(
    ("text", "label", "encoding"),
    [
        (GERMAN, "utf-8", "utf-8"),
        (GERMAN, "iso-8859-1", "latin-1"),
        (GERMAN, "ISO-8859-15", "iso8859-15"),
        (RUSSIAN, "windows-1251", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (JAPANESE, "shift_jis", "cp932"),
        (JAPANESE, "euc-jp", "euc-jp"),
        (JAPANESE, "iso-2022-jp", "iso2022-jp"),
        (JAPANESE, "gb2312", "gb18030"),
    ],
)
def test_the_header_or_the_page_itself_declares_the_charset(text, label, encoding):
    assert decode_page(html(text).encode(encoding), charset=label) == html(text)
    page = html(text, label)
    assert decode_page(page.encode(encoding), charset=None) == page


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_stands_above_every_declaration(encoding):
    assert decode_page(html(GERMAN).encode(encoding), charset="windows-1251") == html(GERMAN)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_shows_by_its_zeros(encoding):
    assert decode_page(html(GERMAN).encode(encoding), charset=None) == html(GERMAN)


def test_valid_utf_8_is_utf_8_whatever_the_header_says():
    assert decode_page(html(GERMAN).encode(), charset="iso-8859-1") == html(GERMAN)


def test_labels_mean_what_browsers_take_them_for():
    assert decode_page("<p>“quoted”…</p>".encode("cp1252"), charset="iso-8859-1") == (
        "<p>“quoted”…</p>"
    )


def test_a_declaration_that_does_not_fit_gives_way():
    assert decode_page(html(RUSSIAN, "windows-1251").encode("cp1251"), charset="utf-8") == (
        html(RUSSIAN, "windows-1251")
    )
    assert decode_page(html(GERMAN).encode("cp1252"), charset="utf-8") == html(GERMAN)


def test_utf_8_with_a_broken_byte_stays_utf_8():
    body = html(GERMAN * 20).encode().replace(b"\xc3\x9c", b"\xc3", 1)
    assert decode_page(body, charset=None) == html(GERMAN * 20).replace("Ü", "\ufffd", 1)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(GERMAN, "cp1252"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r"), (JAPANESE, "cp932")],
)
def test_without_a_declaration_the_text_tells(text, encoding):
    assert decode_page(html(text).encode(encoding), charset=None) == html(text)


@pytest.mark.parametrize("label", ["x-unknown", "utf-7", "utf-16", "binary", "", "\x00", "css"])
def test_no_label_loses_the_page(label):
    assert decode_page(html(GERMAN).encode(), charset=label) == html(GERMAN)
    assert "gehen t" in decode_page(html(GERMAN).encode("cp1252"), charset=label)


def test_any_bytes_give_characters():
    for body in (b"", b"\xff", b"\xff\xfe\xff", bytes(range(256)) * 9, b"\0" * 99, b"\x80" * 99):
        for label in (None, "utf-8", "gb18030", "koi8-r"):
            decode_page(body, charset=label).encode("utf-8", "surrogatepass")


POLISH = "<p>Dodajemy nowy kontener do istniejącego.</p>"
HEBREW = "<p>הנהר מתחיל בגבעות שמעל לעיר וזורם דרך שלושה עמקים אל הים.</p>"


@pytest.mark.parametrize(
    ("body", "header", "crawl", "charset", "found_by"),
    [
        (html(GERMAN).encode("utf-8-sig"), "latin-1", "windows-1252", "utf-8", "byte_order_mark"),
        (html(GERMAN).encode("utf-16-le"), "latin-1", None, "utf-16-le", "zeros"),
        (html(GERMAN).encode(), "latin-1", "windows-1252", "utf-8", "utf8"),
        (html(RUSSIAN, "koi8-r").encode("cp1251"), "koi8-r", "windows-1251", "cp1251", "crawl"),
        (html(RUSSIAN, "koi8-r").encode("cp1251"), "windows-1251", None, "cp1251", "header"),
        (html(RUSSIAN, "koi8-r").encode("koi8-r"), None, None, "koi8_r", "page"),
        (html(RUSSIAN).encode("cp1251"), None, None, "cp1251", "detector"),
        (html(GERMAN).encode("cp1252"), "utf-8", "utf-8", "cp1252", "detector"),
        (html(JAPANESE).encode("iso2022-jp"), None, "iso-2022-jp", "iso2022_jp", "crawl"),
        (html(JAPANESE).encode("iso2022-jp"), None, None, "iso2022_jp", "detector"),
        (html(HEBREW).encode("iso8859-8"), "ISO-8859-8-I", None, "iso8859_8", "header"),
        (b"plain", "iso-2022-jp", None, "iso2022_jp", "header"),
    ],
)
def test_bytes_prove_then_the_crawl_the_header_and_the_page_say(
    body, header, crawl, charset, found_by
):
    found = decode(body, charset=header, crawl_charset=crawl)
    assert (found.charset, found.found_by) == (charset, found_by)
    assert found.text == body.decode("utf-8-sig" if found_by == "byte_order_mark" else charset)


@pytest.mark.parametrize("charset", ["iso8859-2", "cp1250"])
def test_few_characters_beyond_ascii_are_enough_for_the_detector(charset):
    body = html("<p>The container is added.</p>" * 20 + POLISH).encode(charset)
    assert decode_page(body, charset=None) == body.decode(charset)


def test_every_odd_charset_of_the_real_records_is_read(real_data):
    path = real_data / "warc_odd" / "charsets-shared.warc.gz"
    lines = (real_data / "warc_odd" / "expect.jsonl").read_text(encoding="utf-8").splitlines()
    expected = {
        row["record_id"]: row["charset"].removesuffix("-bom")
        for row in map(json.loads, lines)
        if row["file"] == path.name
    }
    captures = list(read_captures(str(path)))
    assert len(captures) == len(expected) == 49
    for capture in captures:
        label = expected[capture.record_id]
        marked = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "utf-16-le": "utf-16"}
        text = capture.payload.decode(marked.get(label) or resolve_encoding(label))
        assert decode_page(capture.payload, charset=capture.charset) == text, capture.url


def test_every_real_page_that_is_utf_8_is_read_as_utf_8(real_data):
    num_pages = 0
    for path in sorted((real_data / "warc").glob("*.warc.gz"))[:2]:
        for capture in read_captures(str(path)):
            found = decode(capture.payload, charset=capture.charset)
            num_pages += 1
            try:
                text = capture.payload.decode("utf-8-sig")
            except UnicodeDecodeError:
                assert found.text.count("\ufffd") < len(found.text) / 1000, capture.url
            else:
                assert (found.text, found.charset) == (text, "utf-8"), capture.url
    assert num_pages > 400
