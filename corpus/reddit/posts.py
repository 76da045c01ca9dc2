"""Dumps of Reddit -> rows of `posts`: the kernel's links and the twin's, in the order of the lines.

Dumps are JSON lines as Pushshift and Arctic Shift write them, old and new. A block of lines goes
through submissions.py; the lines that it is unsure of through rules.py; what both give is laid
together by line, and the recipe's exclusions are taken out. Every line is counted once. A malformed
line costs itself: its place in the dump's text is kept, of the first 10,000 of a piece.
Memory: the packing's window, some MiB of lines, a batch of rows.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from corpus import schemas
from corpus.dumps import Block, read_blocks
from corpus.errors import InputError
from corpus.pieces import Piece, read_piece
from corpus.reddit import submissions
from corpus.reddit.exclusions import exclude
from corpus.reddit.rules import (
    LOW_KARMA,
    MALFORMED_LINE,
    NO_KARMA,
    NO_URL,
    SELF_POST,
    LinkSettings,
    Post,
    judge_submission,
    read_submission,
)
from corpus.reddit.submissions import Found, clear, make_desk, make_found, scan

logger = logging.getLogger(__name__)

TRUNCATED_DUMP = "truncated_dump"  # the rest of a dump that ends early or is damaged, as one

BATCH_POSTS = 20_000  # rows of a batch
MAX_PLACES = 10_000  # malformed lines of a piece whose places are kept; the ledger counts all
PROBE_LINES = 1_000_000  # a dump none of whose first lines is a submission is none

_REASONS = {
    submissions.SELF_POST: SELF_POST,
    submissions.NO_KARMA: NO_KARMA,
    submissions.LOW_KARMA: LOW_KARMA,
    submissions.NO_URL: NO_URL,
}


class Place(NamedTuple):
    """A line that could not be read: its number and first byte, counted from the piece's start."""

    line: int
    byte: int
    reason: str


@dataclass(slots=True)
class PieceCount:
    """What a piece of a dump held."""

    num_lines: int = 0
    num_bytes: int = 0
    num_submissions: int = 0
    num_young: int = 0
    """Submissions whose scores were taken too early (reddit.YOUNG_FROM)."""
    num_malformed: int = 0
    places: list[Place] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class PostBatch:
    """Rows of `posts`, and what was read for them: lines = posts + dropped."""

    posts: pa.Table
    num_lines: int
    dropped: Counter[str]


def read_dump(path: str, settings: LinkSettings, *, source: str) -> Iterator[PostBatch]:
    """Read a whole dump and yield its qualifying links in file order; raises InputError."""
    count = PieceCount()
    yield from read_posts(Piece(path=path), settings, source=source, count=count)
    check_dump(path, count)
    if count.num_young:
        logger.warning("%s", young_scores(path, count))


def check_dump(path: str, count: PieceCount) -> None:
    """Raise InputError where a dump has no submission."""
    if not count.num_submissions:
        raise InputError(
            f"{path}: no line of it is a Reddit submission "
            f"({count.num_malformed} of {count.num_lines} are no JSON object); expected JSON lines "
            "with url, score, is_self (a dump named RS_*, not RC_*): fetch it again or take it out "
            "of the recipe"
        )


def young_scores(path: str, count: PieceCount) -> str:
    """What to say of a dump with submissions whose scores were taken too early."""
    return (
        f"{path}: {count.num_young:,} of {count.num_submissions:,} submissions are of 2023-04 to "
        "2023-10, whose scores were taken within minutes, before votes came in (since 2023-11 they "
        "are taken again after 36 hours): few of them have enough karma; leave them out with "
        "links.first_day and links.last_day, or take a dump with later scores"
    )


def read_posts(
    piece: Piece,
    settings: LinkSettings,
    *,
    source: str,
    count: PieceCount,
    batch_posts: int = BATCH_POSTS,
) -> Iterator[PostBatch]:
    """Read the lines that a piece owns and yield its qualifying links in file order.

    Fills `count`. A piece that breaks off counts one line more, dropped as truncated_dump. Raises
    InputError where the file is empty, not packed as its name says, or plainly no dump.
    """
    reader = _Reader(settings, source, count)
    for block in read_blocks(read_piece(piece)):
        if block is None:
            reader.note(TRUNCATED_DUMP)
            count.num_lines += 1
            logger.warning(
                "%s: breaks off after byte %d of its text; what came before is used",
                piece.path, count.num_bytes,
            )  # fmt: skip
            break
        yield from reader.read(block, min(batch_posts, BATCH_POSTS))
        if count.num_lines >= PROBE_LINES and not count.num_submissions:
            check_dump(piece.path, count)
    yield reader.batch()


