from __future__ import annotations

import io
import os
import subprocess
import sys

import msgspec
import pytest

from corpus.extraction import ExtractSettings
from corpus.extraction.page import extract_page
from corpus.extraction.worker import (
    LENGTH,
    Answer,
    Done,
    Page,
    Ready,
    Start,
    write_frame,
    write_pages,
)
from tests.corpus.extraction.engines import failing_engine  # noqa: F401 - a fixture
from tests.corpus.extraction.test_isolation import capture, told
from tests.warcs import page

SETTINGS = ExtractSettings(engine="resiliparse")


def serve(*frames: object, parent: int | None = None) -> tuple[list[bytes], int]:
    """The frames that a worker answers to these, and the status it ends with."""
    out = io.BytesIO()
    for frame in frames:
        write_pages(out, frame) if isinstance(frame, list) else write_frame(out, frame)
    done = subprocess.run(
        [sys.executable, "-m", "corpus.extraction.worker", str(parent or os.getpid())],
        input=out.getvalue(), capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    answers, data = [], done.stdout
    while data:
        (size,) = LENGTH.unpack_from(data)
        answers.append(data[LENGTH.size : LENGTH.size + size])
        data = data[LENGTH.size + size :]
    return answers, done.returncode


def test_settings_are_answered_then_each_page_then_the_batch():
    start = Start(settings=SETTINGS, measures=True)
    captures = [capture(page(1)), capture(b"plain"), capture(page(2))]
    pages = [Page(capture=c) for c in captures]
    frames, status = serve(start, pages[:2], pages[2:])
    kinds = [Ready, Answer, Answer, Done, Answer, Done]
    values = [msgspec.msgpack.decode(f, type=k) for f, k in zip(frames, kinds, strict=True)]
    answers = [value for value in values if isinstance(value, Answer)]
    assert status == 0
    assert [answer.found for answer in answers] == [extract_page(c, SETTINGS) for c in captures]
    assert [value.retires for value in values if isinstance(value, Done)] == [False, False]
    assert values[0].error is None
    assert values[0].peak_bytes > 1 << 20


def test_memory_is_measured_only_where_that_is_asked_for():
    for measures in (True, False):
        frames, _ = serve(
            Start(settings=SETTINGS, measures=measures), [Page(capture=capture(b"<p>x" * 99_999))]
        )
        num_bytes = msgspec.msgpack.decode(frames[1], type=Answer).num_bytes
        assert (num_bytes is not None and num_bytes > 1 << 20) == measures


@pytest.mark.usefixtures("failing_engine")
def test_an_engine_that_cannot_be_loaded_is_said_and_ends_it(monkeypatch):
    monkeypatch.setenv("FAILS_TO_LOAD", "1")
    frames, status = serve(Start(settings=SETTINGS, measures=False), [told("answer")])
    (ready,) = (msgspec.msgpack.decode(frame, type=Ready) for frame in frames)
    assert (ready.error, status) == ("ImportError: no such library", 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_it_does_not_begin_for_a_parent_that_is_gone():
    frames, status = serve(Start(settings=SETTINGS, measures=False), parent=1)
    assert (frames, status) == ([], 1)
