"""The crawler's settings: what is refused, and whom we may ask without saying who we are."""

from __future__ import annotations

import msgspec
import pytest

from corpus.crawler.settings import FetchSettings
from corpus.errors import ConfigError


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_hosts": 0}, {"max_attempts": 0}, {"delay_seconds": -1.0}, {"total_seconds": 0.0},
        {"user_agent": " "}, {"user_agent": "Wünnow"}, {"connect_to": {"a.test": "b.test:80"}},
        {"connect_to": {"a.test": "127.0.0.1"}}, {"links_per_part": 0}, {"max_connections": 0},
        {"max_bytes_per_second": -1}, {"max_host_failures": 0}, {"contact": "a\r\nCookie: b"},
        {"contact": "päge"}, {"user_agent": "Winnow\n/1"},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(msgspec.ValidationError, match=next(iter(wrong))):
        msgspec.convert(wrong, FetchSettings)


def test_the_contact_follows_the_name():
    assert FetchSettings().signature == "Winnow/0.1"
    assert FetchSettings(contact="a@b.test").signature == "Winnow/0.1 (+a@b.test)"


@pytest.mark.parametrize(
    ("url", "asks"),
    [
        ("http://a.test/page", False), ("http://10.0.0.1/", False), ("http://localhost/", False),
        ("http://example.org/", True), ("http://93.184.216.34/", True),
    ],
)
def test_strangers_are_not_asked_without_a_contact(url, asks):
    own = FetchSettings(connect_to={"a.test": "127.0.0.1:80"})
    hosts = [url.split("/")[2]]
    if asks:
        with pytest.raises(ConfigError, match=r"fetch\.contact: empty"):
            own.check_contact(hosts)
    else:
        own.check_contact(hosts)
    msgspec.structs.replace(own, contact="crawl@example.org").check_contact(hosts)
