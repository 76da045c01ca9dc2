"""Every link ends as a page or a reason, and no host is asked more than it allows."""

from __future__ import annotations

import errno
import gzip
import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from warcio.archiveiterator import ArchiveIterator

from corpus.crawler.crawl import crawl_links
from corpus.crawler.settings import FetchSettings
from corpus.warc.captures import read_captures
from tests.loopback import BOMB_BYTES, PAGE, Loopback, answering, running


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
    found = reasons(web, tmp_path, [url.format(port=web.port)], contact="crawl@example.org")
    assert (found, web.requests) == ([reason], [])


def test_a_private_network_is_crawled_where_the_recipe_says(web, tmp_path):
    urls = [f"http://127.0.0.1:{web.port}/page", f"http://localhost:{web.port}/page"]
    assert reasons(web, tmp_path, urls, allow_private_addresses=True) == [None, None]


def test_a_refused_connection_is_a_reason(web, tmp_path):
    closed = {"a.test": "127.0.0.1:1"}
    assert reasons(web, tmp_path, ["http://a.test/1", "http://a.test/2"], connect_to=closed) == [
        "connection_failed", "connection_failed",
    ]


def test_a_certificate_that_is_none_is_a_reason(web, tmp_path):
    assert reasons(web, tmp_path, ["https://a.test/page"]) == ["tls_failure"]


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
    assert web.most_open == {"slow.test": 1, "b.test": 1, "all": 2}
    pauses = {
        host: min(b - a for a, b in pairwise(web.times(host))) for host in ("slow.test", "b.test")
    }
    assert pauses["slow.test"] >= 0.15
    assert pauses["b.test"] >= 0.05


def test_a_crawl_delay_counts_up_to_the_limit(web, tmp_path):
    urls = [f"http://slow.test/{n}" for n in range(8)]
    reasons(web, tmp_path, urls, max_delay_seconds=0.01)
    pauses = [b - a for a, b in pairwise(web.times("slow.test"))]
    assert 0.01 <= min(pauses) < 0.15  # its Crawl-delay


def test_no_more_requests_at_once_than_allowed(web, tmp_path):
    urls = [f"http://{host}/{n}" for n in range(5) for host in ("a.test", "b.test", "busy.test")]
    for most in (1, 2):
        web.most_open.clear()
        assert reasons(web, tmp_path, urls, max_connections=most) == [None] * 15
        assert web.most_open["all"] == most


def test_a_host_in_its_pause_keeps_no_other_from_its_turn(web, tmp_path):
    urls = ["http://slow.test/1", "http://slow.test/2"]
    urls += [f"http://{host}/{n}" for n in range(2) for host in ("a.test", "b.test")]
    assert reasons(web, tmp_path, urls, max_connections=1) == [None] * 6
    assert web.times("b.test")[-1] < web.times("slow.test")[-1]


def test_all_bodies_share_the_bandwidth(web, tmp_path):
    urls = [f"http://{host}/huge" for host in ("a.test", "b.test")]
    began = time.monotonic()
    found = reasons(web, tmp_path, urls, max_bytes=3_000_000, max_bytes_per_second=8_000_000)
    assert (found, time.monotonic() - began > 0.45) == ([None, None], True)  # 4 MB


def test_no_more_hosts_at_once_than_allowed(web, tmp_path):
    urls = [f"http://{host}/page" for host in ("a.test", "b.test")]
    reasons(web, tmp_path, urls, max_hosts=1)
    assert [host for _, host, _ in web.requests] == ["a.test", "a.test", "b.test", "b.test"]


def test_retry_after_is_kept(web, tmp_path):
    assert reasons(web, tmp_path, ["http://busy.test/busy-for-a-second"]) == [None]
    first, second = web.times("busy.test")[-2:]
    assert second - first >= 1.0


def test_a_host_that_only_fails_is_given_up(web, tmp_path):
    urls = [f"http://a.test/{path}" for path in ("cut?1", "cut?2", "gone", "cut?3", "cut?4", "x")]
    urls += ["http://b.test/page"]
    assert reasons(web, tmp_path, urls, max_attempts=1, max_host_failures=2) == [
        "cut_short", "cut_short", *["host_given_up"] * 4, None,
    ]
    assert web.count("/x") == 0


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
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n" + b"X-Flood: 1\r\n" * 100_000 + b"\r\n", "bad_response"),
        (b"HTTP/1.1 200 OK\r\nX-Flood: " + b"x" * 5_000_000 + b"\r\n\r\n", "bad_response"),
        (b"HTTP/1.1 200 OK\r\nX-Endless: 1\r\n" * 100_000, "bad_response"),
        (b"HTTP/1.1 200 OK\r\nX-Nul: \0\r\nContent-Length: 2\r\n\r\nok", "bad_response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nok", "bad_response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", "bad_response"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", "bad_response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nok", "cut_short"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok", "bad_response"),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "bad_response"),
        (b"", "connection_failed"),
    ],
)
def test_answers_that_are_hardly_http_end_as_a_reason(tmp_path, answer, reason):
    with answering({"/odd": answer}) as web:
        quick = settings(web, connect_to={"a.test": f"127.0.0.1:{web.port}"}, max_attempts=1)
        (fetched,) = crawl_links(["http://a.test/odd"], quick, tmp_path / "crawl.warc.gz")
    assert fetched.reason == reason


