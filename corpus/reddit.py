"""Which links of a Reddit dump qualify: outbound, with enough karma, one row a submission.

GPT-2's WebText is every outbound link of a submission that earned at least 3 karma (section 2.1);
karma counts per submission, so two of 2 do not make one of 4. Dumps are JSON lines as Pushshift and
Arctic Shift write them, old and new: packed as zstd with a 2 GiB window, xz, bzip2, gzip, or plain.
A line is cut at b"\\n" before it is decoded, as a chunk may end inside a character. A submission
that is its own page gives no link; one of another Reddit page does. A crosspost counts with its own
karma for what the original links to. Memory: the packing's window and a batch.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from corpus import schemas
from corpus.config import Settings
from corpus.dumps import BREAK, read_lines
from corpus.errors import InputError
from corpus.urls import canonical_and_key

logger = logging.getLogger(__name__)

MALFORMED_LINE = "malformed_line"  # not a JSON object, or a field of a type that it never has
SELF_POST = "self_post"  # text on Reddit itself
NO_KARMA = "no_karma"  # no score that is a number
LOW_KARMA = "low_karma"
NO_URL = "no_url"  # no link, or one that was deleted with the submission
BAD_URL = "bad_url"  # no address of the web
TRUNCATED_DUMP = "truncated_dump"  # the rest of a dump that ends early or is damaged, as one

MAX_LOGGED_LINES = 5  # of malformed ones, a dump; the ledger has the count
BATCH_POSTS = 20_000  # rows of a batch
MAX_TIME = 4_102_444_800  # seconds: the year 2100; a later date is a slip of the dump


class LinkSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which submissions give a link."""

    min_karma: int = 3
    """Least score of one submission (GPT-2 section 2.1: at least 3 karma)."""
    links_per_part: int = 1_000_000
    """Submissions aimed at in one part of `links`; 1 million take about 150 MB of memory."""

    def __post_init__(self) -> None:
        """Refuse values without meaning."""
        if self.links_per_part < 1:
            raise ValueError("links_per_part must be at least 1")


class Crossposted(msgspec.Struct):
    """The submission that a crosspost repeats."""

    url: str | None = None
    is_self: bool | int | None = None


class Submission(msgspec.Struct):
    """The fields of a dump's line that matter here, in every type that dumps give them."""

    id: str | int | None = None
    url: str | None = None
    url_overridden_by_dest: str | None = None
    """Where the link leads, in dumps since 2019."""
    domain: str | None = None
    permalink: str | None = None
    subreddit: str | None = None
    is_self: bool | int | str | None = None
    score: int | float | str | None = None
    created_utc: int | float | str | None = None
    crosspost_parent_list: list[Crossposted] | None = None


class Post(NamedTuple):
    """A row of `posts`, without its source."""

    url_key: str
    url: str
    post_id: str
    karma: int
    subreddit: str | None
    created_at: int | None


@dataclass(slots=True, kw_only=True)
class PostBatch:
    """Rows of `posts`, and what was read for them: lines = posts + dropped."""

    posts: pa.Table
    num_lines: int
    dropped: Counter[str]


@dataclass(slots=True)
class _Tally:
    """What a dump's lines came to since the last batch, and over all."""

    rows: list[Post] = field(default_factory=list)
    num_lines: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    num_submissions: int = 0
    num_malformed: int = 0
    offset: int = 0  # bytes of unpacked lines before the next one


def read_dump(
    path: str, settings: LinkSettings, *, source: str, batch_posts: int = BATCH_POSTS
) -> Iterator[PostBatch]:
    """Read a dump and yield its qualifying links in file order.

    Every line is counted once; a dump that breaks off counts one more, dropped as truncated_dump.
    Raises InputError where the file is empty, not packed as its name says, or has no submission.
    """
    tally = _Tally()
    for line in read_lines(path):
        _count(line, tally, settings, path)
        if len(tally.rows) >= batch_posts:
            yield _batch(tally, source)
    if not tally.num_submissions:
        raise InputError(
            f"{path}: no line of it is a Reddit submission "
            f"({tally.num_malformed} of {tally.num_lines} are no JSON object); expected JSON lines "
            "with url, score, is_self (a dump named RS_*, not RC_*): fetch it again or take it out "
            "of the recipe"
        )
    yield _batch(tally, source)