class _Reader:
    """Judges blocks of lines and gathers the rows of a batch."""

    def __init__(self, settings: LinkSettings, source: str, count: PieceCount) -> None:
        self._settings = settings
        self._source = source
        self._count = count
        self._found = make_found()
        self._desk_bytes = 1 << 20
        self._desk = make_desk(self._desk_bytes)
        self._fresh()

    def _fresh(self) -> None:
        clear(self._found)
        self._slow: list[Post] = []
        self._slow_at: list[int] = []  # links of the kernel's before each
        self._dropped: Counter[str] = Counter()
        self._first_line = self._count.num_lines

    @property
    def num_posts(self) -> int:
        """Rows of the next batch."""
        return int(self._found.counts[submissions.LINK]) + len(self._slow)

    def note(self, reason: str, *, line: int = 0, byte: int = 0) -> None:
        """Count a line that cannot be read; its place is from the block's start."""
        self._dropped[reason] += 1
        count = self._count
        count.num_malformed += reason == MALFORMED_LINE
        if len(count.places) < MAX_PLACES:
            count.places.append(Place(count.num_lines + line, count.num_bytes + byte, reason))

    def read(self, block: Block, batch_posts: int) -> Iterator[PostBatch]:
        """Judge a block's lines, and yield the batches that are full."""
        if block.size > self._desk_bytes:
            self._desk_bytes = 2 * block.size
            self._desk = make_desk(self._desk_bytes)
        data = np.frombuffer(block.data, np.uint8)
        least, at = self._settings.least_score, 0
        while at < block.size:
            end = scan(data, at, block.size, least, submissions.KEYS, self._desk, self._found)
            self._take(block.data, at)
            self._count.num_bytes += end - at
            at = end
            if self.num_posts >= batch_posts:
                yield self.batch()
        self._count.num_bytes += block.num_bytes - block.size

    def _take(self, data: memoryview, start: int) -> None:
        """Count what a scan found, and judge what it is unsure of."""
        counts = self._found.counts.tolist()
        for first, end, *place in self._found.unsure[: counts[submissions.UNSURE]].tolist():
            self._judge(bytes(data[first:end]), first - start, *place)
        for verdict, reason in _REASONS.items():
            if counts[verdict]:
                self._dropped[reason] += counts[verdict]
        self._count.num_submissions += counts[submissions.NUM_SUBMISSIONS]
        self._count.num_young += counts[submissions.NUM_YOUNG]
        self._count.num_lines += counts[submissions.NUM_LINES]

    def _judge(self, line: bytes, byte: int, number: int, num_before: int) -> None:
        """Judge a line that the kernel is unsure of."""
        submission = read_submission(line)
        if submission is None:
            self.note(MALFORMED_LINE, line=number, byte=byte)
            return
        self._count.num_submissions += submission.is_submission
        self._count.num_young += submission.is_submission and submission.is_young
        verdict = judge_submission(submission, self._settings)
        if isinstance(verdict, str):
            self._dropped[verdict] += 1
        else:
            self._slow.append(verdict)
            self._slow_at.append(num_before)

    def batch(self) -> PostBatch:
        """The rows since the last batch."""
        posts = _fast_table(self._found)
        if self._slow:
            order = np.concatenate([2 * np.arange(posts.num_rows) + 1, 2 * np.array(self._slow_at)])
            posts = pa.concat_tables([posts, _slow_table(self._slow)]).combine_chunks()
            posts = posts.take(np.argsort(order, kind="stable"))
        posts, excluded = exclude(posts, self._settings)
        schema = schemas.table_named("posts").arrow
        source = pa.DictionaryArray.from_arrays(np.zeros(posts.num_rows, np.int8), [self._source])
        posts = posts.append_column("source", source.cast(pa.string()))
        batch = PostBatch(
            posts=posts.select(schema.names).cast(schema),
            num_lines=self._count.num_lines - self._first_line,
            dropped=self._dropped + excluded,
        )
        self._fresh()
        return batch


_FIELDS = pa.schema([
    ("url_key", pa.string()), ("url", pa.string()), ("post_id", pa.string()),
    ("subreddit", pa.string()), ("karma", pa.int64()), ("created_at", schemas.INSTANT),
    ("over_18", pa.bool_()),
])  # fmt: skip


def _fast_table(found: Found) -> pa.Table:
    """The kernel's links; their bytes become strings."""
    num = int(found.counts[submissions.LINK])
    ends = np.zeros((4, num + 1), np.int32)
    ends[:, 1:] = found.ends[:num].T
    validity = np.packbits(found.has_subreddit[:num], bitorder="little")
    strings = [
        pa.StringArray.from_buffers(
            num,
            pa.py_buffer(ends[i].tobytes()),
            pa.py_buffer(text[: ends[i, -1]].tobytes()),
            pa.py_buffer(validity.tobytes()) if text is found.subreddits else None,
        )
        for i, text in enumerate(found[:4])
    ]
    seconds = found.created_at[:num]
    created_at = pa.array(seconds * 1_000_000, mask=seconds == submissions.NO_TIME)
    return pa.Table.from_arrays(
        [
            *strings,
            pa.array(found.karma[:num].copy()),
            created_at.cast(schemas.INSTANT),
            pa.array(found.over_18[:num]),
        ],
        schema=_FIELDS,
    )


def _slow_table(posts: Sequence[Post]) -> pa.Table:
    """The links of single lines."""
    columns: dict[str, list[Any]] = {
        name: [_storable(value) for value in values]
        for name, values in zip(
            Post._fields, zip(*posts, strict=True) if posts else [()] * 7, strict=True
        )
    }
    columns["created_at"] = [
        None if seconds is None else seconds * 1_000_000 for seconds in columns["created_at"]
    ]
    return pa.Table.from_pydict(columns, schema=_FIELDS)


def _storable(value: Any) -> Any:
    """The value; half a surrogate pair in a text, which Arrow refuses, as a question mark."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
