"""The rules of a robots.txt, by the name that we give."""

from __future__ import annotations

import time

import pytest

from corpus.crawler.robots import MAX_ROBOTS_BYTES, Rules, parse_rules, product_token

TEXT = b"""\xef\xbb\xbfUser-agent: *
Disallow: /
Crawl-delay: 9

User-agent: winnow
Disallow: /private
Allow: /private/open
Disallow: /*.pdf$
Crawl-delay: 2.5
"""


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://a.test/", True),
        ("http://a.test/private/1", False),
        ("http://a.test/private/open", True),
        ("http://a.test/a.pdf", False),
        ("http://a.test/a.pdf?x", True),
        ("http://a.test/robots.txt", True),
    ],
)
def test_the_group_that_names_us_prevails(url, allowed):
    assert parse_rules(TEXT, "Winnow").allow(url) == allowed


def test_the_group_of_all_holds_for_others():
    rules = parse_rules(TEXT, "Other")
    assert (rules.allow("http://a.test/x"), rules.delay) == (False, 9.0)


@pytest.mark.parametrize(
    ("body", "delay"),
    [
        (TEXT, 2.5),
        (b"", 0.0),
        (b"User-agent: *\nCrawl-delay: soon\n", 0.0),
        (b"User-agent: *\nCrawl-delay: -1\n", 0.0),
        (b"User-agent: *\nRequest-rate: 1/10\n", 10.0),
    ],
)
def test_the_pause_that_is_asked_for(body, delay):
    assert parse_rules(body, "Winnow").delay == delay


def test_without_rules_all_is_allowed():
    rules = Rules(None, "Winnow")
    assert (rules.allow("http://a.test/x"), rules.delay) == (True, 0.0)


@pytest.mark.parametrize("body", [b"\xff\xfe\x00\x01", b"<html>Not found</html>", b":\n:::\n"])
def test_what_is_no_robots_txt_forbids_nothing(body):
    assert parse_rules(body, "Winnow").allow("http://a.test/x")


def test_only_the_beginning_counts():
    body = b"#" * MAX_ROBOTS_BYTES + b"\nUser-agent: *\nDisallow: /\n"
    assert parse_rules(body, "Winnow").allow("http://a.test/x")


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [("Winnow/0.1 (+https://a.example)", "Winnow"), ("Winnow", "Winnow"), ("My bot/1", "My")],
)
def test_the_name_is_what_stands_before_the_version(user_agent, name):
    assert product_token(user_agent) == name


def test_a_flood_of_names_and_rules_is_read_in_no_time():
    names = b"".join(b"User-agent: bot%d\nuser agent  w%s\n" % (n, b"*" * n) for n in range(600))
    began = time.process_time()
    rules = parse_rules(names * 2 + b"Disallow: /private\n" * 10_000, "Winnow")
    assert (rules.allow("http://a.test/private"), rules.allow("http://a.test/x")) == (False, True)
    assert time.process_time() - began < 2  # each name's own copy of the rules: 1,200 x 10,000


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("*", True), ("winnow", True), ("WINNOW # it is", True), ("Winnow*", True), ("win", True),
        ("winnower", False), ("now", False), ("-", False), ("a", False),
    ],
)  # fmt: skip
def test_a_group_is_ours_by_the_beginning_of_our_name(name, ours):
    rules = parse_rules(f"User-agent: {name}\nDisallow: /\n".encode(), "Winnow")
    assert rules.allow("http://a.test/x") != ours
