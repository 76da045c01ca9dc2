"""Lines of block lists: each format, and each reason for which a line names nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import blocklist_lines as lines
from corpus.blocklist_lines import read_lines
from corpus.domain_sets import as_set, hash_addresses, hash_domains
from corpus.urls import canonical_url


def domains_in(text):
    read = read_lines(text if isinstance(text, bytes) else text.encode())
    return as_set(read.domains).tolist()


def hashed(*domains):
    return as_set(hash_domains(domains)).tolist()


@pytest.mark.parametrize(
    "line",
    [
        "example.com", "EXAMPLE.com", "  example.com \t", ".example.com", "*.example.com",
        "example.com.", "example.com # since 2020", "example.com\r",
        "0.0.0.0 example.com", "0.0.0.0\texample.com", "127.0.0.1   example.com",
        "127.0.0.1 Example.com # ads", ":: example.com", "::1 example.com",
        "||example.com^", "||example.com", "||example.com^$document", "||Example.com^$all,doc",
        "||example.com^|", "http://example.com", "https://example.com/", "https://example.com:8080/",
    ],
)  # fmt: skip
def test_a_domain_is_read_in_every_format(line):
    assert domains_in(line) == hashed("example.com")
    assert read_lines(line.encode()).counts == {lines.DOMAIN: 1}


def test_a_hosts_line_may_name_several():
    assert domains_in("0.0.0.0 a.example b.example  c.example") == hashed(
        "a.example", "b.example", "c.example"
    )


def test_domains_are_brought_into_idna():
    assert domains_in("Bücher.example\n日本.jp\nxn--bcher-kva.example") == hashed(
        "xn--bcher-kva.example", "xn--wgv71a.jp"
    )


def test_numbers_are_domains_only_as_ip_addresses():
    assert domains_in("192.0.2.7\nhttp://[2001:db8::1]/") == hashed("192.0.2.7", "[2001:db8::1]")
    assert read_lines(b"2.7\n0.0.0.0 0.0.0.0\n1.2.3.4.5").counts == {lines.NO_DOMAIN: 3}


@pytest.mark.parametrize(
    "line",
    [
        "example.com/a/b", "www.example.com/a/b/", "http://EXAMPLE.com/a/b", "||example.com/a/b^",
        "||example.com/a/b", "https://example.com/a/b#part",
    ],
)  # fmt: skip
def test_an_address_is_read_in_every_format(line):
    read = read_lines(line.encode())
    assert read.counts == {lines.ADDRESS: 1}
    assert read.addresses.tolist() == hash_addresses(["http://example.com/a/b"]).tolist()
    assert len(read.domains) == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("# a remark", lines.COMMENT),
        ("! a remark", lines.COMMENT),
        ("[Adblock Plus 2.0]", lines.COMMENT),
        ("#", lines.COMMENT),
        ("localhost", lines.NO_DOMAIN),
        ("127.0.0.1 localhost", lines.NO_DOMAIN),
        ("255.255.255.255 broadcasthost", lines.NO_DOMAIN),
        ("fe80::1%lo0 localhost", lines.NO_DOMAIN),
        ("com", lines.NO_DOMAIN),
        ("exa mple.com", lines.NO_DOMAIN),
        ("a..example.com", lines.NO_DOMAIN),
        ("x" * 64 + ".com", lines.NO_DOMAIN),
        ("<html>", lines.NO_DOMAIN),
        ("co.uk", lines.PUBLIC_SUFFIX),
        ("||co.uk^", lines.PUBLIC_SUFFIX),
        ("xn--55qx5d.cn", lines.PUBLIC_SUFFIX),
        ("公司.cn", lines.PUBLIC_SUFFIX),
        ("@@||example.com^", lines.EXCEPTION),
        ("||example.com^$third-party", lines.CONDITION),
        ("||example.com^$image,all", lines.CONDITION),
        ("##.advertisement", lines.ELEMENT),
        ("example.com##.advertisement", lines.ELEMENT),
        ("example.com#@#.advertisement", lines.ELEMENT),
        ("||example.*^", lines.PATTERN),
        ("&ad_box_", lines.NO_DOMAIN),
        ("-ads.js|", lines.PATTERN),
        ("|https://example.com/ad^", lines.PATTERN),
        (r"(^|\.)example\.com$", lines.PATTERN),
    ],
)
def test_what_names_nothing_has_a_reason(line, reason):
    assert read_lines(line.encode()).counts == {reason: 1}
    assert domains_in(f"{line}\nexample.com\n") == hashed("example.com")


def test_what_companies_let_others_name_may_be_blocked():
    assert domains_in("blogspot.com") == hashed("blogspot.com")


def test_a_line_that_is_no_text_costs_itself():
    read = read_lines(b"a.example\n\xff\xfe\x00\nb.example\n\n\n")
    assert as_set(read.domains).tolist() == hashed("a.example", "b.example")
    assert read.counts == {lines.DOMAIN: 2, lines.NO_DOMAIN: 1}


def test_nothing_is_read_of_nothing():
    for data in (b"", b"\n", b"\r\n\r\n", b" "):
        read = read_lines(data)
        assert (len(read.domains), len(read.addresses), read.counts) == (0, 0, {})


PLAIN = st.text("abz09-_.AZ ", max_size=12)
FORMS = st.sampled_from(
    ["{}", "0.0.0.0 {}", "127.0.0.1 {}", "||{}^", "0.0.0.0{}", "|{}", "{}^", "||{}", "1.7.0.0 {}"]
)


@settings(max_examples=500)
@given(st.lists(st.tuples(FORMS, PLAIN).map(lambda pair: pair[0].format(pair[1])), max_size=5))
def test_the_kernel_reads_what_the_slow_way_reads(written):
    # A remark after a line makes it one that the kernel leaves to Python.
    quick = read_lines("\n".join(written).encode())
    slow = read_lines("\n".join(f"{line} # remark" for line in written if line.strip()).encode())
    assert as_set(quick.domains).tolist() == as_set(slow.domains).tolist()
    assert quick.counts == slow.counts


@given(st.lists(st.from_regex(r"\A([a-z0-9-]{1,9}\.){1,3}[a-z]{2,5}\Z"), max_size=9))
def test_domains_have_the_form_of_hosts(domains):
    canonical = [canonical_url(f"http://{domain}/")[7:-1] for domain in domains]
    suffixes = set(lines._public_suffixes().tolist())
    expected = set(np.unique(hash_domains(canonical)).tolist()) - suffixes
    assert set(domains_in("\n".join(domains))) == expected
