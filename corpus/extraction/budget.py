"""A hard limit on the processor time of one call.

A timer of the operating system (setitimer, ITIMER_PROF) counts the process' own processor seconds,
so that a busy machine makes no page too slow, and its signal raises in the main thread, where
Spark's Python workers run their tasks. The exception is no `Exception`, so that no library's
handler swallows it, and the timer repeats in case one does.
Limits: it takes effect between two Python instructions, so one long call into C (parsing, one
regular expression) ends first; and only in the main thread: elsewhere, and on Windows, there is no
limit.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

REPEAT_SECONDS = 1.0

Result = TypeVar("Result")


class TooSlow(Exception):
    """The call used up its processor time."""


class _TimeIsUp(BaseException):
    """Passes through every `except Exception` on its way out."""


def within(seconds: float, call: Callable[[], Result]) -> Result:
    """The call's result; raises TooSlow where it takes more processor seconds."""
    if not _can_limit():
        return call()
    before = signal.signal(signal.SIGPROF, _raise)
    try:
        try:
            signal.setitimer(signal.ITIMER_PROF, seconds, REPEAT_SECONDS)
            return call()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except _TimeIsUp as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        raise TooSlow(f"more than {seconds} processor seconds") from error
    finally:
        signal.signal(signal.SIGPROF, before)


def _can_limit() -> bool:
    return hasattr(signal, "SIGPROF") and threading.current_thread() is threading.main_thread()


def _raise(_number: int, _frame: FrameType | None) -> None:
    raise _TimeIsUp
