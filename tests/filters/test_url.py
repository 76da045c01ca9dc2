"""URL rules: Wikipedia leaves what came from the web, blocked domains leave everything."""

import pytest

from corpus.sources import Source
from filters import url
from filters.url import UrlSettings
from filters.verdict import first_fault

SOURCES = {
    "crawl": Source(kind="warc", files=()),
    "webtext": Source(kind="reddit", files=()),
    "wikipedia": Source(kind="text", files=()),
}


def reason(address, source="webtext", **changes):
    faults = url.judge([address], [source], UrlSettings(**changes), SOURCES)
    return first_fault(1, faults)[0]


@pytest.mark.parametrize(
    "address",
    ["https://en.wikipedia.org/wiki/A", "http://EN.m.Wikipedia.org:80/wiki/A", "https://wikipedia.org"],
)
def test_wikipedia_and_its_languages_leave(address):
    assert reason(address) == url.WIKIPEDIA_PAGE
    assert reason(address, "crawl") == url.WIKIPEDIA_PAGE


@pytest.mark.parametrize(
    "address",
    [
        "https://notwikipedia.org/",
        "https://wikipedia.org.example.com/",
        "https://example.com/wikipedia.org",
        "no address",
        None,
    ],
)
def test_what_only_names_wikipedia_passes(address):
    assert reason(address) is None


def test_a_text_source_keeps_its_wikipedia_pages():
    assert reason("https://en.wikipedia.org/wiki/A", "wikipedia") is None


def test_the_rule_can_be_off_for_the_recipe_or_for_a_source():
    address = "https://en.wikipedia.org/wiki/A"
    assert reason(address, remove_wikipedia=False) is None
    assert reason(address, keep_wikipedia_of=("webtext",)) is None
    assert reason(address, "crawl", keep_wikipedia_of=("webtext",)) == url.WIKIPEDIA_PAGE


def test_a_blocked_domain_takes_its_subdomains_along():
    blocked = {"blocked_domains": ("example.com", "a.example.org")}
    assert reason("https://www.example.com/x", **blocked) == url.BLOCKED_DOMAIN
    assert reason("https://example.com", "wikipedia", **blocked) == url.BLOCKED_DOMAIN
    assert reason("https://example.org/a.example.org", **blocked) is None
    assert reason("https://myexample.com/", **blocked) is None


@pytest.mark.parametrize("domain", ["https://example.com", "Example.com", "example.com/x", ".com"])
def test_what_is_no_domain_is_refused(domain):
    with pytest.raises(ValueError, match="no domain in lower case"):
        UrlSettings(blocked_domains=(domain,))
