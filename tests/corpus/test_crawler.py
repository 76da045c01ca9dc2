"""Every link ends as a page or a reason, and no host is asked more than it allows."""

from __future__ import annotations

import gzip
import time
from itertools import pairwise

import msgspec
import pytest

from corpus.crawl_settings import FetchSettings
from corpus.crawler import crawl_links
from corpus.warc import read_captures
from tests.loopback import PAGE, Loopback, running


@pytest.fixture
def web():
    with running() as loopback:
        yield loopback


def settings(web: Loopback, **changes) -> FetchSettings:
    quick = FetchSettings(
        delay_seconds=0.0, backoff_seconds=0.01, max_attempts=3, max_bytes=1_000_000,
        total_seconds=5.0, connect_to=web.connect_to,
    )
    return msgspec.structs.replace(quick, **changes)


def crawl(web: Loopback, tmp_path, urls: list[str], **changes):
    return crawl_links(urls, settings(web, **changes), tmp_path / "crawl.warc.gz")


def reasons(web: Loopback, tmp_path, urls: list[str], **changes) -> list[str | None]:
    return [fetched.reason for fetched in crawl(web, tmp_path, urls, **changes)]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/page", None),
        ("/untyped", None),
        ("/gzip", None),
        ("/chunked", None),
        ("/hop-1", None),
        ("/busy-twice", None),
        ("/gone", "http_status"),
        ("/pdf", "wrong_content_type"),
        ("/huge", "too_large"),
        ("/endless", "too_large"),
        ("/cut", "cut_short"),
        ("/hang-up", "connection_failed"),
        ("/loop", "too_many_redirects"),
        ("/to-mail", "bad_redirect"),
        ("/to-lan", "private_address"),
        ("/to-private", "robots_denied"),
        ("/busy-always", "throttled"),
        ("/busy-for-a-day", "throttled"),
    ],
)
def test_a_link_ends_as_a_page_or_a_reason(web, tmp_path, path, reason):
    assert reasons(web, tmp_path, ["http://a.test" + path]) == [reason]


@pytest.mark.parametrize("path", ["/sleep", "/drip"])
def test_a_page_that_takes_too_long_is_given_up(web, tmp_path, path):
    began = time.monotonic()
    found = reasons(web, tmp_path, ["http://a.test" + path], total_seconds=0.3, max_attempts=1)
    assert (found, time.monotonic() - began < 3) == (["timeout"], True)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:{port}/page", "private_address"),
        ("http://localhost:{port}/page", "private_address"),
        ("http://127.1:{port}/page", "private_address"),
        ("http://2130706433:{port}/page", "private_address"),
        ("http://[::ffff:127.0.0.1]:{port}/page", "private_address"),
        ("http://nowhere.invalid/page", "dns_failure"),
    ],
)
def test_strangers_lead_us_to_no_private_network(web, tmp_path, url, reason):
    assert reasons(web, tmp_path, [url.format(port=web.port)]) == [reason]
    assert web.requests == []


def test_a_private_network_is_crawled_where_the_recipe_says(web, tmp_path):
    urls = [f"http://127.0.0.1:{web.port}/page", f"http://localhost:{web.port}/page"]
    assert reasons(web, tmp_path, urls, allow_private_addresses=True) == [None, None]


def test_a_refused_connection_is_a_reason(web, tmp_path):
    closed = {"a.test": "127.0.0.1:1"}
    assert reasons(web, tmp_path, ["http://a.test/1", "http://a.test/2"], connect_to=closed) == [
        "connection_failed", "connection_failed",
    ]


def test_robots_txt_is_obeyed(web, tmp_path):
    paths = {
        "http://deny.test/page": None,
        "http://deny.test/private/1": "robots_denied",
        "http://broken.test/page": "robots_unreachable",
        "http://moved.test/private/1": "robots_denied",
        "http://moved.test/page": None,
        "http://b.test/private/1": None,
    }
    assert dict(zip(paths, reasons(web, tmp_path, list(paths)), strict=True)) == paths
    assert (web.count("/private/1"), web.count("/page")) == (1, 2)
    assert len([r for r in web.requests if r[1:] == ("b.test", "/robots.txt")]) == 1


