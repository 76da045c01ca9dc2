"""The lines of a Reddit dump judged by a compiled kernel: `rules.judge_submission` is its twin.

A line goes through json_lines.py once; what it says of its score, link and page decides as the twin
does, and the row of a link is written from the line's own bytes. A line that is unsure anywhere (a
crosspost, an address that is not plain, an odd type, broken JSON) is left to the twin: 1 to 8 of
100.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.reddit.json_lines import (
    ABSENT,
    SPARE_TOKENS,
    Int32Array,
    Keys,
    chosen,
    index_line,
    walk,
)
from corpus.reddit.plain_urls import MAX_ITEMS, MAX_PLAIN, SPARE, append_plain
from corpus.reddit.rules import MAX_TIME, YOUNG_FROM, YOUNG_UNTIL
from corpus.simd import KERNEL, byte_at
from corpus.utf8 import Int64Array, UInt8Array

KEYS = chosen([
    b"is_self", b"domain", b"score", b"url", b"url_overridden_by_dest", b"crosspost_parent_list",
    b"id", b"subreddit", b"created_utc", b"over_18",
])  # fmt: skip
(_IS_SELF, _DOMAIN, _SCORE, _URL, _OVERRIDDEN, _PARENTS, _ID, _SUBREDDIT, _CREATED,
 _OVER_18) = range(10)  # fmt: skip

# What a line comes to, as a place in the counts.
UNSURE, LINK, SELF_POST, NO_KARMA, LOW_KARMA, NO_URL = range(6)
NUM_LINES, NUM_SUBMISSIONS, NUM_YOUNG, _KEY_BYTES, _URL_BYTES, _ID_BYTES, _NAME_BYTES = range(6, 13)
NUM_COUNTS = 13

MAX_LINES = 1 << 14  # of a call
MAX_ROWS = 3 * MAX_LINES  # links that are gathered by several calls
MAX_NAME = 100  # bytes of an id or a subreddit; Reddit's have 21 at most
NO_TIME = 0  # created_at where there is none: dates are later than 1970
_MAX_DIGITS = 15
_QUOTE, _MINUS, _POINT, _NOUGHT, _NINE, _BACKSLASH = (ord(c) for c in '"-.09\\')
_SELF_DOMAIN = np.frombuffer(b"self.", np.uint8)
_COMMENTS = np.frombuffer(b"comments", np.uint8)
_REDDIT_KEY = np.frombuffer(b"com,reddit", np.uint8)
_MISSING, _FALSE, _TRUE, _ODD = range(4)  # what a field says
_NO_NUMBER = -(1 << 62)
_ODD_NUMBER = _NO_NUMBER - 1


class Found(NamedTuple):
    """What `scan` found in some lines: links, and the lines that are unsure."""

    url_keys: UInt8Array
    urls: UInt8Array
    post_ids: UInt8Array
    subreddits: UInt8Array
    ends: Int64Array
    """Where the four strings of each link end in the arrays above, int64 (MAX_LINES, 4)."""
    karma: Int64Array
    created_at: Int64Array
    """Seconds since 1970, or NO_TIME."""
    has_subreddit: npt.NDArray[np.bool_]
    over_18: npt.NDArray[np.bool_]
    unsure: Int64Array
    """First byte and end of each unsure line of the last call, its number in it, and the links
    before it, int64 (MAX_LINES, 4)."""
    counts: Int64Array
    """Lines of the last call by what they come to, and sums; the links are of all calls since
    `clear`, int64 (NUM_COUNTS,)."""


class Desk(NamedTuple):
    """Working space of a scan."""

    tokens: Int32Array
    starts: Int64Array
    ends: Int64Array
    says: Int64Array
    """What each field says: a number, a time or one of _MISSING, _FALSE, _TRUE, _ODD."""
    scratch: UInt8Array
    items: Int32Array


def make_found() -> Found:
    """Room for MAX_ROWS links; memory is taken as it is written."""
    addresses, names = MAX_ROWS * (MAX_PLAIN + SPARE), MAX_ROWS * MAX_NAME
    return Found(
        url_keys=np.empty(addresses, np.uint8),
        urls=np.empty(addresses, np.uint8),
        post_ids=np.empty(names, np.uint8),
        subreddits=np.empty(names, np.uint8),
        ends=np.zeros((MAX_ROWS, 4), np.int64),
        karma=np.zeros(MAX_ROWS, np.int64),
        created_at=np.zeros(MAX_ROWS, np.int64),
        has_subreddit=np.zeros(MAX_ROWS, np.bool_),
        over_18=np.zeros(MAX_ROWS, np.bool_),
        unsure=np.zeros((MAX_LINES, 4), np.int64),
        counts=np.zeros(NUM_COUNTS, np.int64),
    )


def clear(found: Found) -> None:
    """Forget the links."""
    found.counts[:] = 0


def make_desk(num_bytes: int) -> Desk:
    """Working space for lines of up to so many bytes, each of which may be a token."""
    room = num_bytes + 2 * SPARE_TOKENS
    return Desk(
        tokens=np.empty(room, np.int32),
        starts=np.zeros(len(KEYS.heads), np.int64),
        ends=np.zeros(len(KEYS.heads), np.int64),
        says=np.zeros(len(KEYS.heads), np.int64),
        scratch=np.empty(MAX_PLAIN + 1, np.uint8),
        items=np.empty(2 * MAX_ITEMS, np.int32),
    )


@njit(**KERNEL)
def scan(
    data: UInt8Array, at: int, size: int, min_karma: int, keys: Keys, desk: Desk, found: Found
) -> int:
    """Judge the lines of data[at:size] and add to `found`; the end of the last one judged.

    data is 64 bytes longer than its text. Stops after MAX_LINES lines: call again from there, with
    no more than MAX_ROWS - MAX_LINES links in `found`.
    """
    num_links = found.counts[LINK]
    found.counts[: NUM_YOUNG + 1] = 0
    found.counts[LINK] = num_links
    while at < size and found.counts[NUM_LINES] < MAX_LINES:
        end, num_tokens, sound = index_line(data, at, size, desk.tokens)
        verdict = UNSURE
        if sound and walk(data, desk.tokens, num_tokens, keys, desk.starts, desk.ends):
            verdict = _judge(data, min_karma, desk, found)
        if verdict == UNSURE:
            line = found.unsure[found.counts[UNSURE]]
            line[0], line[1], line[2] = at, end, found.counts[NUM_LINES]
            line[3] = found.counts[LINK]
        found.counts[verdict] += 1
        found.counts[NUM_LINES] += 1
        at = end + 1
    return min(at, size)


@njit(**KERNEL, inline="always")
def _judge(data: UInt8Array, min_karma: int, desk: Desk, found: Found) -> int:
    """What a line comes to; a link's row is written."""
    says, counts = desk.says, found.counts
    if not _read_fields(data, desk):
        return UNSURE
    if says[_IS_SELF] == _TRUE or (
        says[_DOMAIN] and _begins(data, desk.starts[_DOMAIN] + 1, _SELF_DOMAIN)
    ):
        verdict = SELF_POST
    elif says[_SCORE] == _NO_NUMBER:
        verdict = NO_KARMA
    elif says[_SCORE] < min_karma:
        verdict = LOW_KARMA
    else:
        link = _OVERRIDDEN if _is_filled(desk, _OVERRIDDEN) else _URL
        verdict = LINK if _is_filled(desk, link) else NO_URL
        if verdict == LINK and not _write(data, link, desk, found):
            return UNSURE
    if says[_URL] or says[_IS_SELF] != _MISSING:
        counts[NUM_SUBMISSIONS] += 1
        counts[NUM_YOUNG] += YOUNG_FROM <= says[_CREATED] < YOUNG_UNTIL
    return verdict


