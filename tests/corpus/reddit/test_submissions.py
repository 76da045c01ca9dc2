"""The kernel's verdict on a line is its twin's, or there is none."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable

import numpy as np
import pytest

from corpus.reddit import rules as reddit
from corpus.reddit import submissions
from corpus.reddit.rules import LinkSettings, Post, judge_submission, read_submission
from corpus.reddit.submissions import KEYS, clear, make_desk, make_found, scan
from corpus.simd import PADDING

REASONS = {
    submissions.SELF_POST: reddit.SELF_POST,
    submissions.NO_KARMA: reddit.NO_KARMA,
    submissions.LOW_KARMA: reddit.LOW_KARMA,
    submissions.NO_URL: reddit.NO_URL,
}
FOUND, DESK = make_found(), make_desk(1 << 16)
SETTINGS = LinkSettings()

OLD = {
    "id": "204", "url": "http://www.cnn.com/2005/index.html?b=1&a=2", "domain": "cnn.com",
    "subreddit": "reddit.com", "is_self": False, "score": 4, "created_utc": 1120181161,
    "over_18": False, "title": 'A "title" é \\ /', "selftext": "", "media_embed": {},
}  # fmt: skip
NEW = {
    **OLD, "url_overridden_by_dest": "https://i.imgur.com/x.png?utm_source=a", "score": 4.0,
    "created_utc": "1690000000", "over_18": True, "crosspost_parent_list": [],
    "gildings": {"a": [1]},
}  # fmt: skip
SELF = {**OLD, "is_self": True, "domain": "self.books", "url": "http://www.reddit.com/r/books/1/"}
CROSS = {**NEW, "url": "/r/a/comments/1/x/", "url_overridden_by_dest": None,
         "crosspost_parent_list": [{"url": "http://a.test/", "is_self": False}]}  # fmt: skip
OWN = {**OLD, "url": "https://www.reddit.com/r/a/comments/204/x/"}
OTHERS = {**OLD, "url": "https://old.reddit.com/r/a/comments/2045/x/"}
ROWS = [OLD, NEW, SELF, CROSS, OWN, OTHERS]


def scan_line(line: bytes, settings: LinkSettings = SETTINGS) -> Post | str | None:
    """The kernel's verdict; None where it is unsure."""
    clear(FOUND)
    data = np.frombuffer(line + PADDING, np.uint8)
    assert scan(data, 0, len(line), settings.least_score, KEYS, DESK, FOUND) == len(line)
    (verdict,) = np.flatnonzero(FOUND.counts[: submissions.NO_URL + 1]).tolist()
    if verdict == submissions.UNSURE:
        return None
    return REASONS[verdict] if verdict in REASONS else row_of(FOUND, 0)


def row_of(found, row: int) -> Post:
    starts = found.ends[row - 1] if row else np.zeros(4, np.int64)
    key, url, post_id, subreddit = (
        text[a:b].tobytes().decode()
        for text, a, b in zip(found[:4], starts, found.ends[row], strict=True)
    )
    return Post(
        url_key=key,
        url=url,
        post_id=post_id,
        karma=int(found.karma[row]),
        subreddit=subreddit if found.has_subreddit[row] else None,
        created_at=int(found.created_at[row]) or None,
        over_18=bool(found.over_18[row]),
    )


def agree(line: bytes, settings: LinkSettings = SETTINGS) -> bool:
    """Whether the kernel has a verdict; it must then be its twin's."""
    found = scan_line(line, settings)
    if found is None:
        return False
    submission = read_submission(line)
    assert submission is not None, line
    assert found == judge_submission(submission, settings), line
    assert FOUND.counts[submissions.NUM_SUBMISSIONS] == submission.is_submission
    assert FOUND.counts[submissions.NUM_YOUNG] == (submission.is_submission and submission.is_young)
    return True


def lines_of(rows: Iterable[dict]) -> list[bytes]:
    """Each row as dumps write it: with and without blanks, escapes, and escaped slashes."""
    return [
        text.encode("utf-8", "surrogatepass")
        for row in rows
        for text in (
            json.dumps(row), json.dumps(row, ensure_ascii=False, separators=(",", ":")),
            json.dumps(row).replace("/", "\\/"),
        )
    ]  # fmt: skip