def judge_submission(submission: Submission, settings: LinkSettings) -> Post | str:
    """The submission's link, or the reason why it gives none."""
    if _is_true(submission.is_self) or (submission.domain or "").startswith("self."):
        return SELF_POST
    karma = _number(submission.score)
    if karma is None:
        return NO_KARMA
    if karma < settings.min_karma:
        return LOW_KARMA
    url = _link(submission)
    if url in ("", SELF_POST):
        return url or NO_URL
    address = canonical_and_key(url)
    if address is None:
        return BAD_URL
    post_id = str(submission.id or "")
    if post_id and f"/comments/{post_id}/" in url + "/" and _REDDIT_PAGE.match(address[1]):
        return SELF_POST
    return Post(
        url=address[0],
        url_key=address[1],
        post_id=post_id,
        karma=karma,
        subreddit=submission.subreddit,
        created_at=_seconds(submission.created_utc),
    )


def _link(submission: Submission) -> str:
    """What the submission links to: an address, "" for nothing, or SELF_POST."""
    url = submission.url_overridden_by_dest or submission.url or ""
    if url and url[0] not in "/[":
        return url
    # A crosspost's own url may be the original's bare path, /r/...; "[deleted]" is none at all.
    for parent in submission.crosspost_parent_list or ():
        if parent.url and parent.url[0] not in "/[":
            return SELF_POST if _is_true(parent.is_self) else parent.url
    return SELF_POST if url.startswith("/") else ""


def _is_true(value: bool | int | str | None) -> bool:
    return value in (True, "true", "True", "1")


def _number(value: int | float | str | None) -> int | None:
    if type(value) is int:
        return value if abs(value) < 1 << 62 else None
    try:
        return int(float(value)) if value is not None else None
    except (ValueError, OverflowError):
        return None


def _seconds(value: int | float | str | None) -> int | None:
    number = _number(value)
    return number if number is not None and 0 < number < MAX_TIME else None


_REDDIT_PAGE = re.compile(r"com,reddit[,)]")  # any of its hosts, as a url_key begins
_DECODER = msgspec.json.Decoder(Submission)


def _decode(line: bytes) -> Submission | None:
    """The line's submission, or None where it is no JSON object with such fields."""
    try:
        return _DECODER.decode(line)
    except msgspec.DecodeError:
        pass
    try:  # JSON that only the standard library takes: half a surrogate pair in a title, NaN
        return msgspec.convert(json.loads(line), Submission)
    except (ValueError, RecursionError):
        return None


def _count(line: bytes, tally: _Tally, settings: LinkSettings, path: str) -> None:
    tally.num_lines += 1
    if line is BREAK:
        tally.dropped[TRUNCATED_DUMP] += 1
        logger.warning(
            "%s: breaks off after byte %d of its text; what came before is used", path, tally.offset
        )
        return
    submission = _decode(line)
    if submission is None:
        tally.dropped[MALFORMED_LINE] += 1
        tally.num_malformed += 1
        if tally.num_malformed <= MAX_LOGGED_LINES:
            logger.warning("%s: malformed line at byte %d of its text", path, tally.offset)
    else:
        # Comments (RC_ dumps) and other JSON have neither.
        if submission.url is not None or submission.is_self is not None:
            tally.num_submissions += 1
        verdict = judge_submission(submission, settings)
        if isinstance(verdict, str):
            tally.dropped[verdict] += 1
        else:
            tally.rows.append(verdict)
    tally.offset += len(line) + 1


def _batch(tally: _Tally, source: str) -> PostBatch:
    schema = schemas.table_named("posts").arrow
    columns: dict[str, Any] = dict(
        zip(Post._fields, zip(*tally.rows, strict=True), strict=True)
        if tally.rows
        else ((name, ()) for name in Post._fields)
    )
    columns["source"] = [source] * len(tally.rows)
    arrays = [pa.array(columns[f.name], _storage(f.type)).cast(f.type) for f in schema]
    batch = PostBatch(
        posts=pa.Table.from_arrays(arrays, schema=schema),
        num_lines=tally.num_lines,
        dropped=tally.dropped,
    )
    tally.rows, tally.num_lines, tally.dropped = [], 0, Counter()
    return batch


def _storage(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp("s", "UTC") if pa.types.is_timestamp(kind) else kind  # as dumps count
