"""Which submissions give a link, and how a dump's lines are counted."""

from __future__ import annotations

import gzip
import json
import logging
from collections import Counter
from datetime import UTC, datetime

import msgspec
import pytest

from corpus.errors import InputError
from corpus.reddit import (
    BAD_URL,
    LOW_KARMA,
    MALFORMED_LINE,
    NO_KARMA,
    NO_URL,
    SELF_POST,
    TRUNCATED_DUMP,
    LinkSettings,
    Post,
    Submission,
    judge_submission,
    read_dump,
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
)


def judge(submission: dict, **changes) -> Post | str:
    row = {**submission, **changes}
    row = {key: value for key, value in row.items() if value != "absent"}
    return judge_submission(msgspec.convert(row, Submission), LinkSettings())


def read(tmp_path, data: bytes | list, name: str = "RS.jsonl", **options):
    if isinstance(data, list):
        data = b"".join(json.dumps(row).encode() + b"\n" for row in data)
    path = tmp_path / name
    path.write_bytes(data)
    batches = list(read_dump(str(path), LinkSettings(), source="webtext", **options))
    rows = [row for batch in batches for row in batch.posts.to_pylist()]
    dropped = sum((batch.dropped for batch in batches), Counter())
    num_lines = sum(batch.num_lines for batch in batches)
    assert num_lines == len(rows) + dropped.total()
    return rows, dropped, num_lines


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


def test_lines_become_rows_in_file_order(tmp_path):
    rows, dropped, num_lines = read(tmp_path, [OLD, {**NEW, "id": "205"}])
    assert (num_lines, dropped) == (2, Counter())
    expected = {
        **POST._asdict(),
        "source": "webtext",
        "created_at": datetime(2005, 7, 1, 1, 26, 1, tzinfo=UTC),
    }
    assert rows == [expected, {**expected, "post_id": "205"}]


def test_malformed_lines_are_counted_with_their_place(tmp_path, caplog):
    good = json.dumps(OLD).encode() + b"\n"
    bad = [
        b'{"id": "broken", "url": "http://example.com/\n', b"\n", b"\x00not json\n", b"[1, 2]\n",
        b'{"id": "1", "url": ["a"], "is_self": false}\n', b"[" * 100_000 + b"\n",
    ]
    with caplog.at_level(logging.WARNING):
        rows, dropped, num_lines = read(tmp_path, good + b"".join(bad) + good)
    assert (len(rows), dropped, num_lines) == (2, Counter({MALFORMED_LINE: 6}), 8)
    assert f"malformed line at byte {len(good)} of its text" in caplog.text


def test_half_a_character_in_a_title_spoils_nothing(tmp_path):
    line = json.dumps(OLD).replace('"title": "x"', '"title": "\\ud83d", "ratio": NaN')
    rows, dropped, _ = read(tmp_path, line.encode() + b"\n")
    assert (len(rows), dropped) == (1, Counter())


def test_a_last_line_without_its_end_counts(tmp_path):
    rows, _, num_lines = read(tmp_path, json.dumps(OLD).encode())
    assert (len(rows), num_lines) == (1, 1)


def test_a_cut_dump_is_used_up_to_the_cut(tmp_path, caplog):
    whole = b"".join(json.dumps({**OLD, "id": str(i)}).encode() + b"\n" for i in range(20_000))
    packed = gzip.compress(whole)
    with caplog.at_level(logging.WARNING):
        rows, dropped, num_lines = read(tmp_path, packed[: len(packed) // 2], "RS.gz")
    assert dropped == Counter({TRUNCATED_DUMP: 1})
    assert 5_000 < len(rows) == num_lines - 1
    assert "RS.gz: breaks off after byte" in caplog.text


def test_rows_come_in_batches_of_bounded_size(tmp_path):
    path = tmp_path / "RS.jsonl"
    path.write_text("".join(json.dumps({**OLD, "id": str(i)}) + "\n" for i in range(25)))
    batches = list(read_dump(str(path), LinkSettings(), source="w", batch_posts=10))
    assert [batch.posts.num_rows for batch in batches] == [10, 10, 5]


@pytest.mark.parametrize(
    "data",
    [
        b"these are\nsome lines of text\n",
        b"\n\n",
        [{"id": "c1", "body": "a comment", "score": 5, "link_id": "t3_204"}],
    ],
)
def test_a_file_without_submissions_is_one_clear_error(tmp_path, data):
    with pytest.raises(InputError, match=r"RS\.jsonl: no line of it is a Reddit submission"):
        read(tmp_path, data)


def test_a_dump_whose_submissions_all_fall_is_no_error(tmp_path):
    rows, dropped, _ = read(tmp_path, [{**OLD, "score": 1}])
    assert (rows, dropped) == ([], Counter({LOW_KARMA: 1}))