@njit(**KERNEL, inline="always")
def _read_fields(data: UInt8Array, desk: Desk) -> bool:
    """Write down what each field says; whether all are of a plain type."""
    starts, ends, says = desk.starts, desk.ends, desk.says
    is_odd = False
    for field in (_IS_SELF, _OVER_18):
        says[field] = _truth(data, starts[field])
        is_odd |= says[field] == _ODD
    for field in (_DOMAIN, _URL, _OVERRIDDEN, _ID, _SUBREDDIT):
        says[field] = _text(data, starts[field])
        is_odd |= says[field] == _ODD
    for field in (_SCORE, _CREATED):
        says[field] = _number(data, starts[field], ends[field])
        is_odd |= says[field] == _ODD_NUMBER
    if not 0 < says[_CREATED] < MAX_TIME:
        says[_CREATED] = NO_TIME
    is_odd |= not _is_empty(data, starts[_PARENTS], ends[_PARENTS])
    if says[_DOMAIN]:  # an escape may hide that it begins as the page of Reddit's own
        for i in range(1, 1 + len(_SELF_DOMAIN)):
            is_odd |= byte_at(data, starts[_DOMAIN] + i) == _BACKSLASH
    return not is_odd


@njit(**KERNEL, inline="always")
def _is_filled(desk: Desk, field: int) -> bool:
    """Whether a field of text has a character."""
    return desk.says[field] == _TRUE and desk.ends[field] > desk.starts[field] + 1


