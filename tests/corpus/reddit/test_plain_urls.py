"""What the kernel says of a plain address is what urls.py says; of others it says nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpus.reddit.plain_urls import plain_canonical_and_key
from corpus.urls import TRACKING_PARAMETERS, canonical_and_key

PLAIN = [
    "http://example.com", "HTTPS://WWW.Example.COM:443/A/b/", "http://www12.a.b:8080//x//?b=1&a=2",
    "http://a.b?x", "http://a.b#é?/".replace("é", "e"), "http://a.b/?&&x=1&&", "http://a.b/?=",
    "http://a.b/%3a%2F%C3%a9?q=%20", "http://a.b/?utm_source=x&b=2&fbclid=3&a=1",
    "http://www.nytimes.com/x?_r=2&amp;hp", "http://a.b/?x=1&amp;amp;y=2", "http://wwwx.www.com/",
    "http://www.com/", "http://a_b.c-d.e/~f;g=h,i/(j)'!*$@:|[]", "http:\\/\\/a.b\\/c",
    "http://a.b:80/", "https://a.b:80/", "http://a.b/x.jpg?", "http://a.b/?UTM_X=1", "http://a.b/?_H",
    "http://a.b/?" + "&".join(f"{name}x=1" for name in sorted(TRACKING_PARAMETERS)[:16]),
    "http://a.b/?" + "&".join(sorted(TRACKING_PARAMETERS)),
]  # fmt: skip
NOT_PLAIN = [
    "", "http://", "ftp://a.b/", "http://localhost/", "http://10.1.2.3/", "http://a.b./",
    "http://a..b/", "http://.a.b/", "http://u:p@a.b/", "http://a.b:/", "http://a.b:080/",
    "http://a.b:99999/", "http://a.b/../c", "http://a.b/.", "http://a.b/%7Ex", "http://a.b/%zz",
    "http://a.b/x y", "http://ü.de/", "http://a.b/é", 'http://a.b/"', "http://a.b/?x=1&lt;y",
    "http://a.b/\\u00e9", "http://a.b/\\", "http://" + "a" * 64 + ".b/", "http://a.b/" + "x" * 2000,
    "http://a.b/?" + "&".join("x" * i for i in range(1, 20)), " http://a.b/", "http:///a.b/",
]  # fmt: skip


def unescaped(url: str) -> str:
    return url.replace("\\/", "/")


@pytest.mark.parametrize("url", PLAIN)
def test_a_plain_address_is_what_urls_says(url):
    assert plain_canonical_and_key(url) == canonical_and_key(unescaped(url)) is not None


@pytest.mark.parametrize("url", NOT_PLAIN)
def test_of_any_other_the_kernel_says_nothing(url):
    assert plain_canonical_and_key(url) is None


ADDRESSES = st.from_regex(
    r"(https?|HTTP)://(www[0-9]{0,3}\.)?([a-zA-Z0-9_-]{1,8}\.){0,3}[a-z]{1,4}(:[0-9]{1,5})?"
    r"(/[A-Za-z0-9%./~;=]{0,12}){0,3}(\?[a-zA-Z0-9&=%/._;]{0,20}(utm_|_hs|fbclid|&amp;)?x?)?"
    r"(#[a-z&;%]{0,3})?",
    fullmatch=True,
)


@given(ADDRESSES | st.text(alphabet='abW.:/?#&;=%2Fé"\\ @[]', max_size=30).map("http://".__add__))
@example("http://a.b:80/.?&utm_x=1&=")
@example("http://a.b/?fbclid=1&fbclidx=1&vero_=1&_hsx")
def test_the_kernel_never_differs(url):
    found = plain_canonical_and_key(url)
    if found is not None:
        assert found == canonical_and_key(unescaped(url))


def test_most_real_addresses_are_plain(real_data):
    from corpus.dumps import read_lines

    lines = read_lines(str(real_data / "reddit" / "RS_top2013-c.jsonl.gz"))
    urls = [json.loads(line)["url"] for line in lines]
    num_plain = 0
    for url in urls:
        found = plain_canonical_and_key(url)
        if found is not None:
            num_plain += 1
            assert found == canonical_and_key(url)
    assert num_plain > 0.97 * len(urls)
