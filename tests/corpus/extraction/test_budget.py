from __future__ import annotations

import contextlib
import signal
import threading

import pytest

from corpus.extraction.budget import TooSlow, within


def spin() -> None:
    while True:
        with contextlib.suppress(Exception):  # as libraries do
            sum(range(100))


def test_a_call_in_time_gives_its_result():
    assert within(5.0, lambda: 7) == 7


def test_a_call_that_does_not_end_is_stopped_though_it_swallows_exceptions():
    with pytest.raises(TooSlow):
        within(0.05, spin)
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0


def test_the_call_s_own_error_passes_and_the_timer_is_off():
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        within(5.0, fail)
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0


def test_the_handler_before_is_put_back():
    before = signal.getsignal(signal.SIGPROF)
    within(5.0, lambda: None)
    assert signal.getsignal(signal.SIGPROF) is before


def test_outside_the_main_thread_there_is_no_limit():
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(within(5.0, lambda: 7)))
    thread.start()
    thread.join()
    assert results == [7]
