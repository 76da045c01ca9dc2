"""Spellings of one page meet under one key, and different pages do not."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpus import urls
from corpus.urls import (
    canonical_and_key,
    canonical_url,
    has_public_suffix,
    host_of,
    registered_domain,
    url_key,
)

PAGE = "https://www.example.co.uk/News/Story?id=7&page=2"


@pytest.mark.parametrize(
    "spelling",
    [
        "http://www.example.co.uk/News/Story?id=7&page=2",
        "HTTPS://WWW.Example.CO.UK/News/Story?id=7&page=2",
        "https://example.co.uk/News/Story?id=7&page=2",
        "https://www2.example.co.uk/News/Story?id=7&page=2",
        "https://www.example.co.uk:443/News/Story?id=7&page=2",
        "http://www.example.co.uk:80/News/Story?id=7&page=2",
        "https://www.example.co.uk./News/Story?id=7&page=2",
        "https://user:secret@www.example.co.uk/News/Story?id=7&page=2",
        "https://www.example.co.uk/News/Story?id=7&page=2#comments",
        "https://www.example.co.uk/News/Story?id=7&amp;page=2",
        "https://www.example.co.uk/News/Story?id=7&amp;amp;page=2",
        "https://www.example.co.uk/News/Story/?page=2&id=7",
        "https://www.example.co.uk/News/Story?utm_source=reddit&id=7&page=2&utm_medium=social",
        "https://www.example.co.uk/News/Story?id=7&page=2&fbclid=IwAR0x",
        "https://www.example.co.uk/./News/old/../%53tory?id=7&&page=2",
        " https://www.example.co.uk/News/Story?id=7&page=2\n",
        "https://www.example.co.uk/Ne\tws/Story?id=7&page=2",
    ],
)
def test_spellings_of_one_page_have_one_key(spelling):
    assert url_key(spelling) == "uk,co,example)/News/Story?id=7&page=2" == url_key(PAGE)


@pytest.mark.parametrize(
    "other",
    [
        "https://www.example.co.uk/news/story?id=7&page=2",  # short links differ by case alone
        "https://www.example.co.uk/News/Story?id=7",
        "https://www.example.co.uk/News/Story?id=8&page=2",
        "https://www.example.co.uk:8443/News/Story?id=7&page=2",
        "https://m.example.co.uk/News/Story?id=7&page=2",
        "https://www.example.co.uk/News//Story?id=7&page=2",
        "https://www.example.co.uk/News%2FStory?id=7&page=2",
    ],
)
def test_different_pages_have_different_keys(other):
    assert url_key(other) not in (None, url_key(PAGE))


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTP://Example.com", "http://example.com/"),
        ("https://www.example.com:443/a/?b=1&a=2#c", "https://www.example.com/a/?b=1&a=2"),
        ("http://example.com:8080?x", "http://example.com:8080/?x"),
        ("http://example.com/a?utm_source=x", "http://example.com/a"),
        ("http://example.com/a b/ü?q=ä", "http://example.com/a%20b/%C3%BC?q=%C3%A4"),
        ("http://example.com/%7euser/%e4?100%", "http://example.com/~user/%E4?100%25"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://example.com/?a&copy=1", "http://example.com/?a&copy=1"),
        ("http://example.com/?a&lt;b", "http://example.com/?a%3Cb"),
        ("http://-dash.example.com/", "http://-dash.example.com/"),
        ("http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"),
        ("http://intranet/x", "http://intranet/x"),
        ("http://example.com/..", "http://example.com/"),
        ("http://example.com/a/b/.", "http://example.com/a/b/"),
    ],
)
def test_the_canonical_address_can_be_asked_for(url, canonical):
    assert canonical_url(url) == canonical


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com/x", "/r/books", "ftp://example.com/", "mailto:a@example.com",
        "javascript:alert(1)", "http://", "http:///path", "http://exa mple.com/",
        "http://example.com:99999/", "http://example.com:0/", "http://[::1/", "http://[not]/",
        "http://a..b/", "http://" + "a" * 64 + ".com/", "http://https://example.com/",
        "http://example.com/\ud800", "http://\u2028/", "http://e.com/" + "x" * urls.MAX_LENGTH,
        "http://[Imgur](http://i.imgur.com/FWN0H)",
    ],
)
def test_what_is_no_address_of_the_web_has_none(url):
    assert (canonical_url(url), url_key(url), host_of(url), registered_domain(url)) == (
        None, None, None, None,
    )


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://www.example.com/", "com,example)/"),
        ("http://www.com/", "com)/"),
        ("http://10.1.2.3:8000/a/", "10.1.2.3:8000)/a"),
        ("http://[2001:db8::1]/", "[2001:db8::1])/"),
        ("http://www12.archive.org/web/*/http://x.y/", "org,archive)/web/*/http://x.y"),
        ("http://wwwexample.com/", "com,wwwexample)/"),
    ],
)
def test_a_key_turns_the_host_around(url, key):
    assert url_key(url) == key


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://news.bbc.co.uk/x", "bbc.co.uk"),
        ("https://a.b.example.com/", "example.com"),
        ("http://co.uk/", "co.uk"),
        ("http://10.1.2.3/", "10.1.2.3"),
        ("http://docs.python.example/", "docs.python.example"),
    ],
)
def test_the_registered_domain_follows_the_public_suffixes(url, domain):
    assert registered_domain(url) == domain


@pytest.mark.parametrize("host", ["bbc.co.uk", "a.example.com", "x.de"])
def test_names_under_a_public_suffix_are_registered(host):
    assert has_public_suffix(host)


@pytest.mark.parametrize("host", ["2x.png", "co.uk", "localhost", "10.1.2.3", ""])
def test_other_names_are_not(host):
    assert not has_public_suffix(host)


ADDRESSES = st.from_regex(
    r"(https?|HTTP)://([a-zA-Z0-9_-]{1,8}\.){0,3}[a-z]{1,4}(:[0-9]{1,5})?"
    r"(/[A-Za-z0-9%./~;=]{0,12}){0,3}(\?[a-z0-9&=%/._]{0,20})?(#[a-z]{0,3})?",
    fullmatch=True,
)


@given(ADDRESSES)
@example("http://a.b:80/.?&utm_x=1&=")
def test_the_short_way_gives_what_the_long_way_gives(url):
    usual = urls._USUAL.fullmatch(url)
    if usual is not None:
        assert urls._parse_usual(*usual.groups()) == urls._parse_any(url)


@given(ADDRESSES | st.text(max_size=40).map("http://".__add__))
def test_a_canonical_address_is_its_own_and_keeps_its_key(url):
    both = canonical_and_key(url)
    assert both == ((canonical_url(url), url_key(url)) if both else None)
    if both is not None:
        assert canonical_and_key(both[0]) == both


def test_linked_pages_are_met_and_no_other(real_data):
    import json

    from corpus.reddit.posts import read_dump
    from corpus.reddit.rules import LinkSettings
    from corpus.warc.captures import read_captures

    truth = (real_data / "reddit" / "RS_linked.truth.jsonl").read_text().splitlines()
    linked = {row["url"] for row in map(json.loads, truth) if row["linked"]}
    dump = str(real_data / "reddit" / "RS_linked.zst")
    keys = {
        key
        for batch in read_dump(dump, LinkSettings(), source="reddit")
        for key in batch.posts["url_key"].to_pylist()
    }
    met = {
        capture.url
        for path in sorted((real_data / "warc").glob("*.warc.gz"))
        for capture in read_captures(str(path), headers_only=True)
        if url_key(capture.url) in keys
    }
    assert (len(linked), met) == (602, linked)