def test_robots_txt_binds_by_the_name_we_give(web, tmp_path):
    urls = ["http://deny.test/page"]
    assert reasons(web, tmp_path, urls, user_agent="Other/2.0 (+https://other.example)") == [
        "robots_denied"
    ]
    assert web.user_agents == {"Other/2.0 (+https://other.example)"}


def test_a_host_is_asked_one_at_a_time_with_its_pause(web, tmp_path):
    urls = [f"http://{host}/{n}" for n in range(3) for host in ("slow.test", "b.test")]
    assert reasons(web, tmp_path, urls, delay_seconds=0.05) == [None] * 6
    assert web.most_open == {"slow.test": 1, "b.test": 1}
    pauses = {
        host: min(b - a for a, b in pairwise(web.times(host))) for host in ("slow.test", "b.test")
    }
    assert pauses["slow.test"] >= 0.15
    assert pauses["b.test"] >= 0.05


def test_a_crawl_delay_counts_up_to_the_limit(web, tmp_path):
    began = time.monotonic()
    urls = [f"http://slow.test/{n}" for n in range(4)]
    reasons(web, tmp_path, urls, max_delay_seconds=0.01)
    assert time.monotonic() - began < 0.6  # four Crawl-delays


def test_no_more_hosts_at_once_than_allowed(web, tmp_path):
    urls = [f"http://{host}/page" for host in ("a.test", "b.test")]
    reasons(web, tmp_path, urls, max_hosts=1)
    assert [host for _, host, _ in web.requests] == ["a.test", "a.test", "b.test", "b.test"]


def test_retry_after_is_kept(web, tmp_path):
    assert reasons(web, tmp_path, ["http://busy.test/busy-for-a-second"]) == [None]
    first, second = web.times("busy.test")[-2:]
    assert second - first >= 1.0


def test_attempts_end(web, tmp_path):
    reasons(web, tmp_path, ["http://busy.test/busy-always"], max_attempts=4)
    assert web.count("/busy-always") == 4


def test_pages_lie_in_the_archive_where_the_answers_say_in_the_order_of_the_links(web, tmp_path):
    urls = ["http://slow.test/1", "http://a.test/gone", "http://a.test/to-b", "http://a.test/gzip"]
    fetched = crawl(web, tmp_path, urls)
    path = tmp_path / "crawl.warc.gz"
    captures = list(read_captures(str(path)))
    pages = [page for page in fetched if page.reason is None]
    assert [(c.record_id, c.url, c.offset, c.length, c.damage) for c in captures] == [
        (p.record_id, p.final_url, p.offset, p.length, None) for p in pages
    ]
    assert [p.final_url for p in pages] == [
        "http://slow.test/1", "http://b.test/page?x=1", "http://a.test/gzip",
    ]
    assert [c.payload for c in captures] == [PAGE] * 3
    for page in pages:
        member = path.read_bytes()[page.offset : page.offset + page.length]
        assert gzip.decompress(member).startswith(b"WARC/1.0\r\n")


def test_a_page_fetched_again_unchanged_keeps_its_identity(web, tmp_path):
    urls = ["http://a.test/page", "http://a.test/hop-2", "http://b.test/page"]
    first, second = (crawl(web, tmp_path, urls) for _ in range(2))
    assert [page.record_id for page in first] == [page.record_id for page in second]
    assert len({page.record_id for page in first}) == 3


def test_no_link_is_no_request(web, tmp_path):
    assert crawl(web, tmp_path, []) == []
    assert list(read_captures(str(tmp_path / "crawl.warc.gz"))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_hosts": 0}, {"max_attempts": 0}, {"delay_seconds": -1.0}, {"total_seconds": 0.0},
        {"user_agent": " "}, {"user_agent": "Wünnow"}, {"connect_to": {"a.test": "b.test:80"}},
        {"connect_to": {"a.test": "127.0.0.1"}}, {"links_per_part": 0},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(msgspec.ValidationError, match=next(iter(wrong))):
        msgspec.convert(wrong, FetchSettings)
