"""Engines that fail, put in the place of a real one within the process that extracts pages."""

from __future__ import annotations

from pathlib import Path

import pytest

# Python imports a `sitecustomize` on its path when it starts.
FAILING = """
import ctypes, os, re, time
from corpus.extraction import engines

kept = []

def main_text(html):
    name = re.search("do: ([a-z_]*)", html)
    name = name[1] if name else "answer"
    if name == "crash":
        ctypes.string_at(0)
    elif name == "crash_after_leak" and kept:
        os.abort()
    elif name == "leak":
        kept.append(b"x" * (48 << 20))
    elif name == "sleep":
        time.sleep(1000)
    elif name == "spin_in_c":
        re.match("(a|a)*b", "a" * 60)
    elif name == "spin":
        while True:
            pass
    elif name == "fill":
        kept.append([bytearray(32 << 20) for _ in range(1 << 7)])
    elif name == "exit":
        os._exit(3)
    elif name == "print":
        print("a library's line")
        os.write(1, b"another")
    elif name == "process":
        return str(os.getpid())
    return "an answer"

if os.environ.get("FAILS_TO_LOAD"):
    def load():
        raise ImportError("no such library")
else:
    def load():
        return main_text

engines.ENGINES["resiliparse"] = load
"""


@pytest.fixture
def failing_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an engine that does what the page says, in processes started in the test."""
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(FAILING, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    return "resiliparse"