VALUES = [
    None, True, False, 0, 1, 3, 2, -7, 4.0, 4.7, 1e400, 10**20, "3", "2", "3.0", "007", "-1", "x",
    "", "true", "1", [], {}, [1], "[deleted]", "/r/a/", "http://b.test/", "self.a", "http://ü.test/",
    1690000000, "1690000000.0", 1680307199, 1680307200, 1698796799, 1698796800, 5e9, "é", "a\\b",
    "http://a.test/?x=1&amp;y=2", "http://www.reddit.com/r/x/", "nan", "1_000", " 3", "\ud83d",
]  # fmt: skip
FIELDS = [*OLD, "url_overridden_by_dest", "crosspost_parent_list", "gildings"]


@pytest.mark.parametrize("row", [OLD, NEW, SELF, OTHERS])
def test_the_usual_lines_get_a_verdict(row):
    assert all(agree(line) for line in lines_of([row]))


@pytest.mark.parametrize("row", [CROSS, OWN])
def test_the_unusual_ones_are_left_to_the_twin(row):
    assert not any(agree(line) for line in lines_of([row]))


@pytest.mark.parametrize("rule", ["post", "sum"])
@pytest.mark.parametrize("field", FIELDS)
def test_the_kernel_agrees_whatever_a_field_is(field, rule):
    settings = LinkSettings(karma_rule=rule)
    rows = [{**row, field: value} for row in ROWS for value in VALUES]
    rows += [{key: value for key, value in row.items() if key != field} for row in ROWS]
    lines = lines_of(rows)
    assert sum(agree(line, settings) for line in lines) > 0.02 * len(lines)


def mutated(line: bytes, chance: random.Random) -> bytes:
    """The line with some bytes changed, dropped, repeated or swapped."""
    changed = bytearray(line)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed))
        kind = chance.random()
        if kind < 0.4:
            changed[place] = chance.choice(b'"\\{}[]:,019.-e/ tfn&%;?#uxA\x00\x7f\x80\xc3\xe2')
        elif kind < 0.6:
            del changed[place : place + chance.choice((1, 1, 2, 8))]
        elif kind < 0.8:
            changed[place:place] = changed[place : place + chance.randint(1, 12)]
        else:
            other = chance.randrange(len(changed))
            changed[place], changed[other] = changed[other], changed[place]
        if not changed:
            changed = bytearray(b" ")
    return bytes(changed.replace(b"\n", b" "))


def test_the_kernel_agrees_on_damaged_lines():
    chance = random.Random(11)
    lines = lines_of(ROWS)
    num_sure = sum(agree(mutated(chance.choice(lines), chance)) for _ in range(30_000))
    assert num_sure > 2_000


@pytest.mark.parametrize(
    "name", ["RS_v2_2005-07.xz", "arctic_submissions_a.jsonl", "RS_linked.zst"]
)
def test_the_kernel_agrees_on_real_lines_and_their_mutations(real_data, name):
    from corpus.dumps import read_lines

    chance = random.Random(3)
    num_sure = 0
    lines = [line for line in read_lines(str(real_data / "reddit" / name)) if line]
    for line in lines:
        num_sure += agree(line)
        for _ in range(6):
            agree(mutated(line, chance))
    assert num_sure > 0.9 * len(lines)


def test_rows_stand_in_the_order_of_the_lines():
    clear(FOUND)
    rows = [
        {**OLD, "id": str(i), "score": i, "subreddit": None if i == 5 else "x"} for i in range(9)
    ]
    text = b"".join(json.dumps(row).encode() + b"\n" for row in rows[:8]) + b"broken\n"
    data = np.frombuffer(text + PADDING, np.uint8)
    assert scan(data, 0, len(text), 3, KEYS, DESK, FOUND) == len(text)
    assert FOUND.counts[submissions.NUM_LINES] == 9
    assert [row_of(FOUND, i).post_id for i in range(5)] == ["3", "4", "5", "6", "7"]
    assert [row_of(FOUND, i).subreddit for i in range(5)] == ["x", "x", None, "x", "x"]
    (unsure,) = FOUND.unsure[: FOUND.counts[submissions.UNSURE]].tolist()
    assert unsure == [text.index(b"broken"), len(text) - 1, 8, 5]


def test_a_scan_stops_after_so_many_lines():
    clear(FOUND)
    text = b"{}\n" * (submissions.MAX_LINES + 5)
    data = np.frombuffer(text + PADDING, np.uint8)
    end = scan(data, 0, len(text), 3, KEYS, DESK, FOUND)
    assert end == 3 * submissions.MAX_LINES
    assert scan(data, end, len(text), 3, KEYS, DESK, FOUND) == len(text)
    assert FOUND.counts[submissions.NUM_LINES] == 5
