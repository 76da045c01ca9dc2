from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from corpus.errors import SetupError
from corpus.extraction import ExtractSettings
from corpus.extraction.isolation import Extractor, extractor
from corpus.extraction.page import extract_page
from corpus.extraction.worker import Page
from corpus.warc.captures import Capture
from tests.corpus.extraction.engines import failing_engine  # noqa: F401 - a fixture
from tests.warcs import page

ROOT = Path(__file__).parents[3]
# Room enough that only what a page does, never a busy machine, is the reason that it fails.
BUDGET = ExtractSettings(
    engine="resiliparse", max_seconds=60.0, max_wall_seconds=120.0, max_memory=256 << 20
)
NO_TIME = msgspec.structs.replace(BUDGET, max_seconds=0.2, max_wall_seconds=3.0)

ORPHAN = """
import sys
from corpus.extraction.isolation import Extractor
from tests.corpus.extraction.test_isolation import BUDGET, told
from corpus.extraction import ExtractSettings
pages = Extractor(ExtractSettings(engine="resiliparse", max_wall_seconds=1000, max_seconds=1000))
print(pages.extract([told("process")])[0].found.text, flush=True)
pages.extract([told(sys.argv[1])])
"""


def capture(payload: bytes) -> Capture:
    return Capture(
        record_id=None, url=None, fetched_at=None, status=200, mime="text/html", charset=None,
        payload=payload, offset=0, length=0, damage=None,
    )


def told(what: str) -> Page:
    """A page that tells the failing engine what to do."""
    return Page(capture=capture(f"<html>do: {what}</html>".encode()))


@pytest.fixture(params=[BUDGET])
def pages(request: pytest.FixtureRequest) -> Iterator[Extractor]:
    pages = Extractor(request.param)
    yield pages
    pages.close()


def reasons(pages: Extractor, *whats: str) -> list[str | None]:
    return [answer.found.reason for answer in pages.extract([told(what) for what in whats])]


def test_answers_are_those_of_this_process_in_order():
    bodies = [page(number) for number in range(5)] + [b"plain", b"<html></html>"]
    captures = [capture(body) for body in bodies]
    settings = ExtractSettings(compare="resiliparse")
    pages = Extractor(settings)
    answers = pages.extract([Page(capture=c) for c in captures])
    pages.close()
    assert [answer.found for answer in answers] == [extract_page(c, settings) for c in captures]
    assert sum(answer.seconds for answer in answers) > 0


@pytest.mark.usefixtures("failing_engine")
@pytest.mark.parametrize(
    ("pages", "what", "reason"),
    [
        (NO_TIME, "spin", "too_slow"),
        (NO_TIME, "spin_in_c", "too_slow"),
        (NO_TIME, "sleep", "too_slow"),
        (BUDGET, "fill", "out_of_memory"),
        (BUDGET, "crash", "crashed"),
        (BUDGET, "exit", "crashed"),
    ],
    indirect=["pages"],
)
def test_a_page_that_fails_costs_itself_alone(pages, what, reason):
    assert reasons(pages, "answer", what, "answer", what, "answer") == [
        None, reason, None, reason, None,
    ]
    assert reasons(pages, what) == [reason]
    assert reasons(pages, "answer") == [None]
    assert reasons(pages) == []


@pytest.mark.usefixtures("failing_engine")
def test_the_error_says_where_a_crash_was(pages):
    (answer,) = pages.extract([told("crash")])
    assert "Segmentation fault" in (answer.found.error or "")
    assert "string_at" in (answer.found.error or "")
    assert (answer.found.error or "").splitlines()[-1].startswith("ended by SIGSEGV, with ")


@pytest.mark.usefixtures("failing_engine")
def test_a_page_that_crashes_by_what_another_left_is_read_in_a_fresh_process(pages):
    assert reasons(pages, "leak", "crash_after_leak", "answer") == [None, None, None]


@pytest.mark.usefixtures("failing_engine")
def test_a_process_is_kept_until_it_has_grown(pages):
    def process() -> str | None:
        return pages.extract([told("process")])[0].found.text

    first = process()
    assert process() == first
    assert reasons(pages, "leak") == [None]  # 48 of 256 MiB: less than a quarter
    assert process() == first
    assert reasons(pages, "leak") == [None]
    assert process() != first


