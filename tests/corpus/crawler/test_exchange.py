"""One address asked: pauses between attempts, and what comes back. Failures: test_crawler.py."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from corpus.crawler.exchange import Client, Failed, _retry_after, new_session
from corpus.crawler.settings import FetchSettings
from corpus.errors import SetupError
from tests.loopback import PAGE, running


def test_pauses_grow_with_a_jitter_of_their_address():
    client = Client(FetchSettings(backoff_seconds=2.0, max_backoff_seconds=10.0), None)
    urls = [f"http://a.test/{n}" for n in range(200)]
    for attempt, longest in ((1, 2.0), (2, 4.0), (3, 8.0), (4, 10.0)):
        pauses = [client._backoff(url, attempt) for url in urls]
        assert longest / 2 <= min(pauses) < longest * 0.55
        assert longest * 0.95 < max(pauses) <= longest
        assert pauses == [client._backoff(url, attempt) for url in urls]


def test_retry_after_is_a_number_or_a_date():
    def seconds(value: str) -> float:
        return _retry_after(SimpleNamespace(headers={"Retry-After": value}))

    later = datetime.now(UTC) + timedelta(seconds=100)
    assert (seconds("120"), seconds(""), seconds("soon"), seconds("-5")) == (120.0, 0.0, 0.0, 0.0)
    assert 95 < seconds(format_datetime(later, usegmt=True)) <= 100
    assert seconds("Fri, 31 Dec 1999 23:59:59 GMT") == 0.0


def get(url: str, *, start: int | None = None, **changes):
    async def main(connect_to):
        settings = FetchSettings(delay_seconds=0.0, connect_to=connect_to, **changes)
        async with new_session(settings) as session:
            client = Client(settings, session)
            if start is not None:
                return await client.get_start(url, num_bytes=start)
            return await client.get(url, asked=url, stop=lambda status, headers: None)

    with running() as web:
        return asyncio.run(main(web.connect_to))


def test_an_answer_has_the_bytes_and_headers_of_both_sides():
    began = time.time()
    page = get("http://a.test/page?%C3%A4=%2F", user_agent="Winnow/9")
    assert (page.status, page.status_text, page.url) == (200, "OK", "http://a.test/page?%C3%A4=%2F")
    assert page.body == PAGE
    assert page.address == "127.0.0.1"
    assert dict(page.request_headers)["User-Agent"] == "Winnow/9"
    assert dict(page.headers)["Content-Length"] == str(len(PAGE))
    assert abs(page.fetched_at.timestamp() - began) < 60


def test_a_body_keeps_its_coding():
    page = get("http://a.test/gzip")
    assert page.body[:2] == b"\x1f\x8b"
    assert dict(page.headers)["Content-Encoding"] == "gzip"


def test_a_redirect_is_an_answer():
    page = get("http://a.test/hop-1")
    assert (page.status, dict(page.headers)["Location"]) == (301, "/hop-2")


@pytest.mark.parametrize(("path", "start"), [("/gzip", PAGE[:20]), ("/huge", b"x" * 20)])
def test_a_start_is_decoded_and_cut(path, start):
    assert get("http://a.test" + path, start=20).body == start


def test_a_failure_keeps_its_cause():
    with pytest.raises(Failed) as failure:
        get("http://nowhere.invalid/")
    assert (failure.value.reason, failure.value.__cause__ is not None) == ("dns_failure", True)


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.EMFILE, SetupError), (errno.ECONNREFUSED, Failed)]
)
def test_a_fault_of_this_machine_is_no_reason_of_a_link(number, expected):
    class Session:
        def get(self, *args, **kwargs):
            raise OSError(number, os.strerror(number))

    async def main():
        client = Client(FetchSettings(max_attempts=1), Session())
        return await client.get("http://a.test/", asked="http://a.test/", stop=lambda *_: None)

    with pytest.raises(expected):
        asyncio.run(main())
