"""Sets of domains and addresses, against plain Python on the same strings."""

import ipaddress
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.domain_sets import (
    as_set,
    hash_addresses,
    hash_domains,
    is_in_set,
    under_addresses,
    under_domains,
)
from corpus.urls import canonical_url, host_of

LABELS = st.sampled_from(["a", "b", "www", "www1", "com", "co", "uk", "wwwx", "x-y"])
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATHS = st.lists(st.sampled_from(["/", "/a", "/ab", "?a", "&b", "=1", "//", "/www.a"]), max_size=4)
URLS = st.builds(lambda host, path: f"https://{host}/{''.join(path)}", HOSTS, PATHS)


def is_under_domain(url, domains):
    """The definition: the host, or what follows one of its dots, is one of the domains."""
    host = host_of(url)
    labels = host.split(".")
    return any(".".join(labels[i:]) in domains for i in range(len(labels)))


def site(url):
    """An address without its scheme and `www.`."""
    return re.sub(r"\Awww\d{0,2}\.", "", canonical_url(url).partition("://")[2])


def is_under_address(url, prefixes):
    """The definition: it is one of the addresses, or one of / ? & follows one of them in it."""
    known = [site(prefix).rstrip("/") for prefix in prefixes]
    whole = site(url)
    return any(
        whole == one or (whole.startswith(one) and whole[len(one)] in "/?&") for one in known
    )


def domains_of(url, *domains):
    return bool(under_domains(pa.array([url]), as_set(hash_domains(domains)))[0])


def addresses_of(url, *addresses):
    canonical = [canonical_url(address) for address in addresses]
    column = pa.array([canonical_url(url)], pa.large_string())
    return bool(under_addresses(column, as_set(hash_addresses(canonical)))[0])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/", "http://www.example.com/a", "http://a.b.example.com:8080/",
        "https://example.com:81/?q", "https://example.com/?example.org",
    ],
)  # fmt: skip
def test_a_domain_takes_its_subdomains_along(url):
    assert domains_of(url, "example.com")


@pytest.mark.parametrize(
    "url",
    [
        "https://notexample.com/", "https://example.com.org/", "https://com/", "https://org/example.com",
        "https://x.org/?u=http://example.com", "", "example.com",
    ],
)  # fmt: skip
def test_no_other_domain_is_taken(url):
    assert not domains_of(url, "example.com")


def test_an_ip_address_is_a_host():
    assert domains_of("http://192.0.2.7/x", "192.0.2.7")
    assert not domains_of("http://192.0.2.77/x", "192.0.2.7")
    assert domains_of("http://[2001:db8::1]:80/x", "[2001:db8::1]")


@pytest.mark.parametrize(
    "url",
    [
        "http://x.com/a",
        "https://www.x.com/a/",
        "http://www2.x.com/a/b",
        "http://x.com/a?q",
        "http://x.com/a&b",
    ],
)
def test_an_address_takes_what_lies_below_it_along(url):
    assert addresses_of(url, "https://x.com/a/")


@pytest.mark.parametrize(
    "url",
    ["http://x.com/ab", "http://x.com/", "http://x.com/A", "http://y.x.com/a", "http://x.com/b/a"],
)
def test_no_other_address_is_taken(url):
    assert not addresses_of(url, "https://x.com/a")


def test_an_address_with_a_query_takes_that_query():
    assert addresses_of("http://x.com/p?id=3", "http://x.com/p?id=3")
    assert addresses_of("http://x.com/p?id=3&l=en", "http://x.com/p?id=3")
    assert not addresses_of("http://x.com/p?id=33", "http://x.com/p?id=3")
    assert not addresses_of("http://x.com/p", "http://x.com/p?id=3")


@settings(max_examples=300)
@given(st.lists(URLS, max_size=8), st.lists(HOSTS, max_size=4))
def test_domains_are_met_as_in_plain_python(urls, domains):
    urls = [canonical_url(url) for url in urls]
    found = under_domains(pa.array(urls, pa.large_string()), as_set(hash_domains(domains)))
    assert found.tolist() == [is_under_domain(url, set(domains)) for url in urls]


@settings(max_examples=500)
@given(st.lists(URLS, max_size=8), st.lists(URLS, max_size=4))
def test_addresses_are_met_as_in_plain_python(urls, prefixes):
    canonical = [canonical_url(url) for url in prefixes]
    prefixes = [url for url in canonical if url.partition("://")[2].partition("/")[2].strip("/")]
    column = pa.array([canonical_url(url) for url in urls], pa.large_string())
    found = under_addresses(column, as_set(hash_addresses(prefixes)))
    assert found.tolist() == [is_under_address(url, prefixes) for url in urls]


@given(st.lists(st.integers(0, 2**64 - 1)), st.lists(st.integers(0, 2**64 - 1)))
def test_sets_are_those_of_python(members, asked):
    asked += members[:3]
    built = as_set(np.array(members, np.uint64))
    assert built.tolist() == sorted(set(members))
    found = is_in_set(np.array(asked, np.uint64), built)
    assert found.tolist() == [one in set(members) for one in asked]


def test_a_million_domains_are_told_apart():
    addresses = [str(ipaddress.ip_address(n)) for n in range(2**24, 2**24 + 1_000_000)]
    hashes = hash_domains(addresses)
    assert len(as_set(hashes)) == 1_000_000
    assert not is_in_set(hash_domains(["2.0.0.0"]), as_set(hashes)).any()