@njit(**KERNEL, inline="always")
def _write(data: UInt8Array, link: int, desk: Desk, found: Found) -> bool:
    """Write the row of a link; whether its texts are plain and it is no page of Reddit's own."""
    starts, ends, says, counts = desk.starts, desk.ends, desk.says, found.counts
    key_start, id_start = counts[_KEY_BYTES], counts[_ID_BYTES]
    url_end, key_end = append_plain(
        data, starts[link] + 1, ends[link], desk.scratch, desk.items,
        found.urls, counts[_URL_BYTES], found.url_keys, key_start,
    )  # fmt: skip
    id_end = _copy(data, says[_ID], starts[_ID], ends[_ID], found.post_ids, id_start)
    name_end = _copy(
        data, says[_SUBREDDIT], starts[_SUBREDDIT], ends[_SUBREDDIT],
        found.subreddits, counts[_NAME_BYTES],
    )  # fmt: skip
    if min(url_end, id_end, name_end) < 0:
        return False
    if _begins(found.url_keys, key_start, _REDDIT_KEY) and _may_be_its_own_page(
        data, starts[link] + 1, ends[link], found.post_ids[id_start:id_end]
    ):
        return False
    row = counts[LINK]
    counts[_KEY_BYTES], counts[_URL_BYTES] = key_end, url_end
    counts[_ID_BYTES], counts[_NAME_BYTES] = id_end, name_end
    found.ends[row, 0], found.ends[row, 1] = key_end, url_end
    found.ends[row, 2], found.ends[row, 3] = id_end, name_end
    found.karma[row], found.created_at[row] = says[_SCORE], says[_CREATED]
    found.has_subreddit[row] = says[_SUBREDDIT] != _MISSING
    found.over_18[row] = says[_OVER_18] == _TRUE
    return True


@njit(**KERNEL, inline="always")
def _may_be_its_own_page(data: UInt8Array, start: int, end: int, post_id: UInt8Array) -> bool:
    """Whether `comments`, a slash and the submission's id stand in an address, as a segment."""
    for i in range(start, end - len(_COMMENTS)):
        if _begins(data, i, _COMMENTS):
            place = i + len(_COMMENTS)
            if byte_at(data, place) == _BACKSLASH:
                place += 1
            if byte_at(data, place) == ord("/") and _begins(data, place + 1, post_id):
                place += 1 + len(post_id)
                if place >= end or byte_at(data, place) in (ord("/"), _BACKSLASH):
                    return True
    return False


@njit(**KERNEL, inline="always")
def _copy(data: UInt8Array, kind: int, start: int, end: int, out: UInt8Array, at: int) -> int:
    """Copy a string from the quote at `start`; its end, -1 where it is long or has an escape."""
    if kind == _MISSING:
        return at
    if end - start > MAX_NAME:
        return -1
    for i in range(start + 1, end):
        if byte_at(data, i) == _BACKSLASH:
            return -1
        out[at] = data[i]
        at += 1
    return at


@njit(**KERNEL, inline="always")
def _truth(data: UInt8Array, start: int) -> int:
    """What a field of true or false says: _MISSING (or null), _FALSE, _TRUE or _ODD."""
    if start == ABSENT:
        return _MISSING
    first = byte_at(data, start)
    if first == ord("f"):
        return _FALSE
    if first == ord("t"):
        return _TRUE
    return _MISSING if first == ord("n") else _ODD


@njit(**KERNEL, inline="always")
def _text(data: UInt8Array, start: int) -> int:
    """Whether a field of text has one: _MISSING (or null), _TRUE or _ODD."""
    if start == ABSENT:
        return _MISSING
    first = byte_at(data, start)
    if first == _QUOTE:
        return _TRUE
    return _MISSING if first == ord("n") else _ODD


@njit(**KERNEL, inline="always")
def _is_empty(data: UInt8Array, start: int, end: int) -> bool:
    """Whether a list is absent, null or []."""
    if start == ABSENT or byte_at(data, start) == ord("n"):
        return True
    return byte_at(data, start) == ord("[") and byte_at(data, end) == ord("]")


@njit(**KERNEL, inline="always")
def _begins(data: UInt8Array, start: int, prefix: UInt8Array) -> bool:
    i = 0
    while i < len(prefix) and byte_at(data, start + i) == prefix[i]:
        i += 1
    return i == len(prefix)


@njit(**KERNEL, inline="always")
def _number(data: UInt8Array, start: int, end: int) -> int:
    """A whole number, also in quotes or with `.0`; _NO_NUMBER for none, or _ODD_NUMBER."""
    if start == ABSENT or byte_at(data, start) == ord("n"):
        return _NO_NUMBER
    if byte_at(data, start) == _QUOTE:
        start += 1
    is_negative = byte_at(data, start) == _MINUS
    if is_negative:
        start += 1
    value, i = 0, start
    while i < end and _NOUGHT <= byte_at(data, i) <= _NINE:
        value = 10 * value + byte_at(data, i) - _NOUGHT
        i += 1
    if i == start or i > start + _MAX_DIGITS:
        return _ODD_NUMBER
    if i < end and byte_at(data, i) == _POINT:
        i += 1
        while i < end and byte_at(data, i) == _NOUGHT:
            i += 1
        if byte_at(data, i - 1) == _POINT:
            return _ODD_NUMBER
    if i != end:
        return _ODD_NUMBER
    return -value if is_negative else value