@pytest.mark.usefixtures("failing_engine")
def test_what_a_library_prints_is_no_answer(pages):
    assert reasons(pages, "print", "answer") == [None, None]


@pytest.mark.usefixtures("failing_engine")
def test_a_process_is_kept_from_one_task_to_the_next_with_the_same_settings():
    def process(settings: ExtractSettings) -> str | None:
        with extractor(settings) as pages:
            return pages.extract([told("process")])[0].found.text

    first = process(BUDGET)
    assert process(BUDGET) == first
    others = ExtractSettings(engine="resiliparse")
    assert process(others) != first
    assert process(BUDGET) != first


@pytest.mark.usefixtures("failing_engine")
def test_an_engine_that_cannot_be_loaded_stops_the_stage(monkeypatch, pages):
    monkeypatch.setenv("FAILS_TO_LOAD", "1")
    with pytest.raises(SetupError, match=r"resiliparse: cannot be used here.*no such library"):
        pages.extract([told("answer")])


def test_a_process_that_cannot_start_says_what_it_wrote(monkeypatch, tmp_path, pages):
    (tmp_path / "msgspec.py").write_text("raise ImportError('broken here')", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SetupError, match=r"(?s)ended at the start.*broken here"):
        pages.extract([told("answer")])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
@pytest.mark.usefixtures("failing_engine")
@pytest.mark.parametrize("what", ["sleep", "spin_in_c"])
def test_no_process_outlives_a_parent_that_is_killed(what):
    path = os.pathsep.join([*sys.path, str(ROOT)])
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, what],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}, cwd=ROOT,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(child)


def _is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"  # a container without an init leaves zombies


# One page of each kind that is made to hurt: bounded in time and memory, whatever it comes to.
HOSTILE = {
    "nested": b"<html>" + b"<div>" * 20_000 + b"<p>deep</p>",
    "nested_deeper": b"<html>" + b"<div>" * 1_000_000,
    "nul": b"<html><body>" + b"\0" * 4_000_000 + b"<p>text</p>",
    "one_tag": b"<a>" * 2_600_000,
    "paragraphs": b"<p>x" * 1_900_000,
    "entities": b"<p>" + b"&amp;" * 1_500_000,
    "entity_bomb": b"<!DOCTYPE html [<!ENTITY a '" + b"a" * 99 + b"'>"
    + b"".join(
        b"<!ENTITY %c '%s'>" % (c, b"&%c;" % (c - 1) * 99) for c in range(ord("b"), ord("i"))
    )
    + b"]><html><body><p>&h;&h;&h;</p>",
    "huge_attribute": b"<html><body><p class='" + b"x y " * 1_900_000 + b"'>text</p>",
    "attributes": b"<p " + b" ".join(b"a%d=1" % n for n in range(500_000)) + b">text",
}


@pytest.mark.parametrize("engine", ["trafilatura", "resiliparse", "blocks"])
def test_hostile_pages_end_within_their_budgets(engine):
    settings = ExtractSettings(engine=engine, max_seconds=0.5, max_memory=256 << 20)
    pages = Extractor(settings, measures=True)
    answers = pages.extract([Page(capture=capture(body)) for body in HOSTILE.values()])
    (after,) = pages.extract([Page(capture=capture(page()))])
    pages.close()
    assert after.found.reason is None
    for name, answer in zip(HOSTILE, answers, strict=True):
        found = answer.found
        assert found.reason in (None, "no_text", "too_slow", "out_of_memory"), (name, found.error)
        assert answer.seconds < 3
        most = settings.max_memory * (2 if found.reason == "out_of_memory" else 1)
        assert (answer.num_bytes or 0) <= most
        assert len(found.text or "") <= len(HOSTILE[name])
    by_name = dict(zip(HOSTILE, (answer.found.reason for answer in answers), strict=True))
    assert by_name["nul"] is None
    assert by_name["attributes"] == "too_slow"
    assert by_name["paragraphs"] in ("too_slow", "out_of_memory")
