"""Which links a recipe does not want, though they qualify: by day, mark, subreddit or address.

Each rule counts what it takes under a reason of its own, in the order below, and only of links that
pass all else: so the count of a rule is what it costs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from corpus import schemas
from corpus.reddit.rules import LinkSettings

UNDATED = "undated"  # no date, where the recipe asks for some days
TOO_EARLY = "too_early"
TOO_LATE = "too_late"
OVER_18 = "over_18"
EXCLUDED_SUBREDDIT = "excluded_subreddit"
EXCLUDED_DOMAIN = "excluded_domain"
EXCLUDED_FILE_TYPE = "excluded_file_type"


Rule = tuple[str, Callable[[pa.Table], pa.ChunkedArray]]


def exclude(posts: pa.Table, settings: LinkSettings) -> tuple[pa.Table, Counter[str]]:
    """The posts that no rule excludes, and how many each rule took.

    posts: url (string), subreddit (string), created_at (timestamp), over_18 (bool), and any other.
    """
    dropped: Counter[str] = Counter()
    for reason, is_excluded in _rules(settings):
        taken = pc.fill_null(is_excluded(posts), False)
        num = pc.sum(taken).as_py()
        if num:
            dropped[reason] = num
            posts = posts.filter(pc.invert(taken))
    return posts, dropped


def _rules(settings: LinkSettings) -> Iterator[Rule]:
    """The recipe's rules in order."""
    if settings.first_day or settings.last_day:
        yield UNDATED, lambda posts: pc.is_null(posts["created_at"])
    if settings.first_day:
        first = _midnight(settings.first_day)
        yield TOO_EARLY, lambda posts: pc.less(posts["created_at"], first)
    if settings.last_day:
        end = _midnight(settings.last_day + timedelta(days=1))
        yield TOO_LATE, lambda posts: pc.greater_equal(posts["created_at"], end)
    if settings.over_18 == "drop":
        yield OVER_18, lambda posts: posts["over_18"]
    if settings.excluded_subreddits:
        names = pa.array([name.lower() for name in settings.excluded_subreddits])
        yield (
            EXCLUDED_SUBREDDIT,
            lambda posts: pc.is_in(pc.utf8_lower(posts["subreddit"]), value_set=names),
        )
    if settings.excluded_domains:
        yield EXCLUDED_DOMAIN, _matches(
            rf"^https?://([^/:?]*\.)?({_any_of(settings.excluded_domains)})[:/]"
        )
    if settings.excluded_file_types:
        yield EXCLUDED_FILE_TYPE, _matches(
            rf"(?i)^https?://[^/]+/[^?]*({_any_of(settings.excluded_file_types)})(\?|$)"
        )


def _matches(pattern: str) -> Callable[[pa.Table], pa.ChunkedArray]:
    """Whether a canonical address matches: in lower case up to its path, which begins with /."""
    return lambda posts: pc.match_substring_regex(posts["url"], pattern)


def _any_of(texts: Iterable[str]) -> str:
    return "|".join(map(re.escape, texts))


def _midnight(day: date) -> pa.Scalar:
    return pa.scalar(datetime.combine(day, time(), UTC), schemas.INSTANT)
