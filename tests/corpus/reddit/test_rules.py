"""Which submissions give a link: the smallest that does, and the nearest that does not."""

from __future__ import annotations

import json
from datetime import date

import msgspec
import pytest

from corpus.reddit.rules import (
    BAD_URL,
    LOW_KARMA,
    NO_KARMA,
    NO_URL,
    SELF_POST,
    LinkSettings,
    Post,
    Submission,
    judge_submission,
    read_submission,
)

OLD = {
    "id": "204", "url": "http://www.cnn.com/2005/index.html", "domain": "cnn.com",
    "permalink": "/r/reddit.com/comments/204/x/", "subreddit": "reddit.com", "is_self": False,
    "score": 4, "created_utc": 1120181161, "title": "x", "selftext": "",
}
NEW = {**OLD, "url_overridden_by_dest": OLD["url"], "crosspost_parent": None, "score": 4.0}
POST = Post(
    url_key="com,cnn)/2005/index.html",
    url="http://www.cnn.com/2005/index.html",
    post_id="204",
    karma=4,
    subreddit="reddit.com",
    created_at=1120181161,
    over_18=False,
)


def judge(submission: dict, settings: LinkSettings | None = None, **changes) -> Post | str:
    row = {**submission, **changes}
    row = {key: value for key, value in row.items() if value != "absent"}
    return judge_submission(msgspec.convert(row, Submission), settings or LinkSettings())


@pytest.mark.parametrize("row", [OLD, NEW])
def test_old_and_new_fields_give_the_same_post(row):
    assert judge(row) == POST


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"score": 3}, POST._replace(karma=3)),
        ({"score": 2}, LOW_KARMA),
        ({"score": "3"}, POST._replace(karma=3)),
        ({"score": "2"}, LOW_KARMA),
        ({"score": "many"}, NO_KARMA),
        ({"score": None}, NO_KARMA),
        ({"score": "absent"}, NO_KARMA),
        ({"score": 1e400}, NO_KARMA),
        ({"score": 1 << 70}, NO_KARMA),
        ({"score": 1e30}, NO_KARMA),
        ({"created_utc": "1120181161"}, POST),
        ({"created_utc": 1120181161.0}, POST),
        ({"created_utc": None}, POST._replace(created_at=None)),
        ({"created_utc": "yesterday"}, POST._replace(created_at=None)),
        ({"created_utc": -5}, POST._replace(created_at=None)),
        ({"is_self": True}, SELF_POST),
        ({"is_self": "true"}, SELF_POST),
        ({"is_self": "absent", "domain": "self.books"}, SELF_POST),
        ({"is_self": "absent"}, POST),
        ({"subreddit": None}, POST._replace(subreddit=None)),
        ({"over_18": True}, POST._replace(over_18=True)),
        ({"url": "absent"}, NO_URL),
        ({"url": ""}, NO_URL),
        ({"url": "[deleted]"}, NO_URL),
        ({"url": "/r/books/comments/9/x/"}, SELF_POST),
        ({"url": "https://old.reddit.com/r/a/comments/204/x/"}, SELF_POST),
        ({"url": "ftp://example.com/"}, BAD_URL),
    ],
)
def test_each_rule_has_its_reason(changes, verdict):
    assert judge(OLD, **changes) == verdict


@pytest.mark.parametrize("score", [2, 0, -40])
def test_where_karma_is_summed_every_score_counts(score):
    settings = LinkSettings(karma_rule="sum")
    assert judge(OLD, settings, score=score) == POST._replace(karma=score)
    assert judge(OLD, settings, score=None) == NO_KARMA


def test_another_reddit_page_is_a_link():
    post = judge(OLD, url="https://www.reddit.com/r/a/comments/2045/x/")
    assert post.url_key == "com,reddit)/r/a/comments/2045/x"


def test_where_the_link_leads_prevails_over_the_address_of_the_post():
    row = {**NEW, "url": "https://www.reddit.com/gallery/1", "url_overridden_by_dest": "http://a.b/"}
    assert judge(row).url == "http://a.b/"


@pytest.mark.parametrize(
    ("parent", "verdict"),
    [
        ({"url": OLD["url"], "is_self": False}, POST),
        ({"url": "https://www.reddit.com/r/b/comments/1/y/", "is_self": True}, SELF_POST),
        ({"url": "/r/b/comments/1/y/"}, SELF_POST),
    ],
)
def test_a_crosspost_links_to_what_the_original_links_to(parent, verdict):
    row = {**OLD, "url": "/r/b/comments/1/y/", "crosspost_parent_list": [parent]}
    assert judge(row) == verdict


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": "broken', b"", b"\x00", b"[1, 2]", b'{"url": ["a"], "is_self": false}',
        b"[" * 100_000,
    ],
)
def test_a_malformed_line_is_no_submission(line):
    assert read_submission(line) is None


def test_what_the_standard_library_alone_takes_is_read():
    line = json.dumps(OLD).replace('"title": "x"', '"title": "\\ud83d", "ratio": NaN').encode()
    assert judge_submission(read_submission(line), LinkSettings()) == POST


@pytest.mark.parametrize(
    ("seconds", "is_young"),
    [
        (1680307199, False), (1680307200, True), (1698796799, True), (1698796800, False),
        (None, False),
    ],
)
def test_scores_of_2023_04_to_2023_10_are_young(seconds, is_young):
    assert Submission(created_utc=seconds).is_young == is_young


@pytest.mark.parametrize(
    ("row", "is_submission"),
    [({"url": "x"}, True), ({"is_self": False}, True), ({"body": "a comment", "score": 5}, False)],
)
def test_a_comment_is_no_submission(row, is_submission):
    assert msgspec.convert(row, Submission).is_submission == is_submission


@pytest.mark.parametrize(
    "values",
    [
        {"links_per_part": 0},
        {"bytes_per_task": 0},
        {"first_day": date(2020, 1, 2), "last_day": date(2020, 1, 1)},
        {"excluded_domains": ("Example.com",)},
        {"excluded_domains": ("example.com/x",)},
        {"excluded_file_types": ("jpg",)},
    ],
)
def test_settings_without_meaning_are_refused(values):
    with pytest.raises(ValueError, match=next(reversed(values))):
        LinkSettings(**values)
