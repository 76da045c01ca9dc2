"""Keys are those of Common Crawl's indexes, character for character.

Expected values: lines of its indexes, and the answers of the Internet Archive's own Python package
(surt 0.3.1, which made them) to the odd addresses; it gave the same as ours for each of 10,553
addresses of real pages and submissions.
"""

from __future__ import annotations

import pytest

from corpus.commoncrawl.surt import surt_key
from corpus.urls import canonical_url

FROM_INDEXES = {
    "https://www.commoncrawl.org/get-started": "org,commoncrawl)/get-started",
    "https://hurmaninvesterarimli.web.app/89132/31224.html":
        "app,web,hurmaninvesterarimli)/89132/31224.html",
    "http://2016legcoelection.hk01.com/candidate/tag/205/54":
        "com,hk01,2016legcoelection)/candidate/tag/205/54",
    "https://167.172.123.0/index.php/legales/": "0,123,172,167)/index.php/legales",
    "http://165.22.100.0/": "0,100,22,165)/",
    "https://an.wikipedia.org/wiki/Escopete": "org,wikipedia,an)/wiki/escopete",
}
ODD = {
    "http://e.com": "com,e)/",
    "HTTP://www2.Example.COM:80/A//b/../c/?b=2&a=1#f": "com,example)/a/c?a=1&b=2",
    "https://example.com:8443/": "com,example:8443)/",
    "http://user:pw@e.com/": "com,e)/",
    "http://e.com./x": "com,e)/x",
    "http://example.com/%7Euser/%E2%82%AC": "com,example)/~user/%e2%82%ac",
    "http://example.com/a%252Fb?x=%26y": "com,example)/a/b?x=&y",
    "http://bücher.de/ä": "de,xn--bcher-kva)/%c3%a4",
    "http://example.com/?": "com,example)/",
    "http://e.com/a?&b": "com,e)/a?&b",
    "http://example.com/index.php?PHPSESSID=0123456789abcdef0123456789abcdef&x=1":
        "com,example)/index.php?x=1",
    "http://e.com/(S(4hqa0555fwsecu455xqckv45))/m/f.aspx": "com,e)/m/f.aspx",
    "http://e.com/a b": "com,e)/a%20b",
}


@pytest.mark.parametrize(("url", "key"), [*FROM_INDEXES.items(), *ODD.items()])
def test_a_key_is_the_index_s(url, key):
    assert surt_key(url) == key


@pytest.mark.parametrize("url", ["ftp://e.com/", "mailto:a@e.com", "http:///x", "http://e.com:x/"])
def test_what_is_no_web_address_has_no_key(url):
    assert surt_key(url) is None


def test_our_canonical_form_changes_no_key():
    for url in FROM_INDEXES:
        canonical = canonical_url(url)
        assert canonical is not None
        assert surt_key(canonical) == surt_key(url)
