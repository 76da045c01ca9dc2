"""A dump's lines become rows in file order, and every line is counted."""

from __future__ import annotations

import bz2
import gzip
import json
import logging
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from corpus.dumps import read_lines
from corpus.errors import InputError
from corpus.pieces import Piece, cut
from corpus.reddit import posts as module
from corpus.reddit.exclusions import EXCLUDED_DOMAIN, TOO_EARLY
from corpus.reddit.posts import TRUNCATED_DUMP, PieceCount, Place, read_dump, read_posts
from corpus.reddit.rules import (
    LOW_KARMA,
    MALFORMED_LINE,
    SELF_POST,
    LinkSettings,
    Post,
    judge_submission,
    read_submission,
)

OLD = {
    "id": "204",
    "url": "http://www.cnn.com/2005/index.html",
    "domain": "cnn.com",
    "subreddit": "reddit.com",
    "is_self": False,
    "score": 4,
    "created_utc": 1120181161,
}
UNUSUAL = {**OLD, "id": "205", "url": "http://10.1.2.3/"}  # the kernel leaves it to its twin
ROW = {
    "url_key": "com,cnn)/2005/index.html",
    "url": "http://www.cnn.com/2005/index.html",
    "source": "webtext",
    "post_id": "204",
    "karma": 4,
    "subreddit": "reddit.com",
    "created_at": datetime(2005, 7, 1, 1, 26, 1, tzinfo=UTC),
}
GOOD = json.dumps(OLD).encode() + b"\n"


