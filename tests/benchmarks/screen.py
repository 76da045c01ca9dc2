"""Measuring and judging texts, against datatrove's Gopher filters.

Both take the same texts in memory: datatrove Documents of Python strings, ours an Arrow column, as
each reads them from its files. The peer runs Gopher quality and repetition with its defaults (words
by spaCy's English tokenizer); ours measures and judges the same rules and C4's besides. Neither
stops at a text's first fault. The words differ, so the numbers kept do; they are not compared.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from filters.screen import ScreenSettings, judge, measure
from filters.verdict import first_fault
from tests.benchmarks.frame import Peer, Row, in_turn, sample_texts


def rows(data: Path) -> list[Row]:
    sample = sample_texts(data, num_bytes=2_000_000)
    texts = pa.array(sample.texts, pa.large_string())
    settings = ScreenSettings()

    def ours() -> int:
        reasons = first_fault(len(texts), judge(measure(texts, settings), settings))
        return sum(reason is None for reason in reasons)

    with Peer("datatrove_gopher.py", sample.path) as peer:
        found = in_turn(sample.megabytes, ours, peer)
    return [found.row("screen", "Gopher and C4 / datatrove's Gopher", unit="MB/s", target=1.0)]
