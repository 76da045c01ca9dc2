"""How a peer's script is driven: one pass for each line of its input, one JSON object for each."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORD = re.compile(r"[^\W_]+")


def serve(run: Callable[[], Any]) -> None:
    """Say that the input is loaded, then time a pass at each line until there are no more."""
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        started = time.process_time()
        result = run()
        seconds = time.process_time() - started
        print(json.dumps({"seconds": seconds, "result": result}), flush=True)


def read_texts(path: str) -> list[str]:
    """The texts of a file of JSON lines."""
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def ngrams(text: str, size: int) -> list[str]:
    """Runs of so many words, in lower case and joined by one space."""
    words = WORD.findall(text.lower())
    return [" ".join(words[i : i + size]) for i in range(len(words) - size + 1)]
