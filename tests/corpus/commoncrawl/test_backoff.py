"""Pauses grow, differ by address, and Retry-After is understood in both its forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from corpus.commoncrawl.backoff import jittered_pause, retry_after

NOW = datetime(2024, 5, 18, 12, 0, 0, tzinfo=UTC)


def test_a_pause_lies_between_nothing_and_twice_the_one_before():
    pauses = [
        [jittered_pause(f"https://a.test/{n}", attempt, base=1.0, longest=20.0) for n in range(500)]
        for attempt in range(1, 9)
    ]
    for attempt, drawn in enumerate(pauses, 1):
        most = min(20.0, 2.0 ** (attempt - 1))
        assert 0 <= min(drawn) < 0.1 * most
        assert 0.9 * most < max(drawn) < most
        assert abs(sum(drawn) / 500 - most / 2) < 0.1 * most


def test_a_pause_can_be_repeated():
    first, again = (jittered_pause("a", 3, base=1.0, longest=60.0) for _ in range(2))
    assert first == again != jittered_pause("b", 3, base=1.0, longest=60.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), (" 0 ", 0.0), ("Sat, 18 May 2024 12:00:30 GMT", 30.0),
     ("Sat, 18 May 2024 11:00:00 GMT", 0.0), ("soon", None), ("", None), (None, None)],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after(value, now=NOW) == seconds