def lines(rows: list[dict]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def read(tmp_path, data: bytes | list, name: str = "RS.jsonl", settings=None):
    """Rows, what was dropped, and what was counted."""
    path = tmp_path / name
    path.write_bytes(lines(data) if isinstance(data, list) else data)
    return collect([Piece(path=str(path))], settings)


def collect(pieces: list[Piece], settings=None, **options):
    count = PieceCount()
    rows, dropped, num_lines = [], Counter(), 0
    for piece in pieces:
        held = PieceCount()
        for batch in read_posts(
            piece, settings or LinkSettings(), source="webtext", count=held, **options
        ):
            rows += batch.posts.to_pylist()
            dropped += batch.dropped
            num_lines += batch.num_lines
        count.places += [
            Place(count.num_lines + p.line, count.num_bytes + p.byte, p.reason) for p in held.places
        ]
        for name in ("num_lines", "num_bytes", "num_submissions", "num_young", "num_malformed"):
            setattr(count, name, getattr(count, name) + getattr(held, name))
    assert num_lines == count.num_lines == len(rows) + dropped.total()
    return rows, dropped, count


def test_lines_become_rows_in_file_order(tmp_path):
    rows, dropped, count = read(tmp_path, [OLD, UNUSUAL, {**OLD, "id": "206"}, {**OLD, "score": 2}])
    assert [row["post_id"] for row in rows] == ["204", "205", "206"]
    assert (rows[0], rows[1]["url_key"]) == (ROW, "10.1.2.3)/")
    assert (dropped, count.num_lines, count.num_submissions) == (Counter({LOW_KARMA: 1}), 4, 4)
    assert count.num_bytes == (tmp_path / "RS.jsonl").stat().st_size


@pytest.mark.parametrize("row", [OLD, UNUSUAL])
def test_a_row_may_lack_its_date_and_subreddit(tmp_path, row):
    rows, _, _ = read(tmp_path, [{**row, "created_utc": None, "subreddit": None}, row])
    assert [r["created_at"] for r in rows] == [None, ROW["created_at"]]
    assert [r["subreddit"] for r in rows] == [None, "reddit.com"]


def test_half_a_character_in_a_name_spoils_nothing(tmp_path):
    rows, _, _ = read(tmp_path, [{**OLD, "subreddit": "a\ud83d"}])
    assert rows == [{**ROW, "subreddit": "a?"}]


def test_malformed_lines_are_counted_with_their_places(tmp_path):
    bad = [
        b'{"id": "broken',
        b"",
        b"\x00not json",
        b"[1, 2]",
        b'{"url": ["a"], "is_self": false}',
        b"[" * 100_000,
    ]
    data = GOOD + b"\n".join(bad) + b"\n" + GOOD + b'{"id": "par'
    rows, dropped, count = read(tmp_path, data)
    assert (len(rows), dropped) == (2, Counter({MALFORMED_LINE: 7}))
    assert count.num_malformed == 7
    all_lines = data.split(b"\n")
    for place in count.places:
        assert data[place.byte :].startswith(all_lines[place.line])
    assert [place.line for place in count.places] == [1, 2, 3, 4, 5, 6, 8]


@pytest.mark.parametrize("line", [b"," * (1 << 20), b'"' * 3_000_000, b'"' + b"\\n" * 1_500_000])
def test_a_long_line_of_nothing_but_tokens_costs_itself(tmp_path, line):
    rows, dropped, _ = read(tmp_path, GOOD + line + b"\n" + GOOD)
    assert (len(rows), dropped) == (2, Counter({MALFORMED_LINE: 1}))


def test_places_are_bounded_and_counts_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_PLACES", 3)
    _, dropped, count = read(tmp_path, GOOD + b"bad\n" * 50)
    assert (len(count.places), count.num_malformed) == (3, 50)
    assert dropped == Counter({MALFORMED_LINE: 50})


def test_a_last_line_without_its_end_counts(tmp_path):
    rows, _, count = read(tmp_path, GOOD + GOOD[:-1])
    assert (len(rows), count.num_lines) == (2, 2)


def test_lines_may_end_as_windows_ends_them(tmp_path):
    rows, _, _ = read(tmp_path, (GOOD + GOOD).replace(b"\n", b"\r\n"))
    assert rows == [ROW, ROW]


def test_a_cut_dump_is_used_up_to_the_cut(tmp_path, caplog):
    packed = gzip.compress(lines([{**OLD, "id": str(i)} for i in range(20_000)]))
    with caplog.at_level(logging.WARNING):
        rows, dropped, count = read(tmp_path, packed[: len(packed) // 2], "RS.gz")
    assert dropped == Counter({TRUNCATED_DUMP: 1})
    assert 5_000 < len(rows) == count.num_lines - 1
    assert count.places == [Place(len(rows), count.num_bytes, TRUNCATED_DUMP)]
    assert f"RS.gz: breaks off after byte {count.num_bytes} of its text" in caplog.text


def test_rows_come_in_batches_of_bounded_size(tmp_path, monkeypatch):
    monkeypatch.setattr("corpus.pieces.PLAIN_BYTES", 1_000)
    path = tmp_path / "RS.jsonl"
    path.write_bytes(lines([{**OLD, "id": str(i)} for i in range(100)]))
    sizes = [
        batch.posts.num_rows
        for batch in read_posts(
            cut(str(path), 1 << 20)[0],
            LinkSettings(),
            source="w",
            count=PieceCount(),
            batch_posts=10,
        )
    ]
    assert sum(sizes) == 100
    assert all(10 <= size < 20 for size in sizes[:-1])


@pytest.mark.parametrize("suffix", [".jsonl", ".bz2"])
def test_the_pieces_rows_are_the_dumps(tmp_path, suffix):
    rows = [
        {**(UNUSUAL if i % 7 == 0 else OLD), "id": f"{i * 2654435761:x}", "score": i % 9}
        for i in range(30_000)
    ]
    data = lines(rows).replace(b'"id": "0"', b'"id": 0 0') + b"broken\n" + GOOD
    path = tmp_path / f"RS{suffix}"
    path.write_bytes(bz2.compress(data, 1) if suffix == ".bz2" else data)
    whole = collect(cut(str(path), 1 << 30))
    size = path.stat().st_size
    for target in (size // 7, size // 3):
        pieces = cut(str(path), target)
        assert len(pieces) > 1
        assert collect(pieces) == whole
    assert [place.line for place in whole[2].places] == [0, 30_000]


def test_exclusions_are_counted_apart(tmp_path):
    settings = LinkSettings(first_day=date(2005, 7, 1), excluded_domains=("cnn.com",))
    early = {**UNUSUAL, "created_utc": 1}
    rows, dropped, _ = read(tmp_path, [OLD, UNUSUAL, early], settings=settings)
    assert [row["post_id"] for row in rows] == ["205"]
    assert dropped == Counter({EXCLUDED_DOMAIN: 1, TOO_EARLY: 1})


def test_where_karma_is_summed_low_scores_are_rows(tmp_path):
    settings = LinkSettings(karma_rule="sum")
    rows, dropped, _ = read(
        tmp_path, [{**OLD, "score": -3}, {**UNUSUAL, "score": 0}], settings=settings
    )
    assert ([row["karma"] for row in rows], dropped) == ([-3, 0], Counter())


@pytest.mark.parametrize(
    "data",
    [
        b"these are\nsome lines of text\n",
        b"\n\n",
        [{"id": "c1", "body": "a comment", "score": 5, "link_id": "t3_204"}],
    ],
)
def test_a_file_without_submissions_is_one_clear_error(tmp_path, data):
    path = tmp_path / "RC.jsonl"
    path.write_bytes(lines(data) if isinstance(data, list) else data)
    with pytest.raises(InputError, match=r"RC\.jsonl: no line of it is a Reddit submission"):
        list(read_dump(str(path), LinkSettings(), source="x"))


def test_comments_are_told_before_a_month_of_them_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PROBE_LINES", 100)
    monkeypatch.setattr("corpus.pieces.PLAIN_BYTES", 2_000)
    with pytest.raises(InputError, match=r"of \d\d\d are no JSON object"):
        read(tmp_path, [{"body": "x", "score": 5}] * 9_000)


def test_a_dump_whose_submissions_all_fall_is_no_error(tmp_path):
    path = tmp_path / "RS.jsonl"
    path.write_bytes(lines([{**OLD, "score": 1}, {**OLD, "is_self": True}]))
    (batch,) = read_dump(str(path), LinkSettings(), source="x")
    assert batch.posts.num_rows == 0
    assert batch.dropped == Counter({LOW_KARMA: 1, SELF_POST: 1})


def test_a_dump_with_scores_too_young_is_warned_of_once(tmp_path, caplog):
    path = tmp_path / "RS_2023-05.jsonl"
    path.write_bytes(lines([{**OLD, "created_utc": 1_684_000_000}] * 3 + [OLD, UNUSUAL]))
    with caplog.at_level(logging.WARNING):
        list(read_dump(str(path), LinkSettings(), source="x"))
    (record,) = caplog.records
    assert "RS_2023-05.jsonl: 3 of 5 submissions are of 2023-04 to 2023-10" in record.message


@pytest.mark.parametrize("name", ["RS_2005-07.zst", "RS_linked.zst", "arctic_submissions_a.jsonl"])
@pytest.mark.parametrize("rule", ["post", "sum"])
def test_real_dumps_come_out_as_the_plain_way_reads_them(real_data, name, rule):
    settings = LinkSettings(karma_rule=rule)
    path = str(real_data / "reddit" / name)
    expected, dropped = [], Counter()
    for line in read_lines(path):
        submission = read_submission(line)
        verdict = judge_submission(submission, settings) if submission else MALFORMED_LINE
        if isinstance(verdict, Post):
            expected.append(verdict)
        else:
            dropped[verdict] += 1
    rows, found_dropped, _ = collect(cut(path, 10_000), settings)
    assert found_dropped == dropped
    assert [(r["url_key"], r["url"], r["post_id"], r["karma"], r["subreddit"]) for r in rows] == [
        post[:5] for post in expected
    ]
    assert [r["created_at"] and int(r["created_at"].timestamp()) for r in rows] == [
        post.created_at for post in expected
    ]
