"""Each exclusion takes what it names, under its own reason, and nothing near it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from corpus import schemas
from corpus.reddit import exclusions
from corpus.reddit.exclusions import exclude
from corpus.reddit.rules import LinkSettings

COLUMNS = pa.schema(
    [
        ("url", pa.string()),
        ("subreddit", pa.string()),
        ("created_at", schemas.INSTANT),
        ("over_18", pa.bool_()),
    ]
)
POST = {
    "url": "http://a.test/x",
    "subreddit": "books",
    "over_18": False,
    "created_at": datetime(2015, 6, 1, 12, tzinfo=UTC),
}


def kept(settings: LinkSettings, *changes: dict) -> tuple[list[bool], Counter[str]]:
    """Which of the posts are kept, and the counts."""
    rows = [{**POST, **change} for change in changes]
    posts = pa.Table.from_pylist(rows, schema=COLUMNS)
    posts = posts.append_column("number", pa.array(range(len(rows))))
    left, dropped = exclude(posts, settings)
    assert left.num_rows + dropped.total() == len(rows)
    numbers = set(left["number"].to_pylist())
    return [i in numbers for i in range(len(rows))], dropped


def test_without_rules_nothing_is_excluded():
    assert kept(LinkSettings(), {}, {"over_18": True}, {"created_at": None}) == (
        [True] * 3,
        Counter(),
    )


@pytest.mark.parametrize(
    ("settings", "reason", "change", "near"),
    [
        ({"first_day": date(2015, 6, 1)}, exclusions.TOO_EARLY,
         {"created_at": datetime(2015, 5, 31, 23, 59, 59, tzinfo=UTC)},
         {"created_at": datetime(2015, 6, 1, tzinfo=UTC)}),
        ({"last_day": date(2015, 6, 2)}, exclusions.TOO_LATE,
         {"created_at": datetime(2015, 6, 3, tzinfo=UTC)},
         {"created_at": datetime(2015, 6, 2, 23, 59, 59, tzinfo=UTC)}),
        ({"first_day": date(2000, 1, 1)}, exclusions.UNDATED, {"created_at": None}, {}),
        ({"over_18": "drop"}, exclusions.OVER_18, {"over_18": True}, {}),
        ({"excluded_subreddits": ("PICS",)}, exclusions.EXCLUDED_SUBREDDIT,
         {"subreddit": "Pics"}, {"subreddit": "picsy"}),
        ({"excluded_subreddits": ("pics",)}, exclusions.EXCLUDED_SUBREDDIT,
         {"subreddit": "pics"}, {"subreddit": None}),
        ({"excluded_domains": ("b.test",)}, exclusions.EXCLUDED_DOMAIN,
         {"url": "https://www.b.test/"}, {"url": "http://ab.test/b.test/"}),
        ({"excluded_domains": ("b.test",)}, exclusions.EXCLUDED_DOMAIN,
         {"url": "http://b.test:8080/"}, {"url": "http://b.test.a/"}),
        ({"excluded_domains": ("x.b.test", "c.test")}, exclusions.EXCLUDED_DOMAIN,
         {"url": "http://x.b.test/"}, {"url": "http://b.test/?u=http://c.test/"}),
        ({"excluded_domains": ("b.test",)}, exclusions.EXCLUDED_DOMAIN,
         {"url": "http://b.test/"}, {"url": "http://bxtest/"}),
        ({"excluded_file_types": (".jpg",)}, exclusions.EXCLUDED_FILE_TYPE,
         {"url": "http://a.test/x.JPG?w=1"}, {"url": "http://a.test/x.jpg/page"}),
        ({"excluded_file_types": (".jpg", ".gz")}, exclusions.EXCLUDED_FILE_TYPE,
         {"url": "http://a.test/x.tar.gz"}, {"url": "http://a.test/?f=x.jpg"}),
        ({"excluded_file_types": (".test",)}, exclusions.EXCLUDED_FILE_TYPE,
         {"url": "http://a.test/x.test"}, {"url": "http://a.test/"}),
    ],
)  # fmt: skip
def test_each_rule_takes_its_own_and_not_its_neighbour(settings, reason, change, near):
    assert kept(LinkSettings(**settings), {}, change, near) == (
        [True, False, True],
        Counter({reason: 1}),
    )


def test_a_post_that_two_rules_exclude_counts_once_under_the_first():
    settings = LinkSettings(over_18="drop", excluded_subreddits=("books",))
    assert kept(settings, {"over_18": True}) == ([False], Counter({exclusions.OVER_18: 1}))
