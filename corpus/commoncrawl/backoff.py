"""How long to wait before asking again."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def jittered_pause(address: str, attempt: int, *, base: float, longest: float) -> float:
    """Seconds before the attempt after this one (1 for the first), full jitter.

    Keyed by the address and the attempt, so that a run can be repeated, and tasks that are
    throttled together still part.
    """
    key = hashlib.blake2b(f"{address}\n{attempt}".encode(), digest_size=8).digest()
    most = min(longest, base * 2 ** min(attempt - 1, 60))
    return most * int.from_bytes(key) / 2**64


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds of a Retry-After, a number or a date (RFC 9110 section 10.2.3); None where none."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())
