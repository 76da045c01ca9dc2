"""Which submissions of Reddit give a link: outbound, and with enough karma.

GPT-2's WebText is every outbound link of a submission that earned at least 3 karma (section 2.1);
karma counts per submission, so two of 2 do not make one of 4. OpenWebText2 asks the same of the sum
over the submissions of an address. A submission that is its own page gives no link; one of another
Reddit page does. A crosspost counts with its own karma for what the original links to.

This is the definition, a line at a time; submissions.py decides the same for most lines in a
compiled kernel, and posts.py reads dumps with both.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Literal, NamedTuple

import msgspec

from corpus.config import Settings
from corpus.urls import canonical_and_key, host_of

MALFORMED_LINE = "malformed_line"  # not a JSON object, or a field of a type that it never has
SELF_POST = "self_post"  # text on Reddit itself
NO_KARMA = "no_karma"  # no score that is a number
LOW_KARMA = "low_karma"
NO_URL = "no_url"  # no link, or one that was deleted with the submission
BAD_URL = "bad_url"  # no address of the web

MAX_TIME = 4_102_444_800  # seconds: the year 2100; a later date is a slip of the dump
# Submissions of 2023-04 to 2023-10 were dumped within minutes of their posting, before votes came
# in; since 2023-11 each is asked for again after 36 hours (Arctic Shift, file_content_explanations:
# "All content has been retrieved a second time, with a 36 hour delay"). In seconds since 1970.
YOUNG_FROM, YOUNG_UNTIL = 1_680_307_200, 1_698_796_800


class LinkSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which submissions give a link."""

    karma_rule: Literal["post", "sum"] = "post"
    """post: one submission of the address has min_karma (GPT-2 section 2.1). sum: all of them
    together, negative ones included, as OpenWebText2's filter_from_reddit_scores.py sums them;
    there an address is the raw one, here the canonical one."""
    min_karma: int = 3
    """Least karma (GPT-2 section 2.1 and OpenWebText2: at least 3)."""
    first_day: date | None = None
    """Day, in UTC, from which submissions count; undated ones do not where a day is given."""
    last_day: date | None = None
    """Last day that counts (WebText "does not include links created after Dec 2017", GPT-2 section
    2.1; OpenWebText2 ends with April 2020)."""
    excluded_subreddits: tuple[str, ...] = ()
    """Subreddits whose submissions do not count, in any case of letters. GPT-2 names none."""
    over_18: Literal["keep", "drop"] = "keep"
    """Whether submissions that Reddit marks as not safe for work count. GPT-2 has no such rule."""
    excluded_domains: tuple[str, ...] = ()
    """Hosts, each with all below it, whose pages are not wanted: "example.com" is also
    "www.example.com". OpenWebText2 has such a list in scraping/filter.py, WebText none: its
    Wikipedia leaves as documents, in the screen."""
    excluded_file_types: tuple[str, ...] = ()
    """Ends of paths whose pages are not wanted, such as ".jpg", in any case of letters.
    OpenWebText2 has such a list in scraping/filter.py."""
    links_per_part: int = 1_000_000
    """Submissions aimed at in one part of `links`; 1 million take about 150 MB of memory."""
    bytes_per_task: int = 1 << 28
    """Bytes of a dump (as it is packed) that one task reads where its packing can be cut."""

    def __post_init__(self) -> None:
        """Refuse values without meaning."""
        if self.links_per_part < 1 or self.bytes_per_task < 1:
            raise ValueError("links_per_part and bytes_per_task must be at least 1")
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise ValueError(f"first_day {self.first_day} is after last_day {self.last_day}")
        for domain in self.excluded_domains:
            if host_of(f"http://{domain}/") != domain:
                raise ValueError(
                    f"excluded_domains: {domain!r} is no host in lower case, such as example.com"
                )
        for suffix in self.excluded_file_types:
            if not re.fullmatch(r"\.[A-Za-z0-9_-]+", suffix):
                raise ValueError(f"excluded_file_types: {suffix!r} is no suffix, such as .jpg")

    @property
    def least_score(self) -> int:
        """The score under which a submission counts for nothing."""
        return self.min_karma if self.karma_rule == "post" else -(1 << 61)


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
    subreddit: str | None = None
    is_self: bool | int | str | None = None
    over_18: bool | int | str | None = None
    score: int | float | str | None = None
    created_utc: int | float | str | None = None
    crosspost_parent_list: list[Crossposted] | None = None

    @property
    def is_submission(self) -> bool:
        """Whether it is one at all: comments (dumps named RC_*) and other JSON have neither."""
        return self.url is not None or self.is_self is not None

    @property
    def is_young(self) -> bool:
        """Whether its score was taken before votes came in."""
        return YOUNG_FROM <= (_seconds(self.created_utc) or 0) < YOUNG_UNTIL


class Post(NamedTuple):
    """A submission that gives a link."""

    url_key: str
    url: str
    post_id: str
    karma: int
    subreddit: str | None
    created_at: int | None
    over_18: bool


def judge_submission(submission: Submission, settings: LinkSettings) -> Post | str:
    """The submission's link, or the reason why it gives none."""
    if _is_true(submission.is_self) or (submission.domain or "").startswith("self."):
        return SELF_POST
    karma = _number(submission.score)
    if karma is None:
        return NO_KARMA
    if karma < settings.least_score:
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
        over_18=_is_true(submission.over_18),
    )


def read_submission(line: bytes) -> Submission | None:
    """The line's submission, or None where it is no JSON object with such fields."""
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:  # JSON that only the standard library takes: half a surrogate pair in a title, NaN
        return msgspec.convert(json.loads(line), Submission)
    except (ValueError, RecursionError):
        return None


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
        return value if abs(value) < 1 << 60 else None
    try:
        number = int(float(value)) if value is not None else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) < 1 << 60 else None


def _seconds(value: int | float | str | None) -> int | None:
    number = _number(value)
    return number if number is not None and 0 < number < MAX_TIME else None


_REDDIT_PAGE = re.compile(r"com,reddit[,)]")  # any of its hosts, as a url_key begins
_DECODER = msgspec.json.Decoder(Submission)