def test_headers_that_drip_are_given_up(tmp_path):
    answer = b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 100
    began = time.monotonic()
    with answering({"/odd": answer}, drip_seconds=0.02) as web:
        quick = settings(
            web, connect_to={"a.test": f"127.0.0.1:{web.port}"}, max_attempts=1, total_seconds=0.3
        )
        (fetched,) = crawl_links(["http://a.test/odd"], quick, tmp_path / "crawl.warc.gz")
    assert (fetched.reason, time.monotonic() - began < 3) == ("timeout", True)


@pytest.mark.parametrize(("most", "reason"), [(20, None), (19, "too_many_redirects")])
def test_redirects_are_followed_up_to_the_limit(web, tmp_path, most, reason):
    assert reasons(web, tmp_path, ["http://a.test/left-20"], max_redirects=most) == [reason]
    assert web.count("/page") == (reason is None)


def test_a_bomb_is_stored_as_it_was_sent(web, tmp_path):
    (page,) = crawl(web, tmp_path, ["http://a.test/bomb"])
    assert page.length < 100_000
    (capture,) = read_captures(str(tmp_path / "crawl.warc.gz"))
    assert len(capture.payload) == BOMB_BYTES


def test_of_a_bomb_in_robots_txt_the_start_is_read(web, tmp_path):
    urls = ["http://bomb.test/private/1", "http://bomb.test/page"]
    assert reasons(web, tmp_path, urls) == ["robots_denied", None]


def test_a_name_that_changes_its_mind_gains_nothing(tmp_path, monkeypatch):
    """DNS rebinding: the connection goes to the address that was checked, at every hop."""
    answers = {"rebind.test": ["127.0.0.2", "127.0.0.1"], "inside.test": ["127.0.0.1"]}
    asked: list[str] = []

    async def resolve(self, host, port=0, family=socket.AF_INET):
        asked.append(host)
        address = answers[host].pop(0)
        return [
            {"hostname": host, "host": address, "port": port, "family": family, "proto": 0,
             "flags": socket.AI_NUMERICHOST}
        ]  # fmt: skip

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", resolve)
    monkeypatch.setattr("corpus.crawler.hosts.is_public", lambda address: address == "127.0.0.2")
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    move = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n"
    with answering({}, address="127.0.0.1") as inside:
        outside = {"/1": page, "/2": page, "/3": move % b"http://inside.test:%d/" % inside.port}
        with answering(outside, address="127.0.0.2", port=inside.port) as web:
            urls = [f"http://rebind.test:{web.port}/{n}" for n in (1, 2, 3)]
            strict = FetchSettings(delay_seconds=0.0, contact="crawl@example.org")
            found = crawl_links(urls, strict, tmp_path / "crawl.warc.gz")
    assert [fetched.reason for fetched in found] == [None, None, "private_address"]
    assert (asked, inside.requests) == (["rebind.test", "inside.test"], [])


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"contact": "crawl@example.org"}, "Winnow/0.1 (+crawl@example.org)"),
        ({"user_agent": "Other/2 (+https://other.example)"}, "Other/2 (+https://other.example)"),
    ],
)
def test_a_contact_goes_with_each_request(web, tmp_path, changes, sent):
    assert reasons(web, tmp_path, ["http://a.test/page"], **changes) == [None]
    assert web.user_agents == {sent}
    assert sent.encode() in gzip.decompress((tmp_path / "crawl.warc.gz").read_bytes())


CRAWL = """
import json, sys
from pathlib import Path
import msgspec
from corpus.crawler.settings import FetchSettings
from corpus.crawler.crawl import crawl_links
settings = msgspec.json.decode(sys.argv[1], type=FetchSettings)
folder = Path(sys.argv[2])
crawl_links(json.loads(sys.argv[3]), settings, folder / "crawl.warc.gz", frontier=folder / "f")
"""


def test_a_crawl_that_is_killed_asks_for_nothing_twice(web, tmp_path):
    hosts = ("a.test", "b.test", "deny.test", "busy.test")
    urls = [f"http://{host}/{n}" for host in hosts for n in range(12)] + ["http://a.test/gone"]
    slow = settings(web, delay_seconds=0.05)
    given = [msgspec.json.encode(slow).decode(), str(tmp_path), json.dumps(urls)]
    process = subprocess.Popen([sys.executable, "-c", CRAWL, *given])
    while len(web.requests) < 24 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = pages_asked(web)
    path = tmp_path / "crawl.warc.gz"
    assert not path.exists()
    fetched = crawl_links(urls, slow, path, frontier=tmp_path / "f")
    assert [page.reason for page in fetched] == [None] * 48 + ["http_status"]
    twice = [page for page, num in Counter(pages_asked(web)).items() if num > 1]
    assert 0 < len(before) < 48
    assert len(twice) <= len(hosts)  # those in flight, one a host
    with path.open("rb") as file:
        kinds = Counter(r.rec_type for r in ArchiveIterator(file, check_digests="raise"))
    assert kinds == {"warcinfo": 1, "request": 48, "response": 48, "metadata": 48}
    assert [c.url for c in read_captures(str(path))] == urls[:-1]


def test_a_full_disk_is_one_error(web, tmp_path, monkeypatch):
    def full(self, link, page):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("corpus.crawler.frontier.Frontier.add_page", full)
    with pytest.raises(OSError, match="No space"):
        crawl(web, tmp_path, [f"http://{host}/page" for host in ("a.test", "b.test")])


def pages_asked(web: Loopback) -> list[tuple[str, str]]:
    return [(host, path) for _, host, path in web.requests if path != "/robots.txt"]
